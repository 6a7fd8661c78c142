"""What ends lightningd, or leaves two invoices to pay, cannot be asked for by a till; and what a sale costs in calls.

The sandbox dies where lightningd does: of an invoice without a payment hash, and of a preimage under a second label
(tests/system/sandbox_grpc/test_server.py and tests/unit/sandbox_books/test_create_invoice.py show that it does).
"""

import asyncio

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import Unavailable
from bled.node.base import (
    Cancelled,
    CreatedOffer,
    InvoiceStatus,
    MerchantNode,
    Way,
    invoice_label,
    preimage_for,
)
from bled.node.cln_grpc import ClnMerchantNode
from bled.sandbox.offers_plugin import OffersPlugin
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.units import UnixTime

from .stage import AMOUNT, Meeting, Shop

pytestmark = pytest.mark.system

SEED = b"\x31" * 32


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def make_offer(node: MerchantNode, number: int = 0) -> CreatedOffer:
    expiry = UnixTime(SystemClock().now() + 300 + number)
    return await node.create_offer(amount=AMOUNT, description="tea", label=f"sale {number}", absolute_expiry=expiry)


def signed(shop: Shop, offer: CreatedOffer, *, payer: int = 11) -> InvoiceRequest:
    return shop.buyer(key=SecretKey(bytes([payer]) * 32)).request(offer.offer)


async def test_one_seed_for_many_labels_gives_the_node_as_many_preimages(shop: Shop) -> None:
    """The hazard: the same preimage under another label."""
    async with shop.node() as node:
        now = SystemClock().now()
        for number in range(3):
            offer = await make_offer(node, number)
            for payer in (11, 12):
                await node.create_invoice(signed(shop, offer, payer=payer), offer=offer, seed=SEED, now=now)
        assert not shop.merchant.books.is_dead
        assert len({row.preimage for row in shop.invoices()}) == 6


async def test_a_request_has_one_invoice_whatever_the_seed(shop: Shop) -> None:
    """The hazard: a second live invoice for a request, which home could pay as well."""
    async with shop.node() as node:
        offer = await make_offer(node)
        request, now = signed(shop, offer), SystemClock().now()
        first = await node.create_invoice(request, offer=offer, seed=SEED, now=now)
        again = await node.create_invoice(request, offer=offer, seed=SEED, now=now)
        assert again.encode() == first.encode()
        with pytest.raises(Unavailable) as caught:
            await node.create_invoice(request, offer=offer, seed=bytes(32), now=now)
    assert caught.value.code is Code.NODE_PROTOCOL
    assert len(shop.invoices()) == 1


async def test_an_invoice_ends_with_its_request(shop: Shop) -> None:
    """The hazard: a stock invoice lives two hours, and may be paid long after the sale was given up."""
    async with shop.node() as node:
        offer = await make_offer(node)
        invoice = await node.create_invoice(signed(shop, offer), offer=offer, seed=SEED, now=SystemClock().now())
    assert invoice.expires_at == offer.offer.offer_absolute_expiry


async def test_a_closed_offer_gets_no_further_invoice(shop: Shop) -> None:
    async with shop.node() as node:
        offer = await make_offer(node)
        assert isinstance(await node.cancel(offer.offer_id), Cancelled)
        with pytest.raises(Unavailable) as caught:
            await node.create_invoice(signed(shop, offer), offer=offer, seed=SEED, now=SystemClock().now())
    assert caught.value.code is Code.NODE_REFUSED
    assert not shop.is_open()


async def test_a_wait_that_began_before_a_cancel_ends_by_our_clock(shop: Shop) -> None:
    """The hazard: lightningd's own wait never returns then."""
    async with shop.node() as node:
        offer = await make_offer(node)
        request = signed(shop, offer)
        await node.create_invoice(request, offer=offer, seed=SEED, now=SystemClock().now())
        label = invoice_label(offer.offer_id, request.invreq_payer_id)
        waiting = asyncio.create_task(node.wait_paid(label, seconds=1.0))
        await asyncio.sleep(0.2)
        await node.cancel(offer.offer_id)
        async with asyncio.timeout(10):
            state = await waiting
    assert state.status is InvoiceStatus.EXPIRED


async def test_every_request_that_a_till_hands_to_its_node_has_a_way_back(
    cln_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hazard: before v25.12 lightningd's plugin died of a request without one. The self-test's has one too."""
    ways_back = []
    handle = OffersPlugin.handle

    def look(plugin: OffersPlugin, received: object) -> None:
        if received.payload.invoice_request is not None:
            ways_back.append(received.payload.reply_path)
        handle(plugin, received)

    monkeypatch.setattr(OffersPlugin, "handle", look)
    await cln_shop.sell(Meeting(cln_shop.buyer()))
    async with cln_shop.node() as node:
        await node.echo()
    assert len(ways_back) == 2
    assert None not in ways_back


async def test_a_sale_never_deletes_an_invoice_nor_opens_an_offer_again(cln_shop: Shop) -> None:
    """The hazard: deleting an invoice wakes those who wait for it with an error, and a payment could be forgotten."""
    await cln_shop.sell(Meeting(cln_shop.buyer()))
    await cln_shop.sell(Meeting(cln_shop.buyer(paths=())))
    assert not cln_shop.server.calls.keys() & {"DelInvoice", "EnableOffer"}


async def test_a_sale_costs_four_calls(shop: Shop) -> None:
    """Behind the one that asks the node who it is."""
    await shop.sell(Meeting(shop.buyer()))
    expected = {
        "cln": {"Getinfo": 1, "Offer": 1, "CreateInvoice": 1, "InjectOnionMessage": 1, "WaitInvoice": 1},
        "lnd": {"GetInfo": 1, "AddInvoice": 1, "DecodePayReq": 1, "SendOnionMessage": 1, "SubscribeSingleInvoice": 1},
    }
    assert dict(shop.server.calls) == expected[shop.kind]


async def test_a_sale_by_push_costs_five(cln_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClnMerchantNode, "ways", property(lambda _: (Way.PUSH,)))
    result = await cln_shop.sell(Meeting(cln_shop.buyer()))
    assert result.code is Code.PAID
    calls = cln_shop.server.calls
    assert dict(calls) == {
        "Getinfo": 1,
        "Offer": 1,
        "CreateInvoice": 1,
        "ConnectPeer": 1,
        "InjectOnionMessage": 1,
        "WaitInvoice": 1,
    }


async def test_the_way_of_an_invoice_is_told_and_that_sent_is_not_delivered(shop: Shop) -> None:
    await shop.sell(Meeting(shop.buyer()))
    (sent,) = (facts for name, facts in shop.steps if name == "invoice sent")
    assert sent["way"] == ("direct" if shop.kind == "cln" else "push")
    assert "not delivered" in sent["note"]


def test_no_two_labels_share_a_preimage() -> None:
    labels = [invoice_label(bytes([number]) * 32, SecretKey(b"\x07" * 32).public_key) for number in range(100)]
    assert len({preimage_for(SEED, label) for label in labels}) == 100
