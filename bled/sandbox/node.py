"""A node of the sandbox: its key, its neighbours, its books, and the onion messages that pass through it."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bled.sandbox.books import Books
from bled.sandbox.fetch_invoice import InvoiceFetcher
from bled.sandbox.lnd_books import LndBooks
from bled.sandbox.network import Network
from bled.sandbox.node_data import Address, ChannelInfo, ConnectedPeer, NodeInfo, PeerInfo
from bled.sandbox.offers_plugin import OffersPlugin
from bled.sandbox.onion_opening import open_message
from bled.sandbox.rate_limit import OnionRate
from bled.sandbox.rpc_error import INVALID_PARAMS, LIGHTNINGD, HandlerCrashed, NodeDied, RpcError
from bled_codec.blinded_path import BlindedPath
from bled_codec.crypto import SecretKey, parse_point
from bled_codec.errors import EncodingError
from bled_codec.onion_message import Forward, Received
from bled_codec.units import Msat, Point

_log = logging.getLogger(__name__)

_NO_KNOWN_ADDRESS: Final = 400
_ALL_ADDRESSES_FAILED: Final = 401

MessageHook = Callable[[Received], Awaitable[bool]]
"""Shown each onion message for this node before its own offers plugin; True: dealt with, nobody else sees it."""


def books_of(node: "SandboxNode") -> Books:
    """Return the books of a node that is Core Lightning's kind. Raises `TypeError` for another kind."""
    if not isinstance(node.books, Books):
        raise TypeError(f"{node.alias} has no offers")
    return node.books


@dataclass(slots=True, kw_only=True)
class _Connection:
    node: "SandboxNode"
    outgoing: bool
    rate: OnionRate = field(repr=False)


