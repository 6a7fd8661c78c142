"""Properties of the fragment layer."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis.strategies import DataObject, binary, data, integers, lists

from bled.gatt.frames import FramingError, Reassembler, Violation, split_message
from bled.gatt.profile import FRAME_GAP_SECONDS, REORDER_WINDOW

messages = binary(min_size=1, max_size=4096)
mtus = integers(23, 517)
starts = integers(0, 31)


def receive_all(frames: Iterable[bytes], *, number: int) -> list[bytes]:
    """Feed `frames` to a reassembler that expects `number` next; then let the deadline pass."""
    reassembler = Reassembler()
    for earlier in range(number):
        reassembler.receive(bytes([0xC0 | earlier]) + b"\x00\x01x", now=0.0)
    received = [message for frame in frames for message in reassembler.receive(frame, now=0.0)]
    reassembler.check(now=FRAME_GAP_SECONDS)
    return received


@given(message=messages, att_mtu=mtus, number=starts)
def test_a_message_survives_any_mtu(message: bytes, att_mtu: int, number: int) -> None:
    frames = split_message(message, att_mtu=att_mtu, first_number=number)
    assert receive_all(frames, number=number) == [message]


@given(sent=lists(binary(min_size=1, max_size=300), min_size=1, max_size=6), att_mtu=mtus, draw=data())
def test_messages_survive_any_reordering_inside_the_window(sent: list[bytes], att_mtu: int, draw: DataObject) -> None:
    frames: list[bytes] = []
    for message in sent:
        frames.extend(split_message(message, att_mtu=att_mtu, first_number=len(frames)))
    pending = list(range(len(frames)))
    reassembler = Reassembler()
    received: list[bytes] = []
    while pending:
        reachable = [index for index in pending if index < pending[0] + REORDER_WINDOW]
        index = reachable[draw.draw(integers(0, len(reachable) - 1))]
        pending.remove(index)
        received.extend(reassembler.receive(frames[index], now=0.0))
    assert received == sent
    assert reassembler.deadline is None


def refused(frames: Iterable[bytes], *, number: int) -> Violation:
    """Return the violation that `frames` end in; any other end fails the test."""
    try:
        received = receive_all(frames, number=number)
    except FramingError as error:
        return error.violation
    raise AssertionError(f"taken as {received!r}")


@given(message=messages, att_mtu=mtus, number=starts, draw=data())
def test_every_flipped_header_bit_is_refused(message: bytes, att_mtu: int, number: int, draw: DataObject) -> None:
    frames = list(split_message(message, att_mtu=att_mtu, first_number=number))
    index = draw.draw(integers(0, len(frames) - 1))
    header_bits = 24 if index == 0 else 8
    bit = draw.draw(integers(0, header_bits - 1))
    frame = bytearray(frames[index])
    frame[bit // 8] ^= 1 << (bit % 8)
    frames[index] = bytes(frame)
    assert refused(frames, number=number)


@given(message=messages, att_mtu=mtus, number=starts, draw=data())
def test_every_truncated_frame_is_refused(message: bytes, att_mtu: int, number: int, draw: DataObject) -> None:
    frames = list(split_message(message, att_mtu=att_mtu, first_number=number))
    index = draw.draw(integers(0, len(frames) - 1))
    frames[index] = frames[index][: draw.draw(integers(0, len(frames[index]) - 1))]
    assert refused(frames, number=number)


@given(message=binary(min_size=16, max_size=4096), att_mtu=mtus, draw=data())
def test_a_lost_frame_is_a_gap_or_leaves_the_window(message: bytes, att_mtu: int, draw: DataObject) -> None:
    frames = list(split_message(message, att_mtu=min(att_mtu, len(message)) if len(message) >= 23 else 23))
    del frames[draw.draw(integers(0, len(frames) - 1))]
    if frames:
        assert refused(frames, number=0) in {Violation.GAP, Violation.NUMBER}


@given(message=messages, att_mtu=mtus, draw=data())
def test_a_frame_sent_twice_is_refused(message: bytes, att_mtu: int, draw: DataObject) -> None:
    frames = list(split_message(message, att_mtu=att_mtu))
    index = draw.draw(integers(0, len(frames) - 1))
    frames.insert(index + 1, frames[index])
    assert refused(frames, number=0) is Violation.NUMBER


@given(frames=lists(binary(max_size=520), max_size=40))
def test_garbage_never_raises_anything_but_a_framing_error(frames: list[bytes]) -> None:
    reassembler = Reassembler()
    try:
        for frame in frames:
            reassembler.receive(frame, now=0.0)
    except FramingError as error:
        assert error.violation in Violation
