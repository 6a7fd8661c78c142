"""How often a compare code may be formed: a man in the middle matches two of six digits once in 10^6 tries.

A try is any handshake in which the buyer's device sent HS2 or the till sent HS3, however it ended; otherwise whoever
drops the connection at a code that does not suit him could go on for ever. Values, not counters: each step returns the
next one, which its owner keeps (the device on disk, across pay screens and restarts) before the message leaves.
With 3 tries at the device and 3 codes at the till at most 9 pairs can match: 9 in 10^6.
"""

from dataclasses import dataclass, replace
from typing import Final

from bled.codes import Code
from bled.errors import Refused
from bled.gatt.engagement import ENGAGEMENT_SECONDS
from bled_codec.units import UnixTime

OPEN_TRIES: Final = 3
"""Tries of a buyer's device in open mode within `OPEN_TRIES_SECONDS`."""
OPEN_TRIES_SECONDS: Final = 600
"""How long a try counts."""
SALE_CODES: Final = 3
"""Codes that a till shows for one sale at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTries:
    """The open-mode tries of a buyer's device. Engaged and resumed meetings do not count and are never refused.

    Attributes:
        times: when each try that still counts was made, in the device's clock; at most 3, any order.
    """

    times: tuple[UnixTime, ...] = ()

    def left(self, *, now: UnixTime) -> int:
        """Return how many tries are left, 0 to 3."""
        return max(0, OPEN_TRIES - len(self._counting(now)))

    def take(self, *, now: UnixTime) -> "OpenTries":
        """Return what to keep before HS2 leaves. Raises `Refused` (`OPEN_TRIES_SPENT`): then HS2 is not sent."""
        if not self.left(now=now):
            raise Refused(Code.OPEN_TRIES_SPENT, detail=f"{OPEN_TRIES} tries in {OPEN_TRIES_SECONDS} seconds")
        return OpenTries(times=(*self._counting(now), now))

    def end(self, *, now: UnixTime) -> "OpenTries":
        """The person saw two different codes: somebody is in between, so all tries are spent."""
        return OpenTries(times=(now,) * OPEN_TRIES)

    def _counting(self, now: UnixTime) -> tuple[UnixTime, ...]:
        """A try after `now` counts as made now: a clock that was set back frees nothing and blocks no longer."""
        return tuple(min(time, now) for time in self.times if now - time < OPEN_TRIES_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleCodes:
    """The compare codes of one sale at the till.

    Attributes:
        shown: how many were formed, 0 to 3.
        allowed: how many may be: one, and one more for each tap.
        ended: the codes differed; this sale goes on by the QR code only.
    """

    shown: int = 0
    allowed: int = 1
    ended: bool = False

    def take(self) -> "SaleCodes":
        """Return what to keep before HS3 leaves.

        Raises `Refused`, and then HS3 is not sent: `CODES_DIFFER`, `SALE_CODES_SPENT`, or `CODE_NEEDS_TAP` when the
        cashier must be asked first.
        """
        self._check_open()
        if self.shown >= self.allowed:
            raise Refused(Code.CODE_NEEDS_TAP, detail=f"{self.shown} shown")
        return replace(self, shown=self.shown + 1)

    def tap(self) -> "SaleCodes":
        """The cashier asks for one more code; asking twice before it is shown gives one. Raises `Refused` as `take`."""
        self._check_open()
        return replace(self, allowed=self.shown + 1)

    def end(self) -> "SaleCodes":
        """The buyer's device said ABORT 2, or the cashier saw it: no code of this sale is to be trusted."""
        return replace(self, ended=True)

    def _check_open(self) -> None:
        if self.ended:
            raise Refused(Code.CODES_DIFFER)
        if self.shown >= SALE_CODES:
            raise Refused(Code.SALE_CODES_SPENT, detail=f"{self.shown} shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementLife:
    """How long one engagement is good, on either side: for one meeting, begun within 120 s.

    Attributes:
        since: when the till made it, or the device read it; seconds of any monotonic clock.
        used: HS3 has left or come; from then on only the resumption leads back to the meeting.
    """

    since: float
    used: bool = False

    def check(self, *, now: float) -> None:
        """Raise `Refused` (`ENGAGEMENT_EXPIRED`) unless a handshake may begin."""
        if self.used or not 0 <= now - self.since < ENGAGEMENT_SECONDS:
            raise Refused(Code.ENGAGEMENT_EXPIRED, detail="used" if self.used else "older than two minutes")

    def use(self, *, now: float) -> "EngagementLife":
        """Return what to keep once HS3 has left or come. Raises as `check`."""
        self.check(now=now)
        return replace(self, used=True)
