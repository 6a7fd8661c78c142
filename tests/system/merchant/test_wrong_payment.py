"""The node says paid, but not what the sale was for: such a record is shown to a person and counted as nothing."""

import asyncio
from dataclasses import replace

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.gatt.messages import Abort, AbortReason, StatusCode
from bled.node.base import CreatedOffer, preimage_for
from bled.node.stubs import cln_subset_pb2 as pb
from bled.sales.charge import SaleResult, resume
from bled.sales.ledger import Sale, SaleLedger
from bled.sales.states import SaleState
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.grpc_calls import CALLS
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.units import Msat

from .stage import AMOUNT, QUICK, Meeting, Shop

pytestmark = pytest.mark.system


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


OTHER = b"\x22" * 32


async def resumed(shop: Shop) -> tuple[SaleResult, ...]:
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            return await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=shop.note, times=QUICK)


async def make_another_invoice(cln_shop: Shop, sale: Sale) -> None:
    """Put another invoice under the label of the sale's own, and have it paid."""
    (row,) = cln_shop.invoices()
    cln_shop.merchant.books.del_invoice(row.label, InvoiceStatus.UNPAID)
    offer = Offer.from_string(sale.offer)
    async with cln_shop.node() as node:
        await node.create_invoice(
            InvoiceRequest.decode(sale.request),
            offer=CreatedOffer(offer_id=offer.offer_id, offer=offer),
            seed=OTHER,
            now=SystemClock().now(),
        )
    (row,) = cln_shop.invoices()
    assert row.preimage == preimage_for(OTHER, row.label)
    cln_shop.merchant.books.settle(row.payment_hash, AMOUNT)


async def test_less_money_than_the_sale_is_for_is_not_its_payment(shop: Shop) -> None:
    shop.home.pays = False
    buyer = shop.buyer()
    selling = asyncio.create_task(shop.sell(Meeting(buyer)))
    await shop.reached("invoice sent")
    (row,) = shop.invoices()
    shop.merchant.books.settle(row.payment_hash, Msat(AMOUNT - 1))
    result = await selling
    assert (result.code, result.preimage) == (Code.OUTCOME_UNKNOWN, None)
    assert result.detail == "the node says that 14999 msat came for a sale of 15000 msat"
    assert buyer.other == [Abort(reason=AbortReason.DONE)]
    assert await resumed(shop) == ()
    assert shop.sales()[0].state is SaleState.UNKNOWN


async def test_another_invoice_under_the_sales_own_label_is_not_its_payment(cln_shop: Shop) -> None:
    cln_shop.home.pays = False
    selling = asyncio.create_task(cln_shop.sell(Meeting(cln_shop.buyer())))
    await cln_shop.reached("invoice sent")
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    await make_another_invoice(cln_shop, cln_shop.sales()[0])
    (result,) = await resumed(cln_shop)
    assert (result.code, result.preimage) == (Code.OUTCOME_UNKNOWN, None)
    assert "another invoice" in result.detail
    assert await resumed(cln_shop) == ()


async def test_more_money_than_the_sale_is_for_pays_it(shop: Shop) -> None:
    shop.home.pays = False
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer())))
    await shop.reached("invoice sent")
    (row,) = shop.invoices()
    shop.merchant.books.settle(row.payment_hash, Msat(AMOUNT + 1))
    assert (await selling).code is Code.PAID
    assert shop.sales()[0].amount_received == AMOUNT + 1


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"amount_received_msat": pb.Amount(msat=(1 << 64) - 1)}, Code.OUTCOME_UNKNOWN),
        ({"paid_at": (1 << 64) - 1}, Code.PAID),
    ],
)
async def test_numbers_that_cannot_be_do_not_stop_the_till(
    cln_shop: Shop, monkeypatch: pytest.MonkeyPatch, facts: dict[str, object], code: Code
) -> None:
    """The amount is part of the proof, the time is not."""
    tell, wait = CALLS["ListInvoices"], CALLS["WaitInvoice"]

    async def exaggerate(*arguments: object) -> object:
        answer = await tell.handler(*arguments)
        for row in answer.invoices:
            if row.status == row.PAID:
                row.MergeFrom(pb.ListinvoicesInvoices(**facts))
        return answer

    async def exaggerate_too(*arguments: object) -> object:
        answer = await wait.handler(*arguments)
        answer.MergeFrom(pb.WaitinvoiceResponse(**facts))
        return answer

    monkeypatch.setitem(CALLS, "ListInvoices", replace(tell, handler=exaggerate))
    monkeypatch.setitem(CALLS, "WaitInvoice", replace(wait, handler=exaggerate_too))
    await cln_shop.server.stop()
    await cln_shop.revive()
    assert (await cln_shop.sell(Meeting(cln_shop.buyer()))).code is code
    assert (await cln_shop.sell(Meeting(cln_shop.buyer()), description="the next one")).code is code


async def test_somebody_elses_proof_is_not_given_to_the_buyer_at_the_till(cln_shop: Shop) -> None:
    """A stranger who overheard the offer pays it first. The money is here; it is not this buyer's."""
    cln_shop.home.pays = False
    buyer = cln_shop.buyer()
    selling = asyncio.create_task(cln_shop.sell(Meeting(buyer)))
    await cln_shop.reached("invoice sent")
    books = cln_shop.merchant.books
    (offer,) = books.list_offers(active_only=True)
    stranger = cln_shop.buyer(key=SecretKey(b"\x0c" * 32)).request(Offer.from_string(offer.bolt12))
    books.answer(stranger.encode(), None)
    row = books.list_invoices()[-1]
    books.settle(row.payment_hash, row.amount)
    result = await selling
    assert (result.code, result.payment_hash) == (Code.PAID, row.payment_hash)
    assert "another payer" in result.detail
    last = buyer.statuses[-1]
    assert (last.code, last.invoice, last.preimage, last.payment_hash) == (StatusCode.CANCELLED, None, None, None)
