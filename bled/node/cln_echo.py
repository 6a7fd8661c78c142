"""Core Lightning's self-test: a request for an offer of the node's own goes out to a peer and comes back.

The interface shows no onion messages that arrive; but the node answers a request by making an invoice, and that can be
seen. The offer is of one millisatoshi, nobody else ever gets it, and it is closed at the end.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from bled.node.base import CreatedOffer, Echo, MerchantNode, invoice_label
from bled.node.cln_connection import READ_SECONDS, ClnConnection
from bled.node.cln_onions import round_trip_onion
from bled.node.cln_ways import PrivateWays
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.units import Msat, Point, UnixTime

OFFER_SECONDS: Final = 60
PATIENCE_SECONDS: Final = 2.0
"""How long one message may take; a connected peer needs milliseconds, over Tor about a second."""
MOST_PEERS: Final = 3
_LOOK_SECONDS: Final = 0.02
_AMOUNT: Final = Msat(1)


class ClnEcho:
    """One self-test of one node."""

    def __init__(self, node: MerchantNode, connection: ClnConnection, private: PrivateWays) -> None:
        """Take the node, the connection to it, and what is known of it if the network does not know it."""
        self._node = node
        self._connection = connection
        self._private = private

    async def run(self, now: UnixTime) -> Echo:
        """Send a message through each peer in turn until one comes back, at last inside the node."""
        label = f"bled-self-test-{secrets.token_hex(8)}"
        offer = await self._node.create_offer(
            amount=_AMOUNT, description=label, label=label, absolute_expiry=UnixTime(now + OFFER_SECONDS)
        )
        try:
            return await self._try_all(offer, await self._peers())
        finally:
            await self._node.cancel(offer.offer_id)

    async def _try_all(self, offer: CreatedOffer, peers: Sequence[Point]) -> Echo:
        for number, through in enumerate([*([peer] for peer in peers), []]):
            milliseconds = await self._try(offer, through)
            if milliseconds is not None:
                return Echo(
                    came_back=True,
                    through=through[0] if through else None,
                    milliseconds=milliseconds,
                    tried=tuple(peers[:number]),
                )
        return Echo(came_back=False, tried=tuple(peers))

    async def _try(self, offer: CreatedOffer, through: Sequence[Point]) -> float | None:
        """Return how long a message took, None when it did not come back. Each has a payer of its own."""
        info = await self._node.info()
        payer = SecretKey(secrets.token_bytes(32))
        unsigned = create_invoice_request(
            offer.offer, metadata=secrets.token_bytes(16), payer_id=payer.public_key, amount=_AMOUNT, chain=info.chain
        )
        request = unsigned.sign(payer, aux=secrets.token_bytes(32))
        begun = asyncio.get_running_loop().time()
        await self._send(info.node_id, request, through)
        label = invoice_label(offer.offer_id, payer.public_key)
        while (passed := asyncio.get_running_loop().time() - begun) < PATIENCE_SECONDS:
            if await self._node.lookup(label) is not None:
                return passed * 1000
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _send(self, node_id: Point, request: InvoiceRequest, through: Sequence[Point]) -> None:
        keys = [SecretKey(secrets.token_bytes(32)) for _ in range(3)]
        message = round_trip_onion(
            node_id,
            request.encode(),
            through=through,
            path_id=await self._private.path_id_of(request),
            path_sessions=(keys[0], keys[1]),
            onion_session=keys[2],
        )
        call = pb.InjectonionmessageRequest(path_key=message.path_key, message=message.onion)
        await self._connection.call("InjectOnionMessage", call, pb.InjectonionmessageResponse, seconds=READ_SECONDS)

    async def _peers(self) -> list[Point]:
        answer = await self._connection.call(
            "ListPeers", pb.ListpeersRequest(), pb.ListpeersResponse, seconds=READ_SECONDS
        )
        # Those with a channel first: some nodes take no messages from others.
        rows = sorted((row for row in answer.peers if row.connected), key=lambda row: -row.num_channels)
        return [Point(row.id) for row in rows[:MOST_PEERS]]
