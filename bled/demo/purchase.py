"""One meeting of till and buyer on the stage."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from bled.buyer.approval import Question
from bled.buyer.meeting import Meeting, Purchase
from bled.codes import Code
from bled.demo.recorder import Who
from bled.demo.stage import CHAIN, Stage, WatchedCentral
from bled.errors import BledError
from bled.link.base import LinkStats
from bled.sales.charge import SaleResult, charge
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


@asynccontextmanager
async def meet(stage: Stage, vault: Vault, *, amount: Msat, description: str) -> AsyncIterator[Meet]:
    """Let a till charge the buyer who holds `vault`. Leaving stops both and closes their radios."""
    central = WatchedCentral(await stage.air.central(att_mtu=stage.att_mtu))
    peripheral = await stage.air.peripheral(att_mtu=stage.att_mtu)
    recorder = stage.recorder

    async def pay() -> Purchase:
        link = await peripheral.accept(seconds=60, on_step=recorder.role(Who.BUYER))
        meeting = Meeting(
            link=link,
            vault=vault,
            chain=CHAIN,
            clock=stage.clock,
            approve=_press_yes,
            on_step=recorder.role(Who.BUYER),
        )
        return await meeting.run()

    async def _press_yes(question: Question) -> bool:
        recorder.add(Who.BUYER, "approved by the person", {"clock_confirmed": not question.clock_trusted})
        return True

    selling = charge(
        node=stage.node,
        ledger=stage.ledger,
        central=central,
        amount=amount,
        description=description,
        clock=stage.clock,
        on_step=recorder.role(Who.TILL),
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
