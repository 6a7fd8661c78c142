"""The calls of Core Lightning's gRPC interface that a sandbox node serves, one row each.

A handler raises `RpcError` for what lightningd refuses and `HandlerCrashed` where the real gRPC plugin's code breaks
on the request. `name` is what the plugin calls the command in its error texts.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from bled.node.stubs import cln_subset_pb2 as pb
from bled.sandbox import grpc_messages as messages
from bled.sandbox.books_events import Feed, InvoiceEvent
from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.grpc_payments import fetch_invoice, list_send_pays, xpay
from bled.sandbox.grpc_requests import connect_target, list_invoices, wanted_status
from bled.sandbox.node import SandboxNode, books_of
from bled.sandbox.rpc_error import HandlerCrashed, RpcError, bad_parameter
from bled_codec.crypto import parse_point
from bled_codec.errors import EncodingError
from bled_codec.units import Point, UnixTime

_PREIMAGE_BYTES: Final = 32
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Call:
    """One unary call. The handler's request is of the type `request`."""

    name: str
    request: type[Message]
    handler: Callable[[SandboxNode, Any], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of events."""

    request: type[Message]
    feed: Callable[[SandboxNode], Feed]
    message: Callable[[InvoiceEvent], Message]


async def _getinfo(node: SandboxNode, _: pb.GetinfoRequest) -> Message:
    return messages.info_message(node.info())


async def _list_peers(node: SandboxNode, request: pb.ListpeersRequest) -> Message:
    peer = _point(request.id) if request.HasField("id") else None
    return pb.ListpeersResponse(peers=[messages.peer_message(info) for info in node.list_peers(peer)])


async def _list_peer_channels(node: SandboxNode, request: pb.ListpeerchannelsRequest) -> Message:
    peer = _point(request.id) if request.HasField("id") else None
    channels = node.list_channels(peer)
    if request.HasField("short_channel_id"):
        channels = tuple(info for info in channels if info.short_channel_id == request.short_channel_id)
    return pb.ListpeerchannelsResponse(channels=[messages.channel_message(info) for info in channels])


async def _connect(node: SandboxNode, request: pb.ConnectRequest) -> Message:
    peer, host, port = connect_target(request)
    return messages.connected_message(node.connect_peer(peer, host=host, port=port))


async def _disconnect(node: SandboxNode, request: pb.DisconnectRequest) -> Message:
    node.disconnect_peer(_point(request.id), force=request.force)
    return pb.DisconnectResponse()


async def _offer(node: SandboxNode, request: pb.OfferRequest) -> Message:
    args = OfferArgs(
        amount=request.amount,
        description=request.description if request.HasField("description") else None,
        issuer=request.issuer if request.HasField("issuer") else None,
        label=request.label if request.HasField("label") else None,
        quantity_max=request.quantity_max if request.HasField("quantity_max") else None,
        absolute_expiry=UnixTime(request.absolute_expiry) if request.HasField("absolute_expiry") else None,
        single_use=request.single_use if request.HasField("single_use") else None,
    )
    return messages.offer_message(pb.OfferResponse(), books_of(node).offer(args))


async def _list_offers(node: SandboxNode, request: pb.ListoffersRequest) -> Message:
    offer_id = _hash(request.offer_id) if request.HasField("offer_id") else None
    rows = books_of(node).list_offers(offer_id, active_only=request.active_only)
    return pb.ListoffersResponse(offers=[messages.offer_message(pb.ListoffersOffers(), row) for row in rows])


async def _disable_offer(node: SandboxNode, request: pb.DisableofferRequest) -> Message:
    row = books_of(node).disable_offer(_hash(request.offer_id))
    return messages.offer_message(pb.DisableofferResponse(), row)


async def _enable_offer(node: SandboxNode, request: pb.EnableofferRequest) -> Message:
    row = books_of(node).enable_offer(_hash(request.offer_id))
    return messages.offer_message(pb.EnableofferResponse(), row)


async def _create_invoice(node: SandboxNode, request: pb.CreateinvoiceRequest) -> Message:
    if len(request.preimage) != _PREIMAGE_BYTES:
        raise bad_parameter("preimage", "should be 64 hex digits", f'"{request.preimage.hex()}"')
    row = books_of(node).create_invoice(request.invstring, request.label, request.preimage)
    return messages.created_message(row)


async def _del_invoice(node: SandboxNode, request: pb.DelinvoiceRequest) -> Message:
    row = books_of(node).del_invoice(request.label, wanted_status(request))
    return messages.invoice_message(pb.DelinvoiceResponse(), row)


async def _list_invoices(node: SandboxNode, request: pb.ListinvoicesRequest) -> Message:
    return list_invoices(books_of(node), request)


async def _wait_invoice(node: SandboxNode, request: pb.WaitinvoiceRequest) -> Message:
    row = await books_of(node).wait_invoice(request.label)
    return messages.invoice_message(pb.WaitinvoiceResponse(), row)


async def _make_secret(node: SandboxNode, request: pb.MakesecretRequest) -> Message:
    string = request.string if request.HasField("string") else None
    data = request.hex if request.HasField("hex") else None
    return pb.MakesecretResponse(secret=books_of(node).make_secret(string=string, data=data))


async def _inject_onion_message(node: SandboxNode, request: pb.InjectonionmessageRequest) -> Message:
    node.inject_onion(_point(request.path_key), request.message)
    return pb.InjectonionmessageResponse()


def _point(data: bytes) -> Point:
    try:
        return parse_point(data)
    except EncodingError as error:
        raise HandlerCrashed from error


def _hash(data: bytes) -> bytes:
    if len(data) != _HASH_BYTES:
        raise HandlerCrashed
    return data


CALLS: Final = {
    "Getinfo": Call("Getinfo", pb.GetinfoRequest, _getinfo),
    "ListPeers": Call("ListPeers", pb.ListpeersRequest, _list_peers),
    "ListPeerChannels": Call("ListPeerChannels", pb.ListpeerchannelsRequest, _list_peer_channels),
    "ConnectPeer": Call("Connect", pb.ConnectRequest, _connect),
    "Disconnect": Call("Disconnect", pb.DisconnectRequest, _disconnect),
    "Offer": Call("Offer", pb.OfferRequest, _offer),
    "ListOffers": Call("ListOffers", pb.ListoffersRequest, _list_offers),
    "DisableOffer": Call("DisableOffer", pb.DisableofferRequest, _disable_offer),
    "EnableOffer": Call("EnableOffer", pb.EnableofferRequest, _enable_offer),
    "CreateInvoice": Call("CreateInvoice", pb.CreateinvoiceRequest, _create_invoice),
    "DelInvoice": Call("DelInvoice", pb.DelinvoiceRequest, _del_invoice),
    "ListInvoices": Call("ListInvoices", pb.ListinvoicesRequest, _list_invoices),
    "WaitInvoice": Call("WaitInvoice", pb.WaitinvoiceRequest, _wait_invoice),
    "MakeSecret": Call("MakeSecret", pb.MakesecretRequest, _make_secret),
    "InjectOnionMessage": Call("InjectOnionMessage", pb.InjectonionmessageRequest, _inject_onion_message),
    "FetchInvoice": Call("FetchInvoice", pb.FetchinvoiceRequest, fetch_invoice),
    "Xpay": Call("Xpay", pb.XpayRequest, xpay),
    "ListSendPays": Call("ListSendPays", pb.ListsendpaysRequest, list_send_pays),
}
"""Every unary call, by its name in the service."""

STREAMS: Final = {
    "SubscribeInvoiceCreation": Stream(
        pb.StreamInvoiceCreationRequest, lambda node: books_of(node).created, messages.creation_message
    ),
    "SubscribeInvoicePayment": Stream(
        pb.StreamInvoicePaymentRequest, lambda node: books_of(node).paid, messages.payment_message
    ),
}
"""Every stream, by its name in the service."""

NO_RESPONSE: Final = RpcError(None, "no response from lightningd")
"""What a call under way gets when lightningd dies."""
