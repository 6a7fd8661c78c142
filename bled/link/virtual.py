"""A virtual air inside one process: real host stacks and controllers, nothing but memory between them."""

from types import TracebackType
from typing import Self

from bumble.transport.common import AsyncPipeSink

from bled.gatt.profile import MAX_ATT_MTU
from bled.link.air import Air
from bled.link.bumble_central import BumbleCentral
from bled.link.bumble_peripheral import BumblePeripheral
from bled.link.bumble_radio import BumbleRadio


class VirtualAir:
    """Gives out radios that hear each other. Use as an async context manager; its end takes every radio back."""

    def __init__(self) -> None:
        """Start with an empty air."""
        self._air = Air()
        self._radios: list[BumbleRadio] = []

    async def __aenter__(self) -> Self:
        """Return the air itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take every radio back; links that are up are lost."""
        for radio in self._radios:
            await radio.close()

    async def central(self, att_mtu: int = MAX_ATT_MTU) -> BumbleCentral:
        """Return a till's radio; `att_mtu`, 23 to 517, is the most that it agrees to."""
        return BumbleCentral(await self.radio(), att_mtu=att_mtu)

    async def peripheral(self, att_mtu: int = MAX_ATT_MTU) -> BumblePeripheral:
        """Return a buyer's radio; `att_mtu`, 23 to 517, is the most that it agrees to."""
        return BumblePeripheral(await self.radio(), att_mtu=att_mtu)

    async def radio(self) -> BumbleRadio:
        """Return a bare radio, which can do whatever a Bluetooth host can."""
        controller = self._air.join()

        async def leave() -> None:
            self._air.leave(controller)

        radio = BumbleRadio(controller, AsyncPipeSink(controller), leave=leave)
        self._radios.append(radio)
        return await radio.start()
