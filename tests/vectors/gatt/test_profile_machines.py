"""The tables of states in `gatt_profile.md` are the machines: rows are driven, and what has no row is out of turn."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.gatt.vocabulary import AbortReason
from bled.session import merchant_events
from tests.unit.gatt_profile.text import CONSTANTS, Row, table

from . import machines, make_answers
from .scene import OFFER, OPENING, PAID, REQUEST, SENT, bytes_of

TABLES: dict[str, list[Row]] = {
    "device": table("8.1", "state", "event", "action", "next"),
    "till": table("8.2", "state", "event", "action", "next"),
}
ANSWERS = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))["messages"]
TALK = [case for case in ANSWERS if case["state"] != "WAITING" and ": " not in case["name"]]
"""Each message in each state."""
KINDS = ("OFFER", "INVREQ", "STATUS", "STATUS_ACK", "WAIT", "ERROR", "ABORT")
AWAY = {"device": {"DONE", "CLOSED"}, "till": {"DETACHED", "CLOSED"}}
"""States without a link to come, which no row leaves."""


def rows(side: str, state: str) -> dict[str, Row]:
    """A state's rows by each of their events."""
    return {event: row for row in TABLES[side] if row[0] == state for event in row[1].split(", ")}


def events_of(case: dict[str, Any]) -> list[str]:
    """How the tables may call what a vector brings."""
    kind, _, rest = case["name"].partition(" ")
    kind = kind.removesuffix(",")
    if kind in ("OFFER", "INVREQ"):
        what = "offer" if kind == "OFFER" else "request"
        return [f"{kind} with {'the same' if rest == 'the same' else 'another'} {what}", kind]
    if kind == "STATUS_ACK":  # the status that was reported is 2
        return [f"STATUS_ACK with {'the same' if rest == '2' else 'another'} code", kind]
    return [f"{kind} {rest}", kind]


def said_by(row: Row) -> list[str]:
    """The messages that a row's action sends."""
    return re.findall(rf"\b(?:{'|'.join(KINDS)})\b", row[2])


def named(answer: dict[str, Any]) -> str:
    return {"statusack": "STATUS_ACK"}.get(answer["is"], answer["is"].upper())


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c['side']} {c['state']}: {c['name']}") for c in TALK])
def test_a_message_does_what_its_row_says(case: dict[str, Any]) -> None:
    if not case["name"].startswith(KINDS):
        return  # what is no message of the profile has no row in any state
    found = [row for event in events_of(case) if (row := rows(case["side"], case["state"]).get(event))]
    said = [named(answer) for answer in case["answers"]]
    if not found:
        assert [answer.get("code") for answer in case["answers"]] == [0x0005]
        assert case["next"] == ("DETACHED" if case["state"] == "PAYING" else "CLOSED")
        return
    (row,) = found
    if row[3] == "JUDGING":
        good = case["next"] == "PAYING"
        (row,) = (each for each in TABLES["till"] if each[1] == f"the request is {'good' if good else 'not good'}")
    assert (said, case["next"]) == (said_by(row), row[3])
    assert case["closes"] is ("close" in row[2])


def test_every_row_of_a_message_is_driven_by_a_vector() -> None:
    driven = {(case["side"], case["state"], event) for case in TALK for event in events_of(case)}
    of_messages = {
        (side, row[0], event)
        for side, table_rows in TABLES.items()
        for row in table_rows
        for event in row[1].split(", ")
        if event.split(" ")[0] in KINDS and not event.startswith("OFFER that")
    }
    assert of_messages <= driven


def test_the_states_are_those_of_the_machines() -> None:
    for side, table_rows in TABLES.items():
        assert {row[0] for row in table_rows} | AWAY[side] == machines.STATES[side]
        assert {row[3] for row in table_rows} <= machines.STATES[side]


T = CONSTANTS
Device, Till = machines.Device, machines.Till


def shown() -> Device:
    return make_answers.device_in("SHOWING")


def sent() -> Device:
    return make_answers.device_in("SENT")


def _waits(device: Device, seconds: float, *, from_: float = 0.0) -> Device:
    """Nothing is due just before, and then it is."""
    device.wait(from_ + seconds - 0.01)
    assert device.said == []
    device.wait(from_ + seconds)
    return device


