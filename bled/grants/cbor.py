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
MAX_ITEMS: Final = 500_000
"""The largest book has about 150,000."""

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
    decoder = _Decoder(data)
    try:
        value = decoder.item(MAX_DEPTH)
        decoder.reader.finish()
    except CodecError as error:
        raise CborError(f"CBOR: {error}") from error
    return value


class _Decoder:
    """Reads items; knows how many more it will read, since a byte can cost fifty as an object."""

    def __init__(self, data: bytes) -> None:
        self.reader = Reader(data)
        self._items_left = MAX_ITEMS

    def item(self, depth: int) -> Value:
        """Read one item that may hold `depth` levels of others."""
        major, argument = self._head()
        match major:
            case Major.UINT:
                return argument
            case Major.BYTES:
                return self.reader.take(argument)
            case Major.TEXT:
                return _text(self.reader.take(argument))
            case Major.ARRAY:
                return [self.item(depth - 1) for _ in range(self._count(argument, depth))]
            case Major.MAP:
                return self._map(self._count(argument, depth), depth)
            case _:
                raise self._fail(f"major type {major}")

    def _head(self) -> tuple[int, int]:
        """Read an item's major type and its argument, which must be as short as it can be."""
        first = self.reader.uint(1)
        major, low = first >> 5, first & 0x1F
        if low < 24:
            return major, low
        width = _WIDTHS.get(low)
        if width is None:
            raise self._fail("length without number")
        argument = self.reader.uint(width)
        smallest = 24 if width == 1 else 1 << (4 * width)
        if argument < smallest:
            raise self._fail("number longer than needed")
        return major, argument

    def _count(self, count: int, depth: int) -> int:
        """Return how many items (of a map: pairs) follow, before any is stored: each takes at least one byte."""
        if depth == 0:
            raise self._fail("too many levels")
        if count > min(self.reader.remaining, self._items_left):
            raise self._fail(f"{count} items")
        self._items_left -= count
        return count

    def _map(self, count: int, depth: int) -> dict[int, Value]:
        entries: dict[int, Value] = {}
        last = -1
        for _ in range(count):
            key = self.item(0)  # a key holds nothing
            if not isinstance(key, int):
                raise self._fail("key that is no number")
            if key <= last:
                raise self._fail(f"key {key} after {last}")
            entries[key] = self.item(depth - 1)
            last = key
        return entries

    def _fail(self, what: str) -> CborError:
        return CborError(f"CBOR: {what} before byte {self.reader.offset}")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CborError("CBOR: text is not UTF-8") from error
