"""Limits of a grant book: one rule, used by the device to refuse first and by home to decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import Refused
from bled_codec.units import Msat, UnixTime

_PPM: Final = 1_000_000
_DAY_SECONDS: Final = 86_400
MAX_CLASSES: Final = 32
"""More classes than anyone can tell apart on a screen; a reader refuses a book with more."""


def utc_day(now: UnixTime) -> int:
    """Return the number of the UTC day that `now` lies in; the daily limit starts anew with each."""
    return now // _DAY_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxFee:
    """The most that may go to fees: `base_msat` and `ppm` millionths of the amount. Covers blinded paths' fees too."""

    base_msat: Msat
    ppm: int

    def of(self, amount: Msat) -> Msat:
        """Return the maximum fee for `amount`, rounded down to whole millisatoshi."""
        return Msat(self.base_msat + amount * self.ppm // _PPM)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantClass:
    """A range of payer ids with limits of its own: `count` of them from `first_index` on.

    An id of the class is good for one payment of at most `per_payment_msat`, from `not_before` until just before
    `not_after`.
    """

    first_index: int
    count: int
    per_payment_msat: Msat
    not_before: UnixTime
    not_after: UnixTime

    def covers(self, index: int) -> bool:
        """Say whether the payer id with this index belongs to the class."""
        return self.first_index <= index < self.first_index + self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLimits:
    """What one book may spend. Amounts are without fees for `per_payment_msat`, with the maximum fee elsewhere.

    Attributes:
        total_msat: for the life of the book.
        per_payment_msat: at most this for one payment, whatever the class says.
        per_day_msat: for one UTC day.
        payments: how many payments.
        not_before: the first second of the book.
        not_after: the first second after the book.
        max_fee: the most that one payment may pay in fees.
        classes: ranges of payer ids that do not overlap; an id outside all of them pays nothing.
    """

    total_msat: Msat
    per_payment_msat: Msat
    per_day_msat: Msat
    payments: int
    not_before: UnixTime
    not_after: UnixTime
    max_fee: MaxFee
    classes: tuple[GrantClass, ...]

    def class_of(self, index: int) -> GrantClass:
        """Return the class of a payer id. Raises `Refused` (`PAYER_ID_NOT_ISSUED`) when it has none."""
        for grant_class in self.classes:
            if grant_class.covers(index):
                return grant_class
        raise Refused(Code.PAYER_ID_NOT_ISSUED, detail=f"index {index} is in no class of the book")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What a book has used: payments that are spent or may still be, each with its maximum fee.

    Attributes:
        reserved_and_spent_msat: since the book began.
        today_msat: on the present UTC day.
        payments: how many.
    """

    reserved_and_spent_msat: Msat
    today_msat: Msat
    payments: int


def check_limits(limits: BookLimits, index: int, counters: Counters, *, amount: Msat, now: UnixTime) -> Msat:
    """Return the maximum fee of a payment of `amount` with the payer id `index`, when the book allows it.

    Raises `Refused`: `PAYER_ID_NOT_ISSUED`, `GRANT_NOT_YET_VALID`, `GRANT_EXPIRED`, `OVER_PAYMENT_LIMIT`,
    `TOO_MANY_PAYMENTS`, `OVER_BUDGET` or `OVER_DAILY_LIMIT`, looked at in this order.
    """
    grant_class = limits.class_of(index)
    _check_validity(limits, grant_class, now)
    _check_most(Code.OVER_PAYMENT_LIMIT, amount, most=min(limits.per_payment_msat, grant_class.per_payment_msat))
    if counters.payments >= limits.payments:
        raise Refused(Code.TOO_MANY_PAYMENTS, detail=f"{counters.payments} of {limits.payments} made")
    max_fee = limits.max_fee.of(amount)
    with_fee = Msat(amount + max_fee)
    _check_most(Code.OVER_BUDGET, with_fee, most=Msat(limits.total_msat - counters.reserved_and_spent_msat))
    _check_most(Code.OVER_DAILY_LIMIT, with_fee, most=Msat(limits.per_day_msat - counters.today_msat))
    return max_fee


def _check_validity(limits: BookLimits, grant_class: GrantClass, now: UnixTime) -> None:
    begins = max(limits.not_before, grant_class.not_before)
    ends = min(limits.not_after, grant_class.not_after)
    if now < begins:
        raise Refused(Code.GRANT_NOT_YET_VALID, detail=f"begins at {begins}, it is {now}")
    if now >= ends:
        raise Refused(Code.GRANT_EXPIRED, detail=f"ended at {ends}, it is {now}")


def _check_most(code: Code, wanted: Msat, *, most: Msat) -> None:
    if wanted > most:
        raise Refused(code, detail=f"{wanted} msat wanted, {max(0, most)} msat left")


def check_blinded_fees(limits: BookLimits, *, amount: Msat, blinded_fees: Msat) -> None:
    """Refuse blinded-path fees that alone take more than half of the maximum fee for `amount`.

    The payee sets these fees and could skim with them; what is left must still pay for the way to the path.
    Raises `Refused` (`FEE_TOO_HIGH`).
    """
    max_fee = limits.max_fee.of(amount)
    if blinded_fees * 2 > max_fee:
        raise Refused(Code.FEE_TOO_HIGH, detail=f"{blinded_fees} msat in the payee's path, {max_fee} allowed in all")


def check_consistent(limits: BookLimits) -> None:
    """Check that limits can be meant. Raises `ValueError` with the reason; for those who write or read a book."""
    numbers = (limits.total_msat, limits.per_payment_msat, limits.per_day_msat, limits.payments)
    if min(*numbers, limits.max_fee.base_msat, limits.max_fee.ppm) < 0:
        raise ValueError("a limit is negative")
    if limits.not_before >= limits.not_after:
        raise ValueError("the book ends before it begins")
    if not 1 <= len(limits.classes) <= MAX_CLASSES:
        raise ValueError(f"a book has 1 to {MAX_CLASSES} classes")
    _check_classes(limits.classes)


def _check_classes(classes: Sequence[GrantClass]) -> None:
    next_free = 0
    for grant_class in sorted(classes, key=lambda each: each.first_index):
        if grant_class.first_index < next_free:
            raise ValueError("two classes hold the same payer id")
        if grant_class.count < 1 or grant_class.per_payment_msat < 0:
            raise ValueError("a class is empty or its limit is negative")
        if grant_class.not_before >= grant_class.not_after:
            raise ValueError("a class ends before it begins")
        next_free = grant_class.first_index + grant_class.count
