"""`bled node-proxy` is killed at each step of a sale and of a refund: the sale goes on, and the day's cap holds."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from bled.clock import SystemClock
from bled.codes import Code, Failpoint
from bled.node.cln_connection import raw_channel
from bled.node.cln_credentials import load_credentials
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.tills import Tills
from bled.sales.charge import SaleResult, charge
from bled.sales.ledger import SaleLedger
from bled.sales.refund import SETTLE_SECONDS, Refunds
from bled.sales.refund_states import Refund, RefundState
from bled.sales.states import SaleState
from bled.sales.times import TIMES
from bled_codec.units import Msat

from .refunding import Later, received_at_home, refund_offer, sold
from .stage import AMOUNT, QUICK, READER, Meeting, Shop

pytestmark = pytest.mark.system

BLED = Path(sys.executable).parent / "bled"
CAP = 16_000
REFUND_POINTS = [Failpoint.PROXY_REFUND_RESERVED, Failpoint.PROXY_REFUND_PAID, Failpoint.PROXY_REFUND_COUNTED]
STEPS = ("offer created", "offer sent", "request verified", "invoice created", "invoice sent")


@dataclass
class Proxy:
    """`bled node-proxy run` in a process of its own, which may be killed and started again where it was."""

    shop: Shop
    address: str = "127.0.0.1:0"
    process: asyncio.subprocess.Process | None = None
    reading: list["asyncio.Task[None]"] = field(default_factory=list)

    async def start(self, *, failpoint: Failpoint | None = None) -> None:
        armed = {} if failpoint is None else {"BLED_FAILPOINT": f"{failpoint.value}=kill"}
        given = ("--node", self.shop.target, "--credentials", str(self.shop.credentials), "--listen", self.address)
        limits = ("--refunds-per-day", f"{CAP}msat", "--data", str(self.shop.folder))
        self.process = await asyncio.create_subprocess_exec(
            str(BLED), "node-proxy", "run", *given, *limits, stderr=asyncio.subprocess.PIPE, env=os.environ | armed
        )
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            if found := re.search(rb"Tills may call (\S+)\. ", line):
                self.address = found.group(1).decode()
                self.reading.append(asyncio.create_task(_drain(self.process.stderr)))
                return
        raise AssertionError("the proxy did not start")

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await asyncio.gather(*self.reading)

    async def was_killed(self) -> bool:
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), 10) == -signal.SIGKILL

    def till(self, name: str) -> Path:
        """Let a till in; return the folder of its files."""
        folder = self.shop.folder / f"files-{name}"
        if not folder.exists():
            Tills(self.shop.folder / "node-proxy").add(name, folder)
        return folder

    @asynccontextmanager
    async def node(self) -> AsyncIterator[ClnMerchantNode]:
        node = await ClnMerchantNode.connect(self.address, self.till("kiosk"))
        try:
            yield node
        finally:
            await node.close()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(4096):
        pass


@pytest.fixture
async def proxy(shop: Shop) -> AsyncIterator[Proxy]:
    proxy = Proxy(shop)
    proxy.till("kiosk")
    yield proxy
    await proxy.kill()


async def sell(proxy: Proxy) -> SaleResult:
    """Charge one buyer through the proxy. The till waits for a node that is away as long as a real one does."""
    shop = proxy.shop
    radio = Meeting(shop.buyer())
    try:
        with SaleLedger.open(shop.ledger_path) as ledger:
            async with proxy.node() as node:
                return await charge(
                    node=node,
                    ledger=ledger,
                    central=radio,
                    clock=SystemClock(),
                    on_step=shop.note,
                    reader=READER,
                    times=replace(QUICK, node=20.0),
                    amount=AMOUNT,
                    description="coffee",
                )
    finally:
        await radio.close()


async def give_back(proxy: Proxy, sale_id: str, *, clock: Any = None, **terms: Any) -> Refund:
    with SaleLedger.open(proxy.shop.ledger_path) as ledger:
        async with proxy.node() as node:
            refunds = Refunds(
                node.refunds, await node.info(), ledger, clock=clock or SystemClock(), on_step=proxy.shop.note
            )
            return await refunds.pay(sale_id, **terms)


@pytest.mark.parametrize("step", STEPS)
async def test_a_sale_goes_on_when_the_proxy_is_killed_and_started_again(shop: Shop, proxy: Proxy, step: str) -> None:
    await proxy.start()
    selling = asyncio.create_task(sell(proxy))
    await shop.reached(step)
    await proxy.kill()
    await proxy.start()
    result = await selling
    assert result.code is Code.PAID
    assert shop.home.paid == [result.payment_hash]
    assert [sale.state for sale in shop.sales()] == [SaleState.PAID]
    assert not shop.is_open()


async def test_an_offer_that_a_killed_proxy_never_asked_for_is_closed_by_the_next_run(shop: Shop, proxy: Proxy) -> None:
    await proxy.start(failpoint=Failpoint.PROXY_OFFER_WRITTEN)
    assert (await sell(proxy)).code is Code.NODE_DIED
    assert await proxy.was_killed()
    await proxy.start()
    assert (await sell(proxy)).code is Code.PAID
    assert [sale.state for sale in shop.sales()] == [SaleState.CANCELLED, SaleState.PAID]
    assert not shop.is_open()


@pytest.mark.parametrize("point", REFUND_POINTS, ids=[point.value for point in REFUND_POINTS])
async def test_a_refund_is_paid_once_and_counted_when_the_proxy_is_killed(
    shop: Shop, proxy: Proxy, point: Failpoint
) -> None:
    sale = await sold(shop)
    await proxy.start(failpoint=point)
    first = await give_back(proxy, sale, amount=Msat(10_000))
    assert first.state is RefundState.UNKNOWN
    assert await proxy.was_killed()
    await proxy.start()
    was_paid = point is not Failpoint.PROXY_REFUND_RESERVED
    again = await give_back(proxy, sale, clock=Later(SETTLE_SECONDS))
    assert again.state is (RefundState.REFUNDED if was_paid else RefundState.FAILED)
    assert received_at_home(shop) == ([10_000] if was_paid else [])
    more = await give_back(proxy, sale, amount=Msat(5_000), max_fee=Msat(2_000))  # 7,000 at most; 16,000 is the cap
    assert (more.state, "today's cap" in more.detail) == (RefundState.FAILED, True)
    assert sum(received_at_home(shop)) <= CAP


async def pay(proxy: Proxy, till: Path, invoice: str) -> bool:
    """Ask for a refund as a till does; return whether it was paid."""
    channel = raw_channel(proxy.address, load_credentials(till))
    request = pb.XpayRequest(invstring=invoice, maxfee=pb.Amount(msat=1_000))
    try:
        await channel.unary_unary("/cln.Node/Xpay")(request.SerializeToString(), timeout=20)
    except grpc.aio.AioRpcError:
        return False
    finally:
        await channel.close()
    return True


async def fetched(proxy: Proxy, count: int) -> list[str]:
    """Return invoices of 4,000 msat of the buyer's home, asked for no faster than its peers take onion messages."""
    invoices = []
    async with proxy.node() as node:
        for number in range(count):
            offer = refund_offer(proxy.shop, description=f"refund {number}")
            invoices.append((await node.refunds.fetch(offer, amount=Msat(4_000))).string)
            await asyncio.sleep(TIMES.pace)
    return invoices


async def test_racing_tills_pay_out_the_cap_and_not_more_also_through_two_proxies_and_after_a_kill(
    shop: Shop, proxy: Proxy
) -> None:
    """5,000 each at most, fee included: three fit into 16,000."""
    other = Proxy(shop)
    await proxy.start()
    await other.start()
    try:
        invoices = await fetched(proxy, 8)
        tills = [proxy.till(f"till-{number}") for number in range(6)]
        asked = [pay((proxy, other)[number % 2], till, invoices[number]) for number, till in enumerate(tills)]
        assert sum(await asyncio.gather(*asked)) == 3
        await proxy.kill()
        await proxy.start()
        late = [pay(each, tills[0], invoices[6 + number]) for number, each in enumerate((proxy, other))]
        assert not any(await asyncio.gather(*late))
    finally:
        await other.kill()
    assert received_at_home(shop) == [4_000] * 3
