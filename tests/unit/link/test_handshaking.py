"""The handshake over a link: private afterwards, in time or not at all, and silent about what went wrong."""

import asyncio
import contextlib
import os
from collections.abc import Callable

import pytest

from bled.codes import Code
from bled.errors import BledError, PeerError, Refused, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting
from bled.gatt.handshake import Reader, Secured
from bled.gatt.handshake_payloads import Feature
from bled.gatt.primitives import X25519Key
from bled.link import handshaking
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.link.handshaking import be_greeted, greet
from bled.progress import ignore_steps

STATIC = X25519Key(b"\x21" * 32)
OFFER = b"\x10\x01\x2c\x00\x03abc"


class Wire:
    """A bearer to another link, at an ATT_MTU of its own, that keeps what it carried."""

    peer = "nobody"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    def __init__(self, att_mtu: int) -> None:
        self.att_mtu = att_mtu
        self.frames: list[bytes] = []
        self.alter: Callable[[bytes], bytes] = lambda frame: frame
        self.link: FramedLink | None = None
        self.other: FramedLink | None = None

    async def write(self, frame: bytes, *, last: bool) -> None:
        self.frames.append(frame)
        self.other.take_frame(self.alter(frame))

    async def close(self) -> None:
        self.other.lose("the other side closed the link")


def wired(till_mtu: int = 517, device_mtu: int = 517) -> tuple[Wire, Wire]:
    """Return the till's and the device's wire, each with its link."""
    wires = Wire(till_mtu), Wire(device_mtu)
    for wire in wires:
        wire.link = FramedLink(wire, channel=PlainChannel(), on_step=ignore_steps)
    wires[0].other, wires[1].other = wires[1].link, wires[0].link
    return wires


def count_nothing(*_: object) -> None:
    """Let everything leave."""


async def shake(
    till: Wire,
    device: Wire,
    *,
    ways: tuple[Meeting, Meeting] = (OpenMeeting(), OpenMeeting()),
    before_hs3: Callable[[Secured], None] = count_nothing,
    before_hs2: Callable[[], None] = count_nothing,
) -> tuple[Secured | BaseException, tuple[bytes, Secured] | BaseException]:
    """Run both sides; return what each has, or what it raised."""
    return await asyncio.gather(
        greet(till.link, static=STATIC, meeting=ways[0], message=OFFER, before_hs3=before_hs3),
        be_greeted(device.link, meeting=ways[1], before_hs2=before_hs2),
        return_exceptions=True,
    )


@pytest.mark.parametrize(("till_mtu", "device_mtu"), [(23, 23), (23, 517), (517, 185), (517, 517)])
async def test_both_sides_have_one_code_and_what_follows_is_sealed_in_frames_that_the_other_takes(
    till_mtu: int, device_mtu: int
) -> None:
    till, device = wired(till_mtu, device_mtu)
    secured, (opening, of_device) = await shake(till, device)
    assert opening == OFFER
    assert secured.code == of_device.code is not None
    assert of_device.reader_key == STATIC.public
    device.frames.clear()
    for sender, receiver in ((till, device), (device, till)):
        await sender.link.send(b"nobody else reads this" * 40)
        assert await receiver.link.receive(seconds=1) == b"nobody else reads this" * 40
    assert max(map(len, device.frames)) <= min(till_mtu, device_mtu) - 5
    assert not any(b"nobody" in frame for frame in till.frames + device.frames)


async def test_a_message_right_behind_the_last_of_the_handshake_is_opened_by_the_new_channel() -> None:
    till, device = wired()

    async def greet_and_talk() -> None:
        await greet(till.link, static=STATIC, meeting=OpenMeeting(), message=OFFER, before_hs3=count_nothing)
        await till.link.send(b"first")
        await till.link.send(b"second")

    async def listen_late() -> list[bytes]:
        opening, _ = await be_greeted(device.link, meeting=OpenMeeting(), before_hs2=count_nothing)
        return [opening, await device.link.receive(seconds=1), await device.link.receive(seconds=1)]

    _, heard = await asyncio.gather(greet_and_talk(), listen_late())
    assert heard == [OFFER, b"first", b"second"]


async def test_both_sides_know_how_to_meet_again_and_do_without_a_code_then() -> None:
    secured, (_, of_device) = await shake(*wired())
    assert Feature.RESUME in secured.features
    assert secured.resumption == of_device.resumption
    again, (opening, of_device) = await shake(*wired(), ways=(secured.resumption, secured.resumption))
    assert (opening, again.code, of_device.code) == (OFFER, None, None)
    assert again.resumption == of_device.resumption == secured.resumption


async def test_a_stranger_does_not_get_into_a_meeting_that_broke() -> None:
    secured, _ = await shake(*wired())
    at_till, at_device = await shake(*wired(), ways=(OpenMeeting(), secured.resumption))
    assert (at_till.code, at_device.code) == (Code.LINK_LOST, Code.HANDSHAKE_FAILED)


async def test_an_engaged_device_needs_no_code() -> None:
    engagement = Engagement.create(STATIC.public, entropy=lambda length: b"\x05" * length)
    secured, (_, of_device) = await shake(*wired(), ways=(engagement, engagement))
    assert secured.code is of_device.code is None


async def test_what_may_not_be_counted_does_not_leave() -> None:
    def refuse(*_: object) -> None:
        raise Refused(Code.OPEN_TRIES_SPENT)

    till, device = wired()
    at_till, at_device = await shake(till, device, before_hs2=refuse)
    assert (at_till.code, at_device.code, device.frames) == (Code.LINK_LOST, Code.OPEN_TRIES_SPENT, [])
    till, device = wired()
    at_till, at_device = await shake(till, device, before_hs3=refuse)
    assert (at_till.code, at_device.code, len(till.frames)) == (Code.OPEN_TRIES_SPENT, Code.LINK_LOST, 1)


