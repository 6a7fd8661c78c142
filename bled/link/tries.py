"""Which beacons a till may try again, and when: 3 tries each, then none for half a minute."""

from typing import Final

BACK_OFF_SECONDS: Final = (0.2, 0.5, 1.0)
"""Wait after the first, second and third failure with one device."""
BAN_SECONDS: Final = 30.0
"""How long a device is left alone after its third failure."""
MAX_REMEMBERED: Final = 256
"""Addresses kept; whoever invents more of them only makes the oldest forgotten."""


class Tries:
    """Counts failures by address. Time is the caller's: seconds of any monotonic clock."""

    def __init__(self) -> None:
        """Remember nobody."""
        self._failures: dict[str, tuple[int, float]] = {}

    def may_try(self, address: str, *, now: float) -> bool:
        """Return whether the device at `address` may be tried now."""
        count, last = self._failures.get(address, (0, now))
        return count < len(BACK_OFF_SECONDS) or now >= last + BAN_SECONDS

    def failures(self, address: str) -> int:
        """Return how often the device at `address` has failed of late: whoever has not is tried first."""
        return self._failures.get(address, (0, 0.0))[0]

    def failed(self, address: str, *, now: float) -> float:
        """Note a failure with `address`; return how many seconds to wait before anybody is tried again."""
        count, _ = self._failures.pop(address, (0, now))
        if count >= len(BACK_OFF_SECONDS):  # a ban that has ended
            count = 0
        if len(self._failures) >= MAX_REMEMBERED:
            del self._failures[next(iter(self._failures))]
        self._failures[address] = (count + 1, now)
        return BACK_OFF_SECONDS[count]
