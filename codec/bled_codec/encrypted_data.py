"""`encrypted_data_tlv` of BOLT 4: what the maker of a blinded path tells each of its hops."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bled_codec.crypto import parse_point
from bled_codec.errors import EncodingError, Rule
from bled_codec.primitives import encode_bigsize
from bled_codec.tlv import TlvRecord, join_records, make_record, require_known_even, split_stream
from bled_codec.units import Point

PADDING: Final = 1
SHORT_CHANNEL_ID: Final = 2
NEXT_NODE_ID: Final = 4
PATH_ID: Final = 6
NEXT_PATH_KEY_OVERRIDE: Final = 8
PAYMENT_RELAY: Final = 10
PAYMENT_CONSTRAINTS: Final = 12
ALLOWED_FEATURES: Final = 14

_NAMES: Final = {
    PADDING: "padding",
    SHORT_CHANNEL_ID: "short_channel_id",
    NEXT_NODE_ID: "next_node_id",
    PATH_ID: "path_id",
    NEXT_PATH_KEY_OVERRIDE: "next_path_key_override",
    PAYMENT_RELAY: "payment_relay",
    PAYMENT_CONSTRAINTS: "payment_constraints",
    ALLOWED_FEATURES: "allowed_features",
}
_KNOWN: Final = frozenset(_NAMES)
_SHORT_CHANNEL_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedData:
    """The clear content of one hop's `encrypted_recipient_data`; every field may be absent (`None`).

    Attributes:
        padding: bytes without meaning that bring all hops of a path to one length.
        short_channel_id: 8 bytes; the channel to forward over.
        next_node_id: the node to forward to.
        path_id: what the recipient wrote for itself; only in the last hop.
        next_path_key_override: path key for the next hop instead of the derived one (two paths joined).
        payment_relay: fee and expiry of a forwarding hop, as encoded.
        payment_constraints: what a payment must keep to, as encoded.
        allowed_features: feature bits that may be used, as encoded.
        unknown: records of unknown odd types.
    """

    padding: bytes | None = None
    short_channel_id: bytes | None = None
    next_node_id: Point | None = None
    path_id: bytes | None = field(default=None, repr=False)
    next_path_key_override: Point | None = None
    payment_relay: bytes | None = None
    payment_constraints: bytes | None = None
    allowed_features: bytes | None = None
    unknown: tuple[TlvRecord, ...] = ()

    def encode(self) -> bytes:
        """Return the TLV stream, ready to be encrypted."""
        values = ((type_, getattr(self, name)) for type_, name in _NAMES.items())
        known = [make_record(type_, value) for type_, value in values if value is not None]
        return join_records(sorted((*known, *self.unknown)))

    @classmethod
    def decode(cls, data: bytes) -> "EncryptedData":
        """Read a decrypted stream.

        Raises `TlvError` (also for an unknown even type) and `EncodingError` for a field of the wrong form.
        """
        records = split_stream(data)
        require_known_even(records, _KNOWN)
        values = {record.type: record.value for record in records}
        return cls(
            padding=values.get(PADDING),
            short_channel_id=_short_channel_id(values.get(SHORT_CHANNEL_ID)),
            next_node_id=_point(values.get(NEXT_NODE_ID)),
            path_id=values.get(PATH_ID),
            next_path_key_override=_point(values.get(NEXT_PATH_KEY_OVERRIDE)),
            payment_relay=values.get(PAYMENT_RELAY),
            payment_constraints=values.get(PAYMENT_CONSTRAINTS),
            allowed_features=values.get(ALLOWED_FEATURES),
            unknown=tuple(record for record in records if record.type not in _KNOWN),
        )


def _point(value: bytes | None) -> Point | None:
    return None if value is None else parse_point(value)


def _short_channel_id(value: bytes | None) -> bytes | None:
    if value is not None and len(value) != _SHORT_CHANNEL_ID_BYTES:
        raise EncodingError(Rule.WRONG_LENGTH, tlv_type=SHORT_CHANNEL_ID)
    return value


def pad_to_one_length(data: Sequence[EncryptedData]) -> tuple[bytes, ...]:
    """Return the encodings of all hops, brought to one length by padding (TLV 1).

    BOLT 4 asks for this so that a hop's length does not tell its place in the path. Present padding is replaced.
    """
    bare = [replace(hop, padding=None) for hop in data]
    lengths = [len(hop.encode()) for hop in bare]
    target = max(lengths, default=0)
    while not all(_fillable(target - length) for length in lengths):
        target += 1
    return tuple(_padded(hop, target - length) for hop, length in zip(bare, lengths, strict=True))


def _padding_for(gap: int) -> int | None:
    """Return the padding length whose whole record takes `gap` bytes, or `None` when there is none."""
    if gap < 2:
        return None
    overhead = 2 if gap - 2 < 0xFD else 4
    length = gap - overhead
    return length if 1 + len(encode_bigsize(length)) + length == gap else None


def _fillable(gap: int) -> bool:
    return gap == 0 or _padding_for(gap) is not None


def _padded(hop: EncryptedData, gap: int) -> bytes:
    length = _padding_for(gap)
    return hop.encode() if length is None else replace(hop, padding=bytes(length)).encode()