def _thinks() -> Device:
    device = shown()
    for turn in range(1, 7):
        device.wait(turn * T["T_KEEP_ALIVE"])
    del device.said[:-1]
    return device


def _told_late() -> Device:
    device = shown()
    device.session.handle(machines.buyer_events.Approved(request=REQUEST.encode(), known_by=30.0), 1.0)
    device.wait(29.0)
    assert not device.closed
    device.wait(30.0)
    return device


def _do(side: Any, act: Callable[[Any], None]) -> Any:
    act(side)
    return side


def _away(state: str) -> Device:
    device = make_answers.device_in(state)  # the link broke at 2.0
    return _waits(device, T["T_RESUME"], from_=2.0)


NEVER = "the last of `HANDSHAKES_MAX` resumed handshakes has failed"
GONE_FOR_GOOD = machines.buyer_events.LinkLost(error=Unavailable(Code.HANDSHAKE_FAILED))


def _happens(device: Device, event: machines.buyer_events.Event) -> Device:
    device._do(device.session.handle(event, 3.0))
    return device


DEVICE: dict[tuple[str, str], Callable[[], Device]] = {
    ("SHOWING", "every `T_KEEP_ALIVE`"): lambda: _waits(shown(), T["T_KEEP_ALIVE"]),
    ("SHOWING", "the person approves"): lambda: _do(shown(), lambda d: d.approve(REQUEST.encode(), 1.0)),
    ("SHOWING", "the person declines"): lambda: _do(shown(), lambda d: d.decline(AbortReason.USER_DECLINED, 1.0)),
    ("SHOWING", "the person says that the till shows another code"): lambda: _do(
        shown(), lambda d: d.decline(AbortReason.CODE_MISMATCH, 1.0)
    ),
    ("SHOWING", "`T_APPROVE` has passed"): _thinks,
    ("SHOWING", "the link is lost"): lambda: make_answers.device_in("PAUSED"),
    ("PAUSED", "`T_RESUME` has passed"): lambda: _away("PAUSED"),
    ("SENT", "`T_STATUS` without a message"): lambda: _waits(sent(), T["T_STATUS"], from_=1.0),
    ("SENT", "`T_AFTER_EXPIRY` after the offer's expiry"): _told_late,
    ("SENT", "the link is lost"): lambda: make_answers.device_in("LOST"),
    ("LOST", "`T_RESUME` has passed"): lambda: _away("LOST"),
    ("SHOWING", "a limit or the disk of the device forbids it"): lambda: _happens(
        shown(), machines.buyer_events.Forbidden(error=BledError(Code.OVER_PAYMENT_LIMIT))
    ),
    ("PAUSED", NEVER): lambda: _happens(make_answers.device_in("PAUSED"), GONE_FOR_GOOD),
    ("LOST", NEVER): lambda: _happens(make_answers.device_in("LOST"), GONE_FOR_GOOD),
}
NOT_OF_THE_MACHINE = {
    ("WAITING", "OFFER that section 8.3 accepts"),
    ("WAITING", "OFFER that section 8.3 refuses"),
    ("WAITING", "a handshake fails, or a link is lost after its first frame"),
    ("WAITING", "that was the last of `HANDSHAKES_MAX`, or an alarm of section 6.5"),
    ("WAITING", "`T_ADVERTISE` has passed, no handshake may begin any more (6.1, 6.5), or the pay screen is closed"),
    ("READY", "that was the last of `HANDSHAKES_MAX`, or the search is over"),
    ("READY", "the node makes no offer"),
    ("JUDGING", "anything from the device, or the link is lost"),
    ("READY", "the link is lost before HS2 has come"),
    ("READY", "the handshake fails before HS3, or the link is lost between HS2 and HS3"),
    ("LOST", "the cashier says no to another code (10.5)"),
}
"""Rows of the handshake and of the offer's rules, which other vectors and tests drive."""


def offered() -> Till:
    return make_answers.till_in("OFFERED")


def paying() -> Till:
    return make_answers.till_in("PAYING")


def reporting() -> Till:
    return make_answers.till_in("REPORTING")


