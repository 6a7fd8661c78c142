"""How the device meets a till: it waits with its beacon, makes the link private, and has the offer in hand."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from bled.clock import Clock
from bled.codes import Code
from bled.errors import BledError, PeerError, Refused, Unavailable
from bled.gatt.code_limits import EngagementLife
from bled.gatt.compare_code import CompareCode
from bled.gatt.engagement import Engagement, OpenMeeting, Resumption
from bled.gatt.handshake import Secured
from bled.link.base import MessageLink, Peripheral
from bled.link.handshaking import RESUME_SECONDS, be_greeted
from bled.progress import OnStep
from bled.vault.vault import Vault

HANDSHAKES: Final = 3
"""How many handshakes may fail while the pay screen is open; then the beacon goes off."""

_ALARMS: Final = frozenset({Code.COMMITMENT_BROKEN, Code.READER_MISMATCH})
"""Somebody who has got this far and fails is no accident: the person is told at once."""


class Messages(Protocol):
    """A link that carries whole messages, private by now."""

    async def send(self, message: bytes) -> None:
        """Send one message."""
        ...

    async def receive(self, *, seconds: float) -> bytes:
        """Return the next message."""
        ...

    async def close(self) -> None:
        """Close the link."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A till at the other end of a private link.

    Attributes:
        link: the private link; whoever takes this closes it.
        opening: the till's first message, encoded.
        code: what the till's screen must show as well; None when the device had read the till's own code.
        reader_key: the till's lasting public key, 32 bytes, proven.
        rejoin: waits for the same till on a new link after this one broke; None when the two cannot resume. Raises
            `BledError` when it does not come back.
    """

    link: Messages
    opening: bytes
    code: CompareCode | None
    reader_key: bytes
    rejoin: "Callable[[], Awaitable[Met]] | None" = None


class Arrival:
    """Waits for a till, and when that one let the device go for another: failures count over the whole period."""

    def __init__(
        self, *, peripheral: Peripheral, vault: Vault, engagement: Engagement | None, clock: Clock, on_step: OnStep
    ) -> None:
        """Take the radio; `engagement` is what was read from the till just now, None to meet whoever comes."""
        self._peripheral = peripheral
        self._vault = vault
        self._clock = clock
        self._on_step = on_step
        self._meeting = engagement or OpenMeeting()
        self._life = None if engagement is None else EngagementLife(since=clock.monotonic())
        self._failures = 0

    async def run(self, *, seconds: float) -> Met:
        """Return the till that came within `seconds`.

        Raises `Refused`, and then the device tells nobody that it is here: `OPEN_TRIES_SPENT`, `ENGAGEMENT_EXPIRED`.
        Raises what was wrong with the last till when three have failed, at once when one of them must have meant it;
        and what the radio raises.
        """
        give_up_at = self._clock.monotonic() + seconds
        while True:
            self._check()
            left = max(0.0, give_up_at - self._clock.monotonic())
            link = await self._peripheral.accept(seconds=left, on_step=self._on_step, uuid=self._meeting.uuid)
            try:
                opening, secured = await be_greeted(link, meeting=self._meeting, before_hs2=self._count)
            except (PeerError, Unavailable) as error:
                self._on_step("no private connection", {"code": error.code.value})
                self._failures += 1
                if error.code in _ALARMS or self._failures >= HANDSHAKES:
                    raise
                continue
            if self._life is not None:
                self._life = replace(self._life, used=True)
            return self._met(link, opening, secured)

    def _met(self, link: MessageLink, opening: bytes, secured: Secured) -> Met:
        resumption = secured.resumption
        return Met(
            link=link,
            opening=opening,
            code=secured.code,
            reader_key=secured.reader_key,
            rejoin=None if resumption is None else lambda: self._rejoin(resumption),
        )

    async def _rejoin(self, resumption: Resumption) -> Met:
        """Wait for the till of this meeting, under a name that only the two know. No code is formed, nothing counts."""
        give_up_at = self._clock.monotonic() + RESUME_SECONDS
        for failures in range(1, HANDSHAKES + 1):
            left = max(0.0, give_up_at - self._clock.monotonic())
            link = await self._peripheral.accept(seconds=left, on_step=self._on_step, uuid=resumption.uuid)
            try:
                opening, secured = await be_greeted(link, meeting=resumption, before_hs2=lambda: None)
            except (PeerError, Unavailable):
                if failures == HANDSHAKES:
                    raise
            else:
                return self._met(link, opening, secured)
        raise BledError(Code.INTERNAL, detail="the last failure ends the loop")

    def _check(self) -> None:
        """Do not be there at all when nothing could come of it."""
        now = self._clock.now()
        if self._life is not None:
            self._life.check(now=self._clock.monotonic())
        elif not self._vault.open_tries().left(now=now):
            raise Refused(Code.OPEN_TRIES_SPENT)

    def _count(self) -> None:
        """HS2 is about to leave: from then on a compare code can be formed."""
        now = self._clock.now()
        if self._life is not None:
            self._life.check(now=self._clock.monotonic())
        else:
            self._vault.keep_open_tries(self._vault.open_tries().take(now=now))
