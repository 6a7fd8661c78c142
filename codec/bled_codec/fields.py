"""Every field of the messages of BOLT 12 by its number, with the codec of its value."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Any, Final, NamedTuple

from bled_codec import values
from bled_codec.blinded_path import decode_paths, decode_payinfos, read_paths
from bled_codec.crypto import Points, parse_point
from bled_codec.errors import CodecError, Rule, TlvError
from bled_codec.primitives import decode_tu32, decode_tu64, encode_truncated
from bled_codec.tlv import TlvRecord, make_record


class Field(IntEnum):
    """TLV types, named as in the specification. `INVOICE_REQUEST_SIGNATURE` is this project's field 239."""

    INVREQ_METADATA = 0
    OFFER_CHAINS = 2
    OFFER_METADATA = 4
    OFFER_CURRENCY = 6
    OFFER_AMOUNT = 8
    OFFER_DESCRIPTION = 10
    OFFER_FEATURES = 12
    OFFER_ABSOLUTE_EXPIRY = 14
    OFFER_PATHS = 16
    OFFER_ISSUER = 18
    OFFER_QUANTITY_MAX = 20
    OFFER_ISSUER_ID = 22
    INVREQ_CHAIN = 80
    INVREQ_AMOUNT = 82
    INVREQ_FEATURES = 84
    INVREQ_QUANTITY = 86
    INVREQ_PAYER_ID = 88
    INVREQ_PAYER_NOTE = 89
    INVREQ_PATHS = 90
    INVREQ_BIP_353_NAME = 91
    INVOICE_PATHS = 160
    INVOICE_BLINDEDPAY = 162
    INVOICE_CREATED_AT = 164
    INVOICE_RELATIVE_EXPIRY = 166
    INVOICE_PAYMENT_HASH = 168
    INVOICE_AMOUNT = 170
    INVOICE_FALLBACKS = 172
    INVOICE_FEATURES = 174
    INVOICE_NODE_ID = 176
    INVOICE_REQUEST_SIGNATURE = 239
    SIGNATURE = 240
    PROOF_SIGNATURE = 241
    PROOF_PREIMAGE = 1001
    PROOF_OMITTED_TLVS = 1002
    PROOF_MISSING_HASHES = 1003
    PROOF_LEAF_HASHES = 1004
    PROOF_NOTE = 1005


class FieldCodec(NamedTuple):
    """How one field's value becomes a Python value and back.

    `read` decodes a value with points in it, given those of the whole message. None for all others.
    """

    name: str
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    read: Callable[[Points, bytes], Any] | None = None


_TEXT: Final = (values.decode_text, values.encode_text)
_BYTES: Final = (bytes, bytes)
_U64: Final = (decode_tu64, encode_truncated)
_U32: Final = (decode_tu32, encode_truncated)
_MSAT: Final = (values.decode_msat, encode_truncated)
_POINT: Final = (parse_point, bytes, Points.parse)
_HASH: Final = (values.decode_hash, bytes)
_HASHES: Final = (values.decode_hashes, values.encode_joined)
_SIGNATURE: Final = (values.decode_signature, bytes)
_PATHS: Final = (decode_paths, values.encode_all, read_paths)

_CODECS: Final[Mapping[Field, tuple[Callable[..., Any], ...]]] = {
    Field.INVREQ_METADATA: _BYTES,
    Field.OFFER_CHAINS: _HASHES,
    Field.OFFER_METADATA: _BYTES,
    Field.OFFER_CURRENCY: (values.decode_currency, values.encode_text),
    Field.OFFER_AMOUNT: _U64,
    Field.OFFER_DESCRIPTION: _TEXT,
    Field.OFFER_FEATURES: _BYTES,
    Field.OFFER_ABSOLUTE_EXPIRY: _U64,
    Field.OFFER_PATHS: _PATHS,
    Field.OFFER_ISSUER: _TEXT,
    Field.OFFER_QUANTITY_MAX: _U64,
    Field.OFFER_ISSUER_ID: _POINT,
    Field.INVREQ_CHAIN: _HASH,
    Field.INVREQ_AMOUNT: _MSAT,
    Field.INVREQ_FEATURES: _BYTES,
    Field.INVREQ_QUANTITY: _U64,
    Field.INVREQ_PAYER_ID: _POINT,
    Field.INVREQ_PAYER_NOTE: _TEXT,
    Field.INVREQ_PATHS: _PATHS,
    Field.INVREQ_BIP_353_NAME: (values.decode_bip353_name, values.encode_one),
    Field.INVOICE_PATHS: _PATHS,
    Field.INVOICE_BLINDEDPAY: (decode_payinfos, values.encode_all),
    Field.INVOICE_CREATED_AT: _U64,
    Field.INVOICE_RELATIVE_EXPIRY: _U32,
    Field.INVOICE_PAYMENT_HASH: _HASH,
    Field.INVOICE_AMOUNT: _MSAT,
    Field.INVOICE_FALLBACKS: (values.decode_fallbacks, values.encode_all),
    Field.INVOICE_FEATURES: _BYTES,
    Field.INVOICE_NODE_ID: _POINT,
    Field.INVOICE_REQUEST_SIGNATURE: _BYTES,  # a wrong length is an invalid signature, not an invalid invoice
    Field.SIGNATURE: _SIGNATURE,
    Field.PROOF_SIGNATURE: _SIGNATURE,
    Field.PROOF_PREIMAGE: _HASH,
    Field.PROOF_OMITTED_TLVS: (values.decode_bigsizes, values.encode_bigsizes),
    Field.PROOF_MISSING_HASHES: _HASHES,
    Field.PROOF_LEAF_HASHES: _HASHES,
    Field.PROOF_NOTE: _TEXT,
}

