"""The way from a process to its virtual controller in a virtual air: HCI packets (H4) over a TCP or unix socket."""

import asyncio
from typing import Final, cast

from bumble.transport.common import StreamPacketSource

from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable
from bled.link.bumble_radio import BumbleRadio

JOIN_SECONDS: Final = 4.0
"""Longest wait for the air's server to take a client."""
LEAVE_SECONDS: Final = 1.0
"""Longest wait for what was written last to leave; then the socket is cut."""


class HciSocket(StreamPacketSource):
    """Client side of the socket: brings the controller's packets to the host, and takes the host's."""

    def __init__(self) -> None:
        """Start unconnected; asyncio connects it."""
        super().__init__()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        """The server has gone, or we left: `terminated`, which the radio watches, is done."""
        self._transport = None
        self.terminated.set_result(None)

    def on_packet(self, packet: bytes) -> None:
        """Write one packet of the host; dropped when the socket is gone, as the host is told by then."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)

    async def leave(self) -> None:
        """Close the socket; what was written leaves first, if it can within 1 s."""
        if self._transport is None:
            return
        self._transport.close()
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await asyncio.shield(self.terminated)
        except TimeoutError:
            self._transport.abort()
            await self.terminated


def split_address(address: str) -> tuple[str, int] | str:
    """Return host and port of "HOST:PORT" ("[::1]:9" for IPv6), or the path of a unix socket, which has a slash.

    Raises `ConfigurationError` (`CONFIG_BAD`) for anything else.
    """
    if "/" in address:
        return address
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
        detail = f"{address!r} is neither HOST:PORT nor a path with a slash"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
    return host.removeprefix("[").removesuffix("]"), int(port)


async def join_air(address: str) -> BumbleRadio:
    """Return a radio whose controller is in the virtual air at `address`.

    Raises `ConfigurationError` (`CONFIG_BAD`) for an address that is none, `Unavailable` (`RADIO_UNAVAILABLE`) when
    nobody answers there.
    """
    place = split_address(address)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            if isinstance(place, str):
                _, socket = await loop.create_unix_connection(HciSocket, place)
            else:
                _, socket = await loop.create_connection(HciSocket, *place)
    except (OSError, TimeoutError) as error:
        raise Unavailable(Code.RADIO_UNAVAILABLE, detail=f"no virtual air answers at {address}") from error
    return await BumbleRadio(socket, socket, leave=socket.leave).start()
