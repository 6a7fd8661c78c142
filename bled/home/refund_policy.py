"""Whether home answers a request for the invoice of a refund: every rule that needs no counter. Pure.

Whoever is not answered hears nothing, whatever the reason: neither that home is there, nor what it knows.
"""

from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import HomeKeys
from bled.grants.refund_offer import refund_offer_of
from bled.home.ledger_refunds import left_to_return
from bled.home.refund_rows import HomeRefund
from bled.home.rows import Claim, ClaimState
from bled_codec.blinded_path import BlindedPath
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import SecretKey, parse_point
from bled_codec.errors import CodecError
from bled_codec.fields import Field
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.primitives import Reader
from bled_codec.units import Msat, Point, UnixTime

MAX_REQUEST_BYTES: Final = 8_192
"""A refund offer has some hundred bytes, what a payer adds to it a few hundred more."""
REFUND_SECONDS: Final = 365 * 86_400
"""How long after a payment its money can come back by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """A message that came over a reply path of home's own.

    Attributes:
        payer_id: whose path it is, and whose payment is to be given back.
        request: the invoice_request, TLV stream, unchecked.
        reply_path: where the answer goes.
    """

    payer_id: Point
    request: bytes
    reply_path: BlindedPath


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundTerms:
    """What home may make an invoice for. Only `judge_refund` makes one."""

    request: InvoiceRequest
    amount: Msat
    key: SecretKey
    introductions: tuple[Point, ...]


def payer_id_of(request: bytes) -> Point | None:
    """Return the payer id that the refund offer in a request names, as far as that can be read. Raises nothing."""
    reader, last = Reader(request[:MAX_REQUEST_BYTES]), -1
    try:
        while reader.remaining:
            type_ = reader.bigsize()
            value = reader.take(reader.bigsize())
            if not last < type_ <= Field.OFFER_METADATA:
                return None
            if type_ == Field.OFFER_METADATA:
                return parse_point(value)
            last = type_
    except CodecError:
        return None
    return None


def judge_refund(
    message: RefundRequest,
    claim: Claim | None,
    before: tuple[HomeRefund, ...],
    *,
    keys: HomeKeys,
    chain: bytes,
    now: UnixTime,
) -> RefundTerms:
    """Return what to make an invoice for. Raises `Refused` (`REFUND_REFUSED`) with a reason for home's own log."""
    if claim is None or claim.state is not ClaimState.PAID:
        raise _refused("the payer id paid nothing")
    if now >= claim.claimed_at + REFUND_SECONDS:
        raise _refused("the payment is too long ago")
    if len(message.request) > MAX_REQUEST_BYTES:
        raise _refused(f"{len(message.request)} bytes, at most {MAX_REQUEST_BYTES} are read")
    key = keys.refund_key(claim.payer_id)
    try:
        request = InvoiceRequest.decode(message.request)
        offer = refund_offer_of_payment(claim)
    except CodecError as error:
        raise Refused.from_codec(Code.REFUND_REFUSED, error) from error
    if offer is None or request.offer_records != offer.records:
        raise _refused("it answers another offer than the one that the device signed")
    if key is None or offer.offer_issuer_id != key.public_key:
        raise _refused("the refund offer is not of this home")
    if (request.invreq_chain or BITCOIN_CHAIN) != chain:
        raise _refused("it is for another chain")
    amount = request.invreq_amount
    left = left_to_return(claim, before)
    if amount is None or request.invreq_quantity is not None or not 0 < amount <= left:
        raise _refused(f"it asks for {amount} msat, {left} are left of what was paid")
    paths = offer.offer_paths or ()
    found = tuple(path.introduction for path in paths if path.introduction is not None)
    return RefundTerms(request=request, amount=amount, key=key, introductions=found)


def refund_offer_of_payment(claim: Claim) -> Offer | None:
    """Return the refund offer that the device signed with a payment, which the invoice repeats. Raises `CodecError`."""
    return refund_offer_of(Invoice.decode(claim.invoice))


def _refused(why: str) -> Refused:
    return Refused(Code.REFUND_REFUSED, detail=why)
