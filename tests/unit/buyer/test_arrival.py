"""The device waits for a till: whom it meets, how often it tries, and what it keeps of that."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from uuid import UUID

import pytest

from bled.buyer.arrival import Arrival, Met
from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.code_limits import OpenTries
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import SERVICE_UUID
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.link.handshaking import greet
from bled.progress import OnStep, ignore_steps
from bled.vault.vault import Vault
from bled_codec.units import UnixTime

NOW = UnixTime(1_800_000_000)
STATIC = X25519Key(b"\x21" * 32)
OTHER = X25519Key(b"\x22" * 32)
OFFER = b"\x10\x01\x2c\x00\x03abc"
CODE = Engagement.create(STATIC.public, entropy=lambda length: b"\x05" * length)


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.passed = 0

    def now(self) -> UnixTime:
        return UnixTime(NOW + self.passed)

    def monotonic(self) -> float:
        return float(self.passed)


class Wire:
    """A bearer of memory."""

    att_mtu = 517
    peer = "nobody"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)
    other: FramedLink

    async def write(self, frame: bytes, *, last: bool) -> None:
        self.other.take_frame(frame)

    async def close(self) -> None:
        self.other.lose("the other side closed the link")


Visitor = Callable[[FramedLink], Awaitable[None]]


class Counter:
    """A buyer's radio at a place where one visitor after the other comes."""

    def __init__(self, *visitors: Visitor) -> None:
        self._visitors = list(visitors)
        self.uuids: list[UUID] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> FramedLink:
        self.uuids.append(uuid)
        if not self._visitors:
            raise Unavailable(Code.NO_BUYER)
        wires = Wire(), Wire()
        links = [FramedLink(wire, channel=PlainChannel(), on_step=ignore_steps) for wire in wires]
        wires[0].other, wires[1].other = links[1], links[0]
        self.tasks.append(asyncio.ensure_future(self._visit(self._visitors.pop(0), links[0])))
        return links[1]

    async def _visit(self, visitor: Visitor, link: FramedLink) -> None:
        try:
            await visitor(link)
        except BledError:
            await link.close()

    async def close(self) -> None:
        await asyncio.gather(*self.tasks)


def till(static: X25519Key = STATIC, meeting: Meeting | None = None) -> Visitor:
    """Return a till that keeps the protocol."""

    async def visit(link: FramedLink) -> None:
        way = meeting or OpenMeeting()
        await greet(link, static=static, meeting=way, message=OFFER, before_hs3=lambda secured: None)

    return visit


async def noise(link: FramedLink) -> None:
    """Somebody who speaks another language."""
    await link.send(b"\x10" * 100)


async def leave(link: FramedLink) -> None:
    """Somebody who goes at once."""
    await link.close()


def drop_after_hs2(static: X25519Key = STATIC) -> Visitor:
    """Return somebody who looks for a code that suits, and goes when this one does not."""

    async def visit(link: FramedLink) -> None:
        def go(_: object) -> None:
            raise PeerError(Code.BAD_STATE)

        await greet(link, static=static, meeting=OpenMeeting(), message=OFFER, before_hs3=go)

    return visit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


async def arrive(
    folder: Path, counter: Counter, *, engagement: Engagement | None = None, clock: Clock | None = None
) -> Met:
    """Open the pay screen once, in a process of its own as it were."""
    steps: list[Mapping[str, object]] = []
    with Vault.open(folder) as vault:
        arrival = Arrival(
            peripheral=counter,
            vault=vault,
            engagement=engagement,
            clock=clock or Clock(),
            on_step=lambda name, facts: steps.append({"name": name, **facts}),
        )
        try:
            return await arrival.run(seconds=60)
        finally:
            await counter.close()


async def refusal(folder: Path, counter: Counter, **more: object) -> Code:
    with pytest.raises(BledError) as caught:
        await arrive(folder, counter, **more)
    return caught.value.code


async def test_a_stranger_is_met_with_a_code(folder: Path) -> None:
    counter = Counter(till())
    met = await arrive(folder, counter)
    assert (met.opening, met.reader_key, counter.uuids) == (OFFER, STATIC.public, [SERVICE_UUID])
    assert met.code is not None


async def test_the_till_whose_code_was_read_is_met_without_one_under_its_own_uuid(folder: Path) -> None:
    counter = Counter(till(meeting=CODE))
    met = await arrive(folder, counter, engagement=CODE)
    assert (met.code, met.reader_key, counter.uuids) == (None, STATIC.public, [CODE.uuid])
    with Vault.open(folder) as vault:
        assert vault.open_tries() == OpenTries()


@pytest.mark.parametrize("disturber", [noise, leave])
async def test_somebody_who_does_not_speak_the_protocol_keeps_no_till_out(folder: Path, disturber: Visitor) -> None:
    met = await arrive(folder, Counter(disturber, disturber, till()))
    assert met.code is not None
    with Vault.open(folder) as vault:
        assert vault.open_tries().left(now=NOW) == 2


async def test_three_failures_end_the_waiting(folder: Path) -> None:
    counter = Counter(noise, leave, noise, till())
    assert await refusal(folder, counter) in (Code.HANDSHAKE_MALFORMED, Code.HANDSHAKE_FAILED)
    assert len(counter.uuids) == 3


async def test_a_device_that_read_a_code_never_talks_to_a_stranger(folder: Path) -> None:
    counter = Counter(till(), till(), till())
    assert await refusal(folder, counter, engagement=CODE) is Code.HANDSHAKE_FAILED
    assert set(counter.uuids) == {CODE.uuid}


async def test_somebody_who_photographed_the_code_is_an_alarm(folder: Path) -> None:
    theirs = Engagement(secret=CODE.secret, fingerprint=Engagement.create(OTHER.public, entropy=bytes).fingerprint)
    counter = Counter(till(OTHER, theirs), till(meeting=CODE))
    assert await refusal(folder, counter, engagement=CODE) is Code.READER_MISMATCH
    assert len(counter.uuids) == 1


async def test_codes_cannot_be_drawn_again_and_again_by_dropping_the_link_nor_by_starting_anew(folder: Path) -> None:
    """A try is any handshake in which HS2 left, over pay screens and restarts; the third is the last in ten minutes."""
    clock = Clock()
    await refusal(folder, Counter(drop_after_hs2(), drop_after_hs2()), clock=clock)
    clock.passed = 590
    assert await refusal(folder, Counter(drop_after_hs2(), till()), clock=clock) is Code.OPEN_TRIES_SPENT
    silent = Counter(till())
    assert await refusal(folder, silent, clock=clock) is Code.OPEN_TRIES_SPENT
    assert silent.uuids == []  # it does not even show that it is there
    assert (await arrive(folder, Counter(till(meeting=CODE)), engagement=CODE, clock=clock)).code is None
    clock.passed = 601
    assert (await arrive(folder, Counter(till()), clock=clock)).code is not None


async def test_a_code_that_was_read_two_minutes_ago_is_not_used_any_more(folder: Path) -> None:
    clock = Clock()

    async def come_late(link: FramedLink) -> None:
        clock.passed = 120
        await till(meeting=CODE)(link)

    assert await refusal(folder, Counter(come_late), engagement=CODE, clock=clock) is Code.ENGAGEMENT_EXPIRED
