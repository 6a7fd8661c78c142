"""What the program's whole drivers do with frames, late ones and too many: radio's driver, channel, session and all."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bled.codes import Code
from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import OpenMeeting
from bled.gatt.frames import Reassembler, split_message
from bled.gatt.messages import decode_message
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.link.handshaking import be_greeted, greet
from bled.progress import ignore_steps
from bled.sales.judge import judge_request
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN

from . import machines, make_resume
from .make_gatt import STATIC, Script
from .rigs import DeviceRig, StillLoop, TillRig, make_vault, settle, until
from .scene import AMOUNT, NOW, OFFER, OPENING, PAID, PURCHASE, bytes_of
from .standing import BEFORE

FILE = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
ATT_MTU = 500


def _named(*lists: str) -> list[Any]:
    return [
        pytest.param(case, id=f"{case['side']} {case['state']}: {case['name']}, {name}{case.get('resumes', '')}")
        for name in lists
        for case in FILE[name]
    ]


class Air:
    """A connection whose other end is a vector."""

    att_mtu = ATT_MTU
    peer = "a vector"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.link = FramedLink(self, channel=PlainChannel(), on_step=ignore_steps)

    async def write(self, frame: bytes, *, last: bool) -> None:
        self.frames.append(frame)

    async def close(self) -> None:
        """Nothing is left open."""

    @property
    def is_over(self) -> bool:
        return self.link._closed or self.link._end is not None


class Rig:
    """A driver behind a real link, and the vector's channel at the other end."""

    def __init__(self, case: dict[str, Any], vault: Vault) -> None:
        self.case, self.air = case, Air()
        self.is_device = case["side"] == "device"
        resumes = case.get("resumes", True)
        self.driver: Any = DeviceRig(vault, resumes=resumes) if self.is_device else TillRig(judge, resumes=resumes)
        self.vector, _ = make_resume.first()
        self.sent = 0
        self._heard = 0
        self._joiner = Reassembler()

    def bring(self, message: bytes) -> None:
        """A message of the vector's comes."""
        frames = split_message(message, att_mtu=ATT_MTU, first_number=self.sent)
        self.sent += len(frames)
        for frame in frames:
            self.air.link.take_frame(frame)

    async def begin(self) -> None:
        """Shake hands, and come to the state of the case."""
        told = {name: bytes.fromhex(self.vector.told[name]) for name in ("hs1", "hs2", "hs3")}
        if self.is_device:
            self.bring(told["hs1"])
            self.bring(told["hs3"])
            opening, _ = await be_greeted(
                self.air.link, meeting=OpenMeeting(), before_hs2=lambda: None, entropy=Script("first device")
            )
            await self.driver.begin(self.case["state"], link=self.air.link, opening=opening)
        else:
            self.bring(told["hs2"])
            await greet(
                self.air.link,
                static=STATIC,
                meeting=OpenMeeting(),
                message=bytes_of(OPENING),
                before_hs3=lambda _: None,
                entropy=Script("first till"),
            )
            await self._sell()
        await settle()
        self.words()

    async def _sell(self) -> None:
        state = self.case["state"]
        await self.driver.begin(state, link=self.air.link)
        for sender, message in PURCHASE[1 : BEFORE[state]]:
            if sender == "device":
                self.bring(self.vector.device.channel.seal(bytes_of(message)))
                await settle()
        if state == "REPORTING":
            self.driver.tell(PAID)

    def words(self) -> list[dict[str, Any]]:
        """What was said since it was asked last; hellos are not."""
        new, self._heard = self.air.frames[self._heard :], len(self.air.frames)
        peer = self.vector.till if self.is_device else self.vector.device
        hellos = [self.vector.told[name] for name in ("hs1", "hs2", "hs3")]
        sealed = [data for frame in new for data in self._joiner.receive(frame, now=0.0)]
        opened = [peer.channel.open(data) for data in sealed if data.hex() not in hellos]
        return [machines.word(decode_message(data)) for data in opened]

    def check(self) -> None:
        """Compare what was done with the case."""
        assert self.words() == self.case["answers"]
        assert (self.air.is_over, self.driver.state) == (self.case["closes"], self.case["next"])


def judge(request: bytes) -> Code | None:
    judge_request(request, offer=OFFER, amount=AMOUNT, chain=REGTEST_CHAIN, left=45, now=NOW)
    return None


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


def run(case: dict[str, Any], vault: Vault, happens: Callable[[Rig], Awaitable[None]]) -> None:
    async def test() -> None:
        rig = Rig(case, vault)
        await rig.begin()
        assert (rig.driver.state, rig.sent % 32) == (case["state"], case["frames_before"] % 32)
        await happens(rig)
        await settle()
        rig.check()
        await rig.driver.end()
        rig.air.link.lose("the vector is over")

    with asyncio.Runner(loop_factory=StillLoop) as runner:
        runner.run(test())


@pytest.mark.parametrize("case", _named("frames"))
def test_the_drivers_answer_frames_so(vault: Vault, case: dict[str, Any]) -> None:
    async def happens(rig: Rig) -> None:
        for frame in case["frames"]:
            rig.air.link.take_frame(bytes.fromhex(frame))
            await settle()

    run(case, vault, happens)


@pytest.mark.parametrize("case", _named("late"))
def test_the_drivers_wait_for_frames_so_long(vault: Vault, case: dict[str, Any]) -> None:
    async def happens(rig: Rig) -> None:
        for arrival in case["arrivals"]:
            await until(arrival["at"])
            rig.air.link.take_frame(bytes.fromhex(arrival["frame"]))
        await settle()
        if case["due"] is not None:
            await until(case["due"])

    run(case, vault, happens)


@pytest.mark.parametrize("case", _named("unread"))
def test_the_drivers_hold_so_much_unread(vault: Vault, case: dict[str, Any]) -> None:
    async def happens(rig: Rig) -> None:
        for frame in case["frames"]:
            rig.air.link.take_frame(bytes.fromhex(frame))
        if case["state"] == "JUDGING":
            rig.driver.judge()

    run(case, vault, happens)
