"""The air of these tests: bumble's controllers on the host, for bluetoothd in the guest and for hosts beside it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

from bumble import controller, core, hci
from bumble.transport.common import PacketParser

from bled.link.air import Air, AirController


class Hub(Air):
    """An air whose data comes from the address that its link has, as BlueZ wants it, and whose links can be cut.

    Attributes:
        listeners: called with the sender, the receiver and the octets of each whole L2CAP frame.
    """

    def __init__(self) -> None:
        """Start with nobody in it, and nobody who listens."""
        super().__init__()
        self.listeners: list[Callable[[controller.Controller, controller.Controller, bytes], None]] = []

    def send_acl_data(
        self,
        sender_controller: controller.Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Send data. bumble says that it comes from the random address, whatever the link was made with."""
        receiver = self.find_le_controller(destination_address)
        link = sender_controller.le_connections.get(destination_address)
        if receiver is None or link is None or sender_controller not in self.controllers:
            return
        for listener in self.listeners:
            listener(sender_controller, receiver, data)
        asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, link.self_address, transport, data)

    def cut(self, adapter: AirController) -> int:
        """End every link of a controller as when the two are out of reach; return how many there were."""
        links = list(adapter.le_connections.values())
        for link in links:
            other = self.find_le_controller(link.peer_address)
            theirs = None if other is None else other.le_connections.get(link.self_address)
            adapter.on_le_disconnected(link, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
            if other is not None and theirs is not None:
                other.on_le_disconnected(theirs, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
        return len(links)


class AdapterPort(asyncio.Protocol):
    """One adapter of the guest: a controller on this side of a socket, on which qemu brings its HCI packets."""

    def __init__(self, hub: Hub, public_address: str) -> None:
        self.controller = AirController(
            "guest", link=hub, public_address=hci.Address(public_address, hci.Address.PUBLIC_DEVICE_ADDRESS)
        )
        self.controller.host = self
        self._hub = hub
        self._parser = PacketParser()
        self._parser.set_packet_sink(self.controller)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The guest has started."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Give the controller what its host sent."""
        self._parser.feed_data(data)

    def on_packet(self, packet: bytes) -> None:
        """Send the host one packet of the controller."""
        if self._transport is not None:
            self._transport.write(_enhanced(packet))

    def connection_lost(self, exc: Exception | None) -> None:
        """The guest is gone."""
        self._transport = None
        self._hub.leave(self.controller)


def _enhanced(packet: bytes) -> bytes:
    """Return the packet; a new connection is told as LE Enhanced Connection Complete, without private addresses.

    Linux waits for that event where the controller can do extended advertising, and bumble sends the older one.
    """
    if packet[:2] != b"\x04\x3e" or packet[3] != hci.HCI_LE_CONNECTION_COMPLETE_EVENT:
        return packet
    until_peer, rest = packet[4:15], packet[15:]
    body = bytes([hci.HCI_LE_ENHANCED_CONNECTION_COMPLETE_EVENT]) + until_peer + bytes(12) + rest
    return b"\x04\x3e" + bytes([len(body)]) + body


async def listen(port: AdapterPort, path: Path) -> asyncio.Server:
    """Return the server that waits for qemu at the unix socket `path`."""
    return await asyncio.get_running_loop().create_unix_server(lambda: port, path)
