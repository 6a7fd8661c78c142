"""A node that has forgotten what was made for a sale: nobody may say then that nothing was received."""

import asyncio

import pytest

from bled.clock import Clock, ShiftedClock, SystemClock
from bled.codes import Code
from bled.gatt.messages import Abort, AbortReason, StatusCode
from bled.node.base import AlreadyPaid, Cancelled, CreatedOffer, Forgotten, invoice_label
from bled.sales.charge import SaleResult, resume
from bled.sales.ledger import Sale, SaleLedger
from bled.sales.states import SaleState
from bled.sandbox.books import Books
from bled.sandbox.books_rows import InvoiceRow, InvoiceStatus
from bled.sandbox.books_store import BookStore
from bled.sandbox.node import SandboxNode
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer

from .stage import AMOUNT, KEYS, QUICK, Meeting, Nowhere, Shop

pytestmark = pytest.mark.system


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def leave_open(shop: Shop, *, step: str = "invoice sent") -> Sale:
    """Run a sale that nobody pays and stop the till at `step`; return the sale."""
    shop.home.pays = False
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer())))
    await shop.reached(step)
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    return shop.sales()[-1]


def pay(shop: Shop) -> InvoiceRow:
    (row,) = shop.invoices()
    shop.merchant.books.settle(row.payment_hash, AMOUNT)
    return row


def pay_and_forget(shop: Shop) -> None:
    shop.forget(pay(shop))


async def resumed(shop: Shop, *, clock: Clock | None = None) -> tuple[SaleResult, ...]:
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            now = SystemClock() if clock is None else clock
            return await resume(node=node, ledger=ledger, clock=now, on_step=shop.note, times=QUICK)


def check_unknown(shop: Shop, result: SaleResult) -> None:
    assert result.code is Code.OUTCOME_UNKNOWN
    assert "know" in result.detail
    (sale,) = shop.sales()
    assert (sale.state, sale.code) == (SaleState.UNKNOWN, Code.OUTCOME_UNKNOWN)


@pytest.mark.parametrize("later", [0, 500])
async def test_a_paid_invoice_that_was_cleaned_away_is_not_called_unpaid(shop: Shop, later: int) -> None:
    """0: the sale's time has not run out. 500: long over."""
    await leave_open(shop)
    pay_and_forget(shop)
    (result,) = await resumed(shop, clock=ShiftedClock(later))
    check_unknown(shop, result)


async def test_an_expired_invoice_that_was_cleaned_away_proves_nothing_either(shop: Shop) -> None:
    await leave_open(shop)
    shop.close_at_node()
    (row,) = shop.invoices()
    shop.forget(row)
    (result,) = await resumed(shop)
    check_unknown(shop, result)


async def test_a_record_that_goes_while_the_till_waits_tells_the_buyer_nothing(shop: Shop) -> None:
    shop.home.pays = False
    buyer = shop.buyer()
    selling = asyncio.create_task(shop.sell(Meeting(buyer)))
    await shop.reached("invoice sent")
    pay_and_forget(shop)
    check_unknown(shop, await selling)
    assert [status.code for status in buyer.statuses] == [StatusCode.RECEIVED, StatusCode.INVOICE_SENT]
    assert buyer.other == [Abort(reason=AbortReason.DONE)]


async def test_an_invoice_that_was_paid_and_forgotten_before_the_ledger_knew_it_is_not_called_unpaid(
    shop: Shop,
) -> None:
    sale = await leave_open(shop, step="request verified")
    assert sale.invoice is None
    async with shop.node() as node:
        offer = Offer.from_string(sale.offer)
        await node.create_invoice(
            InvoiceRequest.decode(sale.request),
            offer=CreatedOffer(offer_id=offer.offer_id, offer=offer),
            seed=sale.preimage,
            now=SystemClock().now(),
        )
    pay_and_forget(shop)
    (result,) = await resumed(shop)
    check_unknown(shop, result)


