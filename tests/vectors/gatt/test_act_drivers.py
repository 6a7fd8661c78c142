"""What the program's whole drivers do in the scripts of acts.json: session, vault, person and clock joined to links."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bled.buyer.approval import Answer
from bled.codes import Code
from bled.gatt.messages import decode_message
from bled.sales.judge import judge_request
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN

from . import machines
from .rigs import DeviceRig, StillLoop, TillRig, make_vault, settle, until
from .scene import AMOUNT, INVREQ, NOW, OFFER, bytes_of

FILE = json.loads((Path(__file__).parent / "acts.json").read_text(encoding="utf-8"))
NOT_OF_THE_DRIVER = (
    "the invoice was sent before HS3 was made",
    "the sale has ended before HS3 was made",
    "the sale has ended between the invoice in HS3 and its arrival",
    "a yes that a limit forbids",
)
"""The program makes HS3 when the link is lost; a till may do so later. A limit is looked at before anybody is asked."""
ANSWERS = {
    "the person approves": Answer.YES,
    "the person declines": Answer.NO,
    "the person says that the codes differ": Answer.CODE_DIFFERS,
}


def _named(side: str) -> list[Any]:
    cases = [case for case in FILE["acts"] if case["side"] == side and case["name"] not in NOT_OF_THE_DRIVER]
    return [pytest.param(case, id=f"{case['state']}: {case['name']}") for case in cases]


def run(test: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=StillLoop) as runner:
        runner.run(test())


def words(rig: DeviceRig | TillRig) -> list[dict[str, Any]]:
    """What was said since it was asked last. A device's own request is another than the one in the file."""
    said, rig.said[:] = [machines.word(message) for message in rig.said], []
    return [{"is": "invreq"} if word["is"] == "invreq" else word for word in said]


def expected(step: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"is": "invreq"} if word["is"] == "invreq" else word for word in step["answers"]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("device") / "fresh"
    make_vault(folder)
    return folder


@pytest.fixture
def vault(fresh: Path, tmp_path: Path) -> Iterator[Vault]:
    shutil.copytree(fresh, tmp_path / "vault")
    with Vault.open(tmp_path / "vault") as opened:
        yield opened


@pytest.mark.parametrize("case", _named("device"))
def test_the_devices_driver_acts_so(vault: Vault, case: dict[str, Any]) -> None:
    async def test() -> None:
        rig = DeviceRig(vault, resumes=case.get("resumes", True))
        await rig.begin(case["state"])
        words(rig)
        requests: list[bytes] = []
        for step, following in zip(case["steps"], [*case["steps"][1:], {"at": None}], strict=True):
            await until(step["at"])
            match step["does"]:
                case "hears":
                    rig.link.bring(bytes.fromhex(step["message"]))
                case "the link is lost":
                    rig.link.bring(None)
                case "the till is back":
                    rig.back(bytes.fromhex(step["message"]))
                case "the last resumed handshake has failed":
                    rig.no_more()
                case does if does in ANSWERS:
                    rig.person(ANSWERS[does])
            await settle()
            requests += [message.request for message in rig.said if machines.word(message)["is"] == "invreq"]
            if following["at"] == step["at"] and following["does"] == "time passes":
                continue  # the driver has done both
            assert (words(rig), rig.state) == (expected(step), step["next"])
            assert rig.link.closed is step["closes"]
        assert len(set(requests)) <= 1
        assert rig.asked == 1
        if "person" in case["steps"][-1]:
            purchase = await rig.running
            assert (purchase.code is Code.OUTCOME_UNKNOWN) is ("unknown" in case["steps"][-1]["person"])
            assert (purchase.reservation is None) is ("nothing" in case["steps"][-1]["person"])
        await rig.end()

    run(test)


def judge(request: bytes) -> Code | None:
    judge_request(request, offer=OFFER, amount=AMOUNT, chain=REGTEST_CHAIN, left=45, now=NOW)
    return None


@pytest.mark.parametrize("case", _named("till"))
def test_the_tills_driver_acts_so(case: dict[str, Any]) -> None:
    async def test() -> None:
        rig = TillRig(judge, resumes=case.get("resumes", True))
        await rig.begin(case["state"])
        if case["state"] not in ("READY", "OFFERED"):
            rig.link.bring(bytes_of(INVREQ))
        await settle()
        if case["state"] == "REPORTING":
            rig.tell(decode_message(bytes.fromhex(PAID)))
            await settle()
        words(rig)
        for step in case["steps"]:
            await until(step["at"])
            await act(rig, step)
            await settle()
            assert (words(rig), rig.state) == (step["answers"], step["next"])
            assert rig.link.closed is step["closes"]
        assert rig.is_cancelled is (case["steps"][-1].get("sale") == "is cancelled")
        await rig.end()

    run(test)


PAID = next(
    step["message"] for case in FILE["acts"] for step in case["steps"] if step.get("row") == "the sale has ended"
)


async def act(rig: TillRig, step: dict[str, Any]) -> None:
    message = bytes.fromhex(step.get("message", ""))
    match step["does"]:
        case "hears":
            rig.link.bring(message)
        case "the link is lost":
            rig.link.bring(None)
        case "the request is judged":
            rig.judge()
        case "the device is back":
            assert rig.carried[-1] is None or bytes_of(rig.carried[-1]) == message
            rig.back()
        case "HS3 of a first handshake has left anew":
            assert not rig.was_heard
            rig.back(anew=True)
        case "the cashier says no to another code" | "the last handshake has failed":
            rig.no_more()
        case "the invoice was sent" | "the sale has ended":
            rig.tell(decode_message(message))
        case "the till is stopped":
            await rig.end()  # as whoever stops a till does first
            rig.is_cancelled = step.get("sale") == "is cancelled"  # his business
            await rig.talk.stop(Code(step["code"]))
