"""Rules that a reader applies to the fields of a request, in a request itself and where an invoice repeats it."""

from typing import TYPE_CHECKING

from bled_codec.errors import Rule, SemanticError
from bled_codec.features import check_features
from bled_codec.fields import Field
from bled_codec.offer import OfferFields, check_offer_fields
from bled_codec.units import Msat

if TYPE_CHECKING:  # the request's own module needs these rules
    from bled_codec.invoice_request import InvoiceRequestFields


def answers_an_offer(request: OfferFields) -> bool:
    """Say whether somebody is named who made an offer (BOLT 12: else the request stands alone)."""
    return request.offer_issuer_id is not None or bool(request.offer_paths)


def expected_amount(request: "InvoiceRequestFields") -> Msat | None:
    """Return offer amount times quantity; None when the offer has none, or in a currency that needs a rate."""
    if request.offer_amount is None or request.offer_currency is not None:
        return None
    quantity = 1 if request.invreq_quantity is None else request.invreq_quantity
    return Msat(request.offer_amount * quantity)


def check_request_fields(request: "InvoiceRequestFields") -> None:
    """Check the clockless rules (BOLT 12, invoice requests, reader). Raises `SemanticError`."""
    # BOLT 12, invoice requests, reader: no compulsory feature is known yet.
    check_features(request.invreq_features, tlv_type=Field.INVREQ_FEATURES)
    if answers_an_offer(request):
        check_offer_fields(request)
        _check_quantity(request)
        _check_amount(request)
    else:
        _check_refund(request)


def _check_quantity(request: "InvoiceRequestFields") -> None:
    """BOLT 12, invoice requests, reader: a quantity exactly where the offer asks for one, and within its bounds."""
    quantity, most = request.invreq_quantity, request.offer_quantity_max
    if most is None:
        if quantity is not None:
            raise SemanticError(Rule.QUANTITY_UNEXPECTED, tlv_type=Field.INVREQ_QUANTITY)
        return
    if quantity is None:
        raise SemanticError(Rule.QUANTITY_MISSING, tlv_type=Field.INVREQ_QUANTITY)
    if quantity == 0:  # also without a maximum, where the words leave it open: nobody asks for nothing
        raise SemanticError(Rule.QUANTITY_ZERO, tlv_type=Field.INVREQ_QUANTITY)
    if most and quantity > most:  # zero: no limit
        raise SemanticError(Rule.QUANTITY_TOO_LARGE, tlv_type=Field.INVREQ_QUANTITY)


def _check_amount(request: "InvoiceRequestFields") -> None:
    """BOLT 12, invoice requests, reader: some amount, and never less than the offer's for that quantity."""
    if request.invreq_amount is None:
        if request.offer_amount is None:
            raise SemanticError(Rule.AMOUNT_MISSING, tlv_type=Field.INVREQ_AMOUNT)
        return
    expected = expected_amount(request)
    if expected is not None and request.invreq_amount < expected:
        raise SemanticError(Rule.AMOUNT_TOO_LOW, tlv_type=Field.INVREQ_AMOUNT)


def _check_refund(request: "InvoiceRequestFields") -> None:
    """BOLT 12, invoice requests, reader, not for an offer: three fields have no place, the amount is a must."""
    unexpected = {
        Field.OFFER_CHAINS: request.offer_chains,
        Field.OFFER_FEATURES: request.offer_features,
        Field.OFFER_QUANTITY_MAX: request.offer_quantity_max,
    }
    for field, value in unexpected.items():
        if value is not None:
            raise SemanticError(Rule.REFUND_FIELD_UNEXPECTED, tlv_type=field)
    if request.invreq_amount is None:
        raise SemanticError(Rule.AMOUNT_MISSING, tlv_type=Field.INVREQ_AMOUNT)
