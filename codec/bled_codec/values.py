"""Values of single fields: how their bytes are read and written. Lengths and alphabets are exact (BOLT 1, BOLT 12)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from bled_codec.errors import EncodingError, Rule, SemanticError
from bled_codec.primitives import Reader, decode_tu64, encode_bigsize, encode_truncated
from bled_codec.units import MAX_MSAT, Msat

_HASH_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_PROGRAM_BYTES: Final = {0: (20, 32), 1: (32,)}
"""Lengths of witness programs that have a meaning yet, by version (BIP 141, BIP 341)."""
_BIP353_ALPHABET: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.")


class Encodable(Protocol):
    """A value that knows its own bytes."""

    def encode(self) -> bytes:
        """Return the bytes of this value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bip353Name:
    """A human-readable address, without the bitcoin sign that screens put before it (BIP 353)."""

    name: str
    domain: str

    def encode(self) -> bytes:
        """Return both parts, each behind its length in one byte. Raises `SemanticError` (`BIP353_NAME`)."""
        return _bip353_part(self.name) + _bip353_part(self.domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackAddress:
    """A witness program to pay on the chain instead: version 0 to 16, program of 2 to 40 bytes."""

    version: int
    address: bytes

    def encode(self) -> bytes:
        """Return version, u16 length and program."""
        return self.version.to_bytes(1, "big") + len(self.address).to_bytes(2, "big") + self.address

    @property
    def is_usable(self) -> bool:
        """Whether a reader may pay to it: others are ignored, not refused (BOLT 12, invoices, reader)."""
        length = len(self.address)
        return length in _PROGRAM_BYTES.get(self.version, range(2, 41)) and self.version <= 16


def decode_text(value: bytes) -> str:
    """Return UTF-8 text. Raises `EncodingError` (`NOT_UTF8`)."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EncodingError(Rule.NOT_UTF8, offset=error.start) from error


def encode_text(value: str) -> bytes:
    """Return the text as UTF-8."""
    return value.encode("utf-8")


def encode_uint(value: int) -> bytes:
    """Return a truncated integer."""
    return encode_truncated(value)


def decode_msat(value: bytes) -> Msat:
    """Return an amount of at most 21 million bitcoin. Raises `EncodingError` (`AMOUNT_ABOVE_SUPPLY`)."""
    amount = decode_tu64(value)
    if amount > MAX_MSAT:
        raise EncodingError(Rule.AMOUNT_ABOVE_SUPPLY)
    return Msat(amount)


def decode_hash(value: bytes) -> bytes:
    """Return 32 bytes. Raises `EncodingError` (`WRONG_LENGTH`)."""
    return _exact(value, _HASH_BYTES)


def decode_signature(value: bytes) -> bytes:
    """Return the 64 bytes of a BIP-340 signature. Raises `EncodingError` (`WRONG_LENGTH`)."""
    return _exact(value, _SIGNATURE_BYTES)


def _exact(value: bytes, length: int) -> bytes:
    if len(value) != length:
        raise EncodingError(Rule.WRONG_LENGTH)
    return value


def decode_hashes(value: bytes) -> tuple[bytes, ...]:
    """Return hashes of 32 bytes each; none for an empty value. Raises `EncodingError` (`WRONG_LENGTH`)."""
    if len(value) % _HASH_BYTES:
        raise EncodingError(Rule.WRONG_LENGTH)
    return tuple(value[start : start + _HASH_BYTES] for start in range(0, len(value), _HASH_BYTES))


def encode_joined(parts: Iterable[bytes]) -> bytes:
    """Return the parts one after the other."""
    return b"".join(parts)


def decode_bigsizes(value: bytes) -> tuple[int, ...]:
    """Return BigSize numbers one after the other; none for an empty value. Raises `EncodingError`."""
    reader = Reader(value)
    numbers = []
    while reader.remaining:
        numbers.append(reader.bigsize())
    return tuple(numbers)


def encode_bigsizes(numbers: Iterable[int]) -> bytes:
    """Return the numbers as BigSize, one after the other."""
    return b"".join(map(encode_bigsize, numbers))


def decode_currency(value: bytes) -> str:
    """Return an ISO 4217 code, three capital letters. Raises `EncodingError` (`CURRENCY_NOT_ISO4217`)."""
    text = decode_text(value)
    if len(text) != 3 or not (text.isascii() and text.isalpha() and text.isupper()):
        raise EncodingError(Rule.CURRENCY_NOT_ISO4217)
    return text


def encode_one(value: Encodable) -> bytes:
    """Return the bytes of a value that knows them."""
    return value.encode()


def encode_all(parts: Iterable[Encodable]) -> bytes:
    """Return the bytes of several values, one after the other."""
    return b"".join(part.encode() for part in parts)


def decode_bip353_name(value: bytes) -> Bip353Name:
    """Return the name and domain. Raises `EncodingError`, or `SemanticError` (`BIP353_NAME`) for other characters."""
    reader = Reader(value)
    name = _bip353_text(reader.take(reader.uint(1)))
    domain = _bip353_text(reader.take(reader.uint(1)))
    reader.finish()
    return Bip353Name(name=name, domain=domain)


def _bip353_text(data: bytes) -> str:
    text = data.decode("latin-1")
    # BOLT 12, invoice requests, reader: letters, digits, - _ and . only.
    if not _BIP353_ALPHABET.issuperset(text):
        raise SemanticError(Rule.BIP353_NAME)
    return text


def _bip353_part(text: str) -> bytes:
    if len(text) > 0xFF or not _BIP353_ALPHABET.issuperset(text):
        raise SemanticError(Rule.BIP353_NAME)
    return len(text).to_bytes(1, "big") + text.encode("ascii")


def decode_fallbacks(value: bytes) -> tuple[FallbackAddress, ...]:
    """Return on-chain fallbacks; also those that a reader must ignore, which `is_usable` tells apart."""
    reader = Reader(value)
    fallbacks = []
    while reader.remaining:
        version = reader.uint(1)
        fallbacks.append(FallbackAddress(version=version, address=reader.take(reader.uint(2))))
    return tuple(fallbacks)
