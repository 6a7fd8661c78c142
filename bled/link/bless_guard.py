"""What bless needs watched on BlueZ: the adapter by its exact name, its coming late and going, and its alias."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from dbus_fast import Variant

from bled.errors import Unavailable
from bled.link.bluez_adapter import wait_for_adapter, watch_adapter
from bled.link.bluez_bus import ADAPTER, PROPERTIES, BluezBus, BluezError

_ADVERTISEMENT_MODULE: Final = "bless.backends.bluezdbus.dbus.advertisement"


class AdapterGuard:
    """Keeps an eye on one adapter over a D-Bus connection of its own."""

    def __init__(self, adapter: str | None, *, name: str) -> None:
        """Take the adapter's name (None: the first) and the alias that bless gives it."""
        self._wanted = adapter
        self._name = name
        self._path = ""
        self._alias = ""
        self._bus: BluezBus | None = None

    async def open(self, on_gone: Callable[[str], None]) -> str:
        """Wait for the adapter and return its name; `on_gone` hears when it goes.

        Raises `Unavailable` (`RADIO_UNAVAILABLE`) when it does not come within 10 s.
        """
        _silence()
        self._bus = await BluezBus.connect()
        try:
            self._path = await wait_for_adapter(self._bus, self._wanted)
        except Unavailable:
            await self.close()
            raise
        alias = (await self._bus.objects()).get(self._path, {}).get(ADAPTER, {}).get("Alias", "")
        self._alias = "" if alias == self._name else str(alias)  # ours: a process before was killed
        gone, _ = watch_adapter(self._bus, self._path)
        gone.add_done_callback(lambda done: on_gone(done.result()))
        return self._path.rpartition("/")[2]

    def check(self, server: Any) -> None:
        """Raise `LookupError` when bless took another adapter: it looks for "hci1" in "hci10"."""
        if server.adapter.path != self._path:
            raise LookupError(f"bless took {server.adapter.path}")

    async def restore(self) -> None:
        """Give the adapter the alias back that it had; raises nothing."""
        if self._bus is not None and self._path:
            with contextlib.suppress(BluezError, Unavailable):  # the adapter is gone, and its alias with it
                await self._bus.call(
                    self._path, PROPERTIES, "Set", "ssv", [ADAPTER, "Alias", Variant("s", self._alias)]
                )

    async def close(self) -> None:
        """Restore the alias and stop watching."""
        bus = self._bus
        if bus is not None:
            await self.restore()
            self._bus = None
            await bus.close()


def _silence() -> None:
    """bless prints a line on stdout when bluetoothd lets go of its advertisement; stdout is not its to write to."""
    from importlib import import_module

    vars(import_module(_ADVERTISEMENT_MODULE))["print"] = lambda *_: None
