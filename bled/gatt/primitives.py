"""X25519, ChaCha20-Poly1305, HKDF and SHA-256: the only module of the channel that imports `cryptography`."""

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
"""Length of every key here: X25519 secret and public, DH result, cipher key, hash, pre-shared key."""
TAG_BYTES: Final = 16
"""What Poly1305 adds to a ciphertext."""


class X25519Key:
    """An X25519 secret key. Its `repr` shows the type only; comparison takes constant time."""

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes) -> None:
        """Take 32 bytes, any of them (RFC 7748 clamps). Raises `ValueError` for another length."""
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self.public: Final = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "X25519Key(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, X25519Key) and hmac.compare_digest(self.reveal(), other.reveal())

    def __hash__(self) -> int:
        return hash(self.public)

    def reveal(self) -> bytes:
        """Return the 32 secret bytes; the only way out, so that every use can be found by its name."""
        return self._key.private_bytes_raw()

    def exchange(self, public: bytes) -> bytes | None:
        """Return the 32-byte DH result with a peer's 32-byte key; None when it is all zero (a point of small order)."""
        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:  # the library's own refusal of the all-zero result
            return None
        # Not left to the library alone: which versions refuse is not part of its promise.
        return None if is_equal(shared, bytes(KEY_BYTES)) else shared


def sha256(data: bytes) -> bytes:
    """Return SHA-256 of `data`, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SHA256 of `data` under `key`, 32 bytes."""
    return hmac.digest(key, data, "sha256")


def derive(secret: bytes, *, info: bytes, length: int, salt: bytes = b"") -> bytes:
    """Return `length` bytes of HKDF-SHA256 (RFC 5869); an empty salt is the salt of 32 zero bytes."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def is_equal(one: bytes, other: bytes) -> bool:
    """Compare without telling by the time taken where two values differ."""
    return hmac.compare_digest(one, other)


def aead_seal(key: bytes, counter: int, plaintext: bytes, *, associated: bytes) -> bytes:
    """Return `plaintext` under ChaCha20-Poly1305, 16 bytes longer; `counter` is the nonce as Noise writes it."""
    return ChaCha20Poly1305(key).encrypt(_nonce(counter), plaintext, associated)


def aead_open(key: bytes, counter: int, ciphertext: bytes, *, associated: bytes) -> bytes | None:
    """Undo `aead_seal`; None when it was not made with this key, counter and associated data."""
    try:
        return ChaCha20Poly1305(key).decrypt(_nonce(counter), ciphertext, associated)
    except InvalidTag:
        return None


def _nonce(counter: int) -> bytes:
    return bytes(4) + counter.to_bytes(8, "little")
