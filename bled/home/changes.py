"""What an owner may change of a book that is out: more money, more time. For less there is revoking. Pure."""

from dataclasses import replace

from bled.grants.limits import BookLimits
from bled.home.parameters import usage
from bled_codec.units import MAX_MSAT, Msat, UnixTime

_LATEST_YEARS = 10
_MOST_SECONDS = _LATEST_YEARS * 366 * 86_400


def topped_up(limits: BookLimits, amount: Msat) -> BookLimits:
    """Return limits with `amount` more in all; a limit for one day that was the whole budget stays the whole budget.

    Raises `PeerError` (`USAGE`) for more money than there is.
    """
    total = limits.total_msat + amount
    if total > MAX_MSAT:
        raise usage("amount_msat: the budget would be more than all bitcoin")
    whole_day = limits.per_day_msat == limits.total_msat
    return replace(limits, total_msat=Msat(total), per_day_msat=Msat(total) if whole_day else limits.per_day_msat)


def extended(limits: BookLimits, seconds: int, *, now: UnixTime) -> BookLimits:
    """Return limits that end `seconds` later, or that long from now when they have ended already.

    Classes that ended with the book do so again; those that ended earlier keep their end. Raises `PeerError` (`USAGE`)
    for an end in more than ten years.
    """
    end = UnixTime(max(limits.not_after, now) + seconds)
    if end > now + _MOST_SECONDS:
        raise usage(f"seconds: a book ends within {_LATEST_YEARS} years")
    classes = tuple(
        replace(each, not_after=end) if each.not_after >= limits.not_after else each for each in limits.classes
    )
    return replace(limits, not_after=end, classes=classes)
