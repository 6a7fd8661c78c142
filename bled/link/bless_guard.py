"""What bless needs done on BlueZ: the adapter by its exact name, its coming and going, its alias, and its guests."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from dbus_fast import Variant

from bled.errors import Unavailable
from bled.gatt.profile import MIN_ATT_MTU
from bled.link.bluez_adapter import wait_for_adapter, watch_adapter
from bled.link.bluez_bus import ADAPTER, PROPERTIES, BluezBus, BluezError
from bled.link.bluez_guests import Guests

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
        self._guests: Guests | None = None
        self._writer = ("", MIN_ATT_MTU)

    async def open(
        self, on_gone: Callable[[str], None], *, entered: Callable[[str], None], left: Callable[[str], None]
    ) -> str:
        """Wait for the adapter and return its name; `on_gone` hears when it goes, the others of its guests.

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
        self._guests = Guests(self._bus, self._path, entered=entered, left=left)
        return self._path.rpartition("/")[2]

    def check(self, server: Any) -> None:
        """Raise `LookupError` when bless took another adapter: it looks for "hci1" in "hci10"."""
        if server.adapter.path != self._path:
            raise LookupError(f"bless took {server.adapter.path}")

    def overhear(self, server: Any) -> None:
        """Look at each write before bless does, who forgets by whom it is and with which ATT_MTU."""
        server.bus.add_message_handler(self._on_message)

    def _on_message(self, message: Any) -> None:
        if message.member == "WriteValue" and message.signature == "aya{sv}" and self._guests is not None:
            options = {name: variant.value for name, variant in message.body[1].items()}
            self._writer = (self._guests.guest(options.get("device", "")), options.get("mtu", MIN_ATT_MTU))

    @property
    def writer(self) -> tuple[str, int]:
        """The guest whose write bless is telling of, and the ATT_MTU of its link."""
        return self._writer

    async def disconnect(self, guest: str) -> None:
        """Ask bluetoothd to end a central's connection, which bless cannot; raises nothing."""
        if self._guests is not None:
            await self._guests.disconnect(guest)

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
            self._bus = self._guests = None
            await bus.close()


def _silence() -> None:
    """bless prints a line on stdout when bluetoothd lets go of its advertisement; stdout is not its to write to."""
    from importlib import import_module

    vars(import_module(_ADVERTISEMENT_MODULE))["print"] = lambda *_: None