async def test_a_node_that_came_back_from_an_older_copy_does_not_call_a_sale_unpaid(cln_shop: Shop) -> None:
    await leave_open(cln_shop)
    pay(cln_shop)
    await cln_shop.server.stop()
    store = BookStore(cln_shop.folder / "copy.sqlite")
    books = Books(key=KEYS["merchant"], chain=REGTEST_CHAIN, store=store, clock=cln_shop.network.clock)
    copy = SandboxNode(alias="copy", key=KEYS["merchant"], books=books, network=cln_shop.network)
    await cln_shop.server.start(copy, folder=cln_shop.credentials)
    try:
        (result,) = await resumed(cln_shop)
    finally:
        await cln_shop.server.stop()
        store.close()
    check_unknown(cln_shop, result)
    await cln_shop.revive()
    (found,) = await resumed(cln_shop)
    assert (found.code, cln_shop.sales()[0].state) == (Code.PAID, SaleState.PAID_LATE)


async def test_a_sale_of_unknown_end_does_not_keep_the_till_from_the_next_one(shop: Shop) -> None:
    await leave_open(shop)
    pay_and_forget(shop)
    shop.home.pays = True
    assert (await shop.sell(Meeting(shop.buyer()), description="the next one")).code is Code.PAID
    assert [sale.state for sale in shop.sales()] == [SaleState.UNKNOWN, SaleState.PAID]


async def test_what_the_node_still_knows_decides_a_cancel(cln_shop: Shop) -> None:
    """Closed and unpaid, used and forgotten, unknown: three answers."""
    assert (await cln_shop.sell(Nowhere())).code is Code.NO_BUYER
    sale = await leave_open(cln_shop)
    async with cln_shop.node() as node:
        assert await node.cancel(cln_shop.sales()[0].offer_id) == Cancelled(invoices=())
        (state,) = await node.invoices_of(sale.offer_id)
        assert state.label == invoice_label(sale.offer_id, sale.payer_id)
        row = pay(cln_shop)
        assert isinstance(await node.cancel(sale.offer_id), AlreadyPaid)
        cln_shop.merchant.books.del_invoice(row.label, InvoiceStatus.PAID)
        assert isinstance(await node.cancel(sale.offer_id), Forgotten)
        assert isinstance(await node.cancel(bytes(32)), Forgotten)


async def test_a_ledger_that_came_back_from_an_older_copy_finds_its_paid_offer(cln_shop: Shop) -> None:
    """The copy was taken before the node had answered with the offer, which is used by now."""
    assert (await cln_shop.sell(Meeting(cln_shop.buyer()))).code is Code.PAID
    (sale,) = cln_shop.sales()
    cln_shop.ledger_path.unlink()
    fields = {name: getattr(sale, name) for name in ("sale_id", "created_at", "amount", "description", "issuer")}
    with SaleLedger.open(cln_shop.ledger_path) as ledger:
        ledger.begin(Sale(**fields, state=SaleState.OPENED, expires_at=sale.expires_at, preimage=sale.preimage))
    (result,) = await resumed(cln_shop)
    assert (result.code, result.payment_hash) == (Code.PAID, sale.payment_hash)


async def test_every_offer_of_a_sale_is_closed(cln_shop: Shop) -> None:
    """A sale's first offer grew too old and was closed; the till stopped before it heard of the second."""
    now = SystemClock().now()
    sale = Sale(
        sale_id="two offers",
        created_at=now,
        amount=AMOUNT,
        description="tea",
        issuer=None,
        state=SaleState.OPENED,
        expires_at=now + 300,
        preimage=bytes(32),
    )
    async with cln_shop.node() as node:
        terms = {"amount": AMOUNT, "description": "tea", "label": sale.sale_id}
        first = await node.create_offer(**terms, absolute_expiry=now + 200)
        await node.cancel(first.offer_id)
        await node.create_offer(**terms, absolute_expiry=now + 300)
        assert len(await node.find_offers(sale.sale_id)) == 2
    with SaleLedger.open(cln_shop.ledger_path) as ledger:
        ledger.begin(sale)
    (result,) = await resumed(cln_shop)
    assert result.code is Code.CANCELLED
    assert not cln_shop.is_open()
