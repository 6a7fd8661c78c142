"""What home decided about invoices, for its owner: money from the ledger, refusals from a ring in memory."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from heapq import merge
from itertools import islice
from typing import Final

from bled.errors import BledError, Unavailable
from bled.home.ledger import Ledger
from bled.home.policy import Glimpse
from bled.home.rows import Decision
from bled_codec.units import UnixTime

RING: Final = 1000
"""Refusals kept of what came over home's own paths. They cost their sender nothing, so they are never written."""
STRANGERS_RING: Final = 100
"""Refusals kept of what came over any other path: anybody can fill these, and pushes out only their like."""
MOST_AT_ONCE: Final = 1000
"""Decisions in one answer."""


class Decisions:
    """Numbers every decision and finds them again by number."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the ledger, which numbers and keeps the decisions about money."""
        self._ledger = ledger
        self._refusals: deque[Decision] = deque(maxlen=RING)
        self._strangers: deque[Decision] = deque(maxlen=STRANGERS_RING)
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many invoices this run has refused, by code, those that no list holds any more too."""
        return dict(sorted(self._counts.items()))

    def refuse(self, error: BledError, seen: Glimpse, *, now: UnixTime, is_ours: bool = True) -> Decision:
        """Keep that an invoice was not paid, and why. `is_ours`: it came over a path that home made.

        Where several processes share the ledger it keeps the refusal for all of them: what came over no path of ours
        does not get that far, and of the rest the plugin lets only so much through.
        """
        self._counts[error.code.value] += 1
        decision = Decision(
            seq=self._ledger.next_seq(),
            at=now,
            code=error.code,
            detail=_detail(error),
            payer_id=seen.payer_id,
            payment_hash=seen.payment_hash,
            amount=seen.amount,
        )
        if is_ours and self._ledger.is_shared:
            with suppress(Unavailable):  # it may be what the refusal is about
                return self._ledger.add_refusal(decision)
        (self._refusals if is_ours else self._strangers).append(decision)
        return decision

    def since(self, seq: int, *, limit: int) -> Sequence[Decision]:
        """Return at most `limit` decisions with a number above `seq`, in order."""
        most = min(limit, MOST_AT_ONCE)
        rings = merge(self._refusals, self._strangers, key=lambda decision: decision.seq)
        kept = (decision for decision in rings if decision.seq > seq)
        recorded = self._ledger.decisions(since=seq, limit=most)
        return list(islice(merge(kept, recorded, key=lambda decision: decision.seq), most))


def _detail(error: BledError) -> str:
    if error.detail:
        return error.detail
    return f"TLV {error.tlv_type}" if error.tlv_type is not None else ""
