"""What a node's offers plugin checks of an invoice_request, in its order and in its words. Pure."""

import hmac
from dataclasses import dataclass, replace
from typing import Final

from bled.sandbox.books_rows import OfferRow
from bled_codec.bolt12_string import INVOICE_REQUEST_PREFIX, format_string
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import sha256, verify_schnorr
from bled_codec.errors import CodecError, SemanticError
from bled_codec.features import unknown_even_bits
from bled_codec.fields import OFFER_MIRRORED_TYPES, REQUEST_TYPES, Field, decode_fields, select
from bled_codec.invoice_request import InvoiceRequestFields, request_digest
from bled_codec.request_rules import answers_an_offer, expected_amount
from bled_codec.tlv import TlvRecord, join_records, split_stream
from bled_codec.units import Msat, Point, UnixTime
from bled_codec.values import decode_bip353_name

_MUCH: Final = 5
_LARGEST: Final = 2**64 - 1
_SECRET_BYTES: Final = 32
_ALLOWED: Final = (range(160), range(240, 1001), range(1_000_000_000, 3_000_000_000))
_PARSED: Final = replace(REQUEST_TYPES, allowed=None, known=REQUEST_TYPES.known - {Field.INVREQ_BIP_353_NAME})


class FailedRequest(Exception):
    """A request is refused; the text is what the payer gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An invoice_request that could be read; nothing else is known of it."""

    data: bytes
    records: tuple[TlvRecord, ...]
    fields: InvoiceRequestFields
    signature: bytes | None
    name_is_wrong: bool

    def refuse(self, why: str) -> FailedRequest:
        """Return the refusal: it repeats the whole request before the reason."""
        return FailedRequest(f"Failed invreq {format_string(INVOICE_REQUEST_PREFIX, self.data)}: {why}")

    @property
    def offer_id(self) -> bytes:
        """The id of the offer that it repeats, 32 bytes."""
        return sha256(join_records(self.offer_records))

    @property
    def offer_records(self) -> tuple[TlvRecord, ...]:
        """The records that repeat the offer."""
        return select(self.records, OFFER_MIRRORED_TYPES)

    @property
    def payer_id(self) -> Point:
        """Whose signature it carries. Only for a request that `check_alone` let pass."""
        if self.fields.invreq_payer_id is None:
            raise self.refuse("Missing invreq_payer_id")
        return self.fields.invreq_payer_id

    @property
    def amount(self) -> Msat:
        """What the invoice asks for. Only for a request that `check_amount` let pass."""
        given = self.fields.invreq_amount
        amount = given if given is not None else expected_amount(self.fields)
        return Msat(0) if amount is None else amount


def parse_request(data: bytes) -> Request:
    """Return the request in a TLV stream. Raises `FailedRequest`."""
    try:
        records = split_stream(data)
        fields = decode_fields(records, _PARSED)
        name_is_wrong = _name_is_wrong(records)
    except CodecError as error:
        raise FailedRequest("Failed invreq: Invalid invreq") from error
    signature = fields.pop("signature", None)
    request = InvoiceRequestFields(**fields)
    return Request(data=data, records=records, fields=request, signature=signature, name_is_wrong=name_is_wrong)


def _name_is_wrong(records: tuple[TlvRecord, ...]) -> bool:
    for record in records:
        if record.type == Field.INVREQ_BIP_353_NAME:
            try:
                decode_bip353_name(record.value)
            except SemanticError:
                return True
    return False


def check_alone(request: Request, *, chain: bytes) -> None:
    """Check what needs no offer. Raises `FailedRequest`."""
    fields = request.fields
    if any(not any(record.type in part for part in _ALLOWED) for record in request.records):
        raise request.refuse("Invalid high fields")
    if fields.invreq_payer_id is None:
        raise request.refuse("Missing invreq_payer_id")
    if fields.invreq_metadata is None:
        raise request.refuse("Missing invreq_metadata")
    unknown = unknown_even_bits(fields.invreq_features or b"")
    if unknown:
        raise request.refuse(f"Unsupported invreq feature {unknown[0]}")
    if request.name_is_wrong:
        raise request.refuse("invalid bip353 name fields")
    if (fields.invreq_chain or BITCOIN_CHAIN) != chain:
        raise request.refuse(f"Wrong chain {(fields.invreq_chain or b'').hex()}")
    if not answers_an_offer(fields):
        raise request.refuse("Not based on an offer")


def check_path(request: Request, path_id: bytes | None, *, expected: bytes, developer: bool) -> None:
    """Check that a request came along the offer's own path, if it has one, and else along none.

    `path_id` counts only with 32 bytes. Only a node in developer mode tells this refusal from another.
    Raises `FailedRequest`.
    """
    secret = path_id if path_id is not None and len(path_id) == _SECRET_BYTES else None
    if secret is None and request.fields.offer_paths is None:
        return
    if secret is None:
        why = "Expected blinded path"
    elif request.fields.offer_paths is None:
        why = "Unexpected blinded path"
    elif not hmac.compare_digest(secret, expected):
        why = "Wrong blinded path"
    else:
        return
    raise request.refuse(why if developer else "Unknown offer")


def check_for_offer(request: Request, offer: OfferRow, *, now: UnixTime) -> None:
    """Check what depends on the offer. Raises `FailedRequest`."""
    if not offer.active:
        raise request.refuse("Offer no longer available")
    expiry = request.fields.offer_absolute_expiry
    if expiry is not None and now >= expiry:
        raise request.refuse("Offer expired")
    _check_quantity(request)
    _check_signature(request)
    check_amount(request)


def _check_quantity(request: Request) -> None:
    quantity, most = request.fields.invreq_quantity, request.fields.offer_quantity_max
    if most is None:
        if quantity is not None:
            raise request.refuse("unexpected invreq_quantity")
        return
    if quantity is None:
        raise request.refuse("missing invreq_quantity")
    if quantity == 0:
        raise request.refuse("quantity zero invalid")
    if most and quantity > most:
        raise request.refuse(f"quantity {quantity} > {most}")


def _check_signature(request: Request) -> None:
    if request.signature is None:
        raise request.refuse("missing signature")
    digest = request_digest(request.records)
    if not verify_schnorr(request.signature, digest, key=request.payer_id):
        raise request.refuse("bad signature")


def check_amount(request: Request) -> None:
    """Check the amount: at least what the offer asks, and not vastly more. Raises `FailedRequest`."""
    given, expected = request.fields.invreq_amount, expected_amount(request.fields)
    if expected is None:
        if given is None:
            raise request.refuse("missing invreq_amount")
        return
    if expected > _LARGEST:
        raise request.refuse(f"quantity {request.fields.invreq_quantity} causes overflow")
    if given is None:
        return
    if given < expected:
        raise request.refuse(f"Amount must be at least {expected}msat")
    if given // _MUCH > expected:  # the node divides and rounds down, so a few msat more than five times pass
        raise request.refuse(f"Amount vastly exceeds {expected}msat")
