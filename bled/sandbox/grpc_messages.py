"""Rows of a sandbox node as the messages of Core Lightning's gRPC interface."""

from collections.abc import Mapping
from typing import Final, TypeVar

from google.protobuf.message import Message

from bled.node.stubs import cln_subset_pb2 as pb
from bled.sandbox.books_events import InvoiceEvent
from bled.sandbox.books_rows import InvoiceRow, InvoiceStatus, OfferRow
from bled.sandbox.node_data import (
    INIT_FEATURES,
    INVOICE_FEATURES,
    NODE_FEATURES,
    ChannelInfo,
    ChannelUpdate,
    ConnectedPeer,
    NodeInfo,
    PeerInfo,
)
from bled.sandbox.rpc_error import RpcError

M = TypeVar("M", bound=Message)

Value = bytes | str | int | None

_CONNECTED_DIRECTION: Final = {
    True: pb.ConnectResponse.ConnectDirection.OUT,
    False: pb.ConnectResponse.ConnectDirection.IN,
}


def fill(message: M, values: Mapping[str, Value]) -> M:
    """Set those fields of `message` that it has and that are not None; a name on `_msat` is an `Amount`."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        if value is None or name not in fields:
            continue
        if name.endswith("_msat"):
            getattr(message, name).CopyFrom(pb.Amount(msat=int(value)))
        else:
            setattr(message, name, value)
    return message


def offer_message(message: M, offer: OfferRow) -> M:
    """Fill one of the answers about an offer."""
    values: dict[str, Value] = {
        "offer_id": offer.offer_id,
        "active": offer.active,
        "single_use": offer.single_use,
        "bolt12": offer.bolt12,
        "used": offer.used,
        "created": offer.created,
        "label": offer.label,
        "description": offer.description,
        "force_paths": False,
    }
    return fill(message, values)


def invoice_message(message: M, invoice: InvoiceRow) -> M:
    """Fill one of the answers about an invoice."""
    values: dict[str, Value] = {
        "label": invoice.label,
        "bolt12": invoice.bolt12,
        "payment_hash": invoice.payment_hash,
        "amount_msat": invoice.amount,
        "status": _status(message, invoice.status),
        "description": invoice.description,
        "expires_at": invoice.expires_at,
        "pay_index": invoice.pay_index,
        "amount_received_msat": invoice.amount_received,
        "paid_at": invoice.paid_at,
        "payment_preimage": invoice.preimage if invoice.status is InvoiceStatus.PAID else None,
        "local_offer_id": invoice.local_offer_id,
        "invreq_payer_note": invoice.payer_note,
        "created_index": invoice.created_index,
        "updated_index": invoice.updated_index,
    }
    return fill(message, values)


def _status(message: Message, status: InvoiceStatus) -> int:
    """Return the number of `status`, which differs from message to message."""
    numbers = message.DESCRIPTOR.fields_by_name["status"].enum_type
    if numbers is None:
        raise TypeError(f"{message.DESCRIPTOR.name} has no status")
    return numbers.values_by_name[status.name].number


def created_message(invoice: InvoiceRow) -> pb.CreateinvoiceResponse:
    """Return the answer to `CreateInvoice`.

    Raises `RpcError` for an invoice without description: the gRPC plugin insists on one that lightningd leaves out.
    """
    if invoice.description is None:
        raise RpcError(None, "Failed to deserialize response : missing field `description`")
    return invoice_message(pb.CreateinvoiceResponse(), invoice)


def creation_message(event: InvoiceEvent) -> pb.InvoiceCreationNotification:
    """Return one message of the stream of invoices made. The node leaves the offer out of it."""
    return pb.InvoiceCreationNotification(msat=pb.Amount(msat=event.amount), preimage=event.preimage, label=event.label)


def payment_message(event: InvoiceEvent) -> pb.InvoicePaymentNotification:
    """Return one message of the stream of payments."""
    return pb.InvoicePaymentNotification(msat=pb.Amount(msat=event.amount), preimage=event.preimage, label=event.label)


def info_message(info: NodeInfo) -> pb.GetinfoResponse:
    """Return the answer to `Getinfo`."""
    ipv4 = pb.GetinfoAddress.GetinfoAddressType.IPV4
    bound_ipv4 = pb.GetinfoBinding.GetinfoBindingType.IPV4
    address = info.address
    return pb.GetinfoResponse(
        id=info.node_id,
        alias=info.alias,
        color=info.color,
        num_peers=info.num_peers,
        num_active_channels=info.num_active_channels,
        version=info.version,
        lightning_dir=info.lightning_dir,
        our_features=pb.GetinfoOurFeatures(init=INIT_FEATURES, node=NODE_FEATURES, invoice=INVOICE_FEATURES),
        blockheight=info.blockheight,
        network=info.network,
        fees_collected_msat=pb.Amount(msat=info.fees_collected),
        address=[pb.GetinfoAddress(item_type=ipv4, port=address.port, address=address.host)],
        binding=[pb.GetinfoBinding(item_type=bound_ipv4, address=address.host, port=address.port)],
    )


def peer_message(peer: PeerInfo) -> pb.ListpeersPeers:
    """Return one peer of `ListPeers`."""
    return pb.ListpeersPeers(
        id=peer.node_id,
        connected=peer.connected,
        num_channels=peer.num_channels,
        netaddr=peer.netaddr,
        features=peer.features if peer.connected else None,
    )


def connected_message(peer: ConnectedPeer) -> pb.ConnectResponse:
    """Return the answer to `ConnectPeer`."""
    ipv4 = pb.ConnectAddress.ConnectAddressType.IPV4
    return pb.ConnectResponse(
        id=peer.node_id,
        features=peer.features,
        direction=_CONNECTED_DIRECTION[peer.outgoing],
        address=pb.ConnectAddress(item_type=ipv4, address=peer.address.host, port=peer.address.port),
    )


def channel_message(channel: ChannelInfo) -> pb.ListpeerchannelsChannels:
    """Return one channel of `ListPeerChannels`."""
    updates = pb.ListpeerchannelsChannelsUpdates(
        local=_update(pb.ListpeerchannelsChannelsUpdatesLocal(), channel.local),
        remote=_update(pb.ListpeerchannelsChannelsUpdatesRemote(), channel.remote),
    )
    return pb.ListpeerchannelsChannels(
        peer_id=channel.peer_id,
        peer_connected=channel.peer_connected,
        state=pb.ChannelState.ChanneldNormal,
        short_channel_id=channel.short_channel_id,
        private=channel.private,
        spendable_msat=pb.Amount(msat=channel.spendable),
        receivable_msat=pb.Amount(msat=channel.receivable),
        updates=updates,
    )


def _update(message: M, update: ChannelUpdate) -> M:
    values = {
        "htlc_minimum_msat": update.htlc_minimum,
        "htlc_maximum_msat": update.htlc_maximum,
        "cltv_expiry_delta": update.cltv_expiry_delta,
        "fee_base_msat": update.fee_base,
        "fee_proportional_millionths": update.fee_proportional_millionths,
    }
    return fill(message, values)
