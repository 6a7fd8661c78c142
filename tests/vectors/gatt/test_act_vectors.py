"""What happens besides messages: a second implementation and the program do the same, and every row is driven."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gatt_profile.text import Row, table

from . import make_acts, second_timers
from .second_wire import read_message

FOLDER = Path(__file__).parent
FILE = json.loads((FOLDER / "acts.json").read_text(encoding="utf-8"))
PURCHASE = FILE["purchase"]
CHAIN = bytes.fromhex(PURCHASE["chain"])
NO_LINK = ("PAUSED", "LOST", "SEVERED", "DETACHED", "DONE", "CLOSED")


def _named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=f"{case['side']} {case['state']}: {case['name']}") for case in cases]


def test_the_program_makes_the_committed_file() -> None:
    for name, content in make_acts.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == make_acts.text(content)


def test_the_second_implementation_knows_nothing_of_the_first() -> None:
    for name in ("second_timers.py", "second_invoice.py", "second_signature.py", "second_channel.py"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert "import bled" not in text
        assert "from bled" not in text


def said_of(data: str) -> dict[str, Any]:
    """A message's fields, without the text, which is free."""
    return {name: value for name, value in read_message(bytes.fromhex(data)).items() if name != "text"}


REQUEST = said_of("12" + f"{len(PURCHASE['request']) // 2:04x}" + PURCHASE["request"])
OFFER = said_of(f"10012c{len(PURCHASE['offer']) // 2:04x}" + PURCHASE["offer"])


def device_in(case: dict[str, Any]) -> second_timers.Device:
    device = second_timers.Device(chain=CHAIN, clock=PURCHASE["clock"])
    device.resumes = case.get("resumes", True)
    device.take(OFFER)
    if case["state"] == "SENT":
        device.person(PURCHASE["request"])
    return device


def till_in(case: dict[str, Any]) -> second_timers.Till:
    till = second_timers.Till(offer=PURCHASE["offer"], chain=CHAIN, clock=PURCHASE["clock"])
    till.resumes = case.get("resumes", True)
    if case["state"] != "READY":
        till.start()
    if case["state"] in ("PAYING", "REPORTING"):
        till.take(REQUEST)
    if case["state"] == "REPORTING":
        till.tell({"is": "status", "code": 2, **PAID})
    return till


PAID = {
    name: PURCHASE[name] for name in ("invoice", "preimage", "payment_hash")
}  # fmt: skip


def act_at_device(device: second_timers.Device, step: dict[str, Any]) -> list[dict[str, Any]]:
    match step["does"]:
        case "time passes":
            return device.wait()
        case "hears" | "the till is back":
            return device.hear(bytes.fromhex(step["message"]))
        case "the link is lost":
            device.lose()
            return []
        case "the person approves":
            return device.person(step["message"])
        case "the person declines":
            return device.person("no")
        case "the person says that the codes differ":
            return device.person("differ")
        case "the device may not pay it":
            return device.person("no")
        case "the last resumed handshake has failed":
            device.nobody_came()
            return []
    raise ValueError(step)


def act_at_till(till: second_timers.Till, step: dict[str, Any], *, is_judging: bool) -> list[dict[str, Any]]:
    match step["does"]:
        case "time passes":
            return till.wait()
        case "hears" if is_judging:
            till.unread.append(bytes.fromhex(step["message"]))
            return []
        case "hears":
            return till.hear(bytes.fromhex(step["message"]))
        case "the link is lost":
            till.lose()
            return []
        case "HS3 with the OFFER has left":
            till.start()
            return []
        case "HS3 of a first handshake has left anew":
            till.anew()
            return []
        case "the cashier says no to another code" | "the last handshake has failed":
            till.nobody_came()
            return []
        case "the request is judged":
            said = till.take(REQUEST)
            return said + [word for data in till.unread for word in till.hear(data)]
        case "the device is back":
            return till.back(said_of(step["message"]))
        case "the invoice was sent" | "the sale has ended":
            return till.tell(said_of(step["message"]))
        case "the till is stopped":
            return till.stop(step["code"])
    raise ValueError(step)


@pytest.mark.parametrize("case", _named(FILE["acts"]))
def test_the_second_implementation_acts_alike(case: dict[str, Any]) -> None:
    side = device_in(case) if case["side"] == "device" else till_in(case)
    for step in case["steps"]:
        side.now = step["at"]
        if case["side"] == "device":
            said = act_at_device(side, step)
        else:
            said = act_at_till(side, step, is_judging=(case["state"], side.state) == ("JUDGING", "OFFERED"))
        state = case["state"] if (case["state"], side.state) == ("JUDGING", "OFFERED") else side.state
        assert (said, side.closed or side.state in NO_LINK, state) == (step["answers"], step["closes"], step["next"])
        assert step.get("person") == (side.told if "person" in step else None)
        if step["closes"] and case["side"] == "till":
            assert step.get("sale", "") == side.sale


TABLES: dict[str, list[Row]] = {
    "device": table("8.1", "state", "event", "action", "next"),
    "till": table("8.2", "state", "event", "action", "next"),
}
KINDS = ("OFFER", "INVREQ", "STATUS", "STATUS_ACK", "WAIT", "ERROR", "ABORT")
BEFORE_A_SESSION = ("WAITING", "READY")
"""States in which a handshake is tried: waits.json has what happens in them."""
ELSEWHERE = {("JUDGING", "the request is not good")}
"""What the rules for requests lead to, which answers.json tries."""


def driven() -> list[tuple[str, str, dict[str, Any]]]:
    """Each step that is a row: its side, the state before it, the step."""
    found = []
    for case in FILE["acts"]:
        state = case["state"]
        for step in case["steps"]:
            if "row" in step:
                found.append((case["side"], state, step))
            state = step["next"]
    return found


@pytest.mark.parametrize(("side", "state", "step"), driven(), ids=str)
def test_a_step_does_what_its_row_says(side: str, state: str, step: dict[str, Any]) -> None:
    (row,) = (row for row in TABLES[side] if row[0] == state and step["row"] in row[1])
    assert step["next"] == row[3]
    named = re.findall(r"\b(?:STATUS_ACK|INVREQ|ERROR|STATUS \d(?: to \d)?|(?:WAIT|ABORT) \d)(?!\w)", row[2])
    if "newer" not in row[2]:  # said or not, as the step has it
        assert [numbered(word, row[2]) for word in step["answers"]] == named
    assert step["closes"] is (row[3] in NO_LINK)


def numbered(said: dict[str, Any], action: str) -> str:
    name = {"statusack": "STATUS_ACK"}.get(said["is"], said["is"].upper())
    if said["is"] == "status" and "STATUS 2 to 5" in action:
        return "STATUS 2 to 5"
    return name if said["is"] in ("invreq", "error", "statusack") else f"{name} {said.get('code', said.get('reason'))}"


def test_every_row_that_is_no_message_is_driven() -> None:
    rest = {
        (side, row[0], row[1])
        for side, table_rows in TABLES.items()
        for row in table_rows
        if row[1].split(" ")[0].removesuffix(",") not in KINDS
        and row[0] not in BEFORE_A_SESSION
        and (row[0], row[1]) not in ELSEWHERE
    }
    assert rest <= {(side, state, step["row"]) for side, state, step in driven()}
