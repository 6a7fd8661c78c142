"""One meeting of till and buyer on the stage."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from bled.buyer.approval import Answer, Question, Reply, WithTip
from bled.buyer.pay_screen import PayScreen
from bled.buyer.purchase import Purchase
from bled.codes import Code
from bled.demo.recorder import Recorder, Who
from bled.demo.stage import CHAIN, Stage, WatchedCentral
from bled.errors import BledError
from bled.gatt.compare_code import grouped
from bled.gatt.engagement import Engagement
from bled.link.base import LinkStats
from bled.sales.charge import SaleResult, charge
from bled.session.offer_policy import NO_TIP
from bled.vault.vault import Vault
from bled_codec.units import Msat

DECISION_SECONDS: Final = 30.0
"""How long home may take to decide on an invoice; it takes milliseconds."""
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Meet:
    """A till and a buyer at work: two tasks, and what their radios carried."""

    sale: "asyncio.Task[SaleResult]"
    purchase: "asyncio.Task[Purchase]"
    central: WatchedCentral

    @property
    def stats(self) -> LinkStats:
        """What the radio link carried so far."""
        return self.central.stats


class _Screens:
    """The person at the counter, who looks at both screens and says yes only if they show one code."""

    def __init__(self, recorder: Recorder, *, tip: Msat) -> None:
        self._recorder = recorder
        self._tip = tip
        self._of_the_till = recorder.role(Who.TILL)
        self._shown: object = None
        self._to_read: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def till(self, name: str, facts: Mapping[str, object]) -> None:
        """The till tells a step; the codes among them are on its screen."""
        if name == "compare code":
            self._shown = facts["code"]
        if name == "engagement":
            self._to_read.set_result(str(facts["text"]))
        self._of_the_till(name, facts)

    async def read_the_till(self) -> Engagement:
        """Hold the device to the till's screen."""
        return Engagement.parse(await self._to_read)

    async def compare(self, question: Question) -> Reply:
        """Look at the device's screen, and at the till's; the tip is added before the yes."""
        if question.tip != self._tip and not question.note:
            self._recorder.add(Who.BUYER, "adds a tip", {"tip_msat": self._tip})
            return WithTip(tip=self._tip)
        if question.code is not None and grouped(question.code) != self._shown:
            self._recorder.add(Who.BUYER, "the codes differ", {})
            return Answer.CODE_DIFFERS
        how = "approved by the person" if question.code is None else "same code on both screens, approved by the person"
        self._recorder.add(Who.BUYER, how, {"clock_confirmed": not question.clock_trusted})
        return Answer.YES


@asynccontextmanager
async def meet(
    stage: Stage, vault: Vault, *, amount: Msat, tip: Msat = NO_TIP, description: str, engage: bool = False
) -> AsyncIterator[Meet]:
    """Let a till charge the buyer who holds `vault`. Leaving stops both and closes their radios.

    With a `tip` the till allows one, up to the price again, and the buyer adds it.
    With `engage` the device reads the till's code; else the person compares the codes on both screens.
    """
    central = WatchedCentral(await stage.air.central(att_mtu=stage.att_mtu))
    peripheral = await stage.air.peripheral(att_mtu=stage.att_mtu)
    recorder = stage.recorder

    screens = _Screens(recorder, tip=tip)
    on_step = recorder.role(Who.BUYER)

    async def pay() -> Purchase:
        engagement = await screens.read_the_till() if engage else None
        screen = PayScreen(
            peripheral=peripheral,
            vault=vault,
            engagement=engagement,
            chain=CHAIN,
            clock=stage.clock,
            approve=screens.compare,
            on_step=on_step,
        )
        return await screen.run(seconds=60)

    selling = charge(
        node=stage.node,
        ledger=stage.ledger,
        central=central,
        amount=amount,
        tip_max=amount if tip else NO_TIP,
        description=description,
        clock=stage.clock,
        on_step=screens.till,
        reader=stage.reader,
        engage=engage,
        issuer="Demo café",
    )
    tasks = Meet(sale=asyncio.create_task(selling), purchase=asyncio.create_task(pay()), central=central)
    try:
        yield tasks
    finally:
        await _stop(tasks.sale)
        await _stop(tasks.purchase)
        await peripheral.close()
        await central.close()


async def _stop(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def decision_after(stage: Stage, seq: int, *, meeting: Meet | None = None) -> Mapping[str, Any]:
    """Wait for home's next decision after number `seq`.

    Raises `BledError` (`INTERNAL`) when none comes, or when `meeting` ends before it comes.
    """
    try:
        async with asyncio.timeout(DECISION_SECONDS):
            while True:
                decisions = await stage.decisions(since=seq)
                if decisions:
                    return decisions[0]
                if meeting is not None and meeting.sale.done():
                    ended = meeting.sale.result()
                    raise BledError(Code.INTERNAL, detail=f"the sale ended first: {ended.code.value} {ended.detail}")
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise BledError(Code.INTERNAL, detail="home decided nothing about the invoice") from None


async def last_decision(stage: Stage) -> int:
    """Return the number of home's newest decision, 0 before the first."""
    decisions = await stage.decisions()
    return max((int(decision["seq"]) for decision in decisions), default=0)
