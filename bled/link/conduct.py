"""Who is left alone for a while: peers that broke the profile twice, and those that come again and again for nothing.

Addresses are random and cost nothing, so that this stops what is broken, and not who is determined: whoever changes
his address meets the limits on what one connection can do.
"""

from typing import Final, TypeVar

OFFENCES: Final = 2
"""Connections on which a peer broke the profile, until it is banned: one may be an accident."""
OFFENCE_SECONDS: Final = 600.0
"""How long an offence is remembered."""
BAN_SECONDS: Final = 30.0
"""How long a peer that broke the profile is left alone."""
CALLS: Final = 10
"""Connections of one central within `CALL_SECONDS` on which nothing was written; more are ended at once."""
CALL_SECONDS: Final = 60.0
"""The time in which `CALLS` are counted."""
MAX_REMEMBERED: Final = 256
"""Addresses kept; whoever invents more of them only makes the oldest forgotten."""

_T = TypeVar("_T")


class Conduct:
    """Counts by address. Time is the caller's: seconds of any monotonic clock."""

    def __init__(self) -> None:
        """Remember nobody."""
        self._offences: dict[str, tuple[float, ...]] = {}
        self._banned_until: dict[str, float] = {}
        self._calls: dict[str, tuple[float, ...]] = {}

    def offend(self, address: str, *, now: float) -> None:
        """A peer has broken the profile on a connection."""
        offences = (*_recent(self._offences.pop(address, ()), since=now - OFFENCE_SECONDS), now)
        if len(offences) < OFFENCES:
            _remember(self._offences, address, offences)
        else:
            _remember(self._banned_until, address, now + BAN_SECONDS)

    def is_banned(self, address: str, *, now: float) -> bool:
        """Return whether a peer is left alone now."""
        return now < self._banned_until.get(address, now)

    def call(self, address: str, *, now: float) -> bool:
        """A central has connected; return whether it may stay."""
        if self.is_banned(address, now=now):
            return False
        calls = _recent(self._calls.pop(address, ()), since=now - CALL_SECONDS)
        is_welcome = len(calls) < CALLS
        _remember(self._calls, address, (*calls, now) if is_welcome else calls)
        return is_welcome

    def speak(self, address: str) -> None:
        """A central has written something: its connections were not for nothing."""
        self._calls.pop(address, None)


def _recent(times: tuple[float, ...], *, since: float) -> tuple[float, ...]:
    return tuple(time for time in times if time > since)


def _remember(remembered: dict[str, _T], address: str, value: _T) -> None:
    """Keep a value as the newest; the oldest is forgotten where no more may be remembered."""
    remembered.pop(address, None)
    if len(remembered) >= MAX_REMEMBERED:
        del remembered[next(iter(remembered))]
    remembered[address] = value
