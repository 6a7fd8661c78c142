"""How a node completes and signs an invoice that a caller drafted (`createinvoice`). Pure.

It keeps every record it does not know, as long as its type is odd, and signs over it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bled.sandbox.rpc_error import INVALID_PARAMS, NodeDied, RpcError
from bled_codec.blinded_path import BlindedPath, BlindedPayinfo
from bled_codec.bolt12_string import INVOICE_PREFIX, format_string, parse_string
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.errors import CodecError, EncodingError, Rule
from bled_codec.features import MPP_BITS, unknown_even_bits
from bled_codec.fields import (
    INVOICE_TYPES,
    MIRRORED_TYPES,
    OFFER_MIRRORED_TYPES,
    Field,
    decode_fields,
    encode_fields,
    ordered,
    select,
)
from bled_codec.invoice import DEFAULT_RELATIVE_EXPIRY, InvoiceFields, invoice_digest
from bled_codec.tlv import TlvRecord, join_records, make_record, split_stream
from bled_codec.units import Msat, UnixTime

_NO_AUX: Final = bytes(32)
"""lightningd signs without auxiliary randomness (BIP 340 allows it), so one invoice has one signature."""
_MULTI_PART: Final = bytes.fromhex("020000")
_PATH_TYPES: Final = frozenset({Field.INVOICE_PATHS, Field.INVOICE_BLINDEDPAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An invoice as the caller gave it: hardly anything about it was checked."""

    records: tuple[TlvRecord, ...]
    fields: InvoiceFields
    is_signed: bool

    @property
    def offer_id(self) -> bytes | None:
        """The id of the offer that it repeats, 32 bytes; None when it repeats none."""
        if self.fields.offer_issuer_id is None and self.fields.offer_paths is None:
            return None
        return sha256(join_records(select(self.records, OFFER_MIRRORED_TYPES)))

    @property
    def relative_expiry(self) -> int:
        """Seconds for which it can be paid."""
        given = self.fields.invoice_relative_expiry
        return DEFAULT_RELATIVE_EXPIRY if given is None else given


def parse_draft(text: str, *, chain: bytes) -> Draft:
    """Return the invoice in an `lni` string. Raises `RpcError`."""
    try:
        return decode_draft(_invoice_bytes(text), chain=chain)
    except _UnparsableError as error:
        raise RpcError(INVALID_PARAMS, f"Unparsable invoice '{text}': {error}") from error


class _UnparsableError(Exception):
    """Says in the node's words why a string is no invoice."""


def _invoice_bytes(text: str) -> bytes:
    try:
        prefix, data = parse_string(text)
    except EncodingError as error:
        if error.rule is not Rule.STRING_UNKNOWN_PREFIX:
            raise _UnparsableError("invalid bech32 string") from error
        prefix, data = text.lower().partition("1")[0], b""
    if prefix != INVOICE_PREFIX:
        raise _UnparsableError(f"unexpected prefix {prefix}")
    return data


def decode_draft(data: bytes, *, chain: bytes) -> Draft:
    """Return the invoice in a TLV stream, after the few checks that `createinvoice` makes."""
    try:
        draft = draft_of(split_stream(data))
    except CodecError as error:
        raise _UnparsableError("invalid invoice data") from error
    if (draft.fields.invreq_chain or BITCOIN_CHAIN) != chain:
        raise _UnparsableError("wrong chain")
    unknown = unknown_even_bits(draft.fields.invoice_features or b"", MPP_BITS)
    if unknown:
        raise _UnparsableError(f"unknown feature bit {unknown[0]}")
    return draft


def draft_of(records: tuple[TlvRecord, ...]) -> Draft:
    """Return the draft with `records`. Raises `CodecError` for one that cannot be read."""
    fields = decode_fields(records, INVOICE_TYPES)
    is_signed = fields.pop("signature", None) is not None
    return Draft(records=records, fields=InvoiceFields(**fields), is_signed=is_signed)


def draft_for_request(request: Sequence[TlvRecord], *, preimage: bytes, amount: Msat, created_at: UnixTime) -> Draft:
    """Return the invoice that the offers plugin makes for the records of a request that it has checked.

    It lives for as long as invoices do that say nothing, even when the offer ends before.
    """
    mirrored = select(request, MIRRORED_TYPES)
    issuer = next((record.value for record in mirrored if record.type == Field.OFFER_ISSUER_ID), None)
    fields = {
        "invoice_created_at": created_at,
        "invoice_payment_hash": sha256(preimage),
        "invoice_amount": amount,
        "invoice_features": _MULTI_PART,
        "invoice_node_id": issuer,
    }
    return draft_of(encode_fields(fields, mirrored))


def check_before_signing(draft: Draft) -> None:
    """Refuse what the node refuses first. Raises `RpcError`, and `NodeDied` for a draft that it does not survive."""
    if not draft.fields.invoice_paths and draft.fields.invoice_payment_hash is None:
        raise NodeDied  # it makes a path out of the payment hash, and does not look whether there is one
    if draft.is_signed:
        raise RpcError(INVALID_PARAMS, "invoice already signed")


def check_content(draft: Draft, preimage: bytes) -> Msat:
    """Return the amount of an invoice that can be kept. Raises `RpcError`."""
    if draft.fields.invoice_amount is None:
        raise RpcError(INVALID_PARAMS, "Missing invoice_amount in invoice")
    if draft.fields.invoice_payment_hash is None:
        raise RpcError(INVALID_PARAMS, "Missing payment_hash in invoice")
    if draft.fields.invoice_payment_hash != sha256(preimage):
        raise RpcError(INVALID_PARAMS, "Incorrect preimage")
    return draft.fields.invoice_amount


def with_payment_path(draft: Draft, path: BlindedPath, payinfo: BlindedPayinfo) -> tuple[TlvRecord, ...]:
    """Return the draft's records with the one path that payments shall take."""
    kept = [record for record in draft.records if record.type not in _PATH_TYPES]
    return encode_fields({"invoice_paths": (path,), "invoice_blindedpay": (payinfo,)}, kept)


def sign(records: tuple[TlvRecord, ...], key: SecretKey) -> str:
    """Return the `lni` string of the records and the node's signature over all of them."""
    signature = make_record(Field.SIGNATURE, key.sign(invoice_digest(records), aux=_NO_AUX))
    return format_string(INVOICE_PREFIX, join_records(ordered([*records, signature])))
