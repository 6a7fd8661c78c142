"""The conformance suite on bumble: virtual controllers in one process, and over sockets as a dongle is driven."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from bled.link.air_server import serve_air
from bled.link.base import Central, MessageLink, Peripheral
from bled.link.radio import open_central, open_peripheral
from bled.link.virtual import VirtualAir

from .checks import CHECKS, Check, Rig

pytestmark = pytest.mark.system


class BumbleRig:
    """Radios of one kind; `cut` ends every link that this process has opened."""

    patience = 5.0
    brief = False
    mtu_is_ours = True

    def __init__(self, radio: str, air: VirtualAir | None = None) -> None:
        self._radio = radio
        self._air = air
        self._radios: list[Central | Peripheral] = []

    async def central(self, att_mtu: int = 517) -> Central:
        central = await (self._air.central(att_mtu) if self._air else open_central(self._radio, att_mtu=att_mtu))
        self._radios.append(central)
        return central

    async def peripheral(self, att_mtu: int = 517) -> Peripheral:
        opened = self._air.peripheral(att_mtu) if self._air else open_peripheral(self._radio, att_mtu=att_mtu)
        peripheral = await opened
        self._radios.append(peripheral)
        return peripheral

    async def write(self, link: MessageLink, frame: bytes, *, last: bool) -> None:
        await link._bearer.write(frame, last=last)

    async def cut(self) -> None:
        for radio in self._radios:
            await radio._radio.disconnect_all()


@contextlib.asynccontextmanager
async def virtual() -> AsyncIterator[Rig]:
    async with VirtualAir() as air:
        yield BumbleRig("", air)


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[Rig]:
    async with serve_air("127.0.0.1:0") as address:
        yield BumbleRig(f"virtual:{address}")


@contextlib.asynccontextmanager
async def dongle() -> AsyncIterator[Rig]:
    async with serve_air("127.0.0.1:0") as address:
        yield BumbleRig(f"hci:tcp-client:{address}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("rig", [virtual, server, dongle], ids=lambda rig: rig.__name__)
async def test_bumble(rig, check: Check) -> None:
    async with rig() as ready:
        await check(ready)
