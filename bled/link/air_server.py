"""A virtual air that separate processes join: the server has the controllers, each process its own host stack.

Clients speak HCI (H4) over a TCP or unix socket. A client that goes away, killed or not, takes its controller with it,
and its peers lose their connection at once. For one machine: whoever reaches the address is in the air.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, cast

from bumble.core import InvalidPacketError
from bumble.transport.common import PacketParser

from bled.codes import Code
from bled.errors import Unavailable
from bled.link.air import Air, AirController
from bled.link.hci_socket import split_address

MAX_CLIENTS: Final = 64
"""Controllers in one air."""
MAX_BACKLOG_BYTES: Final = 1 << 20
"""Most that waits for a client that does not read; then it is cut off, as if it had died."""


class _Client(asyncio.Protocol):
    """One client's socket and its controller."""

    def __init__(self, air: Air, clients: "set[_Client]", empty: asyncio.Event) -> None:
        self._air = air
        self._empty = empty
        self._clients = clients
        self._parser = PacketParser()
        self._controller: AirController | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._clients) >= MAX_CLIENTS:
            self._transport.abort()
            return
        self._clients.add(self)
        self._empty.clear()
        self._controller = self._air.join()
        self._controller.host = self
        self._parser.set_packet_sink(self._controller)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        self._clients.discard(self)
        if not self._clients:
            self._empty.set()
        self._transport = None
        if self._controller is not None:
            self._air.leave(self._controller)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except InvalidPacketError:
            self.abort()

    def on_packet(self, packet: bytes) -> None:
        """Send one packet of the controller to the client."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(packet)
        if self._transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            self._transport.abort()

    def abort(self) -> None:
        """Cut the client off."""
        if self._transport is not None:
            self._transport.abort()


@contextlib.asynccontextmanager
async def serve_air(address: str) -> AsyncIterator[str]:
    """Run a virtual air at `address`, "HOST:PORT" (port 0: a free one) or the path of a unix socket.

    Yields the address that `--radio virtual:ADDRESS` takes. At the end every client is cut off. Raises
    `ConfigurationError` (`CONFIG_BAD`) for an address that is none, `Unavailable` (`RADIO_UNAVAILABLE`) for one that
    cannot be used.
    """
    air = Air()
    clients: set[_Client] = set()
    empty = asyncio.Event()
    empty.set()
    server, real = await _listen(address, lambda: _Client(air, clients, empty))
    try:
        yield real
    finally:
        server.close()
        for client in tuple(clients):
            client.abort()
        await empty.wait()
        await server.wait_closed()
        _forget_socket(real)


def _forget_socket(address: str) -> None:
    if "/" in address:
        Path(address).unlink(missing_ok=True)


async def _listen(address: str, make: Callable[[], _Client]) -> tuple[asyncio.Server, str]:
    place = split_address(address)
    loop = asyncio.get_running_loop()
    try:
        if isinstance(place, str):
            return await loop.create_unix_server(make, place), place
        server = await loop.create_server(make, *place)
    except OSError as error:
        detail = f"cannot listen at {address}: {error.strerror}"
        raise Unavailable(Code.RADIO_UNAVAILABLE, detail=detail) from error
    host, port = server.sockets[0].getsockname()[:2]
    return server, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
