"""The driver over a bearer of memory: what a backend may rely on, and what it must do."""

import asyncio

import pytest

from bled.codes import Code
from bled.errors import PeerError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.frames import FramingError, Violation
from bled.link import framed
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.progress import ignore_steps


class Wire:
    """A bearer that hands its frames to another link, or fails."""

    att_mtu = 23
    peer = "nobody"
    stats = LinkStats(att_pdus=7, bytes_on_air=70)

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bool]] = []
        self.closed = 0
        self.fail_at: int | None = None
        self.other: FramedLink | None = None

    async def write(self, frame: bytes, *, last: bool) -> None:
        if len(self.frames) == self.fail_at:
            raise Unavailable(Code.LINK_LOST, detail="cut")
        self.frames.append((frame, last))
        if self.other is not None:
            self.other.take_frame(frame)

    async def close(self) -> None:
        self.closed += 1


class Xor:
    """A channel that changes bytes and refuses some: a stand-in for encryption."""

    def seal(self, message: bytes) -> bytes:
        return bytes(byte ^ 0xFF for byte in message) + b"tag"

    def open(self, data: bytes) -> bytes:
        if not data.endswith(b"tag"):
            raise PeerError(Code.FRAMING, detail="it does not open")
        return bytes(byte ^ 0xFF for byte in data[:-3])


def link_over(wire: Wire, *, channel=None, on_step=ignore_steps) -> FramedLink:
    return FramedLink(wire, channel=channel or PlainChannel(), on_step=on_step)


async def test_nothing_is_waited_for_where_the_peer_answers_at_once() -> None:
    wire = Wire()
    link = link_over(wire)
    await link.send(bytes(40), answered=True)
    await link.send(b"x")
    assert [last for _, last in wire.frames] == [False, False, False, True]
    assert [frame[0] for frame, _ in wire.frames] == [0x80, 0x01, 0x42, 0xC3]


async def test_frames_are_numbered_over_messages_and_the_last_is_marked() -> None:
    wire = Wire()
    link = link_over(wire)
    await link.send(bytes(40))
    await link.send(b"x")
    assert [(frame[0], last) for frame, last in wire.frames] == [
        (0x80, False),
        (0x01, False),
        (0x42, True),
        (0xC3, True),
    ]


async def test_every_message_passes_the_channel_both_ways() -> None:
    wire = Wire()
    receiver = link_over(Wire(), channel=Xor())
    wire.other = receiver
    await link_over(wire, channel=Xor()).send(b"secret")
    assert b"secret" not in wire.frames[0][0]
    assert await receiver.receive(seconds=1) == b"secret"


async def test_what_the_channel_refuses_ends_the_receiving() -> None:
    link = link_over(Wire(), channel=Xor())
    link.take_frame(b"\xc0\x00\x04junk")
    with pytest.raises(PeerError, match="does not open"):
        await link.receive(seconds=1)


async def test_two_messages_at_once_do_not_mix() -> None:
    wire = Wire()
    receiver = link_over(Wire())
    wire.other = receiver
    sender = link_over(wire)
    await asyncio.gather(sender.send(b"a" * 100), sender.send(b"b" * 100))
    assert [await receiver.receive(seconds=1) for _ in range(2)] == [b"a" * 100, b"b" * 100]


async def test_a_bearer_that_fails_ends_the_link() -> None:
    wire = Wire()
    link = link_over(wire)
    wire.fail_at = 1
    with pytest.raises(Unavailable, match="cut"):
        await link.send(bytes(40))
    for attempt in (link.send(b"x"), link.receive(seconds=1)):
        with pytest.raises(Unavailable) as caught:
            await attempt
        assert caught.value.code is Code.LINK_LOST


async def test_the_end_is_told_once_with_what_it_cost() -> None:
    told: list[tuple[str, dict[str, object]]] = []
    wire = Wire()
    link = link_over(wire, on_step=lambda name, facts: told.append((name, dict(facts))))
    link.lose("the other side closed the link")
    link.lose("again")
    await link.close()
    await link.close()
    assert told == [("link closed", {"att_pdus": 7, "bytes_on_air": 70})]
    assert wire.closed == 1
    with pytest.raises(Unavailable, match="the other side closed the link"):
        await link.receive(seconds=1)


async def test_messages_before_the_end_are_read_first_and_frames_after_an_error_are_dropped() -> None:
    link = link_over(Wire())
    link.take_frame(b"\xc0\x00\x01a")
    link.take_frame(b"\xc1\x00\x00b")
    link.take_frame(b"\xc1\x00\x01c")
    link.lose("gone")
    assert await link.receive(seconds=1) == b"a"
    for _ in range(2):
        with pytest.raises(FramingError) as caught:
            await link.receive(seconds=1)
        assert caught.value.violation is Violation.LENGTH


async def test_a_cancelled_wait_loses_no_message() -> None:
    link = link_over(Wire())
    for _ in range(3):
        waiting = asyncio.ensure_future(link.receive(seconds=60))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    link.take_frame(b"\xc0\x00\x01a")
    assert await link.receive(seconds=0) == b"a"


async def test_who_spoke_last_lets_the_other_side_disconnect() -> None:
    wire = Wire()
    link = link_over(wire)
    await link.send(b"the last word")
    closing = asyncio.ensure_future(link.close())
    await asyncio.wait([closing], timeout=0.05)
    assert wire.closed == 0
    link.lose("the other side closed the link")
    await closing
    assert wire.closed == 1


async def test_a_peer_that_does_not_disconnect_is_not_waited_for_longer_than_so(monkeypatch) -> None:
    monkeypatch.setattr(framed, "LINGER_SECONDS", 0.02)
    wire = Wire()
    link = link_over(wire)
    await link.send(b"the last word")
    await link.close()
    assert wire.closed == 1


async def test_a_wait_for_the_other_side_that_is_cancelled_still_disconnects() -> None:
    wire = Wire()
    link = link_over(wire)
    await link.send(b"the last word")
    closing = asyncio.ensure_future(link.close())
    await asyncio.wait([closing], timeout=0.05)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert wire.closed == 1


async def test_who_waited_for_an_answer_in_vain_disconnects_at_once() -> None:
    wire = Wire()
    link = link_over(wire)
    await link.send(b"a question")
    with pytest.raises(Unavailable):
        await link.receive(seconds=0.01)
    async with asyncio.timeout(1):
        await link.close()
    assert wire.closed == 1
