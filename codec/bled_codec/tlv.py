"""TLV streams of BOLT 1, split strictly; the bytes of every record are kept as they came."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final, NamedTuple

from bled_codec.errors import CodecError, Rule, TlvError
from bled_codec.primitives import encode_bigsize, read_bigsize


class TlvRecord(NamedTuple):
    """One record. `raw` is the whole record as received: type, length and value; it is what gets hashed."""

    type: int
    value: bytes
    raw: bytes


# The class itself takes half as much longer: it is a function of Python around this one.
_make: Final = partial(tuple.__new__, TlvRecord)


def split_stream(data: bytes) -> tuple[TlvRecord, ...]:
    """Split a TLV stream into its records.

    Raises `TlvError` for a record cut short or types that do not strictly increase, and `EncodingError` for a
    BigSize that is not minimal. Unknown types are kept: whether they may stand is the message's business.
    """
    records: list[TlvRecord] = []
    start, end, last = 0, len(data), -1
    while start < end:
        type_, value = data[start], start + 1
        if type_ >= 0xFD:
            type_, value = read_bigsize(data, start)
        if type_ <= last:  # BOLT 1, TLV, reader: types strictly ascend
            raise TlvError(_order_rule(type_, last), tlv_type=type_, offset=start)
        if value < end and data[value] < 0xFD:  # nearly always, and a call would cost more than the rest of the line
            length, value = data[value], value + 1
        else:
            length, value = read_bigsize(data, value, tlv_type=type_)
        if length > end - value:  # BOLT 1, TLV, reader: no value runs over the end
            raise TlvError(Rule.TLV_LENGTH_EXCEEDS_STREAM, tlv_type=type_, offset=value)
        stop = value + length
        records.append(_make((type_, data[value:stop], data[start:stop])))
        last, start = type_, stop
    return tuple(records)


def readable_values(data: bytes, *, up_to: int) -> dict[int, bytes]:
    """Return the values of the first records by type, as far as they can be read and no type is above `up_to`.

    For a look at a stream that may be broken anywhere: it ends where `split_stream` would raise, and raises nothing.
    """
    values: dict[int, bytes] = {}
    start, end, last = 0, len(data), -1
    try:
        while start < end:
            type_, start = read_bigsize(data, start) if data[start] >= 0xFD else (data[start], start + 1)
            if not last < type_ <= up_to:
                break
            length, start = read_bigsize(data, start)
            stop = start + length
            if stop > end:
                break
            values[type_] = data[start:stop]
            start, last = stop, type_
    except CodecError:
        pass  # what came before the damage is what was asked for
    return values


def _order_rule(type_: int, last: int) -> Rule:
    return Rule.TLV_DUPLICATE if type_ == last else Rule.TLV_OUT_OF_ORDER


def make_record(type_: int, value: bytes) -> TlvRecord:
    """Return the record for `type_` and `value`, encoded minimally."""
    # A plain int, never a member of an enumeration: `in range(...)` counts one by one for anything but a plain int.
    return TlvRecord(int(type_), value, encode_bigsize(type_) + encode_bigsize(len(value)) + value)


def join_records(records: Iterable[TlvRecord]) -> bytes:
    """Return the stream of `records` in the given order, byte for byte as they are."""
    return b"".join(record.raw for record in records)


def encode_stream(values: Mapping[int, bytes]) -> bytes:
    """Return the stream that holds `values`, by ascending type."""
    return join_records(make_record(type_, values[type_]) for type_ in sorted(values))


def require_known_even(records: Iterable[TlvRecord], known: frozenset[int] | set[int]) -> None:
    """Raise `TlvError` (`TLV_UNKNOWN_EVEN`) for an even type outside `known` (BOLT 1: it is okay to be odd)."""
    for record in records:
        if record.type % 2 == 0 and record.type not in known:
            raise TlvError(Rule.TLV_UNKNOWN_EVEN, tlv_type=record.type)
