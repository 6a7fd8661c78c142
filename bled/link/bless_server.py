"""The profile's service by bless, with guards for what it does not do itself."""

import asyncio
import contextlib
import sys
from typing import Any, Final
from uuid import UUID

from bless import BlessServer, GATTAttributePermissions, GATTCharacteristicProperties

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.profile import B2M_UUID, M2B_UUID, MIN_ATT_MTU, SERVICE_UUID
from bled.link.host_peripheral import HostEvents
from bled.link.waiting import attempt

NAME: Final = "bled"
"""What bless puts into the scan response and, on BlueZ, into the adapter's alias. The same for every buyer."""
SOMEBODY: Final = "a till"
"""bless does not tell centrals apart; on BlueZ the guard does."""
PACE: Final = 8
"""Notifications between two questions to the bus. Some hundreds in a row would kill bless's connection silently."""
BUS_SECONDS: Final = 4.0
"""Longest wait for an answer on the bus."""
POLL_SECONDS: Final = 0.5
"""Between two looks at whether a central is subscribed, where no callback says so."""

_LINUX: Final = sys.platform == "linux"
_M2B: Final = str(M2B_UUID)
_B2M: Final = str(B2M_UUID)


class GuardedBless:
    """A `HostServer` on bless. On BlueZ a guest is a Bluetooth address, by help of bluetoothd.

    Elsewhere everybody is `SOMEBODY`, the ATT_MTU is not told and taken as 23, and a central cannot be disconnected.
    """

    def __init__(self, adapter: str | None) -> None:
        """Take the adapter's name, as "hci0"; None for the first."""
        self._name = adapter
        self._service = str(SERVICE_UUID)
        self._server: Any = None
        self._guard: Any = None
        self._events: HostEvents | None = None
        self._watching: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._sent = 0
        self._started = False
        self._shown = False

    async def open(self, events: HostEvents, *, uuid: UUID) -> None:
        """Make the server and its table, unless it stands."""
        if self._server is not None and str(uuid) == self._service:
            return
        await self.close()
        self._service = str(uuid)
        self._events = events
        try:
            options = {"adapter": await self._open_guard(events)} if _LINUX else {}
            await attempt(self._build(options), seconds=BUS_SECONDS)
        except BaseException:
            await self.close()  # half a table would be taken for a whole one
            raise

    async def _open_guard(self, events: HostEvents) -> str:
        from bled.link.bless_guard import AdapterGuard

        self._guard = guard = AdapterGuard(self._name, name=NAME)
        return await guard.open(
            lambda detail: self._gone(events, detail),
            entered=events.entered,
            left=lambda guest: self._has_left(events, guest),
        )

    async def _build(self, options: dict[str, str]) -> None:
        self._server = server = BlessServer(NAME, **options)
        server.read_request_func = lambda _characteristic: bytearray()
        server.write_request_func = self._on_write
        if _LINUX:
            await server.setup_task
            self._guard.check(server)
            self._guard.overhear(server)
            server.app.StartNotify = lambda _: self._on_subscription(on=True)
            server.app.StopNotify = lambda _: self._on_subscription(on=False)
        await server.add_new_service(self._service)
        properties, permissions = GATTCharacteristicProperties, GATTAttributePermissions
        writing = properties.write | properties.write_without_response
        await server.add_new_characteristic(self._service, _M2B, writing, None, permissions.writeable)
        await server.add_new_characteristic(self._service, _B2M, properties.notify, None, permissions.readable)
        self._watching = asyncio.ensure_future(self._watch(server))

    async def _watch(self, server: Any) -> None:
        """On BlueZ, wait until the bus is gone; elsewhere look whether somebody is subscribed."""
        if _LINUX:
            await asyncio.wait({asyncio.ensure_future(server.bus.wait_for_disconnect())})
            if self._server is server and self._events is not None:
                self._gone(self._events, "bless has lost its connection to D-Bus")
            return
        before = False
        while self._server is server:
            await asyncio.sleep(POLL_SECONDS)
            after = self._started and await server.is_connected()
            if after != before:
                before = after
                self._on_subscription(on=after)

    def _gone(self, events: HostEvents, detail: str) -> None:
        if self._events is events and self._server is not None:
            events.gone(detail)

    def _on_subscription(self, *, on: bool) -> None:
        if self._events is None:
            return
        if on and not _LINUX:
            self._events.entered(SOMEBODY)
        self._events.subscribed(on=on)
        if not on and not _LINUX:
            self._events.left(SOMEBODY)

    def _on_write(self, _characteristic: Any, value: Any, **_: Any) -> None:
        guest, att_mtu = self._guard.writer if _LINUX else (SOMEBODY, MIN_ATT_MTU)
        if self._events is not None:
            self._events.written(guest, bytes(value), att_mtu)

    def _has_left(self, events: HostEvents, guest: str) -> None:
        """A guest has gone, as the guard's connection to D-Bus says: what it wrote comes by the one of bless."""
        leaving = asyncio.ensure_future(self._tell_left(events, guest))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _tell_left(self, events: HostEvents, guest: str) -> None:
        await self._catch_up()
        events.left(guest)

    async def _catch_up(self) -> None:
        """Ask over the connection of bless: the answer shows that what was there before has passed, either way."""
        if self._server is not None:
            await self._quietly(self._server.bus.introspect("org.bluez", "/org/bluez"))

    async def show_beacon(self) -> None:
        """Start, or start the advertisement alone."""
        try:
            if not self._started:
                await attempt(self._server.start(), seconds=BUS_SECONDS)
                self._started = True
            elif _LINUX:
                await self.hide_beacon()
                await attempt(self._server.app.start_advertising(self._server.adapter), seconds=BUS_SECONDS)
        except BaseException as error:
            if not self._started or not isinstance(error, Unavailable):
                await self.close()  # half a start cannot be taken up again
            raise
        self._shown = True

    async def hide_beacon(self) -> None:
        """Stop the advertisement, where bless can without taking the table away."""
        if _LINUX and self._shown and self._server is not None:
            self._shown = False
            await self._quietly(self._server.app.stop_advertising(self._server.adapter))
            await self._guard.restore()

    async def notify(self, frame: bytes) -> None:
        """Set the value, and let the bus keep up."""
        if self._server is None:
            raise Unavailable(Code.LINK_LOST, detail="the radio is closed")
        try:
            await attempt(self._notify(self._server, frame), seconds=BUS_SECONDS)
        except Unavailable as error:
            raise Unavailable(Code.LINK_LOST, detail=f"bless says: {error.detail}") from error

    async def _notify(self, server: Any, frame: bytes) -> None:
        server.get_characteristic(_B2M).value = bytearray(frame)
        if not server.update_value(self._service, _B2M):
            raise Unavailable(Code.LINK_LOST, detail="no such characteristic")
        self._sent += 1
        if _LINUX and self._sent % PACE == 0:
            await server.bus.introspect("org.bluez", "/org/bluez")

    async def disconnect(self, guest: str) -> None:
        """End a central's connection; where that cannot be done, take the table away, so that it has nothing left."""
        if _LINUX and self._guard is not None:
            await self._catch_up()
            await self._guard.disconnect(guest)
        else:
            await self.close()

    async def close(self) -> None:
        """Stop, and give the adapter its name back."""
        server, self._server, self._events = self._server, None, None
        guard, self._guard = self._guard, None
        watching, self._watching = self._watching, None
        started, self._started, self._shown = self._started, False, False
        for task in (watching, *self._leaving):
            if task is not None:
                task.cancel()
        if server is not None:
            await self._quietly(self._stop(server, started=started))
        if guard is not None:
            await guard.close()

    async def _stop(self, server: Any, *, started: bool) -> None:
        if _LINUX:
            server.setup_task.cancel()
            if hasattr(server, "bus"):
                server.bus.disconnect()  # takes table and advertisement away, whatever state they are in
        elif started:
            await server.stop()

    async def _quietly(self, work: Any) -> None:
        with contextlib.suppress(Unavailable):  # it is away already, or bluetoothd is
            await attempt(work, seconds=BUS_SECONDS)
