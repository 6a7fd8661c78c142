"""Wrapped books: a grant book under a passphrase, the only form in which its secret keys leave home.

    "bledwrap" || version || memory in KiB u32 || passes u32 || lanes u8 || salt 16 || nonce 12 || ciphertext || SHA-256

Key: Argon2id of the passphrase. Cipher: ChaCha20-Poly1305 with everything before it as associated data. The plain
hash of all bytes before it says that a copy is whole, so that a damaged file is not taken for a wrong passphrase.
"""

from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import BledError
from bled.grants.book import MAX_BOOK_BYTES
from bled.grants.passphrase import create_passphrase, passphrase_bytes
from bled.grants.sealing import NONCE_BYTES, seal, stretch, unseal
from bled_codec.crypto import sha256
from bled_codec.primitives import Reader

__all__ = ["create_passphrase", "is_wrapped", "unwrap_book", "wrap_book"]

MAGIC: Final = b"bledwrap"
VERSION: Final = 1
SALT_BYTES: Final = 16

MEMORY_KIB: Final = 64 * 1024
"""64 MiB: what a small computer can spare and a guesser must spend on every guess."""
PASSES: Final = 3
LANES: Final = 4
# A file chooses its cost; a reader must not let it exhaust the machine.
MAX_MEMORY_KIB: Final = 256 * 1024
MAX_PASSES: Final = 10
MAX_LANES: Final = 16
_MIN_KIB_PER_LANE: Final = 8  # RFC 9106, 3.1

_TAG_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_HEADER_BYTES: Final = len(MAGIC) + 1 + 4 + 4 + 1 + SALT_BYTES + NONCE_BYTES
_MAX_BYTES: Final = _HEADER_BYTES + MAX_BOOK_BYTES + _TAG_BYTES + _DIGEST_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    memory_kib: int
    passes: int
    lanes: int
    salt: bytes
    nonce: bytes

    def encode(self) -> bytes:
        numbers = self.memory_kib.to_bytes(4, "big") + self.passes.to_bytes(4, "big") + self.lanes.to_bytes(1, "big")
        return MAGIC + bytes([VERSION]) + numbers + self.salt + self.nonce

    @classmethod
    def decode(cls, data: bytes) -> "_Header":
        reader = Reader(data, offset=len(MAGIC) + 1)
        return cls(
            memory_kib=reader.uint(4),
            passes=reader.uint(4),
            lanes=reader.uint(1),
            salt=reader.take(SALT_BYTES),
            nonce=reader.take(NONCE_BYTES),
        )

    def is_affordable(self) -> bool:
        return (
            1 <= self.passes <= MAX_PASSES
            and 1 <= self.lanes <= MAX_LANES
            and _MIN_KIB_PER_LANE * self.lanes <= self.memory_kib <= MAX_MEMORY_KIB
        )

    def key(self, passphrase: bytes) -> bytes:
        return stretch(passphrase, salt=self.salt, memory_kib=self.memory_kib, passes=self.passes, lanes=self.lanes)


def wrap_book(data: bytes, *, passphrase: str, salt: bytes, nonce: bytes) -> bytes:
    """Return the wrapped form of a book's bytes; `salt` (16) and `nonce` (12) are fresh entropy. Takes 64 MiB.

    Raises `ValueError` for an empty passphrase or other lengths.
    """
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes and a nonce {NONCE_BYTES}")
    header = _Header(memory_kib=MEMORY_KIB, passes=PASSES, lanes=LANES, salt=salt, nonce=nonce)
    associated = header.encode()
    key = header.key(passphrase_bytes(passphrase))
    wrapped = associated + seal(key, data, nonce=nonce, associated=associated)
    return wrapped + sha256(wrapped)


def is_wrapped(data: bytes) -> bool:
    """Say whether these bytes need a passphrase."""
    return data.startswith(MAGIC)


def unwrap_book(data: bytes, *, passphrase: str) -> bytes:
    """Return the book's bytes. Takes what the file asks for, at most 256 MiB and 10 passes.

    Raises `BledError`: `BOOK_VERSION`, `BOOK_DAMAGED`, `BOOK_PASSPHRASE`, looked at in this order.
    """
    header, ciphertext = _open(data)
    try:
        key = header.key(passphrase_bytes(passphrase))
    except ValueError as error:
        raise BledError(Code.BOOK_PASSPHRASE, detail=str(error)) from error
    book = unseal(key, ciphertext, nonce=header.nonce, associated=data[:_HEADER_BYTES])
    if book is None:
        raise BledError(Code.BOOK_PASSPHRASE)
    return book


def _open(data: bytes) -> tuple[_Header, bytes]:
    """Return header and ciphertext of a whole file that this program can afford to open."""
    if not is_wrapped(data):
        raise BledError(Code.BOOK_DAMAGED, detail="this is no wrapped grant book")
    version = data[len(MAGIC) : len(MAGIC) + 1]
    if version and version[0] != VERSION:
        raise BledError(Code.BOOK_VERSION, detail=f"wrapping {version[0]}, this program knows {VERSION}")
    wrapped, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if not _HEADER_BYTES + _TAG_BYTES <= len(wrapped) <= _MAX_BYTES or sha256(wrapped) != digest:
        raise BledError(Code.BOOK_DAMAGED, detail="the file is not whole")
    header = _Header.decode(wrapped)
    if not header.is_affordable():
        raise BledError(Code.BOOK_DAMAGED, detail="opening it would cost more memory or time than any real book")
    return header, wrapped[_HEADER_BYTES:]
