"""Home at work: invoices come in at the hook, are verified one by one off its path, claimed, and paid side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bled.clock import Clock
from bled.codes import Code, Failpoint
from bled.errors import BledError, Refused, Unavailable
from bled.failpoint import failpoint
from bled.grants.keys import HomeKeys
from bled.home.decisions import Decisions
from bled.home.intake import Arrivals, Arrived, Intake, RareLog
from bled.home.ledger import Ledger
from bled.home.pay import Log, Payer, label_of
from bled.home.policy import Glimpse, VerifiedInvoice, verify_invoice
from bled.home.restore import OLD_COPY, compare_records
from bled.home.rows import Claim, ClaimState
from bled.home.witness import Witness
from bled.node.home_base import HomeNode
from bled_codec.invoice import Invoice
from bled_codec.units import Point

_TIME_SEEN_EVERY: Final = 3_600.0
_MOMENT: Final = 0.1
_START_WAIT: Final = 0.5
_LONGEST_START_WAIT: Final = 15.0

_Answer = TypeVar("_Answer")


class HomeService:
    """The work between the hook and the ledger."""

    def __init__(
        self,
        *,
        keys: HomeKeys,
        chain: bytes,
        node: HomeNode,
        ledger: Ledger,
        witness: Witness,
        decisions: Decisions,
        payer: Payer,
        clock: Clock,
        log: Log,
        is_adrift: Callable[[], bool] = lambda: False,
        arrivals: Arrivals | None = None,
    ) -> None:
        """Take what the work needs.

        `chain` is the 32-byte hash of the node's chain; `is_adrift` says whether nothing keeps the clock in step.
        `arrivals` is where invoices come from, unless `receive` brings them.
        """
        self._keys = keys
        self._chain = chain
        self._node = node
        self._ledger = ledger
        self._witness = witness
        self._decisions = decisions
        self._payer = payer
        self._clock = clock
        self._log = log
        self._is_adrift = is_adrift
        self._intake = Intake(keys=keys, clock=clock, log=log)
        self._arrivals = arrivals or self._intake
        self._log_rarely = RareLog(log, clock)
        self._has_warned = False
        self._at_work: set[Point] = set()
        self._will_look: asyncio.Task[None] | None = None

    def receive(self, invoice: bytes, secret: bytes) -> bool:
        """Take an invoice from the hook and say at once whether it is home's business. Verifies nothing yet."""
        return self._intake.receive(invoice, secret)

    async def run(self, *, node_is_fresh: bool) -> None:
        """Bring the claims of earlier runs to their end or at least look at each once, then do new work, for ever."""
        async with asyncio.TaskGroup() as payments:
            payments.create_task(self._see_time())
            await self._reconcile(payments, node_is_fresh=node_is_fresh)
            while True:
                async with self._arrivals.next() as arrived:
                    claim = None if arrived is None else await self._take(arrived)
                if claim is None:
                    self._work_on_found(payments)
                else:
                    self._work_on(claim, payments, node_is_fresh=False)
                    self._look_later(payments)

    def _look_later(self, payments: asyncio.TaskGroup) -> None:
        """Look for what was found when the new payment is on its way: its buyer waits, for the rest nobody does."""
        if self._will_look is None or self._will_look.done():
            self._will_look = payments.create_task(self._look_after_a_moment(payments))

    async def _look_after_a_moment(self, payments: asyncio.TaskGroup) -> None:
        await asyncio.sleep(_MOMENT)
        self._work_on_found(payments)

    async def _take(self, arrived: Arrived) -> Claim | None:
        """Verify an invoice and claim its payer id; None when it must not be paid, or was claimed before."""
        try:
            self._note_time()
            known = self._ledger.claim_of_invoice(arrived.invoice, payer_id=arrived.seen.payer_id)
            if known is not None:
                return None  # even when it has expired since: what is open of it is found by who works on it
            if self._is_adrift():
                raise Refused(Code.CLOCK_WRONG, detail="nothing keeps the clock in step; run NTP, or bled-any-clock")
            verified = self._verify(arrived)
            await self._compare_with_node(verified.invoice)
            failpoint(Failpoint.HOME_VERIFIED)
            claimed = self._ledger.claim(verified, now=self._clock.now())
            if claimed.is_new:
                failpoint(Failpoint.HOME_CLAIMED)
        except BledError as error:
            self._refuse(error, arrived)
            return None
        return claimed.claim if claimed.is_new else None

    def _refuse(self, error: BledError, arrived: Arrived) -> None:
        decision = self._decisions.refuse(error, arrived.seen, now=self._clock.now(), is_ours=arrived.is_ours)
        payer_id = "unreadable" if decision.payer_id is None else decision.payer_id.hex()
        line = f"{payer_id}: not paid, {error}"
        if arrived.is_ours:
            self._log("unusual", line)
        else:
            self._log_rarely(line)

    def _verify(self, arrived: Arrived) -> VerifiedInvoice:
        return verify_invoice(
            arrived.invoice,
            secret=arrived.secret,
            keys=self._keys,
            chain=self._chain,
            find_book=self._ledger.book,
            now=self._clock.now(),
        )

    async def _compare_with_node(self, invoice: Invoice) -> None:
        """Read the node's records before a claim: those that are new, those of this hash, and what it has kept."""
        looks = (self._witness.confirm(now=self._clock.now()), self._compare_records(), self._check_hash(invoice))
        for failure in await asyncio.gather(*looks, return_exceptions=True):  # at once; none goes on behind the next
            if failure is not None:
                raise failure

    async def _check_hash(self, invoice: Invoice) -> None:
        """Refuse a hash that the node paid for somebody else: it would not pay again, and that payment is not this."""
        parts = await self._node.lookup(invoice.invoice_payment_hash, label=label_of(invoice.invreq_payer_id))
        if parts.hash_is_used:
            raise Refused(Code.PAYMENT_HASH_USED, detail="by another payment of the node")

    def _work_on(self, claim: Claim, payments: asyncio.TaskGroup, *, node_is_fresh: bool) -> None:
        """Bring a claim to its end, unless that is being done or was done."""
        if claim.payer_id in self._at_work:
            return
        match claim.state:
            case ClaimState.CLAIMED:
                work = self._payer.pay(claim)  # the node was never asked
            case ClaimState.SENT:
                work = self._payer.resume(claim, node_is_fresh=node_is_fresh)
            case ClaimState.PAID | ClaimState.FAILED | ClaimState.DROPPED:
                return
        self._at_work.add(claim.payer_id)
        task = payments.create_task(work)
        task.add_done_callback(lambda _: self._at_work.discard(claim.payer_id))

    def _work_on_found(self, payments: asyncio.TaskGroup) -> None:
        """Work on what the node's records have shown meanwhile; if the ledger cannot be read now, the next time."""
        try:
            self._ledger.take_over()
            for claim in self._ledger.open_claims():
                self._work_on(claim, payments, node_is_fresh=False)
            self._ledger.keep_records_read()
        except Unavailable as error:
            self._log("unusual", f"the ledger cannot say what is open, or not keep it, {error}")

    async def _see_time(self) -> None:
        """Note the time now and every hour, also when nothing is decided."""
        while True:
            try:
                self._note_time()
            except Unavailable as error:
                self._log("unusual", f"the ledger cannot note the time, {error}")
            await asyncio.sleep(_TIME_SEEN_EVERY)

    def _note_time(self) -> None:
        """Have the ledger remember the time, unless nobody answers for it."""
        if not self._is_adrift():
            self._ledger.see_time(self._clock.now())

    async def _reconcile(self, payments: asyncio.TaskGroup, *, node_is_fresh: bool) -> None:
        if await self._answered(lambda: self._witness.compare(now=self._clock.now())):
            self._warn_of_old_copy()
        await self._answered(lambda: self._witness.testify(now=self._clock.now()))
        await self._answered(self._compare_records)
        for claim in await self._answered(self._open_claims):
            if claim.state is ClaimState.CLAIMED or not await self._looked_at(claim, node_is_fresh=node_is_fresh):
                self._work_on(claim, payments, node_is_fresh=node_is_fresh)

    async def _open_claims(self) -> Sequence[Claim]:
        self._ledger.keep_records_read()
        self._ledger.take_over()
        return self._ledger.open_claims()

    async def _compare_records(self) -> None:
        if await compare_records(node=self._node, ledger=self._ledger, keys=self._keys, now=self._clock.now()):
            self._warn_of_old_copy()

    def _warn_of_old_copy(self) -> None:
        """Tell the owner, once."""
        if self._has_warned:
            return
        self._has_warned = True
        self._decisions.refuse(OLD_COPY, Glimpse(), now=self._clock.now())
        self._log("unusual", str(OLD_COPY))

    async def _looked_at(self, claim: Claim, *, node_is_fresh: bool) -> bool:
        """Look a claim up, as often as it takes to get an answer; say whether it came to its end."""
        return await self._answered(lambda: self._payer.look_once(claim, node_is_fresh=node_is_fresh))

    async def _answered(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask until there is an answer: no new work begins before the node's records were read."""
        wait = _START_WAIT
        while True:
            try:
                return await ask()
            except Unavailable as error:
                self._log("unusual", f"waiting for the node's records before new work, {error}")
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_START_WAIT)
