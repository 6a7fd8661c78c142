"""How often a code may be formed: counted alike by a second implementation, by the program, and by its whole driver."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bled.buyer.arrival import Arrival
from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import OpenMeeting
from bled.gatt.handshake import Reader
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.progress import ignore_steps
from bled.vault.vault import Vault
from bled_codec.units import UnixTime

from . import make_tries, second_tries
from .make_gatt import OFFER, STATIC, Script
from .rigs import StillLoop
from .scene import NOW

FOLDER = Path(__file__).parent
FILE = json.loads((FOLDER / "tries.json").read_text(encoding="utf-8"))


def _named(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in FILE[name]]


def test_the_program_makes_the_committed_file() -> None:
    for name, content in make_tries.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == make_tries.text(content)


def test_the_second_implementation_knows_nothing_of_the_first() -> None:
    text = (FOLDER / "second_tries.py").read_text(encoding="utf-8")
    assert "import bled" not in text
    assert "from bled" not in text


@pytest.mark.parametrize("case", _named("device"))
def test_the_second_device_counts_alike(case: dict[str, Any]) -> None:
    tries = second_tries.DeviceTries()
    for step in case["steps"]:
        if step["does"] == "the codes differ":
            tries.differ(step["at"])
        else:
            assert tries.hs1(step["at"]) is step["hs2_leaves"]
        assert tries.left(step["at"]) == step["left"]


@pytest.mark.parametrize("case", _named("till"))
def test_the_second_till_counts_alike(case: dict[str, Any]) -> None:
    codes = second_tries.TillCodes()
    for step in case["steps"]:
        if step["does"] == "the cashier taps":
            codes.tap()
        elif step["does"] == "ABORT 2 comes":
            codes.abort()
        else:
            assert codes.hs2() is step["hs3_leaves"]


@pytest.mark.parametrize("case", _named("engagements"))
def test_a_tills_code_is_good_as_long_for_both(case: dict[str, Any]) -> None:
    code = second_tries.Code()
    for step in case["steps"]:
        assert code.begin(step["at"], comes_to_hs3=step["does"].endswith("comes to HS3")) is step["begins"]


class Air:
    """A till that says HS1, hears HS2, and goes; `heard` is what it heard."""

    att_mtu = 517
    peer = "a till"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    def __init__(self) -> None:
        self.heard = self.beacons = 0
        self.link = FramedLink(self, channel=PlainChannel(), on_step=ignore_steps)

    async def accept(self, **_: object) -> FramedLink:
        self.beacons += 1
        if self.beacons > 1:
            raise Unavailable(Code.NO_BUYER)
        hs1 = Reader(static=STATIC, meeting=OpenMeeting(), message=OFFER).start(entropy=Script("a till"))
        self.link.take_frame(b"\xc0" + len(hs1).to_bytes(2, "big") + hs1)
        return self.link

    async def write(self, frame: bytes, *, last: bool) -> None:
        self.heard += 1
        self.link.lose("gone")

    async def close(self) -> None:
        """Nothing is left open."""


class Clock:
    """Says what it is told."""

    def __init__(self, at: int) -> None:
        self._now = UnixTime(NOW + at)

    def now(self) -> UnixTime:
        return self._now

    def monotonic(self) -> float:
        return 0.0


@pytest.mark.parametrize("case", _named("device"))
def test_the_devices_driver_counts_so_over_restarts(tmp_path: Path, case: dict[str, Any]) -> None:
    left = 3
    for step in case["steps"]:
        with Vault.open(tmp_path / "vault") as vault, asyncio.Runner(loop_factory=StillLoop) as runner:
            air, clock = Air(), Clock(step["at"])
            left = vault.open_tries().left(now=clock.now())
            if step["does"] == "the codes differ":
                vault.keep_open_tries(vault.open_tries().end(now=clock.now()))
            else:
                with pytest.raises(BledError) as caught:
                    runner.run(_arrive(vault, air, clock))
                assert (air.heard == 1) is step["hs2_leaves"] is (air.beacons > 0) is (left > 0)
                assert step["hs2_leaves"] or caught.value.code is Code.OPEN_TRIES_SPENT
            assert vault.open_tries().left(now=clock.now()) == step["left"]


def test_hs1_that_comes_when_the_tries_are_spent_is_answered_with_nothing(tmp_path: Path) -> None:
    class Late(Air):
        async def accept(self, **more: object) -> FramedLink:
            vault.keep_open_tries(vault.open_tries().end(now=NOW))  # since the beacon began
            return await super().accept(**more)

    with Vault.open(tmp_path / "vault") as vault, asyncio.Runner(loop_factory=StillLoop) as runner:
        air = Late()
        with pytest.raises(BledError) as caught:
            runner.run(_arrive(vault, air, Clock(0)))
        assert caught.value.code is Code.OPEN_TRIES_SPENT
        assert (air.heard, air.link._closed) == (0, True)


async def _arrive(vault: Vault, air: Air, clock: Clock) -> None:
    arrival = Arrival(peripheral=air, vault=vault, engagement=None, clock=clock, on_step=ignore_steps)
    await arrival.run(seconds=1)
