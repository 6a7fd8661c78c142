"""Grant books, version 1: the signed file that lets a device pay while it is offline.

    "bledbook" || version || CBOR || signature (64)

The signature (BIP 340) is by home's book key over the tagged hash "bled/book/1" of all bytes before it.
"""

from typing import Final

from bled.codes import Code
from bled.errors import BledError
from bled.grants.cbor import CborError, decode, encode
from bled.grants.fields import UnknownFieldError
from bled.grants.grant import Grant, GrantBook
from bled.grants.grant_fields import book_value, open_book, open_book_key
from bled_codec.chains import chain_name
from bled_codec.crypto import SecretKey, tagged_hash, verify_schnorr
from bled_codec.units import Point, UnixTime

__all__ = ["MAX_BOOK_BYTES", "Grant", "GrantBook", "decode_book", "encode_book"]

MAGIC: Final = b"bledbook"
VERSION: Final = 1
MAX_BOOK_BYTES: Final = 8 * 1024 * 1024
"""The largest book, 10,000 ids with two paths, has less."""

_TAG: Final = b"bled/book/1"
_HEADER: Final = MAGIC + bytes([VERSION])
_SIGNATURE_BYTES: Final = 64


def encode_book(book: GrantBook, *, book_key: SecretKey, aux: bytes) -> bytes:
    """Return the signed file; `aux` is 32 bytes of fresh entropy (BIP 340).

    It holds secret keys: it leaves home only wrapped. Raises `ValueError` for a key that is not the book's, and for
    a book that no reader would take.
    """
    if book_key.public_key[1:] != book.book_key:
        raise ValueError("this is not the key of the book")
    body = _HEADER + encode(book_value(book))
    if open_book(decode(body[len(_HEADER) :])) != book:
        raise ValueError("the book would not be read as it is meant")
    return body + book_key.sign(tagged_hash(_TAG, body), aux=aux)


def decode_book(data: bytes, *, chain: bytes, now: UnixTime) -> GrantBook:
    """Return the book in a file, for a device on `chain`.

    Raises `BledError`, looked at in this order: `BOOK_VERSION` for a foreign version, `BOOK_DAMAGED` for what is no
    book, `BOOK_SIGNATURE`, `BOOK_VERSION` again for a field of a later version, `BOOK_DAMAGED` for content that home
    should not have signed, `BOOK_CHAIN`, `BOOK_EXPIRED`.
    """
    _check_header(data)
    try:
        book = _verified(data)
    except UnknownFieldError as error:
        raise BledError(Code.BOOK_VERSION, detail=str(error)) from error
    except CborError as error:
        raise BledError(Code.BOOK_DAMAGED, detail=str(error)) from error
    if book.chain != chain:
        raise BledError(Code.BOOK_CHAIN, detail=f"the book is for {chain_name(book.chain)}")
    if now >= book.limits.not_after:
        raise BledError(Code.BOOK_EXPIRED, detail=f"ended at {book.limits.not_after}, it is {now}")
    return book


def _check_header(data: bytes) -> None:
    if not data.startswith(MAGIC):
        raise BledError(Code.BOOK_DAMAGED, detail="this is no grant book")
    if len(data) > MAX_BOOK_BYTES:
        raise BledError(Code.BOOK_DAMAGED, detail=f"a book has at most {MAX_BOOK_BYTES} bytes")
    version = data[len(MAGIC) : len(_HEADER)]
    if version and version[0] != VERSION:
        raise BledError(Code.BOOK_VERSION, detail=f"version {version[0]}, this program knows {VERSION}")
    if len(data) <= len(_HEADER) + _SIGNATURE_BYTES:
        raise BledError(Code.BOOK_DAMAGED, detail="the book is cut short")


def _verified(data: bytes) -> GrantBook:
    body, signature = data[:-_SIGNATURE_BYTES], data[-_SIGNATURE_BYTES:]
    value = decode(body[len(_HEADER) :])
    key = Point(b"\x02" + open_book_key(value))
    # Nothing but the key is looked at before its signature holds.
    if not verify_schnorr(signature, tagged_hash(_TAG, body), key=key):
        raise BledError(Code.BOOK_SIGNATURE)
    return open_book(value)
