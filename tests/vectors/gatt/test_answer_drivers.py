"""What the program's whole drivers answer to the messages of answers.json: vault, person and clock joined to a link."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bled.buyer.approval import Answer, Question
from bled.buyer.arrival import Met
from bled.buyer.meeting import Meeting
from bled.codes import Code
from bled.errors import PeerError, Unavailable
from bled.gatt.messages import Message, decode_message
from bled.progress import ignore_steps
from bled.sales.conversation import Conversation
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import UnixTime

from . import machines
from .rigs import make_vault
from .scene import INVREQ, NOW, OPENING, PAID, bytes_of

FILE = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
CASES = [
    case
    for case in FILE["messages"]
    if case["state"] not in ("PAUSED", "LOST") and "INVREQ: " not in case["name"] and "passed" not in case
]
"""A new link and the rules for requests are other drivers' business."""


def _named(side: str) -> list[Any]:
    cases = [case for case in CASES if case["side"] == side]
    return [pytest.param(case, id=f"{case['state']}: {case['name']}") for case in cases]


class StandingClock:
    """Stands still."""

    def now(self) -> UnixTime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Wire:
    """A private link on which a peer says what it is given, and then goes away."""

    def __init__(self, *arrivals: bytes, ready: bool = True) -> None:
        self.arrivals = list(arrivals)
        self.said: list[Message] = []
        self.closed = False
        self._ready = asyncio.Event()
        if ready:
            self._ready.set()

    async def receive(self, *, seconds: float) -> bytes:
        await self._ready.wait()
        if self.closed or not self.arrivals:
            raise Unavailable(Code.LINK_LOST, detail="gone")
        return self.arrivals.pop(0)

    async def send(self, message: bytes) -> None:
        self.said.append(decode_message(message))
        self._ready.set()

    async def close(self) -> None:
        self.closed = True


def check(case: dict[str, Any], wire: Wire, *, before: int) -> None:
    assert [machines.word(message) for message in wire.said[before:]] == case["answers"]
    assert wire.arrivals == []


@pytest.mark.parametrize("case", _named("till"))
async def test_the_tills_driver_answers_so(case: dict[str, Any]) -> None:
    hears = bytes.fromhex(case["hears"])
    if case["state"] == "OFFERED":
        await _offered(case, Wire(hears))
        return
    wire = Wire(bytes_of(INVREQ))
    conversation = Conversation(wire, StandingClock())
    assert await conversation.request() == INVREQ.request
    wire.arrivals.append(hears)
    async with conversation.accepted():
        if case["state"] == "REPORTING":
            await conversation.tell(PAID)
    check(case, wire, before=2 if case["state"] == "REPORTING" else 1)
    assert conversation.told is (case["name"] == "STATUS_ACK 2" and case["state"] == "REPORTING")


async def _offered(case: dict[str, Any], wire: Wire) -> None:
    conversation = Conversation(wire, StandingClock())
    try:
        request = await conversation.request()
    except PeerError:
        assert not case["name"].startswith("INVREQ")
        check(case, wire, before=0)
    else:  # judged by whoever asked
        assert decode_message(bytes.fromhex(case["hears"])).request == request


@pytest.fixture(scope="module")
def vault(tmp_path_factory) -> Iterator[Vault]:
    folder = tmp_path_factory.mktemp("device") / "vault"
    make_vault(folder, ids=100)
    with Vault.open(folder) as opened:
        yield opened


async def _yes(question: Question) -> Answer:
    return Answer.YES


async def _thinks(question: Question) -> Answer:
    await asyncio.Event().wait()
    return Answer.YES


@pytest.mark.parametrize("case", _named("device"))
async def test_the_devices_driver_answers_so(vault: Vault, case: dict[str, Any]) -> None:
    hears = bytes.fromhex(case["hears"])
    is_first, is_signed = case["state"] == "WAITING", case["state"] == "SENT"
    wire = Wire(*([] if is_first else [hears]), ready=not is_signed)
    met = Met(link=wire, opening=hears if is_first else bytes_of(OPENING), code=None, reader_key=b"\x0f" * 32)
    approve = _yes if is_signed else _thinks
    meeting = Meeting(
        met=met, vault=vault, chain=REGTEST_CHAIN, clock=StandingClock(), approve=approve, on_step=ignore_steps
    )
    purchase = await meeting.run()
    check(case, wire, before=1 if is_signed else 0)
    assert wire.closed
    assert (purchase.reservation is not None) is is_signed
