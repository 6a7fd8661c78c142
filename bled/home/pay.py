"""From a claim to its end: ask the node once, then believe its records alone.

    CLAIMED --commit SENT--> the node keeps the generation --> xpay --answer--> listsendpays --> PAID | FAILED
                                                                    no answer -> listsendpays, until it can tell

Money is released only when the node's records hold nothing that arrived or may arrive, and the node is known to have
ended its attempts: it said so, or the time it was given is over, or it has been started anew since. And only while it
cannot have forgotten them: a day after it was asked, what is not known is left to home's owner (`settle`), and so is
a part that stays pending without an HTLC.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bled.clock import Clock
from bled.codes import Code, Failpoint
from bled.errors import Refused, Unavailable
from bled.failpoint import failpoint
from bled.home.ledger import Ledger
from bled.home.rows import Claim
from bled.home.witness import Witness
from bled.node.home_base import Failed, HomeNode, Paid, Parts, PartsStatus, PayAnswer, Unknown
from bled_codec.invoice import Invoice
from bled_codec.units import Msat, Point

GRACE_SECONDS: Final = 30
"""After the time that the node was given: no new part begins any more, whatever became of the call."""

LOOKS_BEFORE_FAILED: Final = 3
"""Look-ups after the end of the attempts until an empty record is believed: a part may become visible a moment late."""
RECORDS_KEPT_SECONDS: Final = 86_400
"""A node may forget payments that are older (autoclean): then that its records hold nothing proves nothing."""

_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 60.0

Log = Callable[[str, str], None]
"""Takes a level of lightningd (`info`, `unusual`) and a line without secrets."""


class Payer:
    """Brings claims to their end. One call for each claim at a time; different claims do not wait for each other."""

    def __init__(
        self,
        *,
        node: HomeNode,
        ledger: Ledger,
        witness: Witness,
        clock: Clock,
        log: Log,
        pauses: Callable[[], Iterator[float]],
    ) -> None:
        """Take what paying needs. `pauses` begins the seconds between look-ups anew: see `growing_pauses`."""
        self._pauses = pauses
        self._node = node
        self._ledger = ledger
        self._witness = witness
        self._clock = clock
        self._log = log

    async def pay(self, claim: Claim) -> None:
        """Pay a claim that is CLAIMED: commit that the node is asked, ask it, record what became of it.

        Returns when the outcome is in the ledger, which may take days while a part is stuck.
        """
        started = await self._begin(claim)
        if started is None:
            return
        failpoint(Failpoint.HOME_SENT)
        answer = await self._ask(started)
        failpoint(Failpoint.HOME_PAY_ANSWERED)
        await self._conclude(started, answer)

    async def _ask(self, claim: Claim) -> PayAnswer:
        """Ask the node to pay, once it keeps the generation in which it was asked: no old copy asks for this again."""
        try:
            await self._witness.testify(now=self._clock.now())
        except Unavailable as error:
            return Failed(reason=str(error))  # it was not asked
        return await self._node.pay(
            Invoice.decode(claim.invoice),
            max_fee=claim.max_fee,
            retry_for=claim.retry_for or 0,
            label=label_of(claim.payer_id),
        )

    async def resume(self, claim: Claim, *, node_is_fresh: bool) -> None:
        """Bring a SENT claim of an earlier run to its end. The node is never asked to pay it again.

        `node_is_fresh`: the node itself was started after that run, so nothing is left of its attempts but records.
        """
        await self._follow(claim, ended=node_is_fresh, age=self._age(claim))

    async def look_once(self, claim: Claim, *, node_is_fresh: bool) -> bool:
        """Look a SENT claim up once and say whether that brought its end. Raises `Unavailable`."""
        ended = node_is_fresh and not self._may_be_forgotten(claim)
        return self._judge(claim, await self._look_up(claim), ended=ended)

    async def _begin(self, claim: Claim) -> Claim | None:
        for wait in self._pauses():
            try:
                return self._ledger.begin_payment(claim.payer_id, now=self._clock.now())
            except Refused as refused:
                self._log("info", f"{claim.payer_id.hex()}: not paid, {refused}")
                return None
            except Unavailable as error:
                self._log("unusual", f"{claim.payer_id.hex()}: cannot begin, {error}")
                await asyncio.sleep(wait)
        return None

    async def _conclude(self, claim: Claim, answer: PayAnswer) -> None:
        match answer:
            case Paid():
                await self._keep_proof(claim.payer_id, answer)
            case Failed():
                await self._follow(claim, ended=True, reason=answer.reason)
            case Unknown():
                await self._follow(claim, ended=False, reason=answer.reason)

    async def _follow(self, claim: Claim, *, ended: bool, age: int = 0, reason: str = "") -> None:
        """Look up until the node's records tell the outcome, and the ledger has taken it down.

        The time that the node was given is counted from here on and not by the wall clock: that may be set meanwhile,
        and waiting too long costs nothing but the reservation. `age` is how many seconds ago the last word of the node
        was, when that was in an earlier run.
        """
        began = self._clock.monotonic()
        over_at = began if ended else began + (claim.retry_for or 0) + GRACE_SECONDS
        watch = _Watch(over_at=over_at, forgotten_at=began + RECORDS_KEPT_SECONDS - age)
        for wait in self._pauses():
            try:
                if await self._settled(claim, watch, reason=reason):
                    return
                if not self._ledger.is_open(claim.payer_id):
                    return  # its owner has settled it
            except Unavailable as error:
                self._log("unusual", f"{claim.payer_id.hex()}: the ledger cannot take down its outcome, {error}")
            await asyncio.sleep(wait)

    async def _settled(self, claim: Claim, watch: "_Watch", *, reason: str) -> bool:
        """Look up; have the ledger say, once, when that does not tell. Raises `Unavailable` for the ledger."""
        try:
            parts = await self._look_up(claim)
        except Unavailable as error:
            unknown = reason or str(error)
        else:
            watch.look(parts, now=self._clock.monotonic())
            if self._judge(claim, parts, ended=watch.looks >= LOOKS_BEFORE_FAILED, reason=reason):
                return True
            if watch.looks and parts.status is PartsStatus.NOTHING:
                return False  # it will be told in a moment
            unknown = reason or f"the node's records say {parts.status.value}"
        self._ledger.record_unknown(claim.payer_id, detail=unknown, now=self._clock.now())
        return False

    async def _look_up(self, claim: Claim) -> Parts:
        return await self._node.lookup(claim.payment_hash, label=label_of(claim.payer_id))

    def _judge(self, claim: Claim, parts: Parts, *, ended: bool, reason: str = "") -> bool:
        match parts.status:
            case PartsStatus.COMPLETE:
                self._record_paid(claim.payer_id, parts.amount_sent, parts.preimage)
                return True
            case PartsStatus.PENDING:
                return False
            case PartsStatus.NOTHING:
                if not ended:
                    return False
                detail = reason or "the node's records hold no payment"
                self._ledger.record_failed(claim.payer_id, detail=detail, now=self._clock.now())
                self._log("info", f"{claim.payer_id.hex()}: payment failed, {detail}")
                return True

    def _age(self, claim: Claim) -> int:
        return self._clock.now() - (claim.sent_at or 0)

    def _may_be_forgotten(self, claim: Claim) -> bool:
        return self._age(claim) >= RECORDS_KEPT_SECONDS

    async def settle(self, claim: Claim, *, was_paid: bool) -> None:
        """End a SENT claim by the word of home's owner, when the node's records cannot tell any more.

        What they do tell stands. A payment by the owner's word counts with all that was reserved for it, unproven.
        A part that is pending stands too, but for one without any HTLC: lightningd 26.06, killed before a channel had
        taken the HTLC, lists such a part for ever. Raises `Refused` (`OUTCOME_UNKNOWN`) while the node may still pay
        it, and `Unavailable`.
        """
        if claim.node != self._ledger.node:
            raise Refused(Code.OUTCOME_UNKNOWN, detail=f"node {claim.node} was asked to pay it; settle it there")
        parts = await self._look_up(claim)
        if parts.status is PartsStatus.COMPLETE:
            self._record_paid(claim.payer_id, parts.amount_sent, parts.preimage)
        elif not self._may_be_forgotten(claim) or await self._is_in_flight(claim, parts):
            raise Refused(Code.OUTCOME_UNKNOWN, detail="the node may still pay it; ask again a day after it was sent")
        elif was_paid:
            self._record_paid(claim.payer_id, Msat(claim.amount + claim.max_fee), None)
        else:
            self._ledger.record_failed(claim.payer_id, detail="settled by home's owner", now=self._clock.now())

    async def _is_in_flight(self, claim: Claim, parts: Parts) -> bool:
        return parts.status is PartsStatus.PENDING and await self._node.has_htlc(claim.payment_hash)

    async def _keep_proof(self, payer_id: Point, paid: Paid) -> None:
        """Record a proven payment, as often as the ledger needs; no look-up could say anything better."""
        for wait in self._pauses():
            try:
                self._record_paid(payer_id, paid.amount_sent, paid.preimage)
            except Unavailable as error:
                self._log("unusual", f"{payer_id.hex()}: paid, but the ledger cannot take it down, {error}")
                await asyncio.sleep(wait)
            else:
                return

    def _record_paid(self, payer_id: Point, amount_sent: Msat, preimage: bytes | None) -> None:
        self._ledger.record_paid(payer_id, amount_sent=amount_sent, preimage=preimage, now=self._clock.now())
        self._log("info", f"{payer_id.hex()}: paid, {amount_sent} msat with fees")


@dataclass(slots=True, kw_only=True)
class _Watch:
    """What was seen of one payment's parts, look by look.

    A payee may hold a part until `maxdelay` of the chain's blocks have passed, three and a half days. The node may have
    forgotten by then what else it sent (autoclean); but it did not forget a part that was seen under way and is failed
    now, and when that holds for all of them the money is back.

    Attributes:
        over_at: when the node's attempts are over.
        forgotten_at: from when on an empty record proves nothing.
        looks: answers of the node since then that can be believed.
        under_way: the node's numbers of all parts that were ever seen under way.
    """

    over_at: float
    forgotten_at: float
    looks: int = 0
    under_way: frozenset[int] = frozenset()

    def look(self, parts: Parts, *, now: float) -> None:
        """Take the node's answer at `now`, of the monotonic clock."""
        self.under_way |= parts.under_way
        have_failed = bool(self.under_way) and self.under_way <= parts.failed
        self.looks += self.over_at <= now and (now < self.forgotten_at or have_failed)


def label_of(payer_id: Point) -> str:
    """Return the name under which the node keeps the payment of a payer id."""
    return payer_id.hex()


def growing_pauses() -> Iterator[float]:
    """Yield the pauses between look-ups, in seconds: doubling from a quarter to a whole minute, without end."""
    wait = _FIRST_WAIT
    while True:
        yield wait
        wait = min(wait * 2, _LONGEST_WAIT)
