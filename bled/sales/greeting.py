"""How a till meets its buyer: it finds a device, makes the link private, and hands over the offer on the way."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final

from bled.codes import Code
from bled.errors import BledError, PeerError, Refused, Unavailable
from bled.gatt.code_limits import SALE_CODES, EngagementLife, SaleCodes
from bled.gatt.compare_code import grouped
from bled.gatt.engagement import ENGAGEMENT_SECONDS, Engagement, Meeting, OpenMeeting, Resumption
from bled.gatt.handshake import Secured
from bled.gatt.handshake_payloads import Feature
from bled.gatt.primitives import X25519Key
from bled.link.base import Central, MessageLink
from bled.link.handshaking import greet
from bled.sales.till import Till

HANDSHAKES: Final = 3
"""How many handshakes may fail before a compare code was shown, until the sale is given up."""
RACE_SECONDS: Final = 0.2
"""Pause after a device went away before it answered: it may be at another till by now, or wait for the next one."""


Tap = Callable[[], Awaitable[bool]]
"""Asks the cashier whether this sale may show another compare code; cancelled when the time for a buyer is over."""


class NotMet(BledError):
    """No buyer has the offer in hand: the sale can be cancelled."""


class Greeting:
    """How one sale gets its buyer."""

    def __init__(self, till: Till, *, reader: X25519Key, engage: bool, tap: Tap | None = None) -> None:
        """Take the reader's lasting key; `engage` lets only the device in that read the code on the till's screen.

        Without `tap` a sale shows one compare code.
        """
        self._till = till
        self._reader = reader
        self._engage = engage
        self._tap = tap
        self._codes = SaleCodes()
        self._answered = False
        self._life: EngagementLife | None = None
        self._resumption: Resumption | None = None
        self.takes_invoice = False
        """Whether the device that was met takes an invoice in a STATUS."""

    async def run(self, central: Central, *, seconds: float, opening: Callable[[], Awaitable[bytes]]) -> MessageLink:
        """Return the private link to a buyer, on which what `opening` returns, an encoded OFFER, has left.

        `opening` is called when a device is there, so that its offer is fresh. A device that goes away before it
        answered was lost to another till: that is no failure, and the search goes on. Raises `NotMet`: `NO_BUYER` when
        no device came within `seconds` (120 with an engagement at most), `BUYER_LEFT` when it went away in the
        handshake, else what was wrong with the last one; and what `opening` raises.
        """
        meeting = self._meeting()
        give_up_at = self._now() + (min(seconds, ENGAGEMENT_SECONDS) if self._engage else seconds)
        failures = 0
        while True:
            link = await self._connect(central, meeting, seconds=max(0.0, give_up_at - self._now()))
            error = await self._secure(link, meeting, opening)
            if error is None:
                return link
            self._till.on_step("no private connection", {"code": error.code.value})
            failures += await self._is_failure(error, until=give_up_at)
            if failures == HANDSHAKES or isinstance(error, Refused) or not await self._may_show(until=give_up_at):
                raise _not_met(error) from error

    async def rejoin(self, central: Central, *, seconds: float, message: bytes) -> MessageLink:
        """Return a private link to the device that was met before, on which `message`, OFFER or STATUS, has left.

        Looks for it for `seconds` and forms no new code. Raises `BledError` when it does not come back.
        """
        meeting = self._resumption
        if meeting is None:
            raise Unavailable(Code.LINK_LOST, detail="the buyer's device cannot resume")
        give_up_at = self._now() + seconds
        failures = 0
        while True:
            link = await self._connect(central, meeting, seconds=max(0.0, give_up_at - self._now()))
            self._answered = False
            try:
                await greet(link, static=self._reader, meeting=meeting, message=message, before_hs3=self._note)
            except (PeerError, Unavailable) as error:
                failures += await self._is_failure(error, until=give_up_at)
                if failures == HANDSHAKES:
                    raise
            else:
                return link

    async def _is_failure(self, error: BledError, *, until: float) -> bool:
        """Return whether a handshake failed; False where there was none yet, after a pause, while there is time."""
        if self._answered or error.code is not Code.LINK_LOST:
            return True
        left = until - self._now()
        if left <= 0:
            raise _not_met(error) from error
        await asyncio.sleep(min(RACE_SECONDS, left))
        return False

    async def _may_show(self, *, until: float) -> bool:
        """Return whether a device may be met that could form a code: from the second one on the cashier says so.

        A man in the middle drops the links whose codes do not match. Each code is his chance; a tap is a person who
        has seen that one was lost.
        """
        if not self._codes.shown:
            return True
        if self._tap is None:
            return False
        self._till.on_step("another code", {"shown": self._codes.shown, "most": SALE_CODES})
        try:
            async with asyncio.timeout(max(0.0, until - self._now())):
                allowed = await self._tap()
        except TimeoutError:
            return False
        if allowed:
            self._codes = self._codes.tap()
        return allowed

    def _meeting(self) -> OpenMeeting | Engagement:
        if not self._engage:
            return OpenMeeting()
        self._life = EngagementLife(since=self._now())
        engagement = Engagement.create(self._reader.public, entropy=os.urandom)
        self._till.on_step("engagement", {"text": engagement.format(), "seconds": ENGAGEMENT_SECONDS})
        return engagement

    async def _connect(self, central: Central, meeting: Meeting, *, seconds: float) -> MessageLink:
        try:
            return await central.connect(seconds=seconds, on_step=self._till.on_step, uuid=meeting.uuid)
        except Unavailable as error:
            raise _not_met(error) from error

    async def _secure(
        self, link: MessageLink, meeting: OpenMeeting | Engagement, opening: Callable[[], Awaitable[bytes]]
    ) -> BledError | None:
        """Make `link` private, or close it and return what was wrong with the device at its other end."""
        self._answered = False
        try:
            message = await opening()
        except BaseException:
            await link.close()
            raise
        try:
            secured = await greet(link, static=self._reader, meeting=meeting, message=message, before_hs3=self._count)
        except (PeerError, Unavailable, Refused) as error:
            return error
        self._resumption = secured.resumption
        self.takes_invoice = Feature.INVOICE in secured.features
        return None

    def _count(self, secured: Secured) -> None:
        """HS3 is about to leave: from now on a compare code can be formed, or the engagement is used."""
        self._note(secured)
        if self._life is not None:
            self._life = self._life.use(now=self._now())
        if secured.code is not None:
            self._codes = self._codes.take()
            self._till.on_step("compare code", {"code": grouped(secured.code)})

    def _note(self, _: Secured) -> None:
        """HS2 has come: whoever goes away from now on has begun a handshake."""
        self._answered = True

    def _now(self) -> float:
        return self._till.clock.monotonic()


def _not_met(error: BledError) -> NotMet:
    code = Code.BUYER_LEFT if error.code is Code.LINK_LOST else error.code
    return NotMet(code, detail=error.detail or "the link broke before the buyer's device had the offer")
