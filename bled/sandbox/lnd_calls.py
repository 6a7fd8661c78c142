"""The calls of LND's gRPC interface that a sandbox node serves, one row each.

A handler raises `LndError` for what LND refuses, with LND's own status and words.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from bled.node.stubs import lnd_invoices_subset_pb2 as invoices_pb
from bled.node.stubs import lnd_subset_pb2 as pb
from bled.sandbox.lnd_books import LndBooks, LndError, LndInvoice, LndState, Paths
from bled.sandbox.lnd_node import LndNode
from bled.sandbox.rpc_error import RpcError
from bled_codec.crypto import parse_point
from bled_codec.errors import EncodingError
from bled_codec.units import Msat, Point

LIGHTNING: Final = "lnrpc.Lightning"
INVOICES: Final = "invoicesrpc.Invoices"
VERSION: Final = "0.21.2-beta commit=sandbox"
"""The version whose behaviour is kept, marked so that nobody takes this for a real node."""
_NETWORK: Final = "regtest"


@dataclass(frozen=True, slots=True)
class Unary:
    """One call. The handler's request is of the type `request`."""

    request: type[Message]
    handler: Callable[[LndNode, Any], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Streaming:
    """One stream."""

    request: type[Message]
    handler: Callable[[LndNode, Any], AsyncIterator[Message]]


async def _get_info(lnd: LndNode, _: pb.GetInfoRequest) -> Message:
    info = lnd.node.info()
    return pb.GetInfoResponse(
        identity_pubkey=info.node_id.hex(),
        alias=info.alias,
        num_active_channels=info.num_active_channels,
        num_peers=info.num_peers,
        block_height=info.blockheight,
        synced_to_chain=True,
        synced_to_graph=True,
        version=VERSION,
        chains=[pb.Chain(network=_NETWORK)],
    )


async def _get_node_info(lnd: LndNode, request: pb.NodeInfoRequest) -> Message:
    node = lnd.node.network.nodes.get(_point(request.pub_key))
    if node is None:
        raise LndError("unable to find node", "NOT_FOUND")
    address = pb.NodeAddress(network="tcp", addr=str(node.address))
    return pb.NodeInfo(node=pb.LightningNode(pub_key=request.pub_key, alias=node.alias, addresses=[address]))


async def _list_peers(lnd: LndNode, _: pb.ListPeersRequest) -> Message:
    peers = (peer for peer in lnd.node.list_peers() if peer.connected)
    return pb.ListPeersResponse(peers=[pb.Peer(pub_key=peer.node_id.hex(), address=peer.netaddr[0]) for peer in peers])


async def _connect_peer(lnd: LndNode, request: pb.ConnectPeerRequest) -> Message:
    peer = _point(request.addr.pubkey)
    if peer == lnd.node.node_id:
        raise LndError("cannot make connection to self")
    place = f"{request.addr.pubkey}@{request.addr.host}"
    if peer in lnd.node.peers:
        raise LndError(f"already connected to peer: {place}")
    known = lnd.node.network.nodes.get(peer)
    if known is None or str(known.address) != request.addr.host:
        raise LndError(f"dial tcp {request.addr.host}: connect: connection refused")
    lnd.node.connect_peer(peer)
    return pb.ConnectPeerResponse(status=f"connection to {place} initiated")


async def _add_invoice(lnd: LndNode, request: pb.Invoice) -> Message:
    if not request.is_blinded:
        raise LndError("the sandbox makes invoices with blinded paths alone")
    if len(request.r_preimage) not in (0, 32):
        raise LndError(f"invalid preimage length of {len(request.r_preimage)}, want 32")
    row = lnd.books.add_invoice(
        preimage=request.r_preimage or lnd.fresh_preimage(),
        memo=request.memo,
        amount=Msat(request.value_msat),
        expiry=request.expiry or 86_400,
    )
    return pb.AddInvoiceResponse(
        r_hash=row.payment_hash,
        payment_request=row.payment_request,
        add_index=row.add_index,
        payment_addr=row.payment_addr,
    )


async def _lookup_invoice(lnd: LndNode, request: pb.PaymentHash) -> Message:
    if len(request.r_hash) != 32:
        raise LndError(f"payment hash must be exactly 32 bytes, is instead {len(request.r_hash)}")
    return _invoice_message(lnd.books.lookup(request.r_hash))


async def _decode_pay_req(lnd: LndNode, request: pb.PayReqString) -> Message:
    return _pay_req_message(*lnd.books.decode(request.pay_req))


async def _send_onion_message(lnd: LndNode, request: pb.SendOnionMessageRequest) -> Message:
    try:
        path_key = parse_point(request.path_key)
    except EncodingError as error:
        raise LndError("unable to decode path key bytes: malformed public key") from error
    try:
        lnd.node.send_onion(Point(request.peer), path_key, request.onion)
    except RpcError as error:
        raise LndError("peer is not connected", "NOT_FOUND") from error
    return pb.SendOnionMessageResponse(status="onion message sent successfully")


async def _subscribe_onion_messages(lnd: LndNode, _: pb.SubscribeOnionMessagesRequest) -> AsyncIterator[Message]:
    with lnd.listen() as arrived:
        while (message := await arrived.get()) is not None:
            yield message


async def _cancel_invoice(lnd: LndNode, request: invoices_pb.CancelInvoiceMsg) -> Message:
    lnd.books.cancel(request.payment_hash)
    return invoices_pb.CancelInvoiceResp()


async def _subscribe_single_invoice(
    lnd: LndNode, request: invoices_pb.SubscribeSingleInvoiceRequest
) -> AsyncIterator[Message]:
    with lnd.books.listen(request.r_hash) as states:
        row = _known(lnd.books, request.r_hash) or await states.get()
        while row is not None:
            yield _invoice_message(row)
            if row.state is not LndState.OPEN:
                return
            row = await states.get()


def _known(books: LndBooks, payment_hash: bytes) -> LndInvoice | None:
    """Return an invoice, None for one that is not known: LND lets whoever asks wait for it to be made."""
    try:
        return books.lookup(payment_hash)
    except LndError:
        return None


def _point(text: str) -> Point:
    try:
        return parse_point(bytes.fromhex(text))
    except (EncodingError, ValueError) as error:
        raise LndError("malformed public key") from error


def _invoice_message(row: LndInvoice) -> pb.Invoice:
    return pb.Invoice(
        memo=row.memo,
        r_preimage=row.preimage,
        r_hash=row.payment_hash,
        value_msat=row.amount,
        creation_date=row.created_at,
        settle_date=row.settled_at,
        payment_request=row.payment_request,
        expiry=row.expiry,
        add_index=row.add_index,
        amt_paid_msat=row.amount_paid,
        state=row.state.value,
        payment_addr=row.payment_addr,
        is_blinded=True,
    )


def _pay_req_message(row: LndInvoice, paths: Paths) -> pb.PayReq:
    answer = pb.PayReq(
        payment_hash=row.payment_hash.hex(), timestamp=row.created_at, expiry=row.expiry, num_msat=row.amount
    )
    for path, payinfo in paths:
        hops = [
            pb.BlindedHop(blinded_node=h.blinded_node_id, encrypted_data=h.encrypted_recipient_data) for h in path.hops
        ]
        answer.blinded_paths.add(
            blinded_path=pb.BlindedPath(
                introduction_node=path.first_node_id, blinding_point=path.first_path_key, blinded_hops=hops
            ),
            base_fee_msat=payinfo.fee_base_msat,
            proportional_fee_rate=payinfo.fee_proportional_millionths,
            total_cltv_delta=payinfo.cltv_expiry_delta,
            htlc_min_msat=payinfo.htlc_minimum_msat,
            htlc_max_msat=payinfo.htlc_maximum_msat,
        )
    return answer


CALLS: Final = {
    f"/{LIGHTNING}/GetInfo": Unary(pb.GetInfoRequest, _get_info),
    f"/{LIGHTNING}/GetNodeInfo": Unary(pb.NodeInfoRequest, _get_node_info),
    f"/{LIGHTNING}/ListPeers": Unary(pb.ListPeersRequest, _list_peers),
    f"/{LIGHTNING}/ConnectPeer": Unary(pb.ConnectPeerRequest, _connect_peer),
    f"/{LIGHTNING}/AddInvoice": Unary(pb.Invoice, _add_invoice),
    f"/{LIGHTNING}/LookupInvoice": Unary(pb.PaymentHash, _lookup_invoice),
    f"/{LIGHTNING}/DecodePayReq": Unary(pb.PayReqString, _decode_pay_req),
    f"/{LIGHTNING}/SendOnionMessage": Unary(pb.SendOnionMessageRequest, _send_onion_message),
    f"/{INVOICES}/CancelInvoice": Unary(invoices_pb.CancelInvoiceMsg, _cancel_invoice),
}
"""Every unary call, by its path."""

STREAMS: Final = {
    f"/{LIGHTNING}/SubscribeOnionMessages": Streaming(pb.SubscribeOnionMessagesRequest, _subscribe_onion_messages),
    f"/{INVOICES}/SubscribeSingleInvoice": Streaming(
        invoices_pb.SubscribeSingleInvoiceRequest, _subscribe_single_invoice
    ),
}
"""Every stream, by its path."""
