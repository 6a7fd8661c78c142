"""LND's self-test: an onion message goes out to a peer, which is to bring it back, and the node shows what arrives.

A peer that is LND itself drops what would go back to where it came from (since 0.21): only others bring it back.
"""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from bled.errors import BledError
from bled.node.base import Echo
from bled.node.grpc_connection import GrpcConnection
from bled.node.grpc_errors import NoAnswerInTime
from bled.node.lnd_connection import LIGHTNING, READ_SECONDS
from bled.node.lnd_messages import LndMessages
from bled.node.stubs import lnd_subset_pb2 as pb
from bled_codec.blinded_path import BlindedPath, create_blinded_path
from bled_codec.crypto import SecretKey, parse_point
from bled_codec.encrypted_data import EncryptedData
from bled_codec.errors import CodecError
from bled_codec.onion_message import OnionPayload, create_onion_message
from bled_codec.units import Point

PATIENCE_SECONDS: Final = 2.0
"""How long one message may take."""
MOST_PEERS: Final = 3
_SUBSCRIBE_SECONDS: Final = 0.1
"""LND does not say when a subscription has begun; what arrives before is shown to nobody."""


class LndEcho:
    """One self-test of one node."""

    def __init__(self, connection: GrpcConnection, messages: LndMessages, node_id: Point) -> None:
        """Take the connection to the node, its messages and its id."""
        self._connection = connection
        self._messages = messages
        self._node_id = node_id

    async def run(self) -> Echo:
        """Send a message through each peer in turn until one comes back."""
        peers = await self._peers()
        for number, peer in enumerate(peers):
            milliseconds = await self._try(peer)
            if milliseconds is not None:
                tried = tuple(peers[:number])
                return Echo(came_back=True, through=peer, milliseconds=milliseconds, tried=tried)
        return Echo(came_back=False, tried=tuple(peers))

    async def _try(self, peer: Point) -> float | None:
        path_id = secrets.token_bytes(32)
        data = (EncryptedData(next_node_id=self._node_id), EncryptedData(path_id=path_id))
        key = SecretKey(secrets.token_bytes(32))
        path = create_blinded_path([peer, self._node_id], [part.encode() for part in data], session_key=key)
        onion = create_onion_message(path, OnionPayload(), session_key=SecretKey(secrets.token_bytes(32)))
        begun = asyncio.get_running_loop().time()
        waiting = asyncio.create_task(self._arrives(path, path_id))
        try:
            await asyncio.sleep(_SUBSCRIBE_SECONDS)
            await self._messages.send_onion(peer, path.first_path_key, onion)
            arrived = await waiting
        except BledError:
            return None
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return (asyncio.get_running_loop().time() - begun) * 1000 if arrived else None

    async def _arrives(self, path: BlindedPath, path_id: bytes) -> bool:
        call = pb.SubscribeOnionMessagesRequest()
        stream = self._connection.stream(
            LIGHTNING + "SubscribeOnionMessages", call, pb.OnionMessageUpdate, seconds=PATIENCE_SECONDS
        )
        sealed = path.hops[-1].encrypted_recipient_data
        try:
            async with aclosing(stream) as updates:
                async for update in updates:
                    data = update.encrypted_recipient_data
                    if data == sealed or path_id in data:
                        return True
        except NoAnswerInTime:
            pass  # nothing came
        return False

    async def _peers(self) -> Sequence[Point]:
        answer = await self._connection.unary(
            LIGHTNING + "ListPeers", pb.ListPeersRequest(), pb.ListPeersResponse, seconds=READ_SECONDS
        )
        return [peer for row in answer.peers if (peer := _point(row.pub_key)) is not None][:MOST_PEERS]


def _point(text: str) -> Point | None:
    """Return the id of a peer, None for what is none."""
    try:
        return parse_point(bytes.fromhex(text))
    except (CodecError, ValueError):
        return None
