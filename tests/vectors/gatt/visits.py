"""Whom a device or a till meets before there is a session, one after the other, at the program's whole drivers."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from bled.buyer.arrival import Arrival
from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting, Resumption, fingerprint
from bled.gatt.handshake import Reader
from bled.gatt.primitives import X25519Key
from bled.link.base import LinkStats
from bled.link.bumble_peripheral import ADVERTISE_SECONDS
from bled.link.framed import FramedLink
from bled.link.handshaking import be_greeted, greet
from bled.progress import ignore_steps
from bled.sales.greeting import Greeting
from bled.vault.vault import Vault

from .make_gatt import OFFER, OTHER_STATIC, STATIC, fixed
from .rigs import LoopClock

CODE = Engagement(secret=fixed("secret", 16), fingerprint=fingerprint(STATIC.public))
RESUMPTION = Resumption(psk=fixed("resume psk"), reader_key=STATIC.public, session_id=fixed("session", 16))
MEETINGS: dict[str, Meeting] = {"open": OpenMeeting(), "engaged": CODE, "resumed": RESUMPTION}
Ended = tuple[int, float, str]
"""At how many visitors a side has looked, after how many seconds that was over, and how."""
Visitor = Callable[[FramedLink, Meeting], Awaitable[None]]


class Wire:
    """A bearer of memory."""

    att_mtu = 517
    peer = "a visitor"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)
    other: FramedLink

    async def write(self, frame: bytes, *, last: bool) -> None:
        """Bring a frame to the other end."""
        self.other.take_frame(frame)

    async def close(self) -> None:
        """End the connection."""
        self.other.lose("the other side closed the link")


def ends() -> tuple[FramedLink, FramedLink]:
    """Return both ends of a connection."""
    wires = Wire(), Wire()
    one, other = (FramedLink(wire, channel=PlainChannel(), on_step=ignore_steps) for wire in wires)
    wires[0].other, wires[1].other = other, one
    return one, other


async def _no_hello(link: FramedLink, _: Meeting) -> None:
    await link.send(b"\x10" * 100)


async def _comes(link: FramedLink, meeting: Meeting) -> None:
    await greet(link, static=STATIC, meeting=meeting, message=OFFER, before_hs3=lambda _: None)


async def _leaves_after_hs2(link: FramedLink, meeting: Meeting) -> None:
    def leave(_: object) -> None:
        raise PeerError(Code.BAD_STATE)

    await greet(link, static=STATIC, meeting=meeting, message=OFFER, before_hs3=leave)


async def _falls_silent(link: FramedLink, meeting: Meeting) -> None:
    await link.send(Reader(static=STATIC, meeting=meeting, message=OFFER).start(entropy=fixed_length))
    await asyncio.Event().wait()


class _Liar(Reader):
    _commitment = staticmethod(lambda *_: bytes(32))


async def _breaks_its_word(link: FramedLink, meeting: Meeting) -> None:
    reader = _Liar(static=STATIC, meeting=meeting, message=OFFER)
    await link.send(reader.start(entropy=fixed_length))
    hs3, _ = reader.finish(await link.receive(seconds=5))
    await link.send(hs3)


def fixed_length(length: int) -> bytes:
    """Return so many octets."""
    return fixed("a liar", length)


async def _is_another(link: FramedLink, meeting: Meeting) -> None:
    key = OTHER_STATIC
    if isinstance(meeting, Engagement):
        meeting = Engagement(secret=meeting.secret, fingerprint=fingerprint(key.public))
    if isinstance(meeting, Resumption):
        meeting = Resumption(psk=meeting.psk, reader_key=key.public, session_id=meeting.session_id)
    await greet(link, static=key, meeting=meeting, message=OFFER, before_hs3=lambda _: None)


async def _nobody(_: FramedLink, __: Meeting) -> None:
    """Stand for the time in which nobody comes."""


async def _closes(_: FramedLink, __: Meeting) -> None:
    """Stand for the person who closes the pay screen."""


TILLS: dict[str, Visitor] = {
    "the till comes": _comes,
    "what is no HS1 comes": _no_hello,
    "a till leaves after HS2": _leaves_after_hs2,
    "HS3 breaks the commitment": _breaks_its_word,
    "another reader comes": _is_another,
    "a till is silent after HS1": _falls_silent,
    "nobody comes": _nobody,
    "the person closes the pay screen": _closes,
}


async def _goes(link: FramedLink, _: Meeting) -> None:
    await link.close()


async def _answers(link: FramedLink, meeting: Meeting) -> None:
    await be_greeted(link, meeting=meeting, before_hs2=lambda: None)


async def _says_nothing(_: FramedLink, __: Meeting) -> None:
    await asyncio.Event().wait()


DEVICES: dict[str, Visitor] = {
    "the device answers": _answers,
    "what is no HS2 comes": _no_hello,
    "a device goes before HS2": _goes,
    "a device is silent": _says_nothing,
}


class Place:
    """Where one visitor comes after the other; both kinds of radio at once."""

    def __init__(self, meeting: Meeting, visitors: list[Visitor]) -> None:
        self.meeting = meeting
        self.seen = 0
        self.waiting: asyncio.Future[Any] | None = None
        self._visitors = visitors
        self._tasks: list[asyncio.Task[None]] = []

    async def accept(self, *, seconds: float, **_: Any) -> FramedLink:
        """A device waits: return its end of the next connection."""
        visitor = self._visitors[self.seen] if self.seen < len(self._visitors) else None
        if visitor is _nobody:
            await asyncio.sleep(min(seconds, ADVERTISE_SECONDS))
            raise Unavailable(Code.NO_BUYER)
        if visitor is _closes and self.waiting is not None:
            self.waiting.cancel()
            await asyncio.Event().wait()
        return self._next()

    async def connect_any(self, *, uuids: tuple[UUID, ...], **_: Any) -> tuple[UUID, FramedLink]:
        """A till looks: return its end of the next connection."""
        return uuids[0], self._next()

    def _next(self) -> FramedLink:
        if self.seen == len(self._visitors):
            raise Unavailable(Code.NO_BUYER)
        ours, theirs = ends()
        self._tasks.append(asyncio.ensure_future(self._visit(self._visitors[self.seen], theirs)))
        self.seen += 1
        return ours

    async def _visit(self, visitor: Visitor, link: FramedLink) -> None:
        try:
            await visitor(link, self.meeting)
        except BledError:
            await link.close()

    async def close(self) -> None:
        """Let everybody go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def waits(folder: Path, kind: str, names: list[str]) -> Ended:
    """Return how a device's wait ended."""
    place = Place(MEETINGS[kind], [TILLS[name] for name in names])
    with Vault.open(folder) as vault:
        engagement = CODE if kind == "engaged" else None
        arrival = Arrival(peripheral=place, vault=vault, engagement=engagement, clock=LoopClock(), on_step=ignore_steps)
        come = arrival._rejoin(RESUMPTION) if kind == "resumed" else arrival.run(seconds=ADVERTISE_SECONDS)
        return await _ended(come, place)


async def searches(kind: str, names: list[str]) -> Ended:
    """Return how a till's search ended."""
    place = Place(MEETINGS[kind], [DEVICES[name] for name in names])
    till: Any = SimpleNamespace(clock=LoopClock(), on_step=ignore_steps)
    greeting = Greeting(till, reader=X25519Key(STATIC.reveal()), engage=False)
    if kind == "engaged":
        greeting._meeting = lambda: CODE
    if kind == "resumed":
        greeting._resumption = RESUMPTION
        come: Any = greeting.rejoin(place, seconds=60, message=OFFER, opening=None)
    else:
        come = greeting.run(place, seconds=60, opening=_offer)
    return await _ended(come, place)


async def _offer() -> bytes:
    return OFFER


async def _ended(come: Any, place: Place) -> Ended:
    place.waiting = asyncio.ensure_future(come)
    try:
        met = await place.waiting
    except asyncio.CancelledError:
        return place.seen, _now(), "closed"
    except BledError as error:
        return place.seen, _now(), error.code.value
    else:
        after = _now()
        await getattr(met, "link", met).close()
        return place.seen, after, "met"
    finally:
        await place.close()


def _now() -> float:
    return round(asyncio.get_running_loop().time(), 3)
