"""What a peer may send in each state, and the answer: the program's and a second implementation's are the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from bled.codes import OUTCOMES
from bled.session import merchant_events

from . import machines, make_answers, second, second_session
from .scene import PAID
from .second_wire import Joiner, Refusal, Shelf

FOLDER = Path(__file__).parent
FILE = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
PURCHASE, TALK = FILE["purchase"], FILE["conversation"]
CHAIN = bytes.fromhex(PURCHASE["chain"])


def _named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=f"{case['side']} {case['state']}: {case['name']}") for case in cases]


def test_the_program_makes_the_committed_file_from_its_entropy() -> None:
    for name, content in make_answers.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == make_answers.text(content)


def device_in(state: str, clock: int | None = PURCHASE["clock"], passed: int = 0) -> second_session.Device:
    device = second_session.Device(chain=CHAIN, clock=clock, passed=passed)
    if state != "WAITING":
        device.hear(bytes.fromhex(TALK[0]["message"]))
    if state in ("SENT", "LOST"):
        device.approve(PURCHASE["request"])
    if state in ("PAUSED", "LOST"):
        device.lose()
    return device


def till_in(state: str, clock: int, offer: str = PURCHASE["offer"], tip: int = 0) -> second_session.Till:
    till = second_session.Till(offer=offer, chain=CHAIN, clock=clock, tip=tip)
    till.start()
    if state != "OFFERED":
        till.hear(bytes.fromhex(TALK[2]["message"]))
    if state == "REPORTING":
        till.tell({"is": "status", "code": 2})
    return till


def side_in(case: dict[str, Any]) -> second_session.Side:
    if case["side"] == "device":
        side = device_in(case["state"], case.get("clock", PURCHASE["clock"]), case.get("passed", 0))
    else:
        state = "OFFERED" if case["state"] == "JUDGING" else case["state"]
        clock, offer = case.get("clock", PURCHASE["clock"]), case.get("offer", PURCHASE["offer"])
        side = till_in(state, clock, offer, case.get("tip_max", 0))
        side.payer_ids_before = case.get("payer_ids_before", [])
    side.resumes = case.get("resumes", True)
    return side


@pytest.mark.parametrize("case", _named(FILE["messages"]))
def test_the_second_implementation_answers_a_message_alike(case: dict[str, Any]) -> None:
    side = side_in(case)
    assert side.state == case["state"]
    said = side.hear(bytes.fromhex(case["hears"]))
    assert (said, side.closed, side.state) == (case["answers"], case["closes"], case["next"])


def channels(before: int) -> dict[str, Any]:
    """Both channels of the link, after the first messages of the purchase."""
    link = FILE["link"]
    keys = {side: bytes.fromhex(link[f"{side}_entropy"]) for side in ("till", "device")}
    opening = bytes.fromhex(link["opening"]["message"])
    static = bytes.fromhex(link["static"])
    till = second.Till(
        meeting=link["meeting"], ephemeral=keys["till"][:32], nonce=keys["till"][32:], static=static, message=opening
    )
    device = second.Device(meeting=link["meeting"], ephemeral=keys["device"][:32], nonce=keys["device"][32:])
    hs3, _ = till.finish(device.answer(till.start()))
    assert hs3.hex() == link["hs3"]
    device.finish(hs3)
    both = {"till": till, "device": device}
    for line in TALK[1:before]:
        sealed = both[line["from"]].seal(bytes.fromhex(line["message"]))
        both["device" if line["from"] == "till" else "till"].open(sealed)
    return both


def heard(case: dict[str, Any], side: second_session.Side) -> list[dict[str, Any]]:
    """What the second implementation answers to frames."""
    channel, joiner = ear_of(case)
    said = []
    try:
        for frame in case["frames"]:
            for data in joiner.take(bytes.fromhex(frame)):
                said += side.hear(opened(channel, data))
    except Refusal as refusal:
        return [*said, *side.fail(refusal.name)]
    return said


def ear_of(case: dict[str, Any]) -> tuple[Any, Joiner]:
    """The second implementation's channel and frames of a side, after what has come before."""
    joiner = Joiner()
    joiner.next = case["frames_before"] % 32
    return channels(case["messages_before"])[case["side"]], joiner


def heard_late(case: dict[str, Any], side: second_session.Side) -> list[dict[str, Any]]:
    """What the second implementation answers to frames that come at their times, and then none."""
    channel, joiner = ear_of(case)
    said, due = [], None
    try:
        for arrival in case["arrivals"]:
            due = joiner.due()
            for data in joiner.take(bytes.fromhex(arrival["frame"]), arrival["at"]):
                said += side.hear(opened(channel, data))
        due = joiner.due()
    except Refusal as refusal:
        side.fail(refusal.name)
    else:
        if due is not None:
            side.fail(due[1])
    if case["due"] is not None:
        assert due[0] == case["due"]
    return said


def heard_at_last(case: dict[str, Any], side: second_session.Side) -> list[dict[str, Any]]:
    """What the second implementation answers when so much has come before it reads, or has judged."""
    channel, joiner = ear_of(case)
    shelf, fault = Shelf(), ""
    try:
        for frame in case["frames"]:
            shelf.put(joiner.take(bytes.fromhex(frame)))
    except Refusal as refusal:
        fault = refusal.name
    said = side.hear(bytes.fromhex(TALK[2]["message"])) if case["state"] == "JUDGING" else []
    for data in shelf.messages[:16]:
        said += side.hear(opened(channel, data))
    return [*said, *side.fail(fault)] if fault else said


