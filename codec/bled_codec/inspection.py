"""What can be told about any BOLT 12 string, valid or not: kind, fields, signatures, and the first rule it breaks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bled_codec.bolt12_string import (
    INVOICE_PREFIX,
    INVOICE_REQUEST_PREFIX,
    OFFER_PREFIX,
    PAYER_PROOF_PREFIX,
    parse_string,
)
from bled_codec.crypto import verify_schnorr
from bled_codec.errors import CodecError, Rule
from bled_codec.fields import FIELD_CODECS, INVOICE_TYPES, OFFER_TYPES, PROOF_TYPES, REQUEST_TYPES, Field, TypeRanges
from bled_codec.invoice import Invoice, invoice_digest
from bled_codec.invoice_request import InvoiceRequest, request_digest
from bled_codec.offer import Offer
from bled_codec.payer_proof import PayerProof
from bled_codec.request_signature import RequestSignature, judge_request_signature
from bled_codec.tlv import TlvRecord, split_stream
from bled_codec.units import Point

Message = Offer | InvoiceRequest | Invoice | PayerProof


class Kind(StrEnum):
    """What a string holds."""

    OFFER = "offer"
    INVOICE_REQUEST = "invoice_request"
    INVOICE = "invoice"
    PAYER_PROOF = "payer_proof"


class Verdict(StrEnum):
    """Whether a signature is there, and verifies."""

    VALID = "valid"
    INVALID = "invalid"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A string taken apart as far as it goes.

    Attributes:
        kind: what its prefix says; None when it has none of the four, or its characters are no bytes.
        error: the first rule that is broken, with its place; None for a valid string. Rules that need a clock, a chain
            or a second message are not looked at.
        fields: values by specification name; of an invalid string those that can be read.
        unknown: records that are not in BOLT 12.
        signature: field 240, under the key that the message names.
        request_signature: field 239 of an invoice; None for all else. It is no part of the invoice's own validity.
        message: the message of a valid string.
    """

    kind: Kind | None = None
    error: CodecError | None = None
    fields: Mapping[str, Any]
    unknown: tuple[TlvRecord, ...] = ()
    signature: Verdict = Verdict.ABSENT
    request_signature: RequestSignature | None = None
    message: Message | None = None

    @property
    def valid(self) -> bool:
        """Whether every rule of form is kept."""
        return self.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    kind: Kind
    decode: Callable[[bytes], Message]
    types: TypeRanges
    signer: Field | None = None
    digest: Callable[[Sequence[TlvRecord]], bytes] | None = None


_READINGS: Final[Mapping[str, _Reading]] = {
    OFFER_PREFIX: _Reading(kind=Kind.OFFER, decode=Offer.decode, types=OFFER_TYPES),
    INVOICE_REQUEST_PREFIX: _Reading(
        kind=Kind.INVOICE_REQUEST,
        decode=InvoiceRequest.decode,
        types=REQUEST_TYPES,
        signer=Field.INVREQ_PAYER_ID,
        digest=request_digest,
    ),
    INVOICE_PREFIX: _Reading(
        kind=Kind.INVOICE,
        decode=Invoice.decode,
        types=INVOICE_TYPES,
        signer=Field.INVOICE_NODE_ID,
        digest=invoice_digest,
    ),
    PAYER_PROOF_PREFIX: _Reading(kind=Kind.PAYER_PROOF, decode=PayerProof.decode, types=PROOF_TYPES),
}


def inspect_string(text: str) -> Inspection:
    """Return all that can be told about `text`. Never raises for what is in it."""
    try:
        prefix, data = parse_string(text)
    except CodecError as error:
        return Inspection(error=error, fields={})
    return _inspect(_READINGS[prefix], data)


def _inspect(reading: _Reading, data: bytes) -> Inspection:
    try:
        message = reading.decode(data)
    except CodecError as error:
        return _inspect_invalid(reading, data, error)
    known = [record for record in message.records if record.type in reading.types.known]
    names = [FIELD_CODECS[record.type].name for record in known]
    return Inspection(
        kind=reading.kind,
        fields={name: getattr(message, name) for name in names},
        unknown=_unknown(reading, message.records),
        signature=Verdict.VALID if "signature" in names else Verdict.ABSENT,
        request_signature=message.request_signature if isinstance(message, Invoice) else None,
        message=message,
    )


def _inspect_invalid(reading: _Reading, data: bytes, error: CodecError) -> Inspection:
    try:
        records = split_stream(data)
    except CodecError:
        return Inspection(kind=reading.kind, error=error, fields={})
    return Inspection(
        kind=reading.kind,
        error=_placed(error, records),
        fields=_readable(reading, records),
        unknown=_unknown(reading, records),
        signature=_judge(reading, records, error),
        request_signature=judge_request_signature(records) if reading.kind is Kind.INVOICE else None,
    )


def _placed(error: CodecError, records: Sequence[TlvRecord]) -> CodecError:
    """Return `error` with the offset of its record, when it names a record that is there and no place in it."""
    if error.offset is not None:
        return error
    start = 0
    for record in records:
        if record.type == error.tlv_type:
            return type(error)(error.rule, tlv_type=error.tlv_type, offset=start)
        start += len(record.raw)
    return error


def _readable(reading: _Reading, records: Sequence[TlvRecord]) -> dict[str, Any]:
    fields = {}
    for record in records:
        if record.type in reading.types.known:
            codec = FIELD_CODECS[record.type]
            try:
                fields[codec.name] = codec.decode(record.value)
            except CodecError:
                continue
    return fields


def _unknown(reading: _Reading, records: Sequence[TlvRecord]) -> tuple[TlvRecord, ...]:
    return tuple(record for record in records if record.type not in reading.types.known)


def _judge(reading: _Reading, records: Sequence[TlvRecord], error: CodecError) -> Verdict:
    """Judge the signature of a message that breaks some rule, maybe another one."""
    values = {record.type: record.value for record in records}
    signature = values.get(Field.SIGNATURE)
    if signature is None:
        return Verdict.ABSENT
    if reading.signer is None or reading.digest is None:  # a proof: its own rules cover the signature
        later = error.tlv_type == Field.PROOF_SIGNATURE and error.rule is Rule.SIGNATURE_INVALID
        return Verdict.VALID if later else Verdict.INVALID
    signer = values.get(reading.signer)
    if signer is None:
        return Verdict.INVALID
    valid = verify_schnorr(signature, reading.digest(records), key=Point(signer))
    return Verdict.VALID if valid else Verdict.INVALID
