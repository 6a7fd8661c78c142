"""Invoices (BOLT 12, "Invoices"), and field 239: the payer's own signature repeated inside the invoice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bled_codec.blinded_path import BlindedPath, BlindedPayinfo
from bled_codec.bolt12_string import INVOICE_PREFIX, format_string, parse_string
from bled_codec.construct import construct
from bled_codec.crypto import Points, SecretKey, is_key_of
from bled_codec.errors import EncodingError, Rule, SemanticError, SignatureError
from bled_codec.fields import INVOICE_TYPES, MIRRORED_TYPES, Field, decode_fields, encode_fields, ordered, select
from bled_codec.invoice_request import InvoiceRequest, InvoiceRequestFields
from bled_codec.invoice_rules import REQUIRED_FIELDS, check_invoice_fields
from bled_codec.merkle import TreeLevels, leaf_nodes, merkle_root, signature_digest, signed_records, tree_levels
from bled_codec.request_rules import expected_amount
from bled_codec.request_signature import RequestSignature, request_root, verdict_on
from bled_codec.tlv import TlvRecord, join_records, make_record, split_stream
from bled_codec.units import Msat, Point, UnixTime
from bled_codec.values import FallbackAddress

DEFAULT_RELATIVE_EXPIRY: Final = 7200
"""Seconds that an invoice lives when it does not say (BOLT 12, invoices)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFields(InvoiceRequestFields):
    """The fields that an invoice adds to a request's. None: absent.

    `invoice_request_signature` is field 239 as it came, of any length; `Invoice.request_signature` judges it.
    """

    invoice_paths: tuple[BlindedPath, ...] | None = None
    invoice_blindedpay: tuple[BlindedPayinfo, ...] | None = None
    invoice_created_at: UnixTime | None = None
    invoice_relative_expiry: int | None = None
    invoice_payment_hash: bytes | None = None
    invoice_amount: Msat | None = None
    invoice_fallbacks: tuple[FallbackAddress, ...] | None = None
    invoice_features: bytes | None = None
    invoice_node_id: Point | None = None
    invoice_request_signature: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice(InvoiceFields):
    """An invoice that keeps every clockless rule, signed by `invoice_node_id`.

    That says nothing about field 239: see `request_signature`. `tree` is its merkle tree, from one node for each signed
    record up; the request that it repeats shares most of it. `points` are those that were found in it.
    """

    invreq_metadata: bytes
    invreq_payer_id: Point
    invoice_paths: tuple[BlindedPath, ...]
    invoice_blindedpay: tuple[BlindedPayinfo, ...]
    invoice_created_at: UnixTime
    invoice_payment_hash: bytes
    invoice_amount: Msat
    invoice_node_id: Point
    signature: bytes
    records: tuple[TlvRecord, ...] = field(repr=False)
    tree: TreeLevels = field(repr=False, compare=False)
    points: Points = field(repr=False, compare=False)

    @classmethod
    def decode(cls, data: bytes) -> "Invoice":
        """Return the invoice in a TLV stream. Raises `CodecError` naming the rule and the TLV type."""
        invoice = _read(split_stream(data))
        # BOLT 12, invoices, reader: the signature must be the issuing node's own.
        digest = invoice_root_digest(invoice.tree[-1][0])
        if not invoice.points.verify_schnorr(invoice.signature, digest, key=invoice.invoice_node_id):
            raise SignatureError(Rule.SIGNATURE_INVALID, tlv_type=Field.SIGNATURE)
        return invoice

    @classmethod
    def from_string(cls, text: str) -> "Invoice":
        """Return the invoice in an `lni` string. Raises `CodecError`."""
        return cls.decode(_invoice_bytes(text))

    def encode(self) -> bytes:
        """Return the TLV stream, byte for byte as received."""
        return join_records(self.records)

    @property
    def string(self) -> str:
        """The `lni` string."""
        return format_string(INVOICE_PREFIX, self.encode())

    @property
    def expires_at(self) -> UnixTime:
        """The first second at which the invoice may not be paid any more."""
        lifetime = self.invoice_relative_expiry
        return UnixTime(self.invoice_created_at + (DEFAULT_RELATIVE_EXPIRY if lifetime is None else lifetime))

    @property
    def request_records(self) -> tuple[TlvRecord, ...]:
        """The records that repeat the request."""
        return select(self.records, MIRRORED_TYPES)

    @property
    def request_signature(self) -> RequestSignature:
        """Whether field 239 is the payer's signature of the request that this invoice repeats."""
        signature = self.invoice_request_signature
        if signature is None:
            return RequestSignature.ABSENT
        root = request_root(self.records, self.tree)
        return verdict_on(signature, root, payer_id=self.invreq_payer_id, points=self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedInvoice(InvoiceFields):
    """An invoice before the issuer's signature, possibly before its paths: what a node is asked to complete."""

    records: tuple[TlvRecord, ...] = field(repr=False)

    @classmethod
    def decode(cls, data: bytes) -> "UnsignedInvoice":
        """Return the fields of a TLV stream without field 240; nothing is required. Raises `CodecError`."""
        records = split_stream(data)
        fields = decode_fields(records, INVOICE_TYPES)
        if "signature" in fields:
            raise SemanticError(Rule.TYPE_OUT_OF_RANGE, tlv_type=Field.SIGNATURE)
        return cls(records=records, **fields)

    @classmethod
    def from_string(cls, text: str) -> "UnsignedInvoice":
        """Return the fields of an `lni` string without field 240. Raises `CodecError`."""
        return cls.decode(_invoice_bytes(text))

    def encode(self) -> bytes:
        """Return the TLV stream."""
        return join_records(self.records)

    @property
    def string(self) -> str:
        """The `lni` string, which is no valid invoice yet."""
        return format_string(INVOICE_PREFIX, self.encode())

    def sign(self, key: SecretKey, *, aux: bytes) -> Invoice:
        """Return the signed invoice; `aux` is 32 bytes of fresh entropy (BIP 340).

        Raises `CodecError` when the invoice breaks a rule, or `key` is not that of its node id.
        """
        signature = make_record(Field.SIGNATURE, key.sign(invoice_digest(self.records), aux=aux))
        invoice = _read(ordered([*self.records, signature]))
        # libsecp256k1 has verified what it signed; what is left to ask is whether it was with the right key.
        if not is_key_of(key, invoice.invoice_node_id):
            raise SignatureError(Rule.SIGNATURE_INVALID, tlv_type=Field.SIGNATURE)
        return invoice


def create_invoice(
    request: InvoiceRequest,
    *,
    payment_hash: bytes,
    created_at: UnixTime,
    node_id: Point,
    amount: Msat,
    relative_expiry: int | None = None,
    paths: Sequence[BlindedPath] | None = None,
    blindedpay: Sequence[BlindedPayinfo] | None = None,
    features: bytes | None = None,
    fallbacks: Sequence[FallbackAddress] | None = None,
    with_request_signature: bool = True,
) -> UnsignedInvoice:
    """Return an invoice for `request`: every non-signature record repeated, its signature in field 239.

    `relative_expiry` is in seconds from `created_at`. A node adds paths of its own when they are left out. Raises
    `SemanticError`: `AMOUNT_MISMATCH` unless `amount` is what the request names, or else offer amount times quantity;
    `FALLBACK_ADDRESS` for an address that nobody could pay to.
    """
    _check_amount(request, amount)
    if not all(fallback.is_usable for fallback in fallbacks or ()):
        raise SemanticError(Rule.FALLBACK_ADDRESS, tlv_type=Field.INVOICE_FALLBACKS)
    fields = {
        "invoice_paths": paths,
        "invoice_blindedpay": blindedpay,
        "invoice_created_at": created_at,
        "invoice_relative_expiry": relative_expiry,
        "invoice_payment_hash": payment_hash,
        "invoice_amount": amount,
        "invoice_features": features,
        "invoice_fallbacks": fallbacks,
        "invoice_node_id": node_id,
        "invoice_request_signature": request.signature if with_request_signature else None,
    }
    records = encode_fields(fields, select(request.records, MIRRORED_TYPES))
    return UnsignedInvoice.decode(join_records(records))


def _check_amount(request: InvoiceRequest, amount: Msat) -> None:
    # BOLT 12, invoices, writer: the amount asked for, or the expected one; a currency leaves the rate to the issuer.
    expected = expected_amount(request) if request.invreq_amount is None else request.invreq_amount
    if expected is not None and amount != expected:
        raise SemanticError(Rule.AMOUNT_MISMATCH, tlv_type=Field.INVOICE_AMOUNT)


def invoice_digest(records: Sequence[TlvRecord]) -> bytes:
    """Return what the issuing node signs: the root of the records under the invoice's tag, 32 bytes."""
    return invoice_root_digest(merkle_root(records))


def invoice_root_digest(root: bytes) -> bytes:
    """Return what the issuing node signs for an invoice whose merkle root is known, 32 bytes."""
    return signature_digest("invoice", "signature", root)


def _invoice_bytes(text: str) -> bytes:
    prefix, data = parse_string(text)
    if prefix != INVOICE_PREFIX:
        raise EncodingError(Rule.STRING_WRONG_KIND, offset=0)
    return data


def _read(records: tuple[TlvRecord, ...]) -> Invoice:
    """Return the invoice in `records`, its signature not looked at."""
    points = Points()
    fields = decode_fields(records, INVOICE_TYPES, points)
    _require(fields)
    fields["records"] = records
    fields["tree"] = tree_levels(leaf_nodes(signed_records(records)))
    fields["points"] = points
    invoice = construct(Invoice, fields)
    check_invoice_fields(invoice)
    return invoice


def _require(fields: dict[str, Any]) -> None:
    for name, (rule, tlv_type) in REQUIRED_FIELDS.items():
        if not fields.get(name) and (name not in fields or name == "invoice_paths"):
            raise SemanticError(rule, tlv_type=tlv_type)
    if "signature" not in fields:
        raise SignatureError(Rule.SIGNATURE_MISSING, tlv_type=Field.SIGNATURE)
