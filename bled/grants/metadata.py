"""What ties a payer id to its book: sealed metadata that only home opens, and the secret of its reply paths.

`invreq_metadata` is AES-SIV under home's own key, with the payer id as associated data, of

    book number (u32) || index (u32)                      24 bytes sealed: home derives the payer key
    book number (u32) || index (u32) || salt tag (8)      32 bytes sealed: the device made the key

A derived key proves by itself to which book it belongs, for the book's salt goes into its derivation. A key that home
never had proves nothing: after a restore another book may have the same number, and its ids must not pass for this
one's. So the beginning of the salt is sealed beside the number. Whoever sees a request can tell the two kinds apart by
their length, and nothing else.
"""

from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import HomeKeys
from bled_codec.crypto import hmac_sha256
from bled_codec.units import Point

METADATA_BYTES: Final = 24
"""`invreq_metadata` of a payer id whose key home derives: 16 bytes of AES-SIV tag, 8 of book number and index."""
SALT_TAG_BYTES: Final = 8
DEVICE_METADATA_BYTES: Final = METADATA_BYTES + SALT_TAG_BYTES
"""`invreq_metadata` of a payer id whose key was made on the device: the book's salt tag stands in it as well."""
PATH_SECRET_BYTES: Final = 32
"""`path_id` of the last hop of every reply path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedId:
    """Where home issued a payer id: the book's number and the index in it, both u32.

    `salt_tag` is `salt_tag` of the book when the device made the key; None when home derives it.
    """

    book_id: int
    index: int
    salt_tag: bytes | None = None


def salt_tag(book_salt: bytes) -> bytes:
    """Return what tells a book from another one with its number, 8 bytes: home cannot tell by a key it never had."""
    return book_salt[:SALT_TAG_BYTES]


def seal_metadata(keys: HomeKeys, issued: IssuedId, *, payer_id: Point) -> bytes:
    """Return `invreq_metadata` for a payer id, 24 bytes, or 32 with a salt tag.

    Raises `OverflowError` for numbers that are not u32.
    """
    plaintext = issued.book_id.to_bytes(4, "big") + issued.index.to_bytes(4, "big") + (issued.salt_tag or b"")
    return keys.siv.seal(plaintext, associated=payer_id)


def open_metadata(keys: HomeKeys, metadata: bytes, payer_id: Point) -> IssuedId:
    """Return where this payer id was issued; authentic means that home itself issued it.

    Raises `Refused` (`PAYER_ID_NOT_ISSUED`) for metadata that home did not seal for this very payer id.
    """
    has_length = len(metadata) in (METADATA_BYTES, DEVICE_METADATA_BYTES)
    plaintext = keys.siv.open(metadata, associated=payer_id) if has_length else None
    if plaintext is None:
        raise Refused(Code.PAYER_ID_NOT_ISSUED, detail="the metadata was not sealed here for this payer id")
    return IssuedId(
        book_id=int.from_bytes(plaintext[:4], "big"),
        index=int.from_bytes(plaintext[4:8], "big"),
        salt_tag=plaintext[8:] or None,
    )


def path_secret(keys: HomeKeys, payer_id: Point) -> bytes:
    """Return the 32 bytes that every reply path of this payer id must bring. Compare with `hmac.compare_digest`."""
    return hmac_sha256(keys.path_key, payer_id)
