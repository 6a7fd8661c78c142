"""Which payer id a payment takes: of the classes that allow it the one with the smallest limit, lowest index first.

Small payments so leave the ids of large limits alone, and a thief finds as few of those as may be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import Refused
from bled.grants.limits import BookLimits, Counters, GrantClass, check_limits
from bled_codec.units import Msat, UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One class of one book, with what the book has used.

    Attributes:
        book_id: the book.
        limits: its limits.
        grant_class: the class.
        counters: what the book has used.
        free: the lowest index of the class that can still sign; None when all are burnt.
    """

    book_id: int
    limits: BookLimits
    grant_class: GrantClass
    counters: Counters
    free: int | None

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Smallest limit first, then what ends soonest; numbers make the order total."""
        return (
            min(self.limits.per_payment_msat, self.grant_class.per_payment_msat),
            min(self.limits.not_after, self.grant_class.not_after),
            self.book_id,
            self.grant_class.first_index,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The payer id to take, by book and index, and the maximum fee of the payment."""

    book_id: int
    index: int
    max_fee: Msat


# How far `check_limits` came before it refused: the refusal that came last says best what is in the way.
_PROGRESS: Final = (
    Code.PAYER_ID_NOT_ISSUED,
    Code.GRANT_EXPIRED,
    Code.GRANT_NOT_YET_VALID,
    Code.OVER_PAYMENT_LIMIT,
    Code.TOO_MANY_PAYMENTS,
    Code.OVER_BUDGET,
    Code.OVER_DAILY_LIMIT,
)


def choose(candidates: Iterable[Candidate], *, amount: Msat, now: UnixTime) -> Choice:
    """Return the payer id for a payment of `amount`.

    Raises `Refused`: `NO_GRANT_LEFT` when every id that would do is burnt or there is none at all, else what
    `check_limits` says of the class that comes nearest.
    """
    refusals: list[Refused] = []
    used_up = False
    for candidate in sorted(candidates, key=lambda each: each.rank):
        index = candidate.grant_class.first_index if candidate.free is None else candidate.free
        try:
            max_fee = check_limits(candidate.limits, index, candidate.counters, amount=amount, now=now)
        except Refused as refusal:
            refusals.append(refusal)
            continue
        if candidate.free is not None:
            return Choice(book_id=candidate.book_id, index=candidate.free, max_fee=max_fee)
        used_up = True
    if refusals and not used_up:
        raise max(reversed(refusals), key=lambda refusal: _PROGRESS.index(refusal.code))
    raise Refused(Code.NO_GRANT_LEFT, detail="every payer id for this amount is used" if used_up else "no grant book")
