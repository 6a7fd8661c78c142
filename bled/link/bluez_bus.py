"""One connection to the system's D-Bus, for what bled asks of bluetoothd itself."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dbus_fast import BusType, DBusError, Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, InvalidAddressError

from bled.codes import Code
from bled.errors import Unavailable
from bled.link.waiting import Lost, lose, new_lost, said

BLUEZ: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
DEVICE: Final = "org.bluez.Device1"
SERVICE: Final = "org.bluez.GattService1"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
CALL_SECONDS: Final = 4.0
"""Longest wait for bluetoothd; it answers in milliseconds, but to Disconnect after two seconds."""

_OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
_BUS: Final = "org.freedesktop.DBus"
_MATCHES: Final = (
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',path_namespace='/org/bluez'",
    f"type='signal',sender='{BLUEZ}',interface='{_OBJECT_MANAGER}'",
    f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
)
_BUS_ERRORS: Final = (OSError, EOFError, AuthError, InvalidAddressError, DBusError, TimeoutError)

Objects = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Object path to interface to property to value."""
Handler = Callable[[Message], Message | bool | None]
"""Answers a method call; None when it is not for this handler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something of bluetoothd's that has changed.

    Attributes:
        path: the object's; "" for bluetoothd as a whole.
        interface: the one that changed, came or went.
        properties: new values; None when the interface went away.
    """

    path: str
    interface: str
    properties: Mapping[str, Any] | None


class BluezError(Exception):
    """bluetoothd refused a call.

    Attributes:
        name: the D-Bus name of the error.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        super().__init__(f"{name.removeprefix(BLUEZ + '.Error.')}: {text}" if text else name)


class BluezBus:
    """A connection. Whoever opened it closes it.

    Attributes:
        gone: done, with a sentence, when the connection has broken.
    """

    def __init__(self, bus: MessageBus) -> None:
        """Take a connection that `connect` has made."""
        self._bus = bus
        self._listeners: list[Callable[[Change], None]] = []
        self.gone: Lost = new_lost()
        bus.add_message_handler(self._on_message)
        self._watching = asyncio.ensure_future(self._watch())

    @classmethod
    async def connect(cls) -> "BluezBus":
        """Return a connection that hears of bluetoothd's changes.

        Raises `Unavailable` (`RADIO_UNAVAILABLE`) when there is no D-Bus.
        """
        bus = MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True)
        try:
            await bus.connect()
        except _BUS_ERRORS as error:
            bus.disconnect()
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail=f"the system's D-Bus does not answer: {error}") from error
        self = cls(bus)
        for rule in _MATCHES:
            await self.call("/org/freedesktop/DBus", _BUS, "AddMatch", "s", [rule], destination=_BUS)
        return self

    async def call(  # the parts of a D-Bus call
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[Any] | None = None,
        *,
        destination: str = BLUEZ,
    ) -> list[Any]:
        """Return the answer to a call, with plain values.

        Raises `BluezError` when it is refused, `Unavailable` (`RADIO_UNAVAILABLE`) when no answer comes.
        """
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=[] if body is None else body,
        )
        try:
            async with asyncio.timeout(CALL_SECONDS):
                reply = await self._bus.call(message)
        except _BUS_ERRORS as error:
            detail = f"bluetoothd does not answer to {member}: {said(error)}"
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail=detail) from error
        if reply.message_type is MessageType.ERROR:
            raise BluezError(str(reply.error_name), " ".join(str(part) for part in reply.body))
        plain: list[Any] = unpack_variants(reply.body)
        return plain

    async def objects(self) -> Objects:
        """Return everything that bluetoothd shows; nothing when it does not run."""
        try:
            reply = await self.call("/", _OBJECT_MANAGER, "GetManagedObjects")
        except BluezError:
            return {}
        objects: Objects = reply[0]
        return objects

    async def owner(self) -> str:
        """Return the unique name of bluetoothd. Raises `BluezError` when it does not run."""
        reply = await self.call("/org/freedesktop/DBus", _BUS, "GetNameOwner", "s", [BLUEZ], destination=_BUS)
        return str(reply[0])

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` at each change; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def serve(self, handler: Handler) -> None:
        """Answer method calls by `handler`, until the connection is closed."""
        self._bus.add_message_handler(handler)

    def reply_with_file(self, call: Message, signature: str, body: list[Any], descriptor: int) -> "asyncio.Future[Any]":
        """Answer `call` with a file descriptor; the future is done when it has left and may be closed here."""
        reply = Message.new_method_return(call, signature, body, [descriptor])
        sent: asyncio.Future[Any] = self._bus.send(reply)
        return sent

    async def close(self) -> None:
        """Close the connection; idempotent. bluetoothd forgets what was registered over it."""
        self._bus.disconnect()
        await self._watching

    async def _watch(self) -> None:
        try:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it without types
        except _BUS_ERRORS as error:
            lose(self.gone, f"the connection to D-Bus broke: {said(error)}")
        lose(self.gone, "the connection to D-Bus was closed")

    def _on_message(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            for change in _changes(message):
                for listener in tuple(self._listeners):
                    listener(change)


def _changes(signal: Message) -> list[Change]:
    """Return what a signal says, in our terms."""
    path, body = signal.path or "", unpack_variants(signal.body)
    match signal.member:
        case "PropertiesChanged":
            return [Change(path=path, interface=body[0], properties=body[1])]
        case "InterfacesAdded":
            return [Change(path=body[0], interface=name, properties=values) for name, values in body[1].items()]
        case "InterfacesRemoved":
            return [Change(path=body[0], interface=name, properties=None) for name in body[1]]
        case "NameOwnerChanged":
            return [Change(path="", interface=BLUEZ, properties={} if body[2] else None)]
        case _:
            return []


def variants(values: Mapping[str, tuple[str, Any]]) -> dict[str, Variant]:
    """Return properties as D-Bus carries them, from name to signature and value."""
    return {name: Variant(signature, value) for name, (signature, value) in values.items()}
