"""A purchase whose link breaks anywhere: the program goes on as the vectors say, and a second one does so too."""

import json
from pathlib import Path
from typing import Any

import pytest

from . import make_resume, second, second_session
from .drops import Broken, World
from .second_wire import read_message

FOLDER = Path(__file__).parent
FILE = json.loads((FOLDER / "resume.json").read_text(encoding="utf-8"))
every_drop = pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in FILE["drops"]])


def test_the_program_makes_the_committed_file_from_its_entropy() -> None:
    for name, content in make_resume.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == make_resume.text(content)


def test_the_second_implementation_knows_nothing_of_the_first() -> None:
    for name in ("second_session.py", "second_bolt12.py", "drops.py"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert "import bled" not in text
        assert "from bled" not in text


def said_of(data: bytes) -> dict[str, Any]:
    """A message's fields, without the text, which is free."""
    return {name: value for name, value in read_message(data).items() if name != "text"}


FIRST = [("till", FILE["first"]["opening"])] + [(line["from"], line) for line in FILE["first"]["messages"]]
KNOWN = [bytes.fromhex(line["message"]) for _, line in FIRST]


def octets(said: dict[str, Any]) -> bytes:
    """The octets in which the purchase says it: a status by its code, as its content is the node's."""
    keys = ("is", "code", "reason")
    return next(data for data in KNOWN if all(said_of(data).get(key) == said.get(key) for key in keys))


class Device:
    """The second device in a purchase that breaks."""

    def __init__(self) -> None:
        chain = bytes.fromhex(FILE["purchase"]["chain"])
        self.machine = second_session.Device(chain=chain, clock=FILE["purchase"]["clock"])
        self.outbox: list[bytes] = []

    @property
    def state(self) -> str:
        return self.machine.state

    def hear(self, data: bytes, now: float) -> None:
        self.outbox += map(octets, self.machine.hear(data))

    def approve(self, now: float) -> None:
        self.outbox += map(octets, self.machine.approve(FILE["purchase"]["request"]))

    def wait(self, now: float) -> None:
        if self.state == "SHOWING":
            self.outbox.append(octets({"is": "wait", "reason": 1}))
        self.machine.nobody_came()

    def drop(self, now: float) -> None:
        self.machine.lose()


class Till:
    """The second till in a purchase that breaks."""

    def __init__(self) -> None:
        purchase = FILE["purchase"]
        self.machine = second_session.Till(
            offer=purchase["offer"],
            chain=bytes.fromhex(purchase["chain"]),
            clock=purchase["clock"],
        )
        self.outbox: list[bytes] = []

    @property
    def state(self) -> str:
        return self.machine.state

    def start(self, now: float) -> bytes:
        self.machine.start()
        return KNOWN[0]

    def hear(self, data: bytes, now: float) -> None:
        self.outbox += map(octets, self.machine.hear(data))

    def invoice(self, now: float) -> None:
        self.outbox += map(octets, self.machine.tell({"is": "status", "code": 1}))

    def settle(self, now: float) -> None:
        self.outbox += map(octets, self.machine.tell({"is": "status", "code": 2}))

    def wait(self, now: float) -> None:
        if self.state == "PAYING":
            self.outbox.append(octets({"is": "wait", "reason": 3}))
        self.machine.nobody_came()

    def drop(self, now: float) -> None:
        self.machine.lose()

    def opening(self, now: float) -> bytes:
        self._now = now
        news = self.machine.news
        if news is not None:
            return octets(news)
        offer = KNOWN[0]
        return offer[:1] + (300 - int(now)).to_bytes(2, "big") + offer[3:]

    def rejoin(self, now: float) -> None:
        self.machine.rejoin()


def broken_by_the_second(case: dict[str, Any]) -> Broken:
    world = World(Device(), Till(), left=case["left"], came=case["came"])
    return world.run(meanwhile=case["sale_goes_on_meanwhile"])


@every_drop
def test_the_second_implementation_goes_on_in_the_same_way(case: dict[str, Any]) -> None:
    broken = broken_by_the_second(case)
    assert broken.first == [(sender, bytes.fromhex(line["message"])) for sender, line in FIRST[: case["left"]]]
    assert (broken.states, broken.ends) == (case["states"], case["ends"])
    if case["second"] is None:
        assert broken.opening is None
        return
    assert broken.opening.hex() == case["second"]["opening"]["message"]
    lines = [(line["from"], bytes.fromhex(line["message"])) for line in case["second"]["messages"]]
    assert broken.then == lines


def sides(meeting: dict[str, Any], told: dict[str, Any]) -> tuple[second.Till, second.Device]:
    """The second implementation's channel for one link."""
    keys = {side: bytes.fromhex(told[f"{side}_entropy"]) for side in ("till", "device")}
    till = second.Till(
        meeting=meeting,
        ephemeral=keys["till"][:32],
        nonce=keys["till"][32:],
        static=bytes.fromhex(FILE["till"]["static"]),
        message=bytes.fromhex(told["opening"]["message"]),
    )
    return till, second.Device(meeting=meeting, ephemeral=keys["device"][:32], nonce=keys["device"][32:])


def check_link(meeting: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """Make a link again, octet for octet; return what it leaves."""
    till, device = sides(meeting, told)
    assert till.start().hex() == told["hs1"]
    assert device.answer(bytes.fromhex(told["hs1"])).hex() == told["hs2"]
    hs3, results = till.finish(bytes.fromhex(told["hs2"]))
    assert hs3.hex() == told["hs3"]
    assert device.finish(hs3) == (bytes.fromhex(told["opening"]["message"]), results)
    for line in told["messages"]:
        by, to = (till, device) if line["from"] == "till" else (device, till)
        assert by.seal(bytes.fromhex(line["message"])).hex() == line["sealed"]
        assert to.open(bytes.fromhex(line["sealed"])).hex() == line["message"]
    return results


def test_the_second_implementation_makes_the_first_link_and_what_is_kept_of_it() -> None:
    results = check_link(FILE["first"]["meeting"], FILE["first"])
    kept = FILE["resumption"]
    assert (results["resume_psk"], results["resume_uuid"]) == (kept["psk"], kept["uuid"])
    assert (results["reader_key"], results["session_id"]) == (kept["reader_key"], kept["session_id"])


@every_drop
def test_the_second_implementation_makes_the_second_link(case: dict[str, Any]) -> None:
    if case["second"] is not None:
        meeting = {name: value for name, value in FILE["resumption"].items() if name != "uuid"}
        results = check_link(meeting, case["second"])
        assert results["compare_code"] is None


def test_every_purchase_ends_paid_once_or_is_cancelled_before_anybody_was_asked() -> None:
    for case in FILE["drops"]:
        second_link = case["second"] or {"messages": []}
        all_said = [line for _, line in FIRST[: case["left"]]] + second_link["messages"]
        requests = {line["message"] for line in all_said if line["name"] == "INVREQ"}
        assert len(requests) <= 1
        if case["ends"]["device"] == "WAITING":
            assert (case["ends"]["till"], requests) == ("CLOSED", set())
        else:
            assert case["ends"] == {"device": "DONE", "till": "CLOSED"}
    assert {case["left"] for case in FILE["drops"]} == set(range(1, len(FIRST) + 1))