def _silent() -> Till:
    till = offered()
    till.wait(T["T_SILENCE"] - 0.01)
    assert till.said == []
    till.wait(T["T_SILENCE"])
    busy = offered()
    for turn in range(1, 8):
        busy.hear(b"\x17\x01", turn * 10.0)
    busy.wait(T["T_REQUEST"] - 0.01)
    assert busy.said == []
    busy.wait(T["T_REQUEST"])
    assert (busy.said, busy.state, busy.closed) == (till.said, till.state, till.closed)
    return till


def _lost(till: Till, *events: merchant_events.Event) -> Till:
    till.drop(2.0)
    for event in events:
        till.tell(event, 3.0)
    return till


def _given_up(till: Till) -> Till:
    till.wait(2.0 + T["T_RESUME"] - 0.01)
    assert not till.closed
    till.wait(2.0 + T["T_RESUME"])
    return till


def _after(till: Till, seconds: float, *, from_: float) -> Till:
    till.wait(from_ + seconds - 0.01)
    assert (till.said, till.closed) == ([], False)
    till.wait(from_ + seconds)
    return till


def _started() -> Till:
    till = Till(offer=OFFER, clock=make_answers.NOW)
    till.start(0.0)
    return till


SETTLED = merchant_events.Settled(status=PAID)
SENT_NOW = merchant_events.InvoiceSent(payment_hash=SENT.payment_hash)
BACK = merchant_events.Rejoined(said=make_answers.StatusMessage(code=make_answers.StatusCode.RECEIVED))
UNKNOWN = merchant_events.Stopped(code=Code.OUTCOME_UNKNOWN)
AGAIN = "HS3 with STATUS has left on a new link"
GONE = "`T_RESUME` has passed"
NOBODY = "the last of `HANDSHAKES_MAX` handshakes has failed"
STOP = "the till is stopped"
CANCELLED = merchant_events.Stopped(code=Code.CANCELLED)


def _judging(event: merchant_events.Event) -> Till:
    till = offered()
    till.session.handle(make_answers.INVREQ, 1.0)  # not through `hear`, which judges at once
    assert till.state == "JUDGING"
    till.tell(event, 1.0)
    return till


TILL: dict[tuple[str, str], Callable[[], Till]] = {
    ("READY", "HS3 with the OFFER has left"): _started,
    ("OFFERED", "`T_SILENCE` without a message, or `T_REQUEST` in all"): _silent,
    ("OFFERED", "the link is lost"): lambda: _lost(offered()),
    ("LOST", "HS3 with the OFFER has left on a new link"): lambda: _lost(
        offered(), merchant_events.Rejoined(said=None)
    ),
    ("LOST", "HS3 of a first handshake has left anew (10.5)"): lambda: _lost(offered(), merchant_events.Started()),
    ("LOST", GONE): lambda: _given_up(_lost(offered())),
    ("LOST", NOBODY): lambda: _lost(offered(), merchant_events.LinkLost()),
    ("OFFERED", STOP): lambda: _do(offered(), lambda t: t.tell(CANCELLED, 2.0)),
    ("JUDGING", "the till is stopped, or its disk does not take the request"): lambda: _judging(CANCELLED),
    ("PAYING", STOP): lambda: _do(paying(), lambda t: t.tell(CANCELLED, 2.0)),
    ("PAYING", "the node has not answered for `T_NODE`"): lambda: _do(
        paying(), lambda t: t.tell(merchant_events.Stopped(code=Code.NODE_DIED), 2.0)
    ),
    ("REPORTING", STOP): lambda: _do(reporting(), lambda t: t.tell(CANCELLED, 2.0)),
    ("SEVERED", f"{NOBODY}, the sale goes on"): lambda: _lost(paying(), merchant_events.LinkLost()),
    ("SEVERED", f"{NOBODY}, the sale has ended"): lambda: _lost(paying(), SETTLED, merchant_events.LinkLost()),
    ("JUDGING", "the request is good"): lambda: _do(offered(), lambda t: t.hear(bytes_of(make_answers.INVREQ), 1.0)),
    ("JUDGING", "the request is not good"): lambda: _do(
        offered(), lambda t: t.hear(bytes_of(make_answers.InvreqMessage(request=b"\xff")), 1.0)
    ),
    ("PAYING", "the invoice was sent to the buyer's home"): lambda: _do(paying(), lambda t: t.tell(SENT_NOW, 2.0)),
    ("PAYING", "`T_KEEP_ALIVE` after the till's last word"): lambda: _after(paying(), T["T_KEEP_ALIVE"], from_=1.0),
    ("PAYING", "the sale has ended"): lambda: _do(paying(), lambda t: t.tell(SETTLED, 2.0)),
    ("PAYING", "how the sale ended cannot be known"): lambda: _do(paying(), lambda t: t.tell(UNKNOWN, 2.0)),
    ("PAYING", "the link is lost"): lambda: _lost(paying()),
    ("REPORTING", "`T_ACK` after the STATUS"): lambda: _after(reporting(), T["T_ACK"], from_=2.0),
    ("REPORTING", "the link is lost"): lambda: _lost(reporting()),
    ("SEVERED", f"{AGAIN}, the sale goes on"): lambda: _lost(paying(), SENT_NOW, BACK),
    ("SEVERED", f"{AGAIN}, the sale has ended"): lambda: _lost(paying(), SETTLED, BACK),
    ("SEVERED", f"{GONE}, the sale goes on"): lambda: _given_up(_lost(paying())),
    ("SEVERED", f"{GONE}, the sale has ended"): lambda: _given_up(_lost(paying(), SETTLED)),
}


