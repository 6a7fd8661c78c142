"""The part of CBOR (RFC 8949) that grant books use, in its deterministic form only: one value, one encoding.

The reader is our own because it must refuse what a general one accepts: lengths that are not shortest, keys out of
order or twice, tags, floats, unknown lengths, deep nesting. `cbor2` writes, and is the oracle of the tests.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Final, TypeAlias

import cbor2

from bled_codec.errors import CodecError
from bled_codec.primitives import Reader

Value: TypeAlias = int | bytes | str | list["Value"] | dict[int, "Value"]
"""What a book is made of. Integers are 0 to 2**64-1, the keys of maps as well."""
Writable: TypeAlias = int | bytes | str | Sequence["Writable"] | Mapping[int, "Writable"]
"""What can be encoded."""

MAX_DEPTH: Final = 8
"""A book nests five deep; more is an attack on the reader."""

_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
"""Bytes of the argument that follows the first byte of an item, by its low five bits."""


class Major(IntEnum):
    """The first three bits of an item (RFC 8949, 3.1); books use no others."""

    UINT = 0
    BYTES = 2
    TEXT = 3
    ARRAY = 4
    MAP = 5


class CborError(ValueError):
    """Bytes that are not the deterministic encoding of a `Value`, or a value that is not what it should be."""


def encode(value: Writable) -> bytes:
    """Return the deterministic encoding. Raises `OverflowError` or another `ValueError` for what is no `Value`."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> Value:
    """Return the one value that fills `data`. Raises `CborError` for anything else, whatever the bytes."""
    reader = Reader(data)
    try:
        value = _item(reader, MAX_DEPTH)
        reader.finish()
    except CodecError as error:
        raise CborError(f"CBOR: {error}") from error
    return value


def _item(reader: Reader, depth: int) -> Value:
    major, argument = _head(reader)
    match major:
        case Major.UINT:
            return argument
        case Major.BYTES:
            return reader.take(argument)
        case Major.TEXT:
            return _text(reader.take(argument))
        case Major.ARRAY:
            return [_item(reader, depth - 1) for _ in range(_count(reader, argument, depth))]
        case Major.MAP:
            return _map(reader, _count(reader, argument, depth), depth)
        case _:
            raise CborError(f"CBOR: major type {major} at byte {reader.offset}")


def _head(reader: Reader) -> tuple[int, int]:
    """Read an item's major type and its argument, which must be as short as it can be."""
    first = reader.uint(1)
    major, low = first >> 5, first & 0x1F
    if low < 24:
        return major, low
    width = _WIDTHS.get(low)
    if width is None:
        raise CborError(f"CBOR: length without number at byte {reader.offset}")
    argument = reader.uint(width)
    smallest = 24 if width == 1 else 1 << (4 * width)
    if argument < smallest:
        raise CborError(f"CBOR: number longer than needed at byte {reader.offset}")
    return major, argument


def _count(reader: Reader, count: int, depth: int) -> int:
    """Return how many items follow, before any is stored: each takes at least one byte."""
    if depth == 0:
        raise CborError(f"CBOR: more than {MAX_DEPTH} levels")
    if count > reader.remaining:
        raise CborError(f"CBOR: {count} items in {reader.remaining} bytes")
    return count


def _map(reader: Reader, count: int, depth: int) -> dict[int, Value]:
    entries: dict[int, Value] = {}
    last = -1
    for _ in range(count):
        key = _item(reader, 0)  # depth 0: a key holds nothing
        if not isinstance(key, int):
            raise CborError(f"CBOR: key that is no number at byte {reader.offset}")
        if key <= last:
            raise CborError(f"CBOR: key {key} after {last}")
        entries[key] = _item(reader, depth - 1)
        last = key
    return entries


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CborError("CBOR: text is not UTF-8") from error
