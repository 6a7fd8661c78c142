"""Rules that a reader applies to the fields of an invoice (BOLT 12, "Invoices", reader), without clock and chain."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from bled_codec.errors import Rule, SemanticError
from bled_codec.features import MPP_BITS, check_features, unknown_even_bits
from bled_codec.fields import Field
from bled_codec.request_rules import check_request_fields

if TYPE_CHECKING:  # the invoice's own module needs these rules
    from bled_codec.invoice import Invoice

REQUIRED_FIELDS: Final[Mapping[str, tuple[Rule, Field]]] = {
    "invreq_metadata": (Rule.METADATA_MISSING, Field.INVREQ_METADATA),
    "invreq_payer_id": (Rule.PAYER_ID_MISSING, Field.INVREQ_PAYER_ID),
    "invoice_amount": (Rule.AMOUNT_MISSING, Field.INVOICE_AMOUNT),
    "invoice_created_at": (Rule.CREATED_AT_MISSING, Field.INVOICE_CREATED_AT),
    "invoice_payment_hash": (Rule.PAYMENT_HASH_MISSING, Field.INVOICE_PAYMENT_HASH),
    "invoice_node_id": (Rule.NODE_ID_MISSING, Field.INVOICE_NODE_ID),
    "invoice_paths": (Rule.PATHS_MISSING, Field.INVOICE_PATHS),
    "invoice_blindedpay": (Rule.BLINDEDPAY_MISSING, Field.INVOICE_BLINDEDPAY),
}
"""Fields without which an invoice is refused, with the rule that says so (BOLT 12, invoices, reader)."""


def check_invoice_fields(invoice: "Invoice") -> None:
    """Check the clockless rules, those of the repeated request included. Raises `SemanticError`."""
    check_request_fields(invoice)
    # BOLT 12, invoices, reader: only multi-part payment is known (BOLT 9).
    check_features(invoice.invoice_features, tlv_type=Field.INVOICE_FEATURES, known=MPP_BITS)
    _check_paths(invoice)
    _check_amount(invoice)
    _check_node_id(invoice)


def _check_paths(invoice: "Invoice") -> None:
    # BOLT 12, invoices, reader: exactly one payinfo for each path.
    if len(invoice.invoice_blindedpay) != len(invoice.invoice_paths):
        raise SemanticError(Rule.BLINDEDPAY_COUNT, tlv_type=Field.INVOICE_BLINDEDPAY)
    # BOLT 12, invoices, reader: a path with an unknown even feature is not used; one must remain.
    for payinfo in invoice.invoice_blindedpay:
        if not (payinfo.features and unknown_even_bits(payinfo.features)):
            return
    raise SemanticError(Rule.NO_USABLE_PATH, tlv_type=Field.INVOICE_BLINDEDPAY)


def _check_amount(invoice: "Invoice") -> None:
    """BOLT 12, invoices, reader: an amount that was asked for is the amount."""
    if invoice.invreq_amount is not None and invoice.invoice_amount != invoice.invreq_amount:
        raise SemanticError(Rule.AMOUNT_MISMATCH, tlv_type=Field.INVOICE_AMOUNT)


def _check_node_id(invoice: "Invoice") -> None:
    """BOLT 12, invoices, reader: the issuer, or the last node of the path that the request was sent to."""
    if invoice.offer_issuer_id is not None:
        allowed = {invoice.offer_issuer_id}
    elif invoice.offer_paths:
        allowed = {path.hops[-1].blinded_node_id for path in invoice.offer_paths}
    else:
        return  # no offer: only the payer who sent the request knows whom to expect
    if invoice.invoice_node_id not in allowed:
        raise SemanticError(Rule.NODE_ID_MISMATCH, tlv_type=Field.INVOICE_NODE_ID)