async def test_the_code_is_counted_once_and_before_its_message() -> None:
    till, device = wired()
    counted: list[tuple[str, int]] = []
    await shake(
        till,
        device,
        before_hs3=lambda secured: counted.append(("HS3", len(till.frames))),
        before_hs2=lambda: counted.append(("HS2", len(device.frames))),
    )
    assert counted == [("HS2", 0), ("HS3", 1)]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("side", ["till", "device"])
async def test_whatever_is_changed_on_the_way_ends_it_without_a_word(side: str, number: int) -> None:
    till, device = wired()
    liar = till if side == "till" else device
    seen = 0

    def flip(frame: bytes) -> bytes:
        nonlocal seen
        seen += 1
        return frame[:-1] + bytes([frame[-1] ^ 1]) if seen == number + 1 else frame

    liar.alter = flip
    at_till, at_device = await shake(till, device)
    if (side, number) == ("device", 1):  # the device says one thing only
        assert not isinstance(at_till, BaseException)
        return
    deceived, other = (at_device, at_till) if side == "till" else (at_till, at_device)
    assert isinstance(deceived, PeerError)
    assert deceived.code in (Code.HANDSHAKE_FAILED, Code.HANDSHAKE_MALFORMED)
    assert not isinstance(other, BaseException) or other.code is Code.LINK_LOST
    assert len(till.frames) <= 2
    assert len(device.frames) <= 1


@pytest.mark.parametrize("noise", [b"x", b"\x10" * 87, bytes(88), bytes(257), bytes(4096)])
async def test_noise_is_answered_with_a_closed_link(noise: bytes) -> None:
    till, device = wired()
    counted: list[None] = []
    await till.link.send(noise)
    with pytest.raises(PeerError) as caught:
        await be_greeted(device.link, meeting=OpenMeeting(), before_hs2=lambda: counted.append(None))
    assert caught.value.code in (Code.HANDSHAKE_MALFORMED, Code.HANDSHAKE_FAILED)
    assert (device.frames, counted) == ([], [])
    with pytest.raises(Unavailable):
        await device.link.send(b"still there?")


@pytest.mark.parametrize("again", ["the same octets", "other octets"])
async def test_hs1_sent_a_second_time_is_taken_as_hs3_and_ends_it_without_a_word(again: str) -> None:
    till, device = wired()
    first, other = (
        Reader(static=STATIC, meeting=OpenMeeting(), message=OFFER).start(entropy=os.urandom) for _ in range(2)
    )
    tries: list[None] = []
    await till.link.send(first)
    await till.link.send(first if again == "the same octets" else other)
    with pytest.raises(PeerError) as caught:
        await be_greeted(device.link, meeting=OpenMeeting(), before_hs2=lambda: tries.append(None))
    assert caught.value.code is Code.HANDSHAKE_FAILED
    assert len(device.frames) == len(tries) == 1  # HS2, and nothing after it


async def test_what_a_device_notifies_before_hs1_is_taken_as_hs2_and_ends_it_without_a_word() -> None:
    till, device = wired()
    codes: list[Secured] = []
    await device.link.send(bytes(range(73)))
    with pytest.raises(PeerError) as caught:
        await greet(till.link, static=STATIC, meeting=OpenMeeting(), message=OFFER, before_hs3=codes.append)
    assert caught.value.code is Code.HANDSHAKE_FAILED
    assert (len(till.frames), codes) == (1, [])  # HS1, and nothing after it


async def test_a_till_of_another_version_is_told_so_and_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bled.gatt.handshake.FIRST_VERSION", 2)
    monkeypatch.setattr("bled.gatt.handshake.LAST_VERSION", 2)
    till, device = wired()
    counted: list[None] = []
    at_till, at_device = await shake(till, device, before_hs2=lambda: counted.append(None))
    assert at_till.code is at_device.code is Code.HANDSHAKE_VERSION
    assert len(counted) == len(device.frames) == 1


@pytest.mark.parametrize("side", ["till", "device"])
async def test_a_peer_that_says_nothing_is_not_waited_for(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshaking, "HANDSHAKE_SECONDS", 0.05)
    till, device = wired()
    sides = {
        "till": greet(till.link, static=STATIC, meeting=OpenMeeting(), message=OFFER, before_hs3=count_nothing),
        "device": be_greeted(device.link, meeting=OpenMeeting(), before_hs2=count_nothing),
    }
    waiting = sides.pop(side)
    for other in sides.values():
        other.close()
    with pytest.raises(Unavailable) as caught:
        await waiting
    assert caught.value.code is Code.PEER_TIMEOUT


async def test_a_handshake_that_is_cancelled_closes_its_link() -> None:
    till, _ = wired()
    greeting = asyncio.ensure_future(
        greet(till.link, static=STATIC, meeting=OpenMeeting(), message=OFFER, before_hs3=count_nothing)
    )
    await asyncio.sleep(0)
    greeting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await greeting
    with pytest.raises(Unavailable):
        await till.link.send(b"x")


async def test_a_changed_or_repeated_message_ends_the_hearing_but_not_the_speaking() -> None:
    till, device = wired()
    await shake(till, device)
    till.alter = lambda frame: frame[:-1] + bytes([frame[-1] ^ 1])
    await till.link.send(b"one")
    till.alter = lambda frame: frame
    await till.link.send(b"two")
    for _ in range(2):
        with pytest.raises(BledError) as caught:
            await device.link.receive(seconds=1)
        assert caught.value.code is Code.CHANNEL_BROKEN
    await device.link.send(b"an error, say")
    assert await till.link.receive(seconds=1) == b"an error, say"
