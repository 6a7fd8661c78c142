"""One bumble host stack on one controller, with every wait bounded: bumble itself waits for ever, or for 30 s."""

import asyncio
import contextlib
import secrets
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from bumble import core, device, gatt, hci, host, pairing
from bumble.transport.common import TransportSink, TransportSource

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.link.meter import AirMeter

COMMAND_SECONDS: Final = 2.0
"""Longest wait for a controller's answer to a few commands; it takes milliseconds."""

_BUMBLE_ERRORS: Final = (core.BaseBumbleError, AssertionError, LookupError, ValueError, struct.error, OSError)
"""What bumble raises for a peer's answers that it did not foresee, beside its own errors."""

_T = TypeVar("_T")
Lost = asyncio.Future[str]
"""Done, with a sentence, when a connection or a radio is gone."""


async def bounded(work: Coroutine[Any, Any, _T], *, lost: Lost, seconds: float | None) -> _T:
    """Return the result of a call of bumble.

    Raises `Unavailable`: `LINK_LOST` at once when `lost` is done or bumble fails, `PEER_TIMEOUT` after `seconds`
    (None: whoever calls sets a limit).
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_retrieve)
    either: set[asyncio.Future[Any]] = {task, lost}
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
    if task.done() and not task.cancelled():
        try:
            return task.result()
        except _BUMBLE_ERRORS as error:
            detail = lost.result() if lost.done() else f"the Bluetooth stack says: {error}"
            raise Unavailable(Code.LINK_LOST, detail=detail) from error
    if lost.done() or task.done():  # bumble cancels what waits when a connection ends
        raise Unavailable(Code.LINK_LOST, detail=lost.result() if lost.done() else "the Bluetooth stack gave up")
    raise Unavailable(Code.PEER_TIMEOUT, detail=f"no answer over the air within {seconds} s")


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Look at the result of a task that nobody may be waiting for any more, so that asyncio does not complain."""
    if not task.cancelled():
        task.exception()


class _NoPairing(pairing.PairingDelegate):
    """Strangers at a till do not pair: it would ask people, and leave keys behind."""

    async def accept(self) -> bool:
        """Refuse."""
        return False


class BumbleRadio:
    """A powered-on host stack. Whoever opened it closes it."""

    def __init__(self, source: TransportSource, sink: TransportSink, *, leave: Callable[[], Awaitable[None]]) -> None:
        """Take the way to and from a controller, and what gives the controller back."""
        address = hci.Address.generate_private_address()
        # One service of our own and GAP's, which the Core specification asks for; no pairing is ever needed.
        config = device.DeviceConfiguration(
            name="bled", address=address, irk=secrets.token_bytes(16), gatt_service_enabled=False
        )
        self.meter = AirMeter()
        self.device = device.Device(config=config, host=host.Host(source, sink))
        self.device.host.snooper = self.meter
        self.gone: Lost = asyncio.get_running_loop().create_future()
        self._leave = leave
        self._closed = False
        self.device.pairing_config_factory = lambda _: pairing.PairingConfig(delegate=_NoPairing())
        source.terminated.add_done_callback(lambda _: self._is_gone())

    async def start(self) -> "BumbleRadio":
        """Power the controller on. Raises `Unavailable` (`RADIO_UNAVAILABLE`) when it does not answer."""
        try:
            await self.command(self.device.power_on())
        except BledError:
            await self.close()
            raise
        return self

    async def command(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Return the result of a call that only needs our own controller.

        Raises `Unavailable` (`RADIO_UNAVAILABLE`) when it does not answer.
        """
        try:
            return await bounded(work, lost=self.gone, seconds=COMMAND_SECONDS)
        except Unavailable as error:
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail=error.detail) from error

    async def set_random_address(self) -> None:
        """Take a new address, so that two sessions cannot be linked by it. Not while connected or on the air."""
        self.device.random_address = hci.Address.generate_private_address()
        await self.command(
            self.device.send_sync_command(
                hci.HCI_LE_Set_Random_Address_Command(random_address=self.device.random_address)
            )
        )

    def remove_last_service(self, service: gatt.Service) -> None:
        """Take the service that was added last out of the table, which bumble has no call for. Not while connected."""
        server = self.device.gatt_server
        del server.attributes[server.attributes.index(service) :]
        server.attributes_by_handle.clear()
        server.services.remove(service)

    def watch(self, connection: device.Connection) -> Lost:
        """Return the future that is done when `connection` ends, or the radio with it."""
        lost: Lost = asyncio.get_running_loop().create_future()

        def lose(detail: str) -> None:
            if not lost.done():
                lost.set_result(detail)

        connection.on(connection.EVENT_DISCONNECTION, lambda reason: lose(_why(reason)))
        self.gone.add_done_callback(lambda gone: lose(gone.result()))
        if not self._is_up(connection):
            lose("the link ended as soon as it was there")
        return lost

    def _is_up(self, connection: device.Connection) -> bool:
        return self.device.connections.get(connection.handle) is connection

    async def disconnect(self, connection: device.Connection) -> None:
        """End `connection`, if it is up and the radio answers; raises nothing."""
        if self.gone.done() or not self._is_up(connection):
            return
        with contextlib.suppress(Unavailable):
            work = connection.disconnect(hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)
            await bounded(work, lost=self.gone, seconds=COMMAND_SECONDS)

    async def stop_advertising(self) -> None:
        """Switch the beacon off, if the radio answers; raises nothing."""
        if not self.gone.done():
            with contextlib.suppress(Unavailable):
                await self.command(self.device.stop_advertising())

    async def give_up_connecting(self) -> None:
        """Take back a request to connect, if one is pending and the radio answers; raises nothing."""
        if self.gone.done():
            return
        with contextlib.suppress(Unavailable):
            await self.command(self.device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command()))

    async def disconnect_all(self) -> None:
        """End every connection; raises nothing."""
        for connection in tuple(self.device.connections.values()):
            await self.disconnect(connection)

    async def close(self) -> None:
        """Give the controller back; idempotent, never hangs. Connections that are up are lost to their peers."""
        if self._closed:
            return
        self._closed = True
        await self._leave()
        self.device.host.set_packet_sink(None)
        self._is_gone()

    def _is_gone(self) -> None:
        if not self.gone.done():
            self.gone.set_result("the radio is gone")


def _why(reason: int) -> str:
    match reason:
        case hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR:
            return "the other side closed the link"
        case hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR:
            return "the link was closed here"
        case hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR:
            return "the other side is out of reach"
        case hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR:
            return "the other side was taken by somebody else"
        case _:
            return f"the link ended with HCI code {reason:#04x}"
