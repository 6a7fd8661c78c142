"""Ways for a refund: for its money, which ends at a peer as far as anybody can see, and for the invoice. Pure.

An answer leaves home through the peers at which the refund offer's own paths begin, whatever the reply path says: who
asks knows these already, and finds out about no other. Home connects to nobody for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bled.home.refund_policy import RefundTerms
from bled.home.refund_rows import HomeRefund
from bled.node.cln_onions import InjectedOnion, wrap_along
from bled.node.cln_private import Inbound, best_inbound, payment_path
from bled_codec.blinded_path import BlindedPath, BlindedPayinfo, EncryptedData, create_blinded_path
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, UnsignedInvoice, create_invoice
from bled_codec.onion_message import OnionPayload
from bled_codec.units import Msat, Point, UnixTime

INVOICE_SECONDS: Final = 300
"""A till pays at once, and tries for 60 s."""


def ways_in(channels: Sequence[Inbound], amount: Msat, introductions: Sequence[Point]) -> tuple[Inbound, ...]:
    """Return the channels to be paid through: those of peers that the refund offer names, if they can bring it."""
    named = best_inbound([channel for channel in channels if channel.peer in introductions], amount)
    return named or best_inbound(channels, amount)


def draft_refund(
    terms: RefundTerms,
    *,
    home: Point,
    ways: Sequence[Inbound],
    invoice_secret: bytes,
    preimage: bytes,
    height: int,
    now: UnixTime,
    session_keys: Sequence[SecretKey],
) -> UnsignedInvoice:
    """Return the invoice, for the node to keep and for the refund's key to sign; one fresh session key for each way."""
    payment_hash = sha256(preimage)
    paths = [
        payment_path(
            home, way, invoice_secret=invoice_secret, payment_hash=payment_hash, height=height, session_key=key
        )
        for way, key in zip(ways, session_keys, strict=True)
    ]
    return create_invoice(
        terms.request,
        payment_hash=payment_hash,
        created_at=now,
        relative_expiry=INVOICE_SECONDS,
        node_id=terms.key.public_key,
        amount=terms.amount,
        paths=paths,
        blindedpay=[_without_capacity(way, terms.amount) for way in ways],
        with_request_signature=False,
    )


def _without_capacity(way: Inbound, amount: Msat) -> BlindedPayinfo:
    """Return what a way costs; how much it could bring besides would tell which channel it is."""
    return replace(way.payinfo, htlc_maximum_msat=Msat(2 * amount))


def signed_again(refund: HomeRefund) -> Invoice:
    """Return the invoice that was made."""
    return Invoice.decode(refund.invoice)


def answer_onion(
    invoice: bytes, *, home: Point, through: Point, reply_path: BlindedPath, session_keys: tuple[SecretKey, SecretKey]
) -> InjectedOnion | None:
    """Return the message that takes an invoice through the peer `through` and along the reply path.

    None for a reply path whose beginning only a channel names. Both session keys are fresh.
    """
    start = reply_path.introduction
    if start is None:
        return None
    nodes = [home] if start == through else [home, through]
    joined = EncryptedData(next_node_id=start, next_path_key_override=reply_path.first_path_key)
    data = [EncryptedData(next_node_id=node) for node in nodes[1:]] + [joined]
    first = create_blinded_path(nodes, [each.encode() for each in data], session_key=session_keys[0])
    whole = BlindedPath(first_node_id=home, first_path_key=first.first_path_key, hops=(*first.hops, *reply_path.hops))
    return wrap_along(whole, OnionPayload(invoice=invoice), session_keys[1])
