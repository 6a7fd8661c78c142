"""Which beacons a till may try again, when, and whom it prefers: 3 tries each, then none for half a minute."""

from collections.abc import Mapping
from typing import Final, TypeVar

BACK_OFF_SECONDS: Final = (0.2, 0.5, 1.0)
"""Wait after the first, second and third failure with one device."""
BAN_SECONDS: Final = 30.0
"""How long a device is left alone after its third failure."""
MET_SECONDS: Final = 120.0
"""How long whoever was met goes behind everybody else: else a device that says nothing could be met for ever."""
MAX_REMEMBERED: Final = 256
"""Addresses kept; whoever invents more of them only makes the oldest forgotten."""

_T = TypeVar("_T")


class Tries:
    """Counts failures by address. Time is the caller's: seconds of any monotonic clock."""

    def __init__(self) -> None:
        """Remember nobody."""
        self._failures: dict[str, tuple[int, float]] = {}
        self._met: dict[str, float] = {}

    def may_try(self, address: str, *, now: float) -> bool:
        """Return whether the device at `address` may be tried now."""
        count, last = self._failures.get(address, (0, now))
        return count < len(BACK_OFF_SECONDS) or now >= last + BAN_SECONDS

    def failures(self, address: str) -> int:
        """Return how often the device at `address` has failed since its last ban."""
        return self._failures.get(address, (0, 0.0))[0]

    def met(self, address: str, *, now: float) -> None:
        """Note that a link to the device at `address` was given out."""
        self._met.pop(address, None)
        _make_room(self._met)
        self._met[address] = now

    def rank(self, address: str, *, now: float) -> tuple[bool, int]:
        """Return what to prefer the device at `address` by, before its strength: the greater goes first."""
        met = self._met.get(address)
        return met is None or now >= met + MET_SECONDS, -self.failures(address)

    def foremost(self, strengths: Mapping[str, int], *, now: float) -> tuple[str, ...]:
        """Return which of the devices heard, each with its strength, go first: more than one where all is equal."""
        ranks = {address: (self.rank(address, now=now), strength) for address, strength in strengths.items()}
        highest = max(ranks.values())
        return tuple(address for address, rank in ranks.items() if rank == highest)

    def failed(self, address: str, *, now: float) -> float:
        """Note a failure with `address`; return how many seconds to wait before anybody is tried again."""
        count, _ = self._failures.pop(address, (0, now))
        if count >= len(BACK_OFF_SECONDS):  # a ban that has ended
            count = 0
        _make_room(self._failures)
        self._failures[address] = (count + 1, now)
        return BACK_OFF_SECONDS[count]


def _make_room(remembered: dict[str, _T]) -> None:
    """Forget the oldest where no more may be remembered."""
    if len(remembered) >= MAX_REMEMBERED:
        del remembered[next(iter(remembered))]
