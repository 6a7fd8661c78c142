"""The invoice that a node is asked to sign, and the one that comes back, both checked whole. Pure."""

from collections.abc import Sequence

from bled.codes import Code
from bled.errors import BledError, Refused, Unavailable
from bled_codec.blinded_path import BlindedPath, BlindedPayinfo
from bled_codec.checks import check_invoice_for_request
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice, UnsignedInvoice, create_invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.request_rules import expected_amount
from bled_codec.request_signature import RequestSignature
from bled_codec.units import Msat, UnixTime

PaymentPaths = Sequence[tuple[BlindedPath, BlindedPayinfo]]
"""Ways for the money, each with what it costs."""


def draft_invoice(
    request: InvoiceRequest, *, offer: Offer, preimage: bytes, now: UnixTime, paths: PaymentPaths = ()
) -> UnsignedInvoice:
    """Return the invoice for `request` that ends with `offer`. Without `paths` the node adds one to itself.

    Raises `Refused` (`SALE_EXPIRED`) when the offer ends at `now` or before, and `BledError` (`INTERNAL`) for a
    draft that must not reach a node: Core Lightning dies of an invoice without a payment hash.
    """
    if offer.offer_absolute_expiry is None or offer.offer_absolute_expiry <= now:
        raise Refused(Code.SALE_EXPIRED, detail="the offer has ended")
    amount = request.invreq_amount if request.invreq_amount is not None else expected_amount(request)
    if offer.offer_issuer_id is None or amount is None or offer.offer_description is None:
        raise BledError(Code.INTERNAL, detail="the offer lacks an issuer id, a description or an amount")
    draft = create_invoice(
        request,
        payment_hash=sha256(preimage),
        created_at=now,
        relative_expiry=offer.offer_absolute_expiry - now,
        node_id=offer.offer_issuer_id,
        amount=Msat(amount),
        paths=[path for path, _ in paths] or None,
        blindedpay=[payinfo for _, payinfo in paths] or None,
    )
    _check_draft(draft, preimage)
    return draft


def _check_draft(draft: UnsignedInvoice, preimage: bytes) -> None:
    complete = len(preimage) == 32 and draft.invoice_payment_hash == sha256(preimage)
    if not complete or not draft.invoice_amount or not draft.invoice_request_signature:
        raise BledError(Code.INTERNAL, detail="the drafted invoice is not complete")


def check_signed(text: str, *, request: InvoiceRequest, draft: UnsignedInvoice, chain: bytes, now: UnixTime) -> Invoice:
    """Return the invoice that the node signed, if it is the one that was drafted.

    Raises `Unavailable` (`NODE_PROTOCOL`) when it is not an invoice, answers something else, lacks a valid field
    239, or differs in amount, payment hash or payee. It may be older than the draft, but it ends with the offer.
    """
    try:
        invoice = Invoice.from_string(text)
        check_invoice_for_request(invoice, request=request, chain=chain, now=now)
    except CodecError as error:
        raise Unavailable(
            Code.NODE_PROTOCOL, detail=f"the node's invoice: {error}", rule=error.rule, tlv_type=error.tlv_type
        ) from error
    if invoice.request_signature is not RequestSignature.VALID or not _agrees(invoice, draft):
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node's invoice is not the one that was drafted")
    return invoice


def _agrees(invoice: Invoice, draft: UnsignedInvoice) -> bool:
    return (
        invoice.invoice_payment_hash == draft.invoice_payment_hash
        and invoice.invoice_amount == draft.invoice_amount
        and invoice.invoice_node_id == draft.invoice_node_id
        and invoice.expires_at == invoice.offer_absolute_expiry
    )
