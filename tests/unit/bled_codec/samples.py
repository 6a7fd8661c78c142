"""Messages to test with, made from fixed keys, and ways to break exactly one thing in them."""

from collections.abc import Iterable, Mapping
from typing import Any

from bled_codec.blinded_path import (
    BlindedPath,
    BlindedPayinfo,
    EncryptedData,
    create_blinded_path,
    pad_to_one_length,
)
from bled_codec.crypto import SecretKey, sha256
from bled_codec.fields import MIRRORED_TYPES, Field, encode_fields, select
from bled_codec.invoice import Invoice, create_invoice, invoice_digest
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request, request_digest
from bled_codec.offer import Offer, create_offer
from bled_codec.tlv import TlvRecord, join_records, make_record
from bled_codec.units import Msat, UnixTime

ISSUER = SecretKey(b"\x41" * 32)
PAYER = SecretKey(b"\x42" * 32)
HOP = SecretKey(b"\x43" * 32)
STRANGER = SecretKey(b"\x44" * 32)
SESSION = SecretKey(b"\x45" * 32)

AUX = bytes(32)
METADATA = bytes(range(24))
PREIMAGE = b"\x07" * 32
CREATED_AT = UnixTime(1_790_000_000)


def path(*, last: SecretKey = ISSUER) -> BlindedPath:
    """Return a path over HOP to `last`."""
    data = pad_to_one_length([EncryptedData(next_node_id=last.public_key), EncryptedData(path_id=bytes(32))])
    return create_blinded_path([HOP.public_key, last.public_key], data, session_key=SESSION)


PATH = path()
PAYINFO = BlindedPayinfo(
    fee_base_msat=1000,
    fee_proportional_millionths=100,
    cltv_expiry_delta=80,
    htlc_minimum_msat=Msat(1),
    htlc_maximum_msat=Msat(10**9),
)


def offer(**changes: Any) -> Offer:
    """Return a plain offer: 5000 msat for a coffee, answered by ISSUER."""
    fields: dict[str, Any] = {"description": "coffee", "amount": 5000, "issuer_id": ISSUER.public_key}
    return create_offer(**(fields | changes))


def request(to: Offer | None = None, **changes: Any) -> InvoiceRequest:
    """Return PAYER's signed request for `to`, of 5000 msat."""
    fields: dict[str, Any] = {"metadata": METADATA, "payer_id": PAYER.public_key, "amount": Msat(5000)}
    return create_invoice_request(to or offer(), **(fields | changes)).sign(PAYER, aux=AUX)


def invoice(of: InvoiceRequest | None = None, **changes: Any) -> Invoice:
    """Return ISSUER's signed invoice for `of`, with field 239."""
    fields: dict[str, Any] = {
        "payment_hash": sha256(PREIMAGE),
        "created_at": CREATED_AT,
        "node_id": ISSUER.public_key,
        "amount": Msat(5000),
        "paths": [PATH],
        "blindedpay": [PAYINFO],
    }
    return create_invoice(of or request(), **(fields | changes)).sign(ISSUER, aux=AUX)


def replaced(records: Iterable[TlvRecord], changes: Mapping[int, bytes | None]) -> list[TlvRecord]:
    """Return `records` with other values for some types (None: left out), unsigned types too, in order."""
    kept = {record.type: record for record in records if record.type not in changes}
    new = {type_: make_record(type_, value) for type_, value in changes.items() if value is not None}
    return [record for _, record in sorted((kept | new).items())]


def field_values(**fields: Any) -> dict[int, bytes]:
    """Return the encoded values of fields by name."""
    return {record.type: record.value for record in encode_fields(fields)}


def signed_request(changes: Mapping[int, bytes | None], *, key: SecretKey = PAYER) -> bytes:
    """Return the bytes of `request()` changed and signed anew, whatever rule that breaks."""
    records = [record for record in replaced(request().records, changes) if record.type != Field.SIGNATURE]
    signature = key.sign(request_digest(records), aux=AUX)
    return join_records(replaced(records, {Field.SIGNATURE: signature}))


def signed_invoice(
    changes: Mapping[int, bytes | None], *, key: SecretKey = ISSUER, payer: SecretKey | None = None
) -> bytes:
    """Return the bytes of `invoice()` changed and signed anew; `payer` also renews field 239."""
    records = [record for record in replaced(invoice().records, changes) if record.type != Field.SIGNATURE]
    if payer is not None:
        digest = request_digest(select(records, MIRRORED_TYPES))
        records = replaced(records, {Field.INVOICE_REQUEST_SIGNATURE: payer.sign(digest, aux=AUX)})
    signature = key.sign(invoice_digest(records), aux=AUX)
    return join_records(replaced(records, {Field.SIGNATURE: signature}))
