"""What a node must be asked before a till can sell through it while the network does not know it."""

import logging
import secrets

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.base import NodeInfo
from bled.node.cln_connection import READ_SECONDS, ClnConnection
from bled.node.cln_invoice import PaymentPaths
from bled.node.cln_private import INVOICE_SECRET, OFFER_SECRET, best_inbound, payment_path, request_path_id
from bled.node.cln_records import read_inbound, read_info
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.tlv import join_records
from bled_codec.units import Msat

_log = logging.getLogger(__name__)


class PrivateWays:
    """Paths to one node. A node that the network knows makes offers without paths, and is asked nothing."""

    def __init__(self, connection: ClnConnection) -> None:
        """Take the connection to the node."""
        self._connection = connection
        self._secrets: dict[str, bytes] = {}

    async def are_needed(self) -> bool:
        """Say whether the node has channels and the network knows of none."""
        answer = await self._channels()
        return bool(answer.channels) and all(channel.private for channel in answer.channels)

    async def _channels(self) -> pb.ListpeerchannelsResponse:
        call = pb.ListpeerchannelsRequest()
        return await self._connection.call("ListPeerChannels", call, pb.ListpeerchannelsResponse, seconds=READ_SECONDS)

    async def path_id_of(self, request: InvoiceRequest) -> bytes | None:
        """Return what must come with `request` when it is handed to the node, None for an offer without paths."""
        if not request.offer_paths:
            return None
        offer = Offer.decode(join_records(request.offer_records))
        return request_path_id(await self._secret(OFFER_SECRET), offer)

    async def for_payment(self, offer: Offer, payment_hash: bytes, *, info: NodeInfo) -> PaymentPaths:
        """Return ways for the money of `offer`; none when the node needs none.

        Raises `Unavailable` (`NODE_REFUSED`) when no channel can bring the amount just now.
        """
        if not offer.offer_paths:
            return ()
        answer = await self._channels()
        channels = best_inbound(read_inbound(answer), Msat(offer.offer_amount or 0))
        if not channels:
            raise Unavailable(Code.NODE_REFUSED, detail="no channel can receive this amount now")
        _log.info("flow private: the till builds the path for the money, through %d peers", len(channels))
        secret, height = await self._secret(INVOICE_SECRET), await self._height()
        paths = [
            payment_path(
                info.node_id,
                channel,
                invoice_secret=secret,
                payment_hash=payment_hash,
                height=height,
                session_key=SecretKey(secrets.token_bytes(32)),
            )
            for channel in channels
        ]
        return [(path, channel.payinfo) for path, channel in zip(paths, channels, strict=True)]

    async def _height(self) -> int:
        answer = await self._connection.call("Getinfo", pb.GetinfoRequest(), pb.GetinfoResponse, seconds=READ_SECONDS)
        return read_info(answer).height

    async def _secret(self, name: str) -> bytes:
        """Return a secret of the node, 32 bytes; it never changes."""
        if name not in self._secrets:
            call = pb.MakesecretRequest(string=name)
            answer = await self._connection.call("MakeSecret", call, pb.MakesecretResponse, seconds=READ_SECONDS)
            self._secrets[name] = answer.secret
        return self._secrets[name]
