"""The profile's service on BlueZ, by D-Bus calls of our own: who writes is known, notifications go through a socket."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final
from uuid import UUID

from dbus_fast import ErrorType, Message, MessageType

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.profile import MIN_ATT_MTU, SERVICE_UUID
from bled.link.bluez_adapter import wait_for_adapter, watch_adapter
from bled.link.bluez_bus import ADAPTER, PROPERTIES, BluezBus, BluezError
from bled.link.bluez_guests import Guests
from bled.link.bluez_table import ADVERTISEMENT, APPLICATION, B2M, M2B, managed_objects, plain, properties_of
from bled.link.host_peripheral import HostEvents

PACE: Final = 8
"""Notifications between two questions to bluetoothd, whose answer shows that it keeps up."""

_GATT_MANAGER: Final = "org.bluez.GattManager1"
_ADVERTISING_MANAGER: Final = "org.bluez.LEAdvertisingManager1"
_REFUSED: Final = "org.bluez.Error.NotAuthorized"
_BAD_OFFSET: Final = "org.bluez.Error.InvalidOffset"


class BluezServer:
    """A `HostServer` on bluetoothd. A guest is the Bluetooth address of a central."""

    def __init__(self, adapter: str | None) -> None:
        """Take the adapter's name, as "hci1"; None for the first."""
        self._name = adapter
        self._adapter = ""
        self._uuid = SERVICE_UUID
        self._bus: BluezBus | None = None
        self._owner = ""
        self._events: HostEvents | None = None
        self._socket: socket.socket | None = None
        self._telling: asyncio.Task[None] | None = None
        self._sent = 0
        self._shown = False
        self._guests: Guests | None = None
        self._stop: tuple[Callable[[], None], ...] = ()

    async def open(self, events: HostEvents, *, uuid: UUID) -> None:
        """Register the table, unless it stands."""
        if self._bus is not None and uuid == self._uuid:
            return
        await self.close()
        self._uuid = uuid
        self._bus = await BluezBus.connect()
        try:
            self._adapter = await wait_for_adapter(self._bus, self._name)
            await self._register(self._bus, events)
        except BluezError as error:
            await self.close()
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail=f"bluetoothd refuses the service: {error}") from error
        except BaseException:
            await self.close()
            raise

    async def _register(self, bus: BluezBus, events: HostEvents) -> None:
        self._events = events
        self._owner = await bus.owner()
        gone, stop = watch_adapter(bus, self._adapter)
        gone.add_done_callback(lambda done: self._is_gone(events, done.result()))
        self._guests = Guests(bus, self._adapter, entered=self._has_entered, left=self._has_left)
        self._stop = (stop, self._guests.stop)
        bus.serve(self._on_call)
        await bus.call(self._adapter, _GATT_MANAGER, "RegisterApplication", "oa{sv}", [APPLICATION, {}])

    def _is_gone(self, events: HostEvents, detail: str) -> None:
        if self._events is events:
            self._unsubscribe()
            events.gone(detail)

    async def show_beacon(self) -> None:
        """Register the advertisement; the one before is taken away first."""
        await self.hide_beacon()
        try:
            await self._call(self._adapter, _ADVERTISING_MANAGER, "RegisterAdvertisement", "oa{sv}", ADVERTISEMENT, {})
        except BluezError as error:
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail=f"bluetoothd refuses the beacon: {error}") from error
        self._shown = True

    async def hide_beacon(self) -> None:
        """Take the advertisement away."""
        if self._shown and self._bus is not None:
            self._shown = False
            with contextlib.suppress(BluezError, Unavailable):  # it is away already, or bluetoothd is
                await self._call(self._adapter, _ADVERTISING_MANAGER, "UnregisterAdvertisement", "o", ADVERTISEMENT)

    async def notify(self, frame: bytes) -> None:
        """Put a frame into the socket that bluetoothd notifies from."""
        if self._socket is None:
            raise Unavailable(Code.LINK_LOST, detail="the till switched notifications off")
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, frame)
        except OSError as error:
            raise Unavailable(Code.LINK_LOST, detail="bluetoothd takes no more notifications") from error
        self._sent += 1
        if self._sent % PACE == 0:
            with contextlib.suppress(BluezError):  # an answer is an answer
                await self._call(self._adapter, PROPERTIES, "Get", "ss", ADAPTER, "Powered")

    async def disconnect(self, guest: str) -> None:
        """Ask bluetoothd to end a central's connection; it does after two seconds."""
        if self._guests is not None:
            await self._guests.disconnect(guest)

    async def close(self) -> None:
        """Leave the bus, which takes table and beacon away."""
        for stop in self._stop:
            stop()
        self._stop = ()
        bus, self._bus, self._events, self._guests = self._bus, None, None, None
        self._shown = False
        self._unsubscribe()
        if bus is not None:
            await bus.close()

    async def _call(self, path: str, interface: str, member: str, signature: str = "", *body: object) -> None:
        if self._bus is None:
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail="the radio is closed")
        await self._bus.call(path, interface, member, signature, list(body))

    def _has_entered(self, guest: str) -> None:
        if self._events is not None:
            self._events.entered(guest)

    def _has_left(self, guest: str) -> None:
        if self._events is not None:
            self._events.left(guest)

    def _on_call(self, call: Message) -> Message | bool | None:
        """Answer bluetoothd; nobody else may call."""
        if call.message_type is not MessageType.METHOD_CALL or not (call.path or "").startswith(APPLICATION):
            return None
        if call.sender != self._owner:
            return Message.new_error(call, ErrorType.ACCESS_DENIED, "only bluetoothd may ask")
        match call.member:
            case "GetManagedObjects":
                return Message.new_method_return(call, "a{oa{sa{sv}}}", [managed_objects(self._uuid)])
            case "GetAll":
                properties = properties_of(call.path or "", call.body[0], self._uuid)
                return Message.new_method_return(call, "a{sv}", [properties])
            case "WriteValue" if call.path == M2B and call.signature == "aya{sv}":
                return self._on_write(call)
            case "AcquireNotify" if call.path == B2M:
                return self._on_subscription(call)
            case "StopNotify" | "Release":
                return Message.new_method_return(call)
            case _:
                return None

    def _on_write(self, call: Message) -> Message:
        value, options = bytes(call.body[0]), call.body[1]
        if plain(options, "offset", 0) != 0:
            return Message.new_error(call, _BAD_OFFSET, "values are written whole")
        att_mtu = plain(options, "mtu", MIN_ATT_MTU)
        if self._events is None or self._guests is None:
            return Message.new_error(call, _REFUSED, "the pay screen is closed")
        if not self._events.written(self._guests.guest(plain(options, "device", "")), value, att_mtu):
            return Message.new_error(call, _REFUSED, "another till is served")
        return Message.new_method_return(call)

    def _on_subscription(self, call: Message) -> Message | bool:
        """Give bluetoothd the other end of a socket. It closes it when nobody is subscribed any more."""
        if self._bus is None or self._events is None:
            return Message.new_error(call, _REFUSED, "the pay screen is closed")
        self._unsubscribe()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._on_hang_up, ours)
        att_mtu = plain(call.body[0], "mtu", MIN_ATT_MTU)
        sent = self._bus.reply_with_file(call, "hq", [0, att_mtu], theirs.fileno())
        sent.add_done_callback(lambda _: theirs.close())
        self._events.subscribed(on=True)
        return True

    def _on_hang_up(self, ours: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            if ours.recv(1) == b"" and ours is self._socket:
                self._unsubscribe()
                self._telling = asyncio.ensure_future(self._tell_unsubscribed(self._events))

    async def _tell_unsubscribed(self, events: HostEvents | None) -> None:
        """Say so after what was written before: that comes by another way, and an answer on it shows that it has."""
        with contextlib.suppress(BluezError, Unavailable):  # gone altogether
            await self._call(self._adapter, PROPERTIES, "Get", "ss", ADAPTER, "Powered")
        if events is not None and events is self._events and self._socket is None:
            events.subscribed(on=False)

    def _unsubscribe(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
