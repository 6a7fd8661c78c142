"""Checks that need a clock, a chain, or a second message: offer in time, request for offer, invoice for request."""

from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.errors import Rule, SemanticError
from bled_codec.fields import MIRRORED_TYPES, OFFER_MIRRORED_TYPES, Field, select
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest, InvoiceRequestFields
from bled_codec.offer import Offer, OfferFields
from bled_codec.request_signature import RequestSignature
from bled_codec.units import Point, UnixTime


def check_offer_usable(offer: OfferFields, *, chain: bytes, now: UnixTime) -> None:
    """Check that an offer is for `chain` and not expired (BOLT 12, offers, reader). Raises `SemanticError`."""
    # BOLT 12, offers, reader: bitcoin where no chain is named; nothing after the expiry.
    chains = (BITCOIN_CHAIN,) if offer.offer_chains is None else offer.offer_chains
    if chain not in chains:
        raise SemanticError(Rule.UNSUPPORTED_CHAIN, tlv_type=Field.OFFER_CHAINS)
    if offer.offer_absolute_expiry is not None and now >= offer.offer_absolute_expiry:
        raise SemanticError(Rule.OFFER_EXPIRED, tlv_type=Field.OFFER_ABSOLUTE_EXPIRY)


def check_request_for_offer(request: InvoiceRequest, offer: Offer, *, chain: bytes, now: UnixTime) -> None:
    """Check that `request` answers exactly `offer`, on `chain`, in time (BOLT 12, invoice requests, reader).

    Raises `SemanticError`. Amount and quantity were judged when the request was decoded, since it repeats the offer.
    """
    # BOLT 12, invoice requests, reader: the offer's fields byte for byte, unknown ones too.
    if select(request.records, OFFER_MIRRORED_TYPES) != offer.records:
        raise SemanticError(Rule.REQUEST_NOT_FOR_OFFER, tlv_type=_first_difference(request, offer))
    _check_chain(request, chain)
    check_offer_usable(offer, chain=chain, now=now)


def check_invoice_for_request(
    invoice: Invoice, *, request: InvoiceRequest | None, chain: bytes, now: UnixTime, sent_to: Point | None = None
) -> None:
    """Check that `invoice` answers `request`, on `chain`, in time (BOLT 12, invoices, reader).

    Without the request, field 239 must prove that its payer signed exactly what the invoice repeats. `sent_to` is the
    last key of the offer's path that the request took, where it is known. Raises `SemanticError`.
    """
    # BOLT 12, invoices, reader: without an issuer, the last key of the path that the request took.
    if sent_to is not None and invoice.offer_issuer_id is None and invoice.invoice_node_id != sent_to:
        raise SemanticError(Rule.NODE_ID_MISMATCH, tlv_type=Field.INVOICE_NODE_ID)
    if request is None:
        _check_request_signature(invoice)
    elif invoice.request_records != select(request.records, MIRRORED_TYPES):
        raise SemanticError(Rule.INVOICE_NOT_FOR_REQUEST)
    _check_chain(invoice, chain)
    # BOLT 12, invoices, reader: 7200 seconds where nothing else is said.
    if now >= invoice.expires_at:
        raise SemanticError(Rule.INVOICE_EXPIRED, tlv_type=Field.INVOICE_RELATIVE_EXPIRY)


def _check_chain(request: InvoiceRequestFields, chain: bytes) -> None:
    if (request.invreq_chain or BITCOIN_CHAIN) != chain:
        raise SemanticError(Rule.UNSUPPORTED_CHAIN, tlv_type=Field.INVREQ_CHAIN)


def _check_request_signature(invoice: Invoice) -> None:
    match invoice.request_signature:
        case RequestSignature.VALID:
            return
        case RequestSignature.ABSENT:
            raise SemanticError(Rule.REQUEST_SIGNATURE_ABSENT, tlv_type=Field.INVOICE_REQUEST_SIGNATURE)
        case RequestSignature.INVALID:
            raise SemanticError(Rule.REQUEST_SIGNATURE_INVALID, tlv_type=Field.INVOICE_REQUEST_SIGNATURE)


def _first_difference(request: InvoiceRequest, offer: Offer) -> int | None:
    ours = {record.type: record.raw for record in request.offer_records}
    theirs = {record.type: record.raw for record in offer.records}
    return next((type_ for type_ in sorted(ours | theirs) if ours.get(type_) != theirs.get(type_)), None)