class SandboxNode:
    """One node. Everything it does with bytes is real; only channels and coins are make-believe.

    Attributes:
        alias: its name, unique in the sandbox.
        key: its secret key.
        books: its offers and invoices, or invoices alone.
        hook: a plugin's place before the node's own offers plugin.
        fetcher: what asks the makers of offers for invoices.
    """

    def __init__(
        self,
        *,
        alias: str,
        key: SecretKey,
        books: Books | LndBooks,
        network: Network,
        lightning_dir: Path | None = None,
        address: Address | None = None,
    ) -> None:
        """Make the node and take its place in `network`."""
        self.alias = alias
        self.key = key
        self.node_id = key.public_key
        self.books = books
        self.network = network
        self.lightning_dir = lightning_dir or Path(alias)
        self.address = address or Address()
        self.hook: MessageHook | None = None
        self.fetcher = InvoiceFetcher(self)
        self._connections: dict[Point, _Connection] = {}
        self._offers = OffersPlugin(self, books) if isinstance(books, Books) else None
        network.add_node(self)

    @property
    def peers(self) -> tuple[Point, ...]:
        """The nodes this one is connected with."""
        return tuple(self._connections)

    def info(self) -> NodeInfo:
        """Return what `getinfo` says."""
        return NodeInfo(
            node_id=self.node_id,
            alias=self.alias,
            color=self.node_id[:3],
            num_peers=len(self._connections),
            num_active_channels=len(self.list_channels()),
            lightning_dir=str(self.lightning_dir),
            fees_collected=self.network.accounts.fees_collected(self.alias),
            address=self.address,
        )

    def list_peers(self, node_id: Point | None = None) -> tuple[PeerInfo, ...]:
        """Return all connected peers and those with a channel, or the one asked for."""
        with_channel = [channel.other(self.node_id) for channel in self.network.channels_of(self.node_id)]
        known = dict.fromkeys((*self._connections, *with_channel))
        return tuple(self._peer_info(peer) for peer in known if node_id in (None, peer))

    def list_channels(self, peer_id: Point | None = None) -> tuple[ChannelInfo, ...]:
        """Return all channels, or those with one peer."""
        channels = self.network.channels_of(self.node_id)
        infos = (self._channel_info(channel.scid) for channel in channels)
        return tuple(info for info in infos if peer_id in (None, info.peer_id))

    def connect_peer(self, node_id: Point, *, host: str | None = None, port: int | None = None) -> ConnectedPeer:
        """Connect to a node of the sandbox. Raises `RpcError`: 400 without an address, 401 when nobody is there."""
        if node_id not in self._connections:
            self._connect(node_id, host, port)
        connection = self._connections[node_id]
        return ConnectedPeer(node_id=node_id, outgoing=connection.outgoing, address=connection.node.address)

    def disconnect_peer(self, node_id: Point, *, force: bool = False) -> None:
        """Close a connection. Raises `RpcError`: -32602 for a stranger, -1 when a channel needs it and not `force`."""
        if node_id not in self._connections:
            raise RpcError(INVALID_PARAMS, f"Unknown peer '{node_id.hex()}'")
        if not force and self.list_channels(node_id):
            raise RpcError(LIGHTNINGD, "Peer has (at least one) channel in state CHANNELD_NORMAL")
        self._connections.pop(node_id).node.forget_connection(self.node_id)

    def inject_onion(self, path_key: bytes, onion: bytes) -> None:
        """Take an onion message as if it had come from a peer (`injectonionmessage`); no rate limit applies.

        Raises `RpcError` (-1) when it cannot be opened or its next node is no peer, `HandlerCrashed` for a
        `path_key` that is no point. What becomes of it later is never reported.
        """
        try:
            key = parse_point(path_key)
        except EncodingError as error:
            raise HandlerCrashed from error
        self._handle(key, onion)

    def send_onion(self, peer: Point, path_key: Point, onion: bytes) -> None:
        """Put an onion message on the wire to a connected peer. Raises `RpcError` (-1) when it is none."""
        connection = self._connections.get(peer)
        if connection is None:
            raise RpcError(LIGHTNINGD, f"onion msg: unknown next peer {peer.hex()}")
        self.network.spawn(connection.node.receive_onion(self.node_id, path_key, onion))

    def send_along(self, path: BlindedPath, onion: bytes) -> None:
        """Send an onion made for `path` to its introduction, connecting to it first where need be.

        Raises `RpcError` when the introduction is unknown or cannot be reached.
        """
        introduction = self.network.resolve(path.first_node_id)
        if introduction is None:
            raise RpcError(LIGHTNINGD, "the introduction's channel is unknown")
        if introduction == self.node_id:
            self._handle(path.first_path_key, onion)
            return
        self.connect_peer(introduction)
        self.send_onion(introduction, path.first_path_key, onion)

    def take_connection(self, peer: "SandboxNode") -> None:
        """Be connected to by another node, which calls this."""
        self._connections[peer.node_id] = self._connection(peer, outgoing=False)

    def forget_connection(self, peer: Point) -> None:
        """Be left by another node, which calls this."""
        self._connections.pop(peer, None)

    async def receive_onion(self, sender: Point, path_key: Point, onion: bytes) -> None:
        """Take an onion message off the wire; one too many, or one that goes nowhere, is dropped silently."""
        connection = self._connections.get(sender)
        if self.books.is_dead or connection is None or not connection.rate.allows(self.network.clock.monotonic()):
            return
        try:
            self._handle(path_key, onion)
        except RpcError as error:  # nobody is told: BOLT 4 has a node ignore what it cannot open or pass on
            _log.debug("%s: %s", self.alias, error.message)

    def _handle(self, path_key: Point, onion: bytes) -> None:
        opened = open_message(onion, path_key, self.key)
        if isinstance(opened, Received):
            self.network.spawn(self._deliver(opened))
            return
        following = self._next_node(opened)
        if following == self.node_id:
            self._handle(opened.next_path_key, opened.onion)
        else:
            self.send_onion(following, opened.next_path_key, opened.onion)

    def _next_node(self, forward: Forward) -> Point:
        if forward.next_node_id is not None:
            return forward.next_node_id
        scid = forward.short_channel_id or b""
        channel = self.network.channel(scid)
        if channel is None or self.node_id not in channel.ends:
            raise RpcError(LIGHTNINGD, f"onion msg: unknown next scid {scid.hex()}")
        return channel.other(self.node_id)

    async def _deliver(self, received: Received) -> None:
        if self.hook is not None and await self.hook(received):
            return
        if self.fetcher.take(received):
            return
        try:
            if self._offers is not None:
                self._offers.handle(received)
        except NodeDied:  # the message came too late; nobody is told
            _log.debug("%s died before it answered", self.alias)

    def _connect(self, node_id: Point, host: str | None, port: int | None) -> None:
        node = self.network.nodes.get(node_id)
        if node is self or (node is None and host is None):
            raise RpcError(_NO_KNOWN_ADDRESS, "Unable to connect, no address known for peer")
        if node is None:
            attempt = f"{host}:{port or Address().port}: Connection establishment: Connection refused. "
            raise RpcError(_ALL_ADDRESSES_FAILED, f"All addresses failed: {attempt}")
        self._connections[node_id] = self._connection(node, outgoing=True)
        node.take_connection(self)

    def _connection(self, peer: "SandboxNode", *, outgoing: bool) -> _Connection:
        return _Connection(node=peer, outgoing=outgoing, rate=OnionRate(self.network.clock.monotonic()))

    def _peer_info(self, peer: Point) -> PeerInfo:
        node = self.network.nodes[peer]
        connected = peer in self._connections
        return PeerInfo(
            node_id=peer,
            connected=connected,
            num_channels=len(self.list_channels(peer)),
            netaddr=(str(node.address),) if connected else (),
        )

    def _channel_info(self, scid: str) -> ChannelInfo:
        channel = next(channel for channel in self.network.channels if channel.scid == scid)
        peer = channel.other(self.node_id)
        accounts = self.network.accounts
        ours = accounts.balance(scid, self.alias)
        theirs = accounts.balance(scid, self.network.nodes[peer].alias)
        return ChannelInfo(
            peer_id=peer,
            peer_connected=peer in self._connections,
            short_channel_id=scid,
            private=channel.private,
            spendable=accounts.spendable(scid, self.alias),
            receivable=theirs,
            ours=ours,
            total=Msat(ours + theirs),
            local=channel.update,
            remote=channel.update,
        )
