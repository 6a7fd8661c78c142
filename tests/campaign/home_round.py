"""A town of the campaign against home: its processes, its people, and the auditor who comes by."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import home_auditor
import home_forks
import home_refund_auditor

from bled.errors import Unavailable
from bled.grants.book import decode_book
from bled.grants.grant import Grant
from bled.grants.wrapping import unwrap_book
from bled.node.lightning_rpc import LightningRpc
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import UnixTime

IDS = 60
TOTAL_MSAT = 600_000
"""What a book may spend: less than its ids would, so that the budget is what ends it."""
SMALL_TOTAL_MSAT = 60_000
ENDS_AT_ONCE = 20.0
"""Seconds within which a process that lost its node has gone, on any machine."""


@dataclass
class Totals:
    """What all rounds have come to."""

    kills: int = 0
    node_kills: int = 0
    worker_kills: int = 0
    payments: int = 0
    refunds: int = 0
    refund_kills: int = 0
    rounds: int = 0
    played: Counter[str] = field(default_factory=Counter)
    killed_at: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Bought:
    """A purchase: all invoices that a till sends for it, and how they come home."""

    payer_id: str
    invoices: list[str]
    secret: str
    path: str
    refund_offer: str | None = None
    amount: int = 0


class Round:
    """One town, from its first day to its audit."""

    def __init__(
        self, folder: Path, forks: home_forks.Forks, socket: Path, random: Random, totals: Totals, *, defect: str | None
    ) -> None:
        self.folder, self.forks, self.socket, self.random, self.totals = folder, forks, socket, random, totals
        self.defect = defect
        self.rpc = LightningRpc(folder / "home" / "lightning-rpc")
        self.clock = folder / "clock"
        self.clock.write_bytes(b"0")
        self.grants: list[Grant] = []
        self.bought: list[Bought] = []
        self.refundable: list[Bought] = []
        self.told_revoked: set[str] = set()
        self.node: int | None = None
        self.home: int | None = None
        self.since, self.typical, self.typical_refund = 0, 0.05, 0.1
        self.total = TOTAL_MSAT if defect is None else SMALL_TOTAL_MSAT
        self.database_url: str | None = None
        self._known_back: dict[str, int] = {}

    # The processes

    async def start_node(self) -> None:
        """Start the sandbox and wait until it listens."""
        (self.folder / "ready").unlink(missing_ok=True)
        log = os.open(self.folder / "town.log", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        paths = {"folder": str(self.folder), "forks": str(self.socket), "clock": str(self.clock)}
        self.node = await self.forks.start(
            "town", (log, log, log), **paths, defect=self.defect, database=self.database_url
        )
        os.close(log)
        while not (self.folder / "ready").exists():
            if self.forks.has_ended(self.node):
                raise RuntimeError("the sandbox did not start: " + (self.folder / "town.log").read_text()[-2000:])
            await asyncio.sleep(0.005)

    async def start_home(self, failpoint: str | None = None, *, startup: bool = False, kill_after: float | None = None):
        """Start the plugin, armed with a failpoint or with a short life."""
        answer = await self.rpc.call(
            "town-start", {"failpoint": failpoint, "startup": startup, "kill_after": kill_after}
        )
        self.home = answer["pid"]
        for each in self.random.sample(self.bought, min(len(self.bought), self.random.randrange(3))):
            await self.bring(each)  # the till goes on sending
        if self.refundable and self.random.random() < 0.2:
            await self.ask_refund(self.random.choice(self.refundable))

    async def kill_home(self, *, has_lost_its_node: bool = False) -> None:
        """Kill the plugin, unless its failpoint has. Only a plugin without a node may end by itself."""
        if self.home is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.home, signal.SIGKILL)
        status = await self.forks.ended(self.home)
        self.home = None
        if status == 0 and has_lost_its_node:
            return
        if status != -signal.SIGKILL:
            self.note("ended", f"the plugin ended by itself with {status}")
            return
        self.totals.kills += 1

    async def kill_node(self) -> None:
        """Kill the sandbox; home loses its pipes with it, as it would lightningd's."""
        if self.node is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.node, signal.SIGKILL)
        await self.forks.ended(self.node)
        self.node = None
        self.totals.node_kills += 1
        if self.home is None:
            return
        if self.random.random() < 0.5:
            await self.kill_home(has_lost_its_node=True)
        else:
            try:
                async with asyncio.timeout(ENDS_AT_ONCE):
                    await self.forks.ended(self.home)
                self.home = None
            except TimeoutError:
                self.note("hung", "the plugin outlived its node")
                await self.kill_home()

    def note(self, kind: str, line: str) -> None:
        """Remember that something is wrong, once for each thing."""
        told = f"round {self.folder.name}, {kind}: {line}"
        if told not in self.totals.lines:
            self.totals.found[kind] += 1
            self.totals.lines.append(told)

    def look(self, *, is_final: bool = False) -> home_auditor.Findings:
        """Have the auditor look at the ledgers; home is dead meanwhile."""
        found = self.audit(is_final=is_final)
        for name, lines in vars(found).items():
            if isinstance(lines, list):
                for line in lines:
                    self.note(name, line)
        return found

    def audit(self, *, is_final: bool) -> home_auditor.Findings:
        """Look at the ledgers of home and of its node."""
        return home_auditor.audit(self.folder, revoked=self.told_revoked, is_final=is_final)

    async def let_attempts_end(self) -> None:
        """A plugin that was started with its node knows that the node makes no attempt any more."""

    # What the owner, the device and the till do

    async def ask(self, method: str, **params: object) -> dict[str, Any] | None:
        """Call home or its node; None when nobody answers or the answer is an error."""
        try:
            return await self.rpc.call(method, params, seconds=30)
        except Unavailable:
            return None

    async def issue(self) -> None:
        """Have home issue a book, and unwrap it on the device."""
        issued = await self.ask("bled-issue", device="phone", ids=IDS, total_msat=self.total)
        if issued is not None:
            clear = unwrap_book(bytes.fromhex(issued["book"]), passphrase=issued["passphrase"])
            book = decode_book(clear, chain=REGTEST_CHAIN, now=UnixTime(int(time.time())))
            self.grants = list(book.grants)

    async def buy(self, *, invoices: int = 1, allows_refund: bool | None = None) -> Bought | None:
        """Make a purchase with a fresh payer id; every other allows a refund unless told."""
        if not self.grants:
            return None
        grant = self.grants.pop(0)
        assert grant.secret is not None
        assert grant.refund_offer is not None
        offer = grant.refund_offer.hex() if allows_refund or self.random.random() < 0.5 else None
        amount = self.random.randrange(1_000, 20_000)
        card = {
            "metadata": grant.metadata.hex(),
            "payer_id": grant.payer_id.hex(),
            "secret": grant.secret.reveal().hex(),
            "paths": [path.hex() for path in grant.paths],
            "refund_offer": offer,
        }
        answer = await self.ask("town-buy", grant=card, amount=amount, invoices=invoices)
        if answer is None:
            return None
        bought = Bought(payer_id=grant.payer_id.hex(), refund_offer=offer, amount=amount, **answer)
        self.bought = [*self.bought[-5:], bought]
        if offer is not None:
            self.refundable = [*self.refundable[-5:], bought]
        return bought

    async def bring(self, bought: Bought, *, times: int = 1) -> None:
        """Bring all its invoices to the hook, now and then along the network itself."""
        if times == 1 and self.random.random() < 0.1:
            await self.ask("town-send", invoices=bought.invoices[:4], path=bought.path)
        await self.ask("town-bring", invoices=bought.invoices, secret=bought.secret, times=times)

    async def shop(self, most: int = 3) -> list[Bought]:
        """Make one purchase or some and bring their invoices home; now and then an earlier one is to be given back."""
        made = [await self.buy() for _ in range(self.random.randrange(1, most + 1))]
        bought = [each for each in made if each is not None]
        for each in bought:
            await self.bring(each)
        if self.refundable and self.random.random() < 0.3:
            await self.ask_refund(self.random.choice(self.refundable))
        return bought

    async def until_decided(self, bought: list[Bought], *, seconds: float = 10) -> None:
        """Wait until home has decided about purchases or is dead."""
        waiting, began = {each.payer_id for each in bought}, time.monotonic()
        while waiting and time.monotonic() - began < seconds and not self._is_home_dead():
            answer = await self.ask("bled-decisions", since=self.since)
            if answer is None:
                await asyncio.sleep(0.002)
                continue
            for decision in answer["decisions"]:
                self.since = max(self.since, decision["seq"])
                waiting.discard(decision["payer_id"])
                if decision["code"] == "over-budget" and self.defect is None:
                    self.grants = []  # the next purchase is made with another book
            if waiting:
                await asyncio.sleep(0.002)
        if not waiting:
            self.typical = 0.8 * self.typical + 0.2 * (time.monotonic() - began)

    async def ask_refund(
        self,
        bought: Bought | None,
        *,
        times: int = 1,
        pays: int = 1,
        name: int | None = None,
        amount: int | None = None,
    ) -> None:
        """Have the till ask for a part, the whole or too much of a purchase; of a few names, so that some ask again."""
        if bought is None or bought.refund_offer is None:
            return
        orders = []
        for _ in range(times):
            number = self.random.randrange(4) if name is None else name
            amounts = (bought.amount // 3, bought.amount // 2, bought.amount, bought.amount + 2_000)
            chosen = amounts[number] if amount is None else amount
            order = {
                "offer": bought.refund_offer,
                "secret": bought.secret,
                "amount": chosen,
                "name": f"{bought.payer_id} {number}",
                "pays": pays,
                "lag": self.random.choice((0, 0, 0, self.random.random())),
                "by_network": self.random.random() < 0.2,
            }
            orders += [order] * self.random.choice((1, 1, 2))
        await self.ask("town-refund", orders=orders)

    async def until_paid(self, bought: Bought, *, seconds: float) -> bool:
        """Wait until home says that a purchase is paid or home is dead; say whether it is paid."""
        return await self._until(lambda payment: payment["state"] == "paid", bought, seconds)

    async def until_refunded(self, bought: Bought | None, *, seconds: float) -> bool:
        """Wait until home knows of more that came back of a purchase or is dead; say whether it does."""
        known = self._known_back.get(bought.payer_id, 0) if bought is not None else 0
        return bought is not None and await self._until(
            lambda payment: payment["refunded_msat"] > known, bought, seconds
        )

    async def _until(self, holds: Callable[[dict[str, Any]], bool], bought: Bought, seconds: float) -> bool:
        began = time.monotonic()
        while time.monotonic() - began < seconds and not self._is_home_dead():
            answer = await self.ask("bled-payments", limit=1_000)
            for payment in [] if answer is None else answer["payments"]:
                if payment["payer_id"] == bought.payer_id and holds(payment):
                    self._known_back[bought.payer_id] = payment["refunded_msat"]
                    return True
            await asyncio.sleep(0.004)
        return False

    async def knows_all_refunds(self) -> bool:
        """Say whether home knows of all that its node was paid back."""
        answer = await self.ask("bled-payments", limit=1_000)
        if answer is None:
            return False
        known = sum(payment["refunded_msat"] for payment in answer["payments"])
        return known == sum(home_refund_auditor.received_by_node(self.folder).values())

    @property
    def has_plugin_died(self) -> bool:
        """Whether the plugin was killed by its failpoint."""
        return self.home is not None and self.forks.has_ended(self.home)

    def _is_home_dead(self) -> bool:
        return self.home is None or self.forks.has_ended(self.home)

    async def any_moment(self, *, of: float | None = None) -> None:
        """Let some time pass, up to what a purchase takes (or `of` seconds) and a little more."""
        await asyncio.sleep(self.random.random() * 1.5 * (self.typical if of is None else of))

    async def revoke(self, bought: Bought) -> None:
        """Revoke a payer id; if home says that this came in time, it may never be paid."""
        answer = await self.ask("bled-revoke", payer_id=bought.payer_id)
        if answer is not None and bought.payer_id in answer["revoked"]:
            self.told_revoked.add(bought.payer_id)
