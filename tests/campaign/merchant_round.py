"""One shop of the campaign against the till: its node, its buyers, and tills that are killed."""

import asyncio
import contextlib
import os
import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import home_forks
import merchant_auditor
from merchant_proxy import Door, ProxyDoor
from stage import AMOUNT, Buyer, Shop, be_met

from bled.codes import Failpoint
from bled.errors import BledError
from bled.link.radio import open_peripheral
from bled.progress import ignore_steps
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat

SALE = re.compile(r"merchant\.(?!refund)")
POINTS = [point.value for point in Failpoint if SALE.match(point.value)]
TIPS = (0, 0, 0, 1, 2_999, 3_000, 3_000, 3_001)
"""What buyers add to the price; the till takes 3,000 at most."""
FINISHING_TRIES = 3
"""How often a till is run again whose node did not answer in its short time; a busy machine may need that."""
RUN_SECONDS = 30.0
"""Far longer than any till here takes: what is not over then hangs."""


@dataclass
class Totals:
    """What all rounds have come to."""

    kills: int = 0
    sales: int = 0
    payments: int = 0
    node_kills: int = 0
    proxy_kills: int = 0
    node_crashes: int = 0
    hung: int = 0
    rounds: int = 0
    killed_at: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)


class Round:
    """One shop, from its first sale to its audit."""

    def __init__(
        self, shop: Shop, air: str, forks: home_forks.Forks, random: Random, totals: Totals, *, proxied: bool = False
    ) -> None:
        self.shop, self.air, self.forks, self.random, self.totals = shop, air, forks, random, totals
        self.door = ProxyDoor(shop, forks) if proxied and shop.kind == "cln" else Door(shop)
        self.defect: str | None = None
        self.typical = 0.3
        self._node_is_down = False

    async def play(self, kills: int) -> None:
        """Kill tills at least so many times, finish every sale from the node's records, and audit."""
        until = self.totals.kills + kills
        tries = 0
        await self.door.open()
        while self.totals.kills < until and tries < 10 * kills:
            tries += 1
            await self.one_sale()
            self.look(is_final=False)
            if self.random.random() < 0.25:
                await self.finish()
        await self.finish()
        await self.door.kill()
        self.totals.proxy_kills += self.door.kills
        self.totals.payments += len(self.shop.home.paid)
        self.totals.sales += len(merchant_auditor.sales_of(self.shop.ledger_path))
        self.totals.rounds += 1

    async def one_sale(self) -> None:
        """Begin a sale with a buyer at the counter, and kill the till somewhere in it; the node may die as well."""
        draw = self.random
        named = draw.random() < 0.6
        point = draw.choice(POINTS) if named else None
        # A till that is to die of its money must get some: without, it rightly waits until the offer's expiry.
        self.shop.home.pays = draw.random() < 0.8 or (point or "").startswith("merchant.paid")
        tasks = [asyncio.create_task(self._meet())]
        if draw.random() < 0.2:
            tasks.append(asyncio.create_task(self._node_dies(draw.uniform(0, self.typical), draw.uniform(0, 0.2))))
        if draw.random() < 0.2:
            tasks.append(asyncio.create_task(self._pay_again()))
        if isinstance(self.door, ProxyDoor) and draw.random() < 0.3:
            tasks.append(asyncio.create_task(self._proxy_dies(draw.uniform(0, self.typical), draw.uniform(0, 0.2))))
        after = None if named else draw.uniform(0, 1.5 * self.typical)
        status, seconds = await self._run(sells=True, failpoint=f"{point}=kill" if point else None, kill_after=after)
        if status == 0:
            self.typical = 0.9 * self.typical + 0.1 * min(seconds, 1.0)
        if status == -signal.SIGKILL:
            self.totals.killed_at[point or "anywhere"] += 1
        for task in tasks[1:]:
            await asyncio.wait({task}, timeout=2)
        await self._end(tasks)

    async def finish(self) -> None:
        """Let a till finish what is open, killed now and then in that as well; then audit."""
        if self.random.random() < 0.4:
            point = self.random.choice(POINTS)
            await self._run(sells=False, failpoint=f"{point}=kill", kill_after=self.random.uniform(0, 0.5))
            self.look(is_final=False)
        self.shop.home.pays = True
        await self._revive()
        await self.door.open()
        for _ in range(FINISHING_TRIES):
            status, _ = await self._run(sells=False)
            if status == 0:
                break
        self.look(is_final=True)

    def look(self, *, is_final: bool) -> None:
        """Have the auditor come by."""
        if self.shop.merchant.books.is_dead and not self._node_is_down:
            self.totals.node_crashes += 1
        found = merchant_auditor.look(self.shop, is_final=is_final)
        for name, count in found.items():
            self.totals.found[name] = max(self.totals.found[name], count)
        if found:
            states = Counter(sale["state"] for sale in merchant_auditor.sales_of(self.shop.ledger_path))
            self.totals.lines.append(
                f"round {self.totals.rounds}, {self.shop.kind}: {dict(found)}; sales {dict(states)}"
            )

    async def _run(
        self, *, sells: bool, failpoint: str | None = None, kill_after: float | None = None
    ) -> tuple[int, float]:
        """Run one till; return how it ended, and after how long."""
        log = os.open(self.shop.folder / "till.log", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        loop = asyncio.get_running_loop()
        began = loop.time()
        pid = await self.forks.start(
            "till",
            (log, log, log),
            address=self.door.address,
            credentials=self.door.credentials,
            ledger=str(self.shop.ledger_path),
            air=self.air if sells else None,
            failpoint=failpoint,
            defect=self.defect,
        )
        os.close(log)
        try:
            async with asyncio.timeout(RUN_SECONDS if kill_after is None else kill_after):
                status = await self.forks.ended(pid)
        except TimeoutError:
            self.totals.hung += kill_after is None
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            status = await self.forks.ended(pid)
        self.totals.kills += status == -signal.SIGKILL
        return status, loop.time() - began

    async def _meet(self) -> None:
        """Be at the counter with a device until the till is gone."""
        key = SecretKey(self.random.randbytes(31) + b"\x01")
        radio = await open_peripheral(f"virtual:{self.air}")
        try:
            amount = Msat(AMOUNT + self.random.choice(TIPS))
            buyer = Buyer(paths=self.shop.paths(self.random.choice([1, 2])), key=key, amount=amount)
            await buyer(await be_met(await radio.accept(seconds=10, on_step=ignore_steps)))
        except BledError:
            pass
        finally:
            await radio.close()

    async def _node_dies(self, after: float, back_after: float) -> None:
        await asyncio.sleep(after)
        self._node_is_down = True
        self.totals.node_kills += 1
        await self.shop.server.die()
        await asyncio.sleep(back_after)
        await self._revive()

    async def _proxy_dies(self, after: float, back_after: float) -> None:
        await asyncio.sleep(after)
        await self.door.kill()
        await asyncio.sleep(back_after)
        await self.door.open()

    async def _revive(self) -> None:
        if self.shop.merchant.books.is_dead:
            await self.shop.revive()
        self._node_is_down = False

    async def _pay_again(self) -> None:
        """Home pays what it held back, or tries to pay twice: the node takes each invoice once."""
        await asyncio.sleep(self.random.uniform(0, self.typical))
        for invoice in list(self.shop.home.invoices)[-3:]:
            with contextlib.suppress(Exception):
                if self.shop.home.merchant.books.accept(*self.shop.home._payment(invoice)):
                    self.shop.home.merchant.books.settle(invoice.invoice_payment_hash, invoice.invoice_amount)
                    self.shop.home.paid.append(invoice.invoice_payment_hash)

    async def _end(self, tasks: list["asyncio.Task[None]"]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def till_log(folder: Path) -> str:
    """Return the last words of the tills."""
    path = folder / "till.log"
    return path.read_text(errors="replace")[-2000:] if path.exists() else ""
