"""The adapter behind bleak. On Linux bluetoothd is asked and watched; elsewhere the system has one and says nothing."""

import sys
from typing import Any, Final, cast

from bleak.backends.device import BLEDevice

from bled.errors import Unavailable
from bled.link.waiting import Lost, new_lost

LINUX: Final = sys.platform == "linux"


class SystemRadio:
    """An adapter. `open` makes sure of it before each use.

    Attributes:
        lost: done, with a sentence, when the adapter cannot be used any more.
    """

    def __init__(self, adapter: str | None) -> None:
        """Take the adapter's name, None for the first; it is looked for when it is needed."""
        self._name = adapter
        self._path = ""
        self._bus: Any = None  # a BluezBus, on Linux only
        self.lost: Lost = new_lost()

    @property
    def options(self) -> dict[str, Any]:
        """What bleak's classes are told about the adapter."""
        return {"bluez": {"adapter": self._path.rpartition("/")[2]}} if self._path else {}

    async def open(self, *, leftovers: str) -> None:
        """Wait for the adapter, and drop connections to this service that a process before has left.

        Raises `Unavailable` (`RADIO_UNAVAILABLE`) when it is not there within 10 s.
        """
        if not LINUX:
            return
        if self._bus is not None and not self.lost.done():
            return
        await self.close()
        from bled.link.bluez_adapter import drop_devices, wait_for_adapter, watch_adapter
        from bled.link.bluez_bus import BluezBus

        self._bus = await BluezBus.connect()
        self._path = await wait_for_adapter(self._bus, self._name)
        self.lost, _ = watch_adapter(self._bus, self._path)
        await drop_devices(self._bus, self._path, service=leftovers)

    def watch(self, device: BLEDevice, lost: Lost) -> None:
        """End `lost` when the device's service goes while its link stays: its program has ended, its system has not."""
        if self._bus is None:
            return
        from bled.link.bluez_adapter import watch_services

        stop = watch_services(self._bus, _path(device), lost)
        lost.add_done_callback(lambda _: stop())

    async def forget(self, device: BLEDevice) -> None:
        """Make bluetoothd forget a stranger's device; raises nothing."""
        if self._bus is None or self.lost.done():
            return
        from bled.link.bluez_adapter import remove_device

        try:
            await remove_device(self._bus, _path(device))
        except Unavailable:
            return  # bluetoothd does not answer: it forgets by itself, later

    async def close(self) -> None:
        """Give the adapter back; idempotent."""
        if self._bus is not None:
            await self._bus.close()
            self._bus = None


def _path(device: BLEDevice) -> str:
    """Return bluetoothd's name for a device that bleak has found."""
    return cast("dict[str, str]", device.details)["path"]
