"""The published vectors of frames and messages, made by the recipe and read alike by two implementations."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, lists, sampled_from

from bled.errors import PeerError
from bled.gatt.channel import PlainChannel
from bled.gatt.frames import FramingError, Reassembler, Violation, fragment_size, split_message
from bled.gatt.messages import decode_message
from bled.link.inbox import Inbox

FOLDER = Path(__file__).parent
FRAMES, MESSAGES = (json.loads((FOLDER / name).read_text("utf-8")) for name in ("frames.json", "messages.json"))


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bled_vectors_gatt_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    return _load("make_wire")


@pytest.fixture(scope="module")
def second() -> ModuleType:
    return _load("second_wire")


def _named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in cases]


def test_the_recipe_makes_the_committed_files(recipe) -> None:
    for name, content in recipe.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == recipe.text(content), name


def test_the_second_implementation_knows_nothing_of_the_first() -> None:
    text = (FOLDER / "second_wire.py").read_text(encoding="utf-8")
    assert "import bled" not in text
    assert "from bled" not in text


def test_every_violation_has_a_vector() -> None:
    lists = ("refused", "late", "unread", "sizes")
    shown = {case["violation"] for name in lists for case in FRAMES[name]} - {None}
    assert shown == {violation.value for violation in Violation}


def test_both_cut_messages_alike(second) -> None:
    for case in FRAMES["splits"]:
        message, size, first = bytes.fromhex(case["message"]), case["value_bytes"], case["first"]
        ours = split_message(message, att_mtu=size + 5, first_number=first)
        theirs = second.cut(message, size, first)
        assert [frame.hex() for frame in ours] == [frame.hex() for frame in theirs] == case["frames"]
        assert max(map(len, ours)) <= size


@pytest.mark.parametrize("case", _named(FRAMES["arrivals"]))
def test_both_join_frames_in_whatever_order_they_come(second, case: dict[str, Any]) -> None:
    ours, theirs = Reassembler(), second.Joiner()
    joined = ([], [])
    for frame in case["frames"]:
        joined[0].extend(ours.receive(bytes.fromhex(frame), now=0.0))
        joined[1].extend(theirs.take(bytes.fromhex(frame)))
    assert [m.hex() for m in joined[0]] == [m.hex() for m in joined[1]] == case["messages"]


@pytest.mark.parametrize("case", _named(FRAMES["refused"]))
def test_both_refuse_the_last_frame_for_the_same_reason(second, case: dict[str, Any]) -> None:
    *before, last = map(bytes.fromhex, case["frames"])
    ours, theirs = Reassembler(), second.Joiner()
    for frame in before:
        ours.receive(frame, now=0.0)
        theirs.take(frame)
    with pytest.raises(FramingError) as caught:
        ours.receive(last, now=0.0)
    assert caught.value.violation.value == case["violation"]
    with pytest.raises(second.Refusal) as refused:
        theirs.take(last)
    assert refused.value.name == case["violation"]


@pytest.mark.parametrize("case", _named(FRAMES["late"]))
def test_both_give_a_connection_up_at_the_same_time(second, case: dict[str, Any]) -> None:
    ours, theirs = Reassembler(), second.Joiner()
    for arrival in case["arrivals"]:
        ours.receive(bytes.fromhex(arrival["frame"]), now=arrival["at"])
        theirs.take(bytes.fromhex(arrival["frame"]), arrival["at"])
    if case["due"] is None:
        assert ours.deadline is theirs.due() is case["violation"] is None
        return
    assert (ours.deadline, theirs.due()) == (case["due"], (case["due"], case["violation"]))
    ours.check(now=case["due"] - 0.001)
    with pytest.raises(FramingError) as caught:
        ours.receive(b"\x41a", now=case["due"])
    assert caught.value.violation.value == case["violation"]
    with pytest.raises(second.Refusal) as refused:
        theirs.take(b"\x41a", case["due"])
    assert refused.value.name == case["violation"]


@pytest.mark.parametrize("case", FRAMES["unread"], ids=lambda case: f"{len(case['frames'])} messages")
async def test_both_hold_so_many_unread_messages_and_no_more(second, case: dict[str, Any]) -> None:
    ours, theirs, shelf = Inbox(PlainChannel()), second.Joiner(), second.Shelf()
    *before, last = map(bytes.fromhex, case["frames"])
    for frame in before:
        ours.take(frame)
        shelf.put(theirs.take(frame))
    assert ours.violated_at is None
    ours.take(last)
    held = [await ours.next(seconds=5) for _ in range(16)]
    if case["violation"] is None:
        shelf.put(theirs.take(last))
        assert held == shelf.messages
        return
    with pytest.raises(FramingError) as caught:
        await ours.next(seconds=5)
    assert caught.value.violation.value == case["violation"]
    with pytest.raises(second.Refusal) as refused:
        shelf.put(theirs.take(last))
    assert refused.value.name == case["violation"]


def test_both_find_the_same_room_in_a_frame(second) -> None:
    for case in FRAMES["sizes"]:
        if case["violation"] is None:
            ours = fragment_size(case["att_mtu"], peer_limit=case["rx_frag_max"])
            assert ours == second.room_for(case["att_mtu"], case["rx_frag_max"]) == case["frame"]
            continue
        with pytest.raises(FramingError) as caught:
            fragment_size(case["att_mtu"], peer_limit=case["rx_frag_max"])
        with pytest.raises(second.Refusal) as refused:
            second.room_for(case["att_mtu"], case["rx_frag_max"])
        assert caught.value.violation.value == refused.value.name == case["violation"]


def test_both_read_messages_alike(second, recipe) -> None:
    for case in MESSAGES["messages"]:
        data = bytes.fromhex(case["bytes"])
        fields = {name: value for name, value in case.items() if name != "bytes"}
        assert recipe.plain(decode_message(data)) == second.read_message(data) == fields


@pytest.mark.parametrize("data", MESSAGES["ignored"])
def test_both_ignore_unknown_odd_messages(second, data: str) -> None:
    assert decode_message(bytes.fromhex(data)) is second.read_message(bytes.fromhex(data)) is None


@pytest.mark.parametrize("case", _named(MESSAGES["refused"]))
def test_both_refuse_messages_with_the_same_outcome(second, case: dict[str, Any]) -> None:
    with pytest.raises(PeerError) as caught:
        decode_message(bytes.fromhex(case["bytes"]))
    assert caught.value.code.value == case["code"]
    with pytest.raises(second.Refusal) as refused:
        second.read_message(bytes.fromhex(case["bytes"]))
    assert refused.value.name == case["code"]


def _ours(data: bytes, recipe: ModuleType) -> object:
    try:
        message = decode_message(data)
    except PeerError as error:
        return error.code.value
    return None if message is None else recipe.plain(message)


def _theirs(data: bytes, second: ModuleType) -> object:
    try:
        return second.read_message(data)
    except second.Refusal as refusal:
        return refusal.name


TYPES = sampled_from([0x10, 0x12, 0x14, 0x15, 0x17, 0x18, 0x1A])


@given(kind=TYPES, rest=lists(integers(0, 6), max_size=14).map(bytes))
def test_both_make_the_same_of_small_messages(second, recipe, kind: int, rest: bytes) -> None:
    data = bytes([kind]) + rest
    assert _ours(data, recipe) == _theirs(data, second)


@given(data=binary(max_size=80))
def test_both_make_the_same_of_any_bytes(second, recipe, data: bytes) -> None:
    assert _ours(data, recipe) == _theirs(data, second)


@given(known=sampled_from(MESSAGES["messages"]), position=integers(0, 400), octet=integers(0, 255))
def test_both_make_the_same_of_a_changed_message(second, recipe, known, position: int, octet: int) -> None:
    data = bytearray.fromhex(known["bytes"])
    data[position % len(data)] = octet
    assert _ours(bytes(data), recipe) == _theirs(bytes(data), second)


@given(
    frames=lists(lists(sampled_from([0, 1, 2, 3, 0x40, 0x41, 0x80, 0x81, 0xC0, 0xC1, 0xC2, 5]), max_size=6).map(bytes))
)
def test_both_make_the_same_of_any_frames(second, frames: list[bytes]) -> None:
    ours, theirs = Reassembler(), second.Joiner()
    for frame in frames:
        try:
            expected = list(ours.receive(frame, now=0.0))
        except FramingError as error:
            with pytest.raises(second.Refusal) as refused:
                theirs.take(frame)
            assert refused.value.name == error.violation.value
            return
        assert theirs.take(frame) == expected
