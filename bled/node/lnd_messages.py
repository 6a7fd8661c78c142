"""Onion messages through LND: it hands a finished onion to a connected peer and does no more."""

import asyncio
import secrets

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.node.cln_onions import invoice_onion
from bled.node.grpc_connection import GrpcConnection
from bled.node.lnd_connection import CHANGE_SECONDS, CONNECT_SECONDS, LIGHTNING, READ_SECONDS
from bled.node.lnd_errors import LndFailure
from bled.node.stubs import lnd_subset_pb2 as pb
from bled_codec.blinded_path import BlindedPath
from bled_codec.crypto import SecretKey
from bled_codec.units import Point


class LndMessages:
    """Sends invoices to the introductions of paths."""

    def __init__(self, connection: GrpcConnection, node_id: Point) -> None:
        """Take the connection to the node and its id."""
        self._connection = connection
        self._node_id = node_id

    async def send(self, invoice: bytes, *, path: BlindedPath) -> None:
        """Send `invoice` along `path`.

        Raises `Unavailable` (`NODE_REFUSED`) for a path that LND cannot begin, or a peer that cannot be reached.
        """
        peer = self._introduction(path)
        keys = (SecretKey(secrets.token_bytes(32)), SecretKey(secrets.token_bytes(32)))
        message = invoice_onion(peer, invoice, path=path, path_session=keys[0], onion_session=keys[1])
        try:
            await self.send_onion(peer, message.path_key, message.onion)
        except LndFailure as error:
            if not error.is_not_connected:
                raise
            await self._connect(peer)
            await self.send_onion(peer, message.path_key, message.onion)

    async def send_onion(self, peer: Point, path_key: Point, onion: bytes) -> None:
        """Hand an onion to a connected peer. Raises `LndFailure` when it is none."""
        call = pb.SendOnionMessageRequest(peer=peer, path_key=path_key, onion=onion)
        await self._connection.unary(
            LIGHTNING + "SendOnionMessage", call, pb.SendOnionMessageResponse, seconds=CHANGE_SECONDS
        )

    async def reach(self, path: BlindedPath) -> None:
        """Connect to the introduction of `path`; harmless when connected. Raises as `send`."""
        await self._connect(self._introduction(path))

    def _introduction(self, path: BlindedPath) -> Point:
        introduction = path.introduction
        if introduction is None:
            raise Unavailable(Code.NODE_REFUSED, detail="the path names its introduction by a channel only")
        if introduction == self._node_id:
            raise Unavailable(Code.NODE_REFUSED, detail="the path begins at this node itself; LND sends to peers alone")
        return introduction

    async def _connect(self, peer: Point) -> None:
        """Connect to a peer at one of the addresses that the network knows, all of them in `CONNECT_SECONDS`."""
        refusal: BledError = Unavailable(Code.NODE_REFUSED, detail="no address of the path's introduction is known")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                for host in await self._addresses(peer):
                    try:
                        await self._connect_to(peer, host)
                    except LndFailure as error:
                        refusal = error
                        continue
                    return
        except TimeoutError:
            refusal = Unavailable(Code.NODE_REFUSED, detail="the path's introduction does not answer")
        raise refusal

    async def _connect_to(self, peer: Point, host: str) -> None:
        address = pb.LightningAddress(pubkey=peer.hex(), host=host)
        call = pb.ConnectPeerRequest(addr=address, timeout=CONNECT_SECONDS)
        try:
            await self._connection.unary(
                LIGHTNING + "ConnectPeer", call, pb.ConnectPeerResponse, seconds=CONNECT_SECONDS
            )
        except LndFailure as error:
            if not error.is_connected_already:
                raise

    async def _addresses(self, peer: Point) -> list[str]:
        call = pb.NodeInfoRequest(pub_key=peer.hex())
        try:
            answer = await self._connection.unary(LIGHTNING + "GetNodeInfo", call, pb.NodeInfo, seconds=READ_SECONDS)
        except LndFailure:
            return []  # a node that the network does not know; it may be a peer all the same
        return [address.addr for address in answer.node.addresses]
