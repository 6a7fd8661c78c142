"""The centrals that are connected to one adapter of bluetoothd. A guest is called by its Bluetooth address."""

import contextlib
from collections.abc import Callable

from bled.errors import Unavailable
from bled.link.bluez_bus import DEVICE, BluezBus, BluezError, Change


class Guests:
    """Hears of centrals that come and go, and can send one away. A device that is paired is its owner's, and no guest.

    Attributes:
        stop: ends the watch.
    """

    def __init__(
        self, bus: BluezBus, adapter: str, *, entered: Callable[[str], None], left: Callable[[str], None]
    ) -> None:
        """Watch the adapter at the path `adapter`, and call `entered` and `left` with a guest."""
        self._bus = bus
        self._prefix = f"{adapter}/dev_"
        self._entered = entered
        self._left = left
        self._here: set[str] = set()
        self.stop = bus.listen(self._on_change)

    def guest(self, path: str) -> str:
        """Return the guest behind bluetoothd's path of a device."""
        return path.removeprefix(self._prefix).replace("_", ":")

    async def disconnect(self, guest: str) -> None:
        """Ask bluetoothd to end a central's connection; it does after two seconds. Raises nothing."""
        with contextlib.suppress(BluezError, Unavailable):  # it is gone already, or bluetoothd is
            await self._bus.call(f"{self._prefix}{guest.replace(':', '_')}", DEVICE, "Disconnect")

    def _on_change(self, change: Change) -> None:
        if change.interface != DEVICE or not change.path.startswith(self._prefix):
            return
        values = {"Connected": False} if change.properties is None else change.properties
        if values.get("Paired"):
            self._here.discard(change.path)
        elif values.get("Connected") and change.path not in self._here:
            self._here.add(change.path)
            self._entered(self.guest(change.path))
        elif values.get("Connected") is False:
            self._here.discard(change.path)
            self._left(self.guest(change.path))