def opened(channel: Any, data: bytes) -> bytes:
    try:
        return channel.open(data)
    except Exception:  # noqa: BLE001 - the library has an error of its own for each length
        raise Refusal("channel-broken") from None


@pytest.mark.parametrize("case", _named(FILE["frames"]))
def test_the_second_implementation_answers_frames_alike(case: dict[str, Any]) -> None:
    side = side_in(case)
    said = heard(case, side)
    assert (said, side.closed, side.state) == (case["answers"], case["closes"], case["next"])


def ended(side: second_session.Side) -> bool:
    """Whether the connection is over."""
    return side.closed or side.state in ("PAUSED", "LOST", "SEVERED")


@pytest.mark.parametrize("case", _named(FILE["late"]))
def test_the_second_implementation_waits_for_frames_as_long(case: dict[str, Any]) -> None:
    side = side_in(case)
    said = heard_late(case, side)
    assert (said, ended(side), side.state) == (case["answers"], case["closes"], case["next"])


@pytest.mark.parametrize("case", _named(FILE["unread"]))
def test_the_second_implementation_holds_as_much_unread(case: dict[str, Any]) -> None:
    side = side_in(case)
    said = heard_at_last(case, side)
    assert (said, ended(side), side.state) == (case["answers"], case["closes"], case["next"])


SAYABLE = {case["name"]: bytes.fromhex(case["hears"]) for case in FILE["messages"] if ": " not in case["name"]}
turns = lists(sampled_from([*SAYABLE, "approve", "break"]), max_size=12)


@given(turns=turns)
def test_both_devices_answer_any_talk_alike(turns: list[str]) -> None:
    ours, theirs = machines.Device(clock=PURCHASE["clock"]), device_in("WAITING")
    for data in (bytes.fromhex(TALK[0]["message"]), *(SAYABLE.get(turn, turn) for turn in turns)):
        said = _turn(ours, theirs, data)
        assert [machines.word(message) for message in ours.said] == said
        assert (ours.state, ours.closed) == (theirs.state, theirs.closed)
        if theirs.closed:
            return
        ours.said.clear()


def _turn(ours: machines.Device, theirs: second_session.Device, turn: bytes | str) -> list[dict[str, Any]]:
    """Do one thing at both devices; return what the second one says."""
    if isinstance(turn, bytes):
        ours.hear(turn, 1.0)
        return theirs.hear(turn)
    if turn == "break":
        ours.drop(1.0)
        theirs.lose()
    elif theirs.state == "SHOWING":
        ours.approve(bytes.fromhex(PURCHASE["request"]), 1.0)
        return theirs.approve(PURCHASE["request"])
    return []


@given(turns=turns)
def test_both_tills_answer_any_talk_alike(turns: list[str]) -> None:
    ours, theirs = make_answers.till_in("OFFERED"), till_in("OFFERED", PURCHASE["clock"])
    for turn in turns:
        said = _turn_of_till(ours, theirs, turn)
        assert [machines.word(message) for message in ours.said] == [_known(word) for word in said]
        assert (ours.state, ours.closed) == (theirs.state, theirs.closed)
        if theirs.closed:
            return
        ours.said.clear()


def _turn_of_till(ours: machines.Till, theirs: second_session.Till, turn: str) -> list[dict[str, Any]]:
    if turn in SAYABLE:
        if theirs.state in ("LOST", "SEVERED"):
            back = theirs.rejoin()
            ours.tell(merchant_events.Rejoined(said=ours.session.news), 1.0)
            assert (back is None) == (ours.session.news is None)
        ours.hear(SAYABLE[turn], 1.0)
        return theirs.hear(SAYABLE[turn])
    if turn == "break":
        ours.drop(1.0)
        theirs.lose()
    elif theirs.state in ("PAYING", "SEVERED") and not theirs.is_settled:
        ours.tell(merchant_events.Settled(status=PAID), 1.0)
        return theirs.tell({"is": "status", "code": 2})
    return []


def _known(word: dict[str, Any]) -> dict[str, Any]:
    """Give a status the content that it has in the purchase."""
    return machines.word(PAID) if word == {"is": "status", "code": 2} else word


BY_THE_NODE = {0x000B, 0x000C, 0x000E}
"""Codes that nothing a peer sends can bring about."""


def test_every_code_that_a_peer_can_provoke_is_provoked() -> None:
    cases = [*FILE["messages"], *FILE["frames"]]
    said = {answer["code"] for case in cases for answer in case["answers"] if answer["is"] == "error"}
    assert said == {outcome.air for outcome in OUTCOMES.values() if outcome.air is not None} - BY_THE_NODE


def test_both_sides_are_asked_in_every_state_that_hears() -> None:
    assert {case["state"] for case in FILE["messages"] if case["side"] == "device"} == {
        "WAITING",
        "SHOWING",
        "PAUSED",
        "SENT",
        "LOST",
    }
    assert {case["state"] for case in FILE["messages"] if case["side"] == "till"} == {"OFFERED", "PAYING", "REPORTING"}
