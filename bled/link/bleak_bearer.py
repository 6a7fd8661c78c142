"""One bleak connection as the driver sees it."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.profile import MIN_ATT_MTU
from bled.link.base import LinkStats
from bled.link.tally import ValueTally
from bled.link.waiting import Lost, bounded, lose

CLOSE_SECONDS: Final = 2.0
"""Longest wait at a close. BlueZ disconnects two seconds after it was asked; the rest goes on in the background."""


def _library_errors() -> tuple[type[Exception], ...]:
    """Return what bleak raises for what a peer, an adapter or a daemon did."""
    common = (BleakError, OSError, EOFError, TimeoutError, AssertionError, LookupError, AttributeError)
    if sys.platform != "linux":
        return common
    from dbus_fast import DBusError, InvalidMessageError

    return (*common, DBusError, InvalidMessageError)


BLEAK_ERRORS: Final = _library_errors()


class BleakBearer:
    """A connection from the till's side."""

    def __init__(self, client: BleakClient, *, lost: Lost, forget: Callable[[], Awaitable[None]]) -> None:
        """Take a client that is about to connect, and what makes the system forget its device afterwards."""
        self._client = client
        self._lost = lost
        self._forget = forget
        self._tally = ValueTally()
        self._m2b: BleakGATTCharacteristic | None = None
        self._att_mtu = MIN_ATT_MTU
        self._ending: asyncio.Task[None] | None = None

    def start(self, m2b: BleakGATTCharacteristic, *, att_mtu: int) -> None:
        """The connection is up: values are written to `m2b`."""
        self._m2b = m2b
        self._att_mtu = att_mtu

    @property
    def att_mtu(self) -> int:
        """The ATT_MTU by which frames are cut."""
        return self._att_mtu

    @property
    def peer(self) -> str:
        """The peer's address; macOS gives a random name instead."""
        return self._client.address

    @property
    def stats(self) -> LinkStats:
        """What the values have cost; discovery is bluetoothd's and is not seen from here."""
        return self._tally.stats

    def heard(self, value: bytes | bytearray) -> None:
        """Count a notification."""
        self._tally.count(len(value))

    async def write(self, frame: bytes, *, last: bool) -> None:
        """Send one frame: the last of a message by a write request, whose response is awaited."""
        if self._lost.done() or self._m2b is None:
            raise Unavailable(Code.LINK_LOST, detail=self._lost.result() if self._lost.done() else "not connected")
        response = last or "write-without-response" not in self._m2b.properties
        self._tally.count(len(frame), acknowledged=response)
        work = self._client.write_gatt_char(self._m2b, frame, response=response)
        await bounded(work, lost=self._lost, seconds=None, errors=BLEAK_ERRORS)  # the driver bounds a message

    async def close(self) -> None:
        """Disconnect; what was written is on its way by then. Returns after 2 s at most."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        await self.ended(seconds=CLOSE_SECONDS)

    async def ended(self, *, seconds: float) -> None:
        """Wait until the system has disconnected and forgotten the device, at most `seconds`; raises nothing."""
        if self._ending is not None:
            await asyncio.wait({self._ending}, timeout=seconds)

    async def _end(self) -> None:
        with contextlib.suppress(*BLEAK_ERRORS):  # there is nothing to disconnect, or nobody to do it
            await self._client.disconnect()
        await self._forget()
        lose(self._lost, "the link was closed here")