@pytest.mark.parametrize(
    ("side", "key"), [("device", key) for key in DEVICE] + [("till", key) for key in TILL], ids=str
)
def test_what_is_no_message_does_what_its_row_says(side: str, key: tuple[str, str]) -> None:
    (row,) = (row for row in TABLES[side] if (row[0], row[1]) == key)
    driven = (DEVICE if side == "device" else TILL)[key]()
    assert driven.state == row[3]
    said = [machines.word(message) for message in driven.said]
    if key[0] == "SEVERED":
        assert [named(word) for word in said] == (["STATUS"] if "newer" in row[2] else [])
    elif key == ("READY", "HS3 with the OFFER has left"):
        assert said == []
    else:
        assert [_with_number(word, row[2]) for word in said] == _numbered(row[2])
    if "close" in row[2]:
        assert driven.closed


def _numbered(action: str) -> list[str]:
    return re.findall(r"\b(?:STATUS_ACK|INVREQ|ERROR|STATUS \d(?: to \d)?|(?:WAIT|ABORT) \d)(?!\w)", action)


def _with_number(said: dict[str, Any], action: str) -> str:
    number = said.get("code", said.get("reason"))
    if said["is"] == "status" and "STATUS 2 to 5" in action:
        return "STATUS 2 to 5"
    return named(said) if said["is"] in ("invreq", "error", "statusack") else f"{named(said)} {number}"


def test_every_other_row_is_driven_too() -> None:
    rest = {
        (row[0], row[1])
        for table_rows in TABLES.values()
        for row in table_rows
        if row[1].split(" ")[0].removesuffix(",") not in KINDS or row[1].startswith("OFFER that")
    }
    assert rest == set(DEVICE) | set(TILL) | NOT_OF_THE_MACHINE


def test_the_rules_for_offers_and_requests_are_those_that_vectors_try() -> None:
    cases = [case for case in ANSWERS if ": " in case["name"] and case["state"] in ("WAITING", "OFFERED")]
    tried = {answer["code"] for case in cases for answer in case["answers"] if "code" in answer}
    named_codes = {
        word
        for number, head in (("8.3", "the offer"), ("8.4", "the request"))
        for row in table(number, head)
        for word in re.findall(r"ERROR ([A-Z_]+)", row[1])
    }
    codes = {row[1]: int(row[0], 16) for row in table("9.1", "code")}
    assert {codes[name] for name in named_codes} == tried - {0}


def test_the_offer_that_is_shown_is_the_one_that_came() -> None:
    assert make_answers.device_in("WAITING").state == "WAITING"
    assert bytes_of(OPENING)[5:] == OFFER.encode()
