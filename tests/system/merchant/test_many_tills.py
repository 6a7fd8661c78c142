"""Two hundred sales in flight at one LND, as test_many_sales.py has them at Core Lightning: each is paid once."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.node.opening import NodeFiles, open_node
from bled.progress import ignore_steps
from bled.sales.charge import SaleResult, charge
from bled.sales.ledger import SaleLedger
from bled.sales.times import TIMES
from bled.sandbox.books_rows import InvoiceStatus
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat

from .stage import AMOUNT, READER, Greeted, Meeting, Shop, open_shop

pytestmark = pytest.mark.system

SALES = 200
TOGETHER = replace(TIMES, pace=0.01, resend=(5.0, 10.0), rejoin=2.0)


class Gate:
    """Holds back every signed request until all buyers have signed."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self._all_there = asyncio.Event()

    async def pass_together(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._all_there.set()
        async with asyncio.timeout(100):
            await self._all_there.wait()


async def sell(shop: Shop, number: int, gate: Gate, opening: asyncio.Semaphore) -> SaleResult:
    """Sell at a till of its own: own ledger, own connection, another amount."""
    amount = Msat(AMOUNT + number)
    buyer = shop.buyer(key=SecretKey((1000 + number).to_bytes(32, "big")), amount=amount)

    async def in_step(line: Greeted) -> None:
        receive = line.receive

        async def offered(*, seconds: float) -> bytes:
            message = await receive(seconds=seconds)
            line.receive = receive
            await gate.pass_together()
            return message

        line.receive = offered
        await buyer(line)

    state = shop.folder / f"till-{number}"
    state.mkdir()
    async with opening:
        node = await open_node(shop.address, NodeFiles(folder=shop.credentials, state=state))
    radio = Meeting(in_step)
    try:
        with SaleLedger.open(state / "sales.sqlite") as ledger:
            return await charge(
                node=node,
                ledger=ledger,
                central=radio,
                amount=amount,
                description="coffee",
                clock=SystemClock(),
                on_step=ignore_steps,
                reader=READER,
                times=TOGETHER,
            )
    finally:
        await radio.close()
        await node.close()


async def test_two_hundred_sales_in_flight_are_each_paid_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them cross one hop here, which would take four a second; how sales fare under that is told elsewhere."""
    monkeypatch.setattr("bled.sandbox.rate_limit._REFILL_SECONDS", 0.0001)
    async with open_shop(tmp_path, kind="lnd") as shop:
        gate, opening = Gate(SALES), asyncio.Semaphore(8)
        results = await asyncio.gather(*(sell(shop, number, gate, opening) for number in range(SALES)))
        assert {result.code for result in results} == {Code.PAID}
        assert {result.payment_hash for result in results} == set(shop.home.paid)
        assert len(shop.home.paid) == len(set(shop.home.paid)) == SALES
        paid = [row for row in shop.invoices() if row.status is InvoiceStatus.PAID]
        assert len(paid) == len(shop.invoices()) == SALES
        assert not shop.merchant.books.is_dead
