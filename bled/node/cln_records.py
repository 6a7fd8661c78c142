"""What Core Lightning tells of itself, its offers and invoices, read into the types of `bled.node.base`. Pure."""

from collections.abc import Sequence
from typing import Final

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.base import (
    AlreadyPaid,
    Cancelled,
    CreatedOffer,
    Forgotten,
    InvoiceState,
    InvoiceStatus,
    NodeInfo,
)
from bled.node.cln_private import Inbound
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.chains import BITCOIN_CHAIN, CHAIN_NAMES
from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError
from bled_codec.offer import Offer
from bled_codec.units import MAX_MSAT, Msat, Point, UnixTime

_STATUS: Final = {0: InvoiceStatus.UNPAID, 1: InvoiceStatus.PAID, 2: InvoiceStatus.EXPIRED}
"""Numbers of `ListInvoices`; the other calls number the same states in other ways."""
_LATEST_TIME: Final = 1 << 40
"""Seconds, in the year 36812. The wire has room for times that no database holds."""
_OLDEST: Final = (25, 2)
"""The release that brought `InjectOnionMessage` to gRPC."""


def read_info(answer: pb.GetinfoResponse) -> NodeInfo:
    """Return who the node is. Raises `Unavailable` (`NODE_PROTOCOL`) for a network or an id that cannot be."""
    chain = CHAIN_NAMES.get(answer.network)
    if chain is None:
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"the node is on an unknown network {answer.network[:40]!r}")
    try:
        node_id = parse_point(answer.id)
    except CodecError as error:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node's id is no point") from error
    return NodeInfo(
        node_id=node_id,
        issuer_id=node_id,
        network=answer.network,
        chain=chain,
        version=answer.version,
        height=answer.blockheight,
    )


def what_is_wrong(answer: pb.GetinfoResponse) -> list[str]:
    """Return what would keep this node from serving a sale, as sentences."""
    checks = {
        f"The node is Core Lightning {answer.version}; bled needs v25.02 or newer.": _too_old(answer.version),
        "The node has no peer, so no invoice can be sent.": answer.num_peers == 0,
        "The node has no active channel, so nothing can be received.": answer.num_active_channels == 0,
        f"The node waits for its bitcoind: {answer.warning_bitcoind_sync}": bool(answer.warning_bitcoind_sync),
        f"The node is catching up with the chain: {answer.warning_lightningd_sync}": bool(
            answer.warning_lightningd_sync
        ),
    }
    return [sentence for sentence, wrong in checks.items() if wrong]


def _too_old(version: str) -> bool:
    parts = version.removeprefix("v").split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1][:2].isdigit()):
        return False  # built from a branch: nobody can say
    return (int(parts[0]), int(parts[1][:2])) < _OLDEST


def read_offer(offer_id: bytes, text: str) -> CreatedOffer:
    """Return an offer of the node. Raises `Unavailable` (`NODE_PROTOCOL`) when id and text do not agree."""
    try:
        offer = Offer.from_string(text)
    except CodecError as error:
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"the node's offer: {error}", rule=error.rule) from error
    if offer.offer_id != offer_id:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node's offer has another id than the node says")
    return CreatedOffer(offer_id=offer_id, offer=offer)


def check_offer(
    created: CreatedOffer, *, amount: Msat, description: str, issuer: str | None, expiry: UnixTime, info: NodeInfo
) -> None:
    """Check that the node's offer says what was asked for, and nothing that a sale cannot use.

    Raises `Unavailable` (`NODE_PROTOCOL`).
    """
    offer = created.offer
    said = (offer.offer_amount, offer.offer_currency, offer.offer_description, offer.offer_issuer)
    if said != (amount, None, description, issuer) or offer.offer_absolute_expiry != expiry:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node's offer is not the one that was asked for")
    if info.chain not in (offer.offer_chains or (BITCOIN_CHAIN,)) or offer.offer_issuer_id != info.node_id:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node's offer names another chain or node")
    if offer.offer_quantity_max is not None:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node's offer asks for a quantity")


def end_of_offer(
    offers: Sequence[pb.ListoffersOffers], invoices: Sequence[InvoiceState]
) -> Cancelled | AlreadyPaid | Forgotten:
    """Return how a closed offer ended, from the rows that the node has for it and for its invoices.

    Raises `Unavailable` (`NODE_PROTOCOL`) when it can still be paid.
    """
    paid = [state for state in invoices if state.status is InvoiceStatus.PAID]
    if paid:
        return AlreadyPaid(invoice=paid[0])
    if any(offer.active for offer in offers) or any(state.status is InvoiceStatus.UNPAID for state in invoices):
        raise Unavailable(Code.NODE_PROTOCOL, detail="the offer that was closed can still be paid")
    if not offers:
        return Forgotten(detail="the node does not know the offer any more")
    if any(offer.used for offer in offers):
        return Forgotten(detail="the offer was paid, but the node does not know the invoice any more")
    return Cancelled(invoices=tuple(invoices))


def read_inbound(answer: pb.ListpeerchannelsResponse) -> list[Inbound]:
    """Return the channels through which a payment can come now: open, connected, and with the peer's terms known."""
    return [
        Inbound(
            peer=Point(channel.peer_id),
            fee_base_msat=channel.updates.remote.fee_base_msat.msat,
            fee_proportional_millionths=channel.updates.remote.fee_proportional_millionths,
            cltv_expiry_delta=channel.updates.remote.cltv_expiry_delta,
            htlc_minimum=Msat(channel.updates.remote.htlc_minimum_msat.msat),
            htlc_maximum=Msat(min(channel.updates.remote.htlc_maximum_msat.msat, channel.receivable_msat.msat)),
        )
        for channel in answer.channels
        if channel.peer_connected and channel.state == pb.ChanneldNormal and channel.updates.HasField("remote")
    ]


def read_invoice(row: pb.ListinvoicesInvoices) -> InvoiceState:
    """Return one row of `ListInvoices`. Raises `Unavailable` (`NODE_PROTOCOL`) for a paid one without preimage.

    An amount or a time that cannot be is left out: the row still says that the invoice was paid.
    """
    status = _STATUS.get(row.status)
    if status is None:
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"an invoice has the unknown status {row.status}")
    if status is not InvoiceStatus.PAID:
        return InvoiceState(label=row.label, status=status, payment_hash=row.payment_hash, text=row.bolt12 or None)
    return _paid(row)


def read_waited(answer: pb.WaitinvoiceResponse) -> InvoiceState:
    """Return what `WaitInvoice` says of a paid invoice. Raises `Unavailable` (`NODE_PROTOCOL`) without preimage."""
    return _paid(answer)


def _paid(row: pb.ListinvoicesInvoices | pb.WaitinvoiceResponse) -> InvoiceState:
    if len(row.payment_preimage) != 32:
        raise Unavailable(Code.NODE_PROTOCOL, detail="a paid invoice has no preimage")
    amount = row.amount_received_msat.msat
    return InvoiceState(
        label=row.label,
        status=InvoiceStatus.PAID,
        payment_hash=row.payment_hash,
        text=row.bolt12 or None,
        preimage=row.payment_preimage,
        amount_received=Msat(amount) if amount <= MAX_MSAT else None,
        paid_at=UnixTime(row.paid_at) if row.paid_at <= _LATEST_TIME else None,
    )
