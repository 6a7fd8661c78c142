"""What ties a payer id to its book: sealed metadata that only home opens, and the secret of its reply paths."""

from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import HomeKeys
from bled.grants.sealing import siv_open, siv_seal
from bled_codec.crypto import hmac_sha256
from bled_codec.units import Point

METADATA_BYTES: Final = 24
"""`invreq_metadata` of every payer id: 16 bytes of AES-SIV tag, 8 of book number and index."""
PATH_SECRET_BYTES: Final = 32
"""`path_id` of the last hop of every reply path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedId:
    """Where home issued a payer id: the book's number and the index in it, both u32."""

    book_id: int
    index: int


def seal_metadata(keys: HomeKeys, *, book_id: int, index: int, payer_id: Point) -> bytes:
    """Return the 24 bytes of `invreq_metadata` for a payer id. Raises `OverflowError` for numbers that are not u32."""
    plaintext = book_id.to_bytes(4, "big") + index.to_bytes(4, "big")
    return siv_seal(keys.siv_key, plaintext, associated=payer_id)


def open_metadata(keys: HomeKeys, metadata: bytes, payer_id: Point) -> IssuedId:
    """Return where this payer id was issued; authentic means that home itself issued it.

    Raises `Refused` (`PAYER_ID_NOT_ISSUED`) for metadata that home did not seal for this very payer id.
    """
    plaintext = siv_open(keys.siv_key, metadata, associated=payer_id) if len(metadata) == METADATA_BYTES else None
    if plaintext is None:
        raise Refused(Code.PAYER_ID_NOT_ISSUED, detail="the metadata was not sealed here for this payer id")
    return IssuedId(book_id=int.from_bytes(plaintext[:4], "big"), index=int.from_bytes(plaintext[4:], "big"))


def path_secret(keys: HomeKeys, payer_id: Point) -> bytes:
    """Return the 32 bytes that every reply path of this payer id must bring. Compare with `hmac.compare_digest`."""
    return hmac_sha256(keys.path_key, payer_id)
