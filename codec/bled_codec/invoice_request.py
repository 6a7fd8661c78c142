"""Invoice requests (BOLT 12, "Invoice Requests"): what a payer signs, for an offer or without one ("refund")."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bled_codec.blinded_path import BlindedPath
from bled_codec.bolt12_string import INVOICE_REQUEST_PREFIX, format_string, parse_string
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.construct import construct
from bled_codec.crypto import Points, SecretKey, is_key_of
from bled_codec.errors import EncodingError, Rule, SemanticError, SignatureError
from bled_codec.fields import OFFER_MIRRORED_TYPES, REQUEST_TYPES, Field, decode_fields, encode_fields, ordered, select
from bled_codec.merkle import merkle_root, signature_digest
from bled_codec.offer import Offer, OfferFields
from bled_codec.request_rules import answers_an_offer, check_request_fields
from bled_codec.tlv import TlvRecord, join_records, make_record, split_stream
from bled_codec.units import Msat, Point
from bled_codec.values import Bip353Name

_MESSAGE: Final = "invoice_request"
_SIGNATURE: Final = "signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRequestFields(OfferFields):
    """The fields that a request adds to an offer's; invoices repeat them. None: absent."""

    invreq_metadata: bytes | None = None
    invreq_chain: bytes | None = None
    invreq_amount: Msat | None = None
    invreq_features: bytes | None = None
    invreq_quantity: int | None = None
    invreq_payer_id: Point | None = None
    invreq_payer_note: str | None = None
    invreq_paths: tuple[BlindedPath, ...] | None = None
    invreq_bip_353_name: Bip353Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRequest(InvoiceRequestFields):
    """A request that keeps every clockless rule, and whose signature verifies.

    `signature` is None only for a request without an offer: the specification has writers leave it out there, some
    implementations sign all the same, so both are read and a signature that is there must verify.
    """

    invreq_metadata: bytes
    invreq_payer_id: Point
    signature: bytes | None = None
    records: tuple[TlvRecord, ...] = field(repr=False)

    @classmethod
    def decode(cls, data: bytes) -> "InvoiceRequest":
        """Return the request in a TLV stream. Raises `CodecError` naming the rule and the TLV type."""
        points = Points()
        request = _read(split_stream(data), points)
        _check_signature(request, points)
        return request

    @classmethod
    def from_string(cls, text: str) -> "InvoiceRequest":
        """Return the request in an `lnr` string. Raises `CodecError`."""
        prefix, data = parse_string(text)
        if prefix != INVOICE_REQUEST_PREFIX:
            raise EncodingError(Rule.STRING_WRONG_KIND, offset=0)
        return cls.decode(data)

    def encode(self) -> bytes:
        """Return the TLV stream, byte for byte as received."""
        return join_records(self.records)

    @property
    def string(self) -> str:
        """The `lnr` string."""
        return format_string(INVOICE_REQUEST_PREFIX, self.encode())

    @property
    def answers_an_offer(self) -> bool:
        """Whether this answers an offer; otherwise it asks for an invoice out of the blue."""
        return answers_an_offer(self)

    @property
    def offer_records(self) -> tuple[TlvRecord, ...]:
        """The records that repeat the offer."""
        return select(self.records, OFFER_MIRRORED_TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedInvoiceRequest:
    """A request before its signature: only `sign` makes it one that can be sent."""

    records: tuple[TlvRecord, ...]

    @property
    def digest(self) -> bytes:
        """The 32 bytes to sign."""
        return request_digest(self.records)

    def sign(self, key: SecretKey, *, aux: bytes) -> InvoiceRequest:
        """Return the signed request; `aux` is 32 bytes of fresh entropy (BIP 340).

        Raises `CodecError` when the request breaks a rule, or `key` is not that of its payer id.
        """
        signature = make_record(Field.SIGNATURE, key.sign(self.digest, aux=aux))
        request = _read(ordered([*self.records, signature]), Points())
        # libsecp256k1 has verified what it signed; what is left to ask is whether it was with the right key.
        if not is_key_of(key, request.invreq_payer_id):
            raise SignatureError(Rule.SIGNATURE_INVALID, tlv_type=Field.SIGNATURE)
        return request


def create_invoice_request(
    offer: Offer,
    *,
    metadata: bytes,
    payer_id: Point,
    amount: Msat | None,
    chain: bytes | None = None,
    paths: Sequence[BlindedPath] = (),
    quantity: int | None = None,
    payer_note: str | None = None,
    features: bytes | None = None,
    bip_353_name: Bip353Name | None = None,
    extra: Iterable[TlvRecord] = (),
) -> UnsignedInvoiceRequest:
    """Return a request that answers `offer`, repeating every record of it, unknown ones too.

    `metadata` is unpredictable and unique; `bip_353_name` is the name that led to the offer. `chain` is left out for
    bitcoin. Raises `SemanticError` (`UNSUPPORTED_CHAIN`) unless it is one of the offer's. Whether the request keeps the
    other rules shows in `sign`.
    """
    # BOLT 12, invoice requests, writer: one of the offer's chains, bitcoin where it names none.
    if (chain or BITCOIN_CHAIN) not in (offer.offer_chains or (BITCOIN_CHAIN,)):
        raise SemanticError(Rule.UNSUPPORTED_CHAIN, tlv_type=Field.INVREQ_CHAIN)
    fields = {
        "invreq_metadata": metadata,
        "invreq_chain": chain,
        "invreq_amount": amount,
        "invreq_quantity": quantity,
        "invreq_payer_id": payer_id,
        "invreq_payer_note": payer_note,
        "invreq_paths": tuple(paths) or None,
        "invreq_features": features,
        "invreq_bip_353_name": bip_353_name,
    }
    return UnsignedInvoiceRequest(records=encode_fields(fields, [*offer.records, *extra]))


def request_digest(records: Iterable[TlvRecord]) -> bytes:
    """Return what the payer signs: the root of the records under the request's tag, 32 bytes."""
    return signature_digest(_MESSAGE, _SIGNATURE, merkle_root(records))


def _read(records: tuple[TlvRecord, ...], points: Points) -> InvoiceRequest:
    """Return the request in `records`, its signature not looked at."""
    fields = decode_fields(records, REQUEST_TYPES, points)
    _require(fields)
    fields["records"] = records
    request = construct(InvoiceRequest, fields)
    check_request_fields(request)
    return request


def _require(fields: dict[str, object]) -> None:
    # BOLT 12, invoice requests, reader: both must be there.
    if "invreq_metadata" not in fields:
        raise SemanticError(Rule.METADATA_MISSING, tlv_type=Field.INVREQ_METADATA)
    if "invreq_payer_id" not in fields:
        raise SemanticError(Rule.PAYER_ID_MISSING, tlv_type=Field.INVREQ_PAYER_ID)


def _check_signature(request: InvoiceRequest, points: Points) -> None:
    if request.signature is None:
        if answers_an_offer(request):
            raise SignatureError(Rule.SIGNATURE_MISSING, tlv_type=Field.SIGNATURE)
        return
    # BOLT 12, invoice requests, reader: the signature is that of the payer id.
    digest = request_digest(request.records)
    if not points.verify_schnorr(request.signature, digest, key=request.invreq_payer_id):
        raise SignatureError(Rule.SIGNATURE_INVALID, tlv_type=Field.SIGNATURE)
