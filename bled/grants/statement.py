"""Changed limits of a book that is on a device already: what `extend` and `top-up` changed, in home's own words.

    "bledlims" || version || CBOR {book key, book id, chain, issued_at, not_before, not_after, limits} || signature (64)

The signature is by home's book key over the tagged hash "bled/limits/1". Nothing in it is secret. A device takes it for
a book of that home when it is newer than what it has; what home pays is decided by home's own record alone.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from bled.codes import Code
from bled.errors import BledError
from bled.grants.cbor import CborError, Value, Writable
from bled.grants.fields import open_bytes, open_map, open_uint
from bled.grants.grant_fields import HASH_BYTES
from bled.grants.keys import MAX_U32
from bled.grants.limits import BookLimits, check_consistent
from bled.grants.limits_fields import limits_value, open_limits, open_time
from bled.grants.signed_file import SignedFile
from bled_codec.crypto import SecretKey
from bled_codec.units import Point, UnixTime

_FILE: Final = SignedFile(magic=b"bledlims", tag=b"bled/limits/1", most_bytes=8_192, damaged=Code.BOOK_DAMAGED)


class _Field(IntEnum):
    BOOK_KEY = 0
    BOOK_ID = 2
    CHAIN = 4
    ISSUED_AT = 6
    NOT_BEFORE = 8
    NOT_AFTER = 10
    LIMITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsStatement:
    """The limits of a book as of `issued_at`; `book_key` is home's, 32 bytes x-only."""

    book_key: bytes
    book_id: int
    chain: bytes
    issued_at: UnixTime
    limits: BookLimits


def is_statement(data: bytes) -> bool:
    """Say whether these bytes claim to be changed limits."""
    return _FILE.is_one(data)


def encode_statement(
    limits: BookLimits, *, book_id: int, chain: bytes, issued_at: UnixTime, book_key: SecretKey, aux: bytes
) -> bytes:
    """Return the signed file; `aux` is 32 bytes of fresh entropy. Raises `ValueError` for limits nobody can mean."""
    check_consistent(limits)
    value: dict[int, Writable] = {
        _Field.BOOK_KEY: book_key.public_key[1:],
        _Field.BOOK_ID: book_id,
        _Field.CHAIN: chain,
        _Field.ISSUED_AT: issued_at,
        _Field.NOT_BEFORE: limits.not_before,
        _Field.NOT_AFTER: limits.not_after,
        _Field.LIMITS: limits_value(limits),
    }
    return _FILE.write(value, key=book_key, aux=aux)


def decode_statement(data: bytes) -> LimitsStatement:
    """Return the statement in a file. Raises `BledError`: `BOOK_DAMAGED`, `BOOK_VERSION`, `BOOK_SIGNATURE`."""
    value = _FILE.open(data)
    try:
        statement = _open(value)
    except CborError as error:
        raise _FILE.fault(error) from error
    if not _FILE.holds(data, key=Point(b"\x02" + statement.book_key)):
        raise BledError(Code.BOOK_SIGNATURE)
    return statement


def _open(value: Value) -> LimitsStatement:
    fields = open_map(value, required=tuple(_Field))
    limits = open_limits(
        fields[_Field.LIMITS],
        not_before=open_time(fields[_Field.NOT_BEFORE]),
        not_after=open_time(fields[_Field.NOT_AFTER]),
    )
    return LimitsStatement(
        book_key=open_bytes(fields[_Field.BOOK_KEY], least=HASH_BYTES, most=HASH_BYTES),
        book_id=open_uint(fields[_Field.BOOK_ID], most=MAX_U32),
        chain=open_bytes(fields[_Field.CHAIN], least=HASH_BYTES, most=HASH_BYTES),
        issued_at=open_time(fields[_Field.ISSUED_AT]),
        limits=limits,
    )
