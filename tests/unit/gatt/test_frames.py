"""The fragment layer, byte by byte."""

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.gatt.frames import FramingError, Reassembler, Violation, fragment_size, is_last, split_message


def feed(*frames: bytes, now: float = 0.0) -> tuple[bytes, ...]:
    """Feed `frames`, given as bytes, to a fresh reassembler."""
    reassembler = Reassembler()
    return tuple(message for frame in frames for message in reassembler.receive(frame, now=now))


def violation(*frames: bytes) -> Violation:
    with pytest.raises(FramingError) as caught:
        feed(*frames)
    return caught.value.violation


@pytest.mark.parametrize(
    ("att_mtu", "size", "frames_of_4096"), [(23, 18, 242), (185, 180, 23), (247, 242, 18), (500, 495, 9), (517, 495, 9)]
)
def test_fragments_have_the_size_of_the_ladder(att_mtu: int, size: int, frames_of_4096: int) -> None:
    frames = split_message(bytes(4096), att_mtu=att_mtu)
    assert fragment_size(att_mtu) == size
    assert len(frames) == frames_of_4096
    assert {len(frame) for frame in frames[:-1]} == {size}


def test_the_peers_limit_counts_when_it_is_smaller() -> None:
    assert fragment_size(517, peer_limit=100) == 100
    assert fragment_size(517, peer_limit=510) == 495


@pytest.mark.parametrize(("att_mtu", "limit"), [(22, 495), (517, 17)])
def test_less_than_18_bytes_for_a_frame_is_refused(att_mtu: int, limit: int) -> None:
    with pytest.raises(FramingError) as caught:
        fragment_size(att_mtu, peer_limit=limit)
    assert caught.value.violation is Violation.FRAGMENT_SIZE


def test_a_short_message_is_one_frame() -> None:
    assert split_message(b"\x17\x01", att_mtu=23) == (bytes.fromhex("c000021701"),)


def test_a_long_message_at_the_smallest_mtu() -> None:
    frames = split_message(bytes(range(20)), att_mtu=23, first_number=31)
    assert [frame.hex() for frame in frames] == ["9f0014000102030405060708090a0b0c0d0e", "400f10111213"]


def test_frame_numbers_run_over_messages_and_wrap_at_32() -> None:
    frames = split_message(bytes(4096), att_mtu=185, first_number=20)
    assert [frame[0] & 0x1F for frame in frames] == [(20 + index) % 32 for index in range(23)]


def test_only_the_last_frame_says_so() -> None:
    frames = split_message(bytes(50), att_mtu=23)
    assert [is_last(frame) for frame in frames] == [False, False, False, True]
    assert not is_last(b"")


def test_a_message_of_our_own_that_is_too_long_is_refused() -> None:
    with pytest.raises(BledError) as caught:
        split_message(bytes(4097), att_mtu=517)
    assert caught.value.code is Code.MESSAGE_TOO_LARGE


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        split_message(b"", att_mtu=517)


def test_a_frame_is_reassembled_byte_by_byte() -> None:
    assert feed(bytes.fromhex("c000021701")) == (b"\x17\x01",)
    assert feed(bytes.fromhex("80000317"), bytes.fromhex("010a"), bytes.fromhex("420b")) == (b"\x17\x0a\x0b",)


def test_frames_may_be_shorter_than_the_limit() -> None:
    assert feed(b"\x80\x00\x03a", b"\x01b", b"\x42c") == (b"abc",)


