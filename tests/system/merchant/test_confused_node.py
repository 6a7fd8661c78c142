"""A node that is there but cannot be understood: the sale stays open while it can be paid, and no longer."""

import asyncio
from dataclasses import replace

import pytest

from bled.clock import ShiftedClock, SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.sales.charge import SaleResult, resume
from bled.sales.ledger import SaleLedger
from bled.sales.states import SaleState
from bled.sandbox import grpc_calls, lnd_calls

from .stage import AMOUNT, QUICK, Meeting, Nowhere, Shop

pytestmark = pytest.mark.system

NO_STATUS = 7


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def resumed(shop: Shop, *, later: int = 0) -> tuple[SaleResult, ...]:
    clock = ShiftedClock(later) if later else SystemClock()
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            return await resume(node=node, ledger=ledger, clock=clock, on_step=shop.note, times=QUICK)


async def start_again(shop: Shop) -> None:
    await shop.server.stop()
    await shop.revive()


def mumble(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the node's records have a state for paid invoices that no till knows."""
    calls, method = grpc_calls.CALLS, "ListInvoices"
    if shop.kind == "lnd":
        calls, method = lnd_calls.CALLS, "/lnrpc.Lightning/LookupInvoice"
    tell = calls[method]

    async def say(*arguments: object) -> object:
        answer = await tell.handler(*arguments)
        if shop.kind == "lnd" and answer.state == answer.SETTLED:
            answer.state = NO_STATUS
        for invoice in answer.invoices if shop.kind == "cln" else ():
            if invoice.status == invoice.PAID:
                invoice.status = NO_STATUS
        return answer

    monkeypatch.setitem(calls, method, replace(tell, handler=say))


@pytest.fixture
async def confused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A paid sale that the till left open, and a node that has a word of its own for "paid"."""
    shop.home.pays = False
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer())))
    await shop.reached("invoice sent")
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    (row,) = shop.invoices()
    shop.merchant.books.settle(row.payment_hash, AMOUNT)
    mumble(shop, monkeypatch)
    await start_again(shop)
    return shop


async def test_while_it_can_be_paid_the_sale_stays_open(confused: Shop) -> None:
    with pytest.raises(BledError) as caught:
        await resumed(confused)
    assert caught.value.code is Code.NODE_PROTOCOL
    assert confused.sales()[0].is_open


async def test_once_its_time_has_run_out_its_end_is_unknown_and_the_till_sells_on(confused: Shop) -> None:
    (result,) = await resumed(confused, later=500)
    assert result.code is Code.OUTCOME_UNKNOWN
    assert str(NO_STATUS) in result.detail
    assert (await confused.sell(Nowhere())).code is Code.NO_BUYER


async def test_a_node_that_speaks_clearly_again_is_believed(confused: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await resumed(confused, later=500)
    monkeypatch.undo()
    await start_again(confused)
    (result,) = await resumed(confused)
    assert (result.code, confused.sales()[0].state) == (Code.PAID, SaleState.PAID_LATE)
