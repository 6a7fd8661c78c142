"""The cashier stops the till: an offer that nobody signed for is closed, a signed sale is left to the next run."""

import asyncio

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.gatt.messages import Abort, AbortReason, Message, decode_message
from bled.sales.charge import resume
from bled.sales.ledger import SaleLedger
from bled.sales.run import SaleRun
from bled.sales.states import SaleState
from bled_codec.offer import Offer

from .stage import QUICK, Greeted, Line, Meeting, Shop, be_met

pytestmark = pytest.mark.system


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def stop_at(shop: Shop, radio: Meeting, step: str) -> None:
    """Run a sale and stop it once `step` was told."""
    selling = asyncio.create_task(shop.sell(radio))
    await shop.reached(step)
    selling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await selling


async def resumed(shop: Shop) -> list[Code]:
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            results = await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=shop.note, times=QUICK)
    return [result.code for result in results]


async def test_stopping_before_the_request_closes_the_offer(shop: Shop) -> None:
    heard: list[Message | None] = []

    async def think(line: Line) -> None:
        while True:
            heard.append(decode_message(await line.receive(seconds=5)))

    await stop_at(shop, Meeting(think), "offer sent")
    (sale,) = shop.sales()
    assert (sale.state, sale.code) == (SaleState.CANCELLED, Code.CANCELLED)
    assert not shop.is_open()
    assert heard[-1] == Abort(reason=AbortReason.DONE)
    assert shop.steps[-1] == ("sale cancelled", {"sale_id": sale.sale_id})
    assert await resumed(shop) == []


@pytest.mark.parametrize("state", [SaleState.CONNECTED, SaleState.AWAITING_APPROVAL])
async def test_a_till_that_is_gone_before_anybody_signed_closes_the_offer_in_its_next_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, state: SaleState
) -> None:
    async def hesitate(line: Line) -> Greeted:
        """Say nothing to the till's hello, or go on until the offer is there."""
        if state is SaleState.CONNECTED:
            await line.receive(seconds=5)
            shop.note("hello heard", {})
            await asyncio.Event().wait()
        return await be_met(line)

    async def think(line: Greeted) -> None:
        while True:
            await line.receive(seconds=5)

    async def vanish(_: SaleRun) -> None:
        """Do nothing in its last moment, as one that was killed."""

    monkeypatch.setattr(SaleRun, "_leave", vanish)
    await stop_at(shop, Meeting(think, greet=hesitate), "hello heard" if state is SaleState.CONNECTED else "offer sent")
    assert shop.sales()[0].state is state
    assert shop.is_open()
    assert await resumed(shop) == [Code.CANCELLED]
    assert not shop.is_open()


async def test_stopping_while_nobody_is_there_closes_the_offer(shop: Shop) -> None:
    class Waiting(Meeting):
        async def connect(self, **_: object) -> Line:
            await asyncio.Event().wait()
            raise AssertionError

    await stop_at(shop, Waiting(shop.buyer()), "offer created")
    assert shop.sales()[0].state is SaleState.CANCELLED
    assert not shop.is_open()


async def test_stopping_after_the_request_leaves_the_sale_open(shop: Shop) -> None:
    shop.home.pays = False
    buyer = shop.buyer()
    await stop_at(shop, Meeting(buyer), "invoice sent")
    assert shop.sales()[0].state is SaleState.SENT
    assert buyer.other == [Abort(reason=AbortReason.DONE)]
    assert shop.step_names[-1] == "sale left open"
    shop.home.pays = True
    assert await resumed(shop) == [Code.PAID]
    assert shop.sales()[0].state is SaleState.PAID


async def test_a_resumed_sale_that_nobody_pays_is_cancelled_for_good(shop: Shop) -> None:
    shop.home.pays = False
    await stop_at(shop, Meeting(shop.buyer()), "invoice sent")
    assert await resumed(shop) == [Code.CANCELLED]
    assert shop.sales()[0].state is SaleState.CANCELLED
    assert not shop.is_open()


async def test_without_the_node_nothing_is_decided(shop: Shop) -> None:
    shop.home.pays = False
    await stop_at(shop, Meeting(shop.buyer()), "invoice sent")
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            await shop.server.die()
            with pytest.raises(BledError) as caught:
                await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=shop.note, times=QUICK)
    assert caught.value.code is Code.NODE_UNREACHABLE
    assert shop.sales()[0].state is SaleState.SENT


async def test_a_payment_wins_over_a_cancellation(cln_shop: Shop) -> None:
    """The buyer's other device pays the offer online while the till gives up."""

    async def pay_otherwise(line: Line) -> None:
        await line.receive(seconds=5)
        (offer,) = cln_shop.merchant.books.list_offers(active_only=True)
        request = cln_shop.buyer().request(Offer.from_string(offer.bolt12))
        cln_shop.merchant.books.answer(request.encode(), None)
        (invoice,) = cln_shop.invoices()
        cln_shop.merchant.books.settle(invoice.payment_hash, invoice.amount)

    result = await cln_shop.sell(Meeting(pay_otherwise))
    assert result.code is Code.PAID
    assert result.preimage is not None
