"""How a till meets its buyer: it finds a device, makes the link private, and hands over the offer on the way.

When a link breaks the same device is looked for under the name that only the two know. But as long as nothing was heard
of it since HS3, it may not have HS3, and then it waits under its first name: so that one is looked for too, for a first
handshake anew, within the limits that hold for every first handshake (gatt_profile.md, 6.5 and 10.5).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Never
from uuid import UUID

from bled.codes import Code
from bled.errors import BledError, PeerError, Refused, Unavailable
from bled.gatt.code_limits import SALE_CODES, EngagementLife, SaleCodes
from bled.gatt.compare_code import grouped
from bled.gatt.engagement import ENGAGEMENT_SECONDS, Engagement, OpenMeeting, Resumption
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


_OFFER_FROM: Final = 3
"""Where in an encoded OFFER the offer begins, its length first: before it stands how long it is good for."""

Opening = Callable[[], Awaitable[bytes]]
"""Makes what a first handshake carries, an encoded OFFER."""
Tap = Callable[[], Awaitable[bool]]
"""Asks the cashier whether this sale may show another compare code; cancelled when the time for a buyer is over."""


class NotMet(BledError):
    """No buyer has the offer in hand: the sale can be cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """A link to a buyer after one that broke.

    Attributes:
        link: private; what the till says first has left on it.
        anew: the device did not have the offer yet, or it is another device: this was a first handshake.
    """

    link: MessageLink
    anew: bool


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
        self._first: OpenMeeting | Engagement = OpenMeeting()
        self._life: EngagementLife | None = None
        self._resumption: Resumption | None = None
        self._offer: bytes | None = None
        self.takes_invoice = False
        """Whether the device that was met takes an invoice in a STATUS."""

    async def run(self, central: Central, *, seconds: float, opening: Opening) -> MessageLink:
        """Return the link to a buyer, on which what `opening` returns, an encoded OFFER, has left; it may be lost.

        `opening` is called when a device is there, so that its offer is fresh. A device that goes away before it
        answered was lost to another till: that is no failure, and the search goes on. Raises `NotMet`: `NO_BUYER` when
        no device came within `seconds` (120 with an engagement at most), `BUYER_LEFT` when it went away in the
        handshake, else what was wrong with the last one; and what `opening` raises.
        """
        self._first = self._meeting()
        give_up_at = self._now() + (min(seconds, ENGAGEMENT_SECONDS) if self._engage else seconds)
        failures = 0
        while True:
            _, link = await self._connect(central, (self._first.uuid,), seconds=give_up_at - self._now())
            error = await self._begin(link, opening)
            if error is None:
                return link
            self._till.on_step("no private connection", {"code": error.code.value})
            failures += await self._is_failure(error, until=give_up_at)
            if failures == HANDSHAKES or isinstance(error, Refused):
                raise _not_met(error) from error

    async def rejoin(self, central: Central, *, seconds: float, message: bytes, opening: Opening | None) -> Return:
        """Return a link to the device that was met before, on which `message`, OFFER or STATUS, has left.

        Looks for it for `seconds`. Give `opening` only while nothing was heard of the device since HS3: a first
        handshake may then begin anew, with an offer that `opening` makes. Raises `BledError` when nobody comes.
        """
        give_up_at = self._now() + seconds
        allowing = self._allowing(heard=opening is None)
        failures = 0
        try:
            while True:
                uuid, link = await self._find(central, allowing, until=give_up_at)
                anew = opening is not None and uuid == self._first.uuid
                error = await (self._begin(link, opening) if opening and anew else self._resume(link, message))
                if error is None:
                    return Return(link=link, anew=anew)
                failures += await self._is_failure(error, until=give_up_at)
                if failures == HANDSHAKES:
                    raise error
        finally:
            await _stop(allowing)

    async def _find(
        self, central: Central, allowing: "asyncio.Future[bool]", *, until: float
    ) -> tuple[UUID, MessageLink]:
        """Find the device under its secret name; from when `allowing` says yes on under its first name as well."""
        while True:
            may_begin = allowing.done() and allowing.result() and self._is_good_still()
            uuids = self._names(may_begin=may_begin)
            if not uuids and allowing.done():
                raise Unavailable(Code.LINK_LOST, detail="the buyer's device cannot resume")
            seconds = until - self._now()
            search = self._connect(central, uuids, seconds=seconds) if uuids else _wait(seconds)
            finding = asyncio.ensure_future(search)
            try:
                either: set[asyncio.Future[Any]] = {finding} if allowing.done() else {finding, allowing}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _stop(finding)
            if not finding.cancelled():
                return finding.result()

    def _names(self, *, may_begin: bool) -> tuple[UUID, ...]:
        secret = () if self._resumption is None else (self._resumption.uuid,)
        return (*secret, self._first.uuid) if may_begin else secret

    async def _is_failure(self, error: BledError, *, until: float) -> bool:
        """Return whether a handshake failed; False where there was none yet, after a pause, while there is time."""
        if self._answered or error.code is not Code.LINK_LOST:
            return True
        left = until - self._now()
        if left <= 0:
            raise _not_met(error) from error
        await asyncio.sleep(min(RACE_SECONDS, left))
        return False

    def _allowing(self, *, heard: bool) -> "asyncio.Future[bool]":
        """Return what says whether a first handshake may begin anew. In the open each forms a code: the cashier says.

        A man in the middle drops the links whose codes do not match. Each code is his chance; a tap is a person who
        has seen that one was lost.
        """
        if self._tap is not None and not heard and not self._engage and self._codes.shown < SALE_CODES:
            return asyncio.ensure_future(self._ask(self._tap))
        known: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        known.set_result(self._engage and not heard)
        return known

    async def _ask(self, tap: Tap) -> bool:
        """Return True. Raises `NotMet` when the cashier says no."""
        self._till.on_step("another code", {"shown": self._codes.shown, "most": SALE_CODES})
        if not await tap():
            raise NotMet(Code.BUYER_LEFT, detail="the link broke, and no other code is to be shown")
        self._codes = self._codes.tap()
        return True

    def _is_good_still(self) -> bool:
        """Return whether the first way to meet is: an engagement under which nobody was heard is not used up."""
        if self._life is None:
            return True
        self._life = replace(self._life, used=False)
        try:
            self._life.check(now=self._now())
        except Refused:
            return False
        return True

    def _meeting(self) -> OpenMeeting | Engagement:
        if not self._engage:
            return OpenMeeting()
        self._life = EngagementLife(since=self._now())
        engagement = Engagement.create(self._reader.public, entropy=os.urandom)
        self._till.on_step("engagement", {"text": engagement.format(), "seconds": ENGAGEMENT_SECONDS})
        return engagement

    async def _connect(self, central: Central, uuids: tuple[UUID, ...], *, seconds: float) -> tuple[UUID, MessageLink]:
        try:
            return await central.connect_any(seconds=max(0.0, seconds), on_step=self._till.on_step, uuids=uuids)
        except Unavailable as error:
            raise _not_met(error) from error

    async def _begin(self, link: MessageLink, opening: Opening) -> BledError | None:
        """Make `link` private, or close it and return what was wrong with the device at its other end."""
        self._answered = False
        try:
            message = await opening()
        except BaseException:
            await link.close()
            raise
        if self._offer != message[_OFFER_FROM:]:  # whoever has seen another offer has nothing to come back to
            self._offer, self._resumption = message[_OFFER_FROM:], None
        try:
            secured = await greet(
                link, static=self._reader, meeting=self._first, message=message, before_hs3=self._count
            )
        except (PeerError, Unavailable, Refused) as error:
            return error
        self._resumption = secured.resumption
        self.takes_invoice = Feature.INVOICE in secured.features
        return None

    async def _resume(self, link: MessageLink, message: bytes) -> BledError | None:
        """As `_begin`, for the device that was met before. Forms no new code."""
        self._answered = False
        if self._resumption is None:
            raise BledError(Code.INTERNAL, detail="found under a name that nobody has")
        try:
            await greet(link, static=self._reader, meeting=self._resumption, message=message, before_hs3=self._note)
        except (PeerError, Unavailable) as error:
            return error
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


async def _wait(seconds: float) -> Never:
    await asyncio.sleep(max(0.0, seconds))
    raise NotMet(Code.BUYER_LEFT, detail="the link broke, and nobody came back")


async def _stop(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _not_met(error: BledError) -> NotMet:
    code = Code.BUYER_LEFT if error.code is Code.LINK_LOST else error.code
    return NotMet(code, detail=error.detail or "the link broke before the buyer's device had the offer")
