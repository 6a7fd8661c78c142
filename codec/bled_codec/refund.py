"""Requests without an offer (BOLT 12, "Invoice Requests"): somebody offers to pay, as for a refund; never signed."""

from collections.abc import Iterable, Sequence
from typing import Final

from bled_codec.blinded_path import BlindedPath
from bled_codec.errors import Rule, SemanticError
from bled_codec.fields import Field, encode_fields
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.tlv import TlvRecord, join_records
from bled_codec.units import Msat, Point, UnixTime

_FORBIDDEN: Final = frozenset(
    {
        Field.OFFER_CHAINS,
        Field.OFFER_METADATA,
        Field.OFFER_CURRENCY,
        Field.OFFER_AMOUNT,
        Field.OFFER_FEATURES,
        Field.OFFER_PATHS,
        Field.OFFER_QUANTITY_MAX,
        Field.OFFER_ISSUER_ID,
        Field.SIGNATURE,
    }
)


def create_refund_request(
    *,
    metadata: bytes,
    payer_id: Point,
    amount: Msat,
    description: str,
    chain: bytes | None = None,
    absolute_expiry: UnixTime | None = None,
    issuer: str | None = None,
    paths: Sequence[BlindedPath] = (),
    payer_note: str | None = None,
    extra: Iterable[TlvRecord] = (),
) -> InvoiceRequest:
    """Return a request that answers no offer: whoever sends an invoice for it will be paid `amount`.

    `metadata` is unpredictable and unique. `chain` is left out for bitcoin, `paths` lead to the payer if it is not a
    public node. Raises `SemanticError`: `DESCRIPTION_MISSING`, or `REFUND_FIELD_UNEXPECTED` for a field of offers that
    has no place here.
    """
    records = tuple(extra)
    if not description:
        raise SemanticError(Rule.DESCRIPTION_MISSING, tlv_type=Field.OFFER_DESCRIPTION)
    for record in records:
        if record.type in _FORBIDDEN:
            raise SemanticError(Rule.REFUND_FIELD_UNEXPECTED, tlv_type=record.type)
    fields = {
        "invreq_metadata": metadata,
        "offer_description": description,
        "offer_absolute_expiry": absolute_expiry,
        "offer_issuer": issuer,
        "invreq_chain": chain,
        "invreq_amount": amount,
        "invreq_payer_id": payer_id,
        "invreq_payer_note": payer_note,
        "invreq_paths": tuple(paths) or None,
    }
    return InvoiceRequest.decode(join_records(encode_fields(fields, records)))
