"""Time comes in through here: the pure packages take `now` as an argument, and tests bring their own clock."""

import time
from typing import Protocol

from bled_codec.units import UnixTime


class Clock(Protocol):
    """Where a process gets the time."""

    def now(self) -> UnixTime:
        """Return the wall-clock time in whole seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back. For durations and deadlines."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> UnixTime:
        """Return the machine's wall-clock time, rounded down."""
        return UnixTime(int(time.time()))

    def monotonic(self) -> float:
        """Return the machine's monotonic clock."""
        return time.monotonic()


class ShiftedClock:
    """The machine's clock, off by a fixed number of seconds: a till or a phone that is set wrong."""

    def __init__(self, shift: int) -> None:
        """Take how far ahead (positive) or behind (negative) this clock runs, in seconds."""
        self._shift = shift

    def now(self) -> UnixTime:
        """Return the shifted wall-clock time."""
        return UnixTime(int(time.time()) + self._shift)

    def monotonic(self) -> float:
        """Return the machine's monotonic clock, which the shift does not touch."""
        return time.monotonic()
