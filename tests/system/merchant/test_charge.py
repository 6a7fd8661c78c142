"""Whole sales against a stock-like node over real gRPC: paid, declined, altered, late."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from bled.clock import ShiftedClock
from bled.codes import Code
from bled.errors import BledError
from bled.gatt.messages import StatusCode
from bled.link.base import Peripheral
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps
from bled.sales.states import SaleState
from bled.sandbox.grpc_calls import CALLS
from bled_codec.crypto import sha256
from bled_codec.invoice import Invoice
from bled_codec.request_signature import RequestSignature
from bled_codec.units import MAX_MSAT, Msat

from .stage import AMOUNT, Buyer, Meeting, Nowhere, Shop, be_met

pytestmark = pytest.mark.system


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def test_a_buyer_pays_and_is_told_with_proof(shop: Shop) -> None:
    buyer = shop.buyer()
    result = await shop.sell(Meeting(buyer))
    assert (result.code, result.buyer_told, result.amount) == (Code.PAID, True, AMOUNT)
    invoice = Invoice.from_string(result.invoice)
    assert invoice.request_signature is RequestSignature.VALID
    assert sha256(result.preimage) == result.payment_hash == invoice.invoice_payment_hash
    assert shop.home.invoices[0] == invoice
    assert [status.code for status in buyer.statuses] == [
        StatusCode.RECEIVED,
        StatusCode.INVOICE_SENT,
        StatusCode.PAID,
    ]
    assert buyer.statuses[-1].preimage == result.preimage
    assert buyer.statuses[-1].invoice == invoice.encode()
    (sale,) = shop.sales()
    assert (sale.state, sale.buyer_told, sale.amount_received) == (SaleState.PAID, True, AMOUNT)


async def test_the_steps_of_a_sale_are_told_in_order(shop: Shop) -> None:
    await shop.sell(Meeting(shop.buyer()))
    assert shop.step_names == [
        "offer created",
        "compare code",
        "offer sent",
        "request received",
        "request verified",
        "invoice created",
        "invoice sent",
        "paid",
        "buyer told",
    ]


async def test_nobody_there_cancels_the_offer(shop: Shop) -> None:
    result = await shop.sell(Nowhere())
    assert result.code is Code.NO_BUYER
    assert not shop.is_open()
    assert shop.sales()[0].state is SaleState.CANCELLED


async def test_the_smallest_mtu_of_a_real_radio_carries_a_sale(cln_shop: Shop) -> None:
    async with VirtualAir() as air:
        buyer = cln_shop.buyer(paths=cln_shop.paths(2))
        peripheral = await air.peripheral(att_mtu=23)
        arriving = asyncio.create_task(meet(buyer, peripheral))
        result = await cln_shop.sell(await air.central())
        await arriving
    assert (result.code, result.buyer_told) == (Code.PAID, True)
    assert buyer.statuses[-1].preimage == result.preimage


async def meet(buyer: Buyer, radio: Peripheral) -> None:
    with contextlib.suppress(BledError):
        await buyer(await be_met(await radio.accept(seconds=10, on_step=ignore_steps)))
    await radio.close()


@pytest.mark.parametrize(
    "terms",
    [
        {"amount": Msat(0)},
        {"amount": Msat(-1)},
        {"amount": Msat(MAX_MSAT + 1)},
        {"description": ""},
        {"description": "  "},
        {"description": "x" * 501},
        {"description": "a\nb"},
        {"description": "a\x00b"},
        {"description": "a\udce4b"},
        {"issuer": ""},
        {"issuer": "x" * 201},
        {"issuer": "\x1b[31m"},
    ],
)
async def test_terms_that_cannot_be_offered_are_refused_before_anything_happens(
    cln_shop: Shop, terms: dict[str, object]
) -> None:
    with pytest.raises(BledError) as caught:
        await cln_shop.sell(Nowhere(), **terms)
    assert caught.value.code is Code.USAGE
    assert cln_shop.sales() == ()


async def test_a_sale_of_another_node_waits_for_that_node(cln_shop: Shop) -> None:
    cln_shop.home.pays = False
    selling = asyncio.create_task(cln_shop.sell(Meeting(cln_shop.buyer())))
    await cln_shop.reached("invoice sent")
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    await cln_shop.server.stop()
    await cln_shop.server.start(cln_shop.hop, folder=cln_shop.credentials)
    with pytest.raises(BledError) as caught:
        await cln_shop.sell(Meeting(cln_shop.buyer()))
    assert caught.value.code is Code.CONFIG_BAD
    assert cln_shop.sales()[0].state is SaleState.SENT
    await cln_shop.server.stop()
    await cln_shop.revive()
    assert (await cln_shop.sell(Nowhere())).code is Code.NO_BUYER
    assert cln_shop.sales()[0].state is SaleState.CANCELLED


async def test_another_nodes_sale_does_not_stand_in_the_way_for_ever(cln_shop: Shop) -> None:
    cln_shop.home.pays = False
    selling = asyncio.create_task(cln_shop.sell(Meeting(cln_shop.buyer())))
    await cln_shop.reached("invoice sent")
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    await cln_shop.server.stop()
    await cln_shop.server.start(cln_shop.hop, folder=cln_shop.credentials)
    result = await cln_shop.sell(Nowhere(), clock=ShiftedClock(2 * 86_400))
    assert result.code is Code.NO_BUYER
    (first, _) = cln_shop.sales()
    assert (first.state, first.code) == (SaleState.UNKNOWN, Code.OUTCOME_UNKNOWN)


async def test_an_offer_that_the_owner_disables_ends_the_sale_at_once(shop: Shop) -> None:
    shop.home.pays = False
    buyer = shop.buyer()
    selling = asyncio.create_task(shop.sell(Meeting(buyer)))
    await shop.reached("invoice sent")
    shop.close_at_node()
    result = await selling
    assert (result.code, result.buyer_told) == (Code.CANCELLED, True)
    assert "disabled" in result.detail


async def test_a_node_that_hangs_is_not_waited_for_without_end(cln_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = asyncio.Event()
    create = CALLS["CreateInvoice"]

    async def think(*arguments: object) -> object:
        await hang.wait()
        return await create.handler(*arguments)

    monkeypatch.setitem(CALLS, "CreateInvoice", replace(create, handler=think))
    await cln_shop.server.stop()
    await cln_shop.revive()
    monkeypatch.setattr("bled.node.cln_grpc.CHANGE_SECONDS", 0.2)
    result = await cln_shop.sell(Meeting(cln_shop.buyer()))
    assert result.code is Code.NODE_DIED
    assert cln_shop.sales()[0].state is SaleState.REQUESTED
    hang.set()
    assert (await cln_shop.sell(Meeting(cln_shop.buyer()))).code is Code.PAID
    assert [sale.state for sale in cln_shop.sales()] == [SaleState.PAID, SaleState.PAID]