FIELD_CODECS: Final[Mapping[int, FieldCodec]] = {
    field: FieldCodec(field.name.lower(), *codec) for field, codec in _CODECS.items()
}
FIELD_BY_NAME: Final[Mapping[str, Field]] = {field.name.lower(): field for field in Field}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRanges:
    """The types that one message may carry, and those of them that this codec knows."""

    allowed: tuple[range, ...] | None
    known: frozenset[int]
    codecs: Mapping[int, FieldCodec] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look the codecs up once and for all."""
        object.__setattr__(self, "codecs", {int(type_): FIELD_CODECS[type_] for type_ in self.known})

    def check(self, type_: int) -> None:
        """Raise `TlvError`: `TYPE_OUT_OF_RANGE`, or `TLV_UNKNOWN_EVEN` for an even type nobody told us of."""
        if self.allowed is not None and not _within(type_, self.allowed):
            raise TlvError(Rule.TYPE_OUT_OF_RANGE, tlv_type=type_)
        if type_ % 2 == 0:
            raise TlvError(Rule.TLV_UNKNOWN_EVEN, tlv_type=type_)


def _within(type_: int, parts: tuple[range, ...]) -> bool:
    for part in parts:  # noqa: SIM110 - any() with a generator takes three times as long
        if type_ in part:
            return True
    return False


_SIGNATURE_RANGE: Final = range(240, 1001)
_OFFER_KNOWN: Final = frozenset(field for field in Field if 1 <= field <= 79)
_REQUEST_KNOWN: Final = frozenset(field for field in Field if field <= 159) | {Field.SIGNATURE}

# BOLT 12, offers, reader: nothing outside 1-79 and 1000000000-1999999999.
OFFER_TYPES: Final = TypeRanges(
    allowed=(range(1, 80), range(1_000_000_000, 2_000_000_000)),
    known=_OFFER_KNOWN,
)
# BOLT 12, invoice requests, reader: nothing outside 0-159, the signatures and 1000000000-2999999999.
REQUEST_TYPES: Final = TypeRanges(
    allowed=(range(160), _SIGNATURE_RANGE, range(1_000_000_000, 3_000_000_000)),
    known=_REQUEST_KNOWN,
)
# BOLT 12 gives readers of invoices no range: unknown odd types anywhere are ignored.
INVOICE_TYPES: Final = TypeRanges(allowed=None, known=frozenset(field for field in Field if field <= Field.SIGNATURE))
# BOLT 12, payer proofs: anything of an invoice except its first field, which keeps the others unguessable.
PROOF_TYPES: Final = TypeRanges(allowed=None, known=frozenset(Field) - {Field.INVREQ_METADATA})

MIRRORED_TYPES: Final = (range(160), range(1_000_000_000, 3_000_000_000))
"""What an invoice repeats of its request, byte for byte (BOLT 12, invoices, writer)."""
OFFER_MIRRORED_TYPES: Final = (range(1, 80), range(1_000_000_000, 2_000_000_000))
"""What a request repeats of its offer, byte for byte."""


def select(records: Iterable[TlvRecord], ranges: tuple[range, range]) -> tuple[TlvRecord, ...]:
    """Return the records whose type lies in one of the two `ranges`, as they came."""
    first, second = ranges
    return tuple([record for record in records if record.type in first or record.type in second])


def decode_fields(records: Sequence[TlvRecord], types: TypeRanges, points: Points | None = None) -> dict[str, Any]:
    """Return the values of the known fields by their specification name; `points` takes in those of the message.

    Raises `CodecError` with the TLV type at fault, and the offset in the stream of `records`.
    """
    found: dict[str, Any] = {}
    codecs = types.codecs
    points = Points() if points is None else points
    type_ = -1
    try:
        for type_, value, _ in records:
            if type_ in codecs:
                name, decode, _, read = codecs[type_]
                found[name] = decode(value) if read is None else read(points, value)
            else:
                types.check(type_)
    except CodecError as error:
        raise _placed(error, records, type_) from error
    return found


def _placed(error: CodecError, records: Sequence[TlvRecord], type_: int) -> CodecError:
    """Return `error`, whose offset counts within the value of `type_`, with its place in the whole stream."""
    before = [record for record in records if record.type < type_]
    start = sum(len(record.raw) for record in before)
    if isinstance(error, TlvError):
        return TlvError(error.rule, tlv_type=type_, offset=start)
    record = records[len(before)]
    value_starts = start + len(record.raw) - len(record.value)
    return type(error)(error.rule, tlv_type=type_, offset=value_starts + (error.offset or 0))


def encode_fields(fields: Mapping[str, Any], extra: Iterable[TlvRecord] = ()) -> tuple[TlvRecord, ...]:
    """Return the records for fields by name (None: absent) and `extra` ones, by ascending type.

    Raises `TlvError` (`TLV_DUPLICATE`) when two of them have one type.
    """
    records = [_encode(name, value) for name, value in fields.items() if value is not None]
    return ordered([*records, *extra])


def _encode(name: str, value: object) -> TlvRecord:
    field = FIELD_BY_NAME[name]
    return make_record(field, FIELD_CODECS[field].encode(value))


def ordered(records: Iterable[TlvRecord]) -> tuple[TlvRecord, ...]:
    """Return `records` by ascending type. Raises `TlvError` (`TLV_DUPLICATE`) when a type comes twice."""
    by_type = sorted(records)
    for before, after in pairwise(by_type):
        if before.type == after.type:
            raise TlvError(Rule.TLV_DUPLICATE, tlv_type=after.type)
    return tuple(by_type)