def test_one_frame_can_complete_two_messages() -> None:
    reassembler = Reassembler()
    assert reassembler.receive(b"\xc1\x00\x01b", now=0.0) == ()
    assert reassembler.receive(b"\xc0\x00\x01a", now=0.0) == (b"a", b"b")


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ((b"",), Violation.HEADER),
        ((b"\x80",), Violation.HEADER),
        ((b"\xc0\x00",), Violation.HEADER),
        ((b"\xe0\x00\x01a",), Violation.RESERVED),
        ((b"\xc0\x02\x00" + bytes(510),), Violation.FRAME_TOO_LONG),
        ((b"\x80\x00\x01",), Violation.EMPTY),
        ((b"\x80\x00\x02a", b"\x41"), Violation.EMPTY),
        ((b"\xc1\x00\x01a", b"\xc1\x00\x01a"), Violation.DUPLICATE),
        ((b"\xc0\x00\x01a", b"\xc0\x00\x01a"), Violation.NUMBER),
        ((b"\xd0\x00\x01a",), Violation.NUMBER),
        ((b"\xdf\x00\x01a",), Violation.NUMBER),
        ((b"\x40a",), Violation.NO_FIRST),
        ((b"\xc0\x00\x01a", b"\x41b"), Violation.NO_FIRST),
        ((b"\x80\x00\x05a", b"\xc1\x00\x01a"), Violation.FIRST_INSIDE),
        ((b"\xc0\x00\x00a",), Violation.LENGTH),
        ((b"\xc0\x10\x01a",), Violation.TOO_LARGE),
        ((b"\xc0\x00\x01ab",), Violation.OVERRUN),
        ((b"\x80\x00\x02a", b"\x01bc"), Violation.OVERRUN),
        ((b"\xc0\x00\x02a",), Violation.SHORT),
        ((b"\x80\x00\x01a",), Violation.LAST_MISSING),
        ((b"\x80\x00\x02a", b"\x01b"), Violation.LAST_MISSING),
    ],
)
def test_each_violation_has_its_own_reason(frames: tuple[bytes, ...], expected: Violation) -> None:
    assert violation(*frames) is expected


def test_a_message_of_4096_bytes_is_taken_and_one_of_4097_is_too_large() -> None:
    assert feed(*split_message(bytes(4096), att_mtu=517)) == (bytes(4096),)
    with pytest.raises(FramingError) as caught:
        feed(b"\x80\x10\x01a")
    assert caught.value.code is Code.MESSAGE_TOO_LARGE


def test_other_violations_have_the_code_framing() -> None:
    with pytest.raises(FramingError) as caught:
        feed(b"")
    assert caught.value.code is Code.FRAMING
    assert str(caught.value) == "framing: frames: header"


def test_nothing_is_due_before_a_message_and_after_it() -> None:
    reassembler = Reassembler()
    assert reassembler.deadline is None
    reassembler.receive(b"\xc0\x00\x01a", now=5.0)
    assert reassembler.deadline is None
    reassembler.check(now=1e9)


def test_the_next_frame_is_due_in_two_seconds() -> None:
    reassembler = Reassembler()
    reassembler.receive(b"\x80\x00\x05a", now=10.0)
    reassembler.check(now=11.9)
    with pytest.raises(FramingError) as caught:
        reassembler.check(now=12.0)
    assert caught.value.violation is Violation.GAP


def test_a_frame_that_comes_after_the_deadline_is_refused() -> None:
    reassembler = Reassembler()
    reassembler.receive(b"\x80\x00\x02a", now=10.0)
    with pytest.raises(FramingError) as caught:
        reassembler.receive(b"\x41b", now=12.0)
    assert caught.value.violation is Violation.GAP


def test_frames_behind_a_gap_do_not_put_its_deadline_off() -> None:
    reassembler = Reassembler()
    reassembler.receive(b"\x81\x00\x02a", now=0.0)
    reassembler.receive(b"\x42b", now=1.5)
    assert reassembler.deadline == 2.0


def test_a_gap_behind_a_finished_message_is_due_two_seconds_after_it() -> None:
    reassembler = Reassembler()
    reassembler.receive(b"\xc2\x00\x01c", now=0.0)
    reassembler.receive(b"\xc0\x00\x01a", now=1.0)
    assert reassembler.deadline == 3.0
    assert reassembler.receive(b"\xc1\x00\x01b", now=2.5) == (b"b", b"c")
    assert reassembler.deadline is None


def test_a_message_that_drips_is_over_after_eight_seconds() -> None:
    reassembler = Reassembler()
    for second in range(8):
        header = b"\x80\x00\x64" if second == 0 else bytes([second])
        reassembler.receive(header + b"a", now=float(second))
    assert reassembler.deadline == 8.0
    with pytest.raises(FramingError) as caught:
        reassembler.check(now=8.0)
    assert caught.value.violation is Violation.TIMEOUT
