"""Keys out of keys and locks around bytes: the only module of the grants that imports `cryptography`."""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
"""Length of the keys of `seal` and of what `stretch` returns."""
NONCE_BYTES: Final = 12
"""Length of the nonce of `seal`; one key never sees the same nonce twice."""
SIV_KEY_BYTES: Final = 64
"""AES-SIV takes two AES-256 keys in one."""


def derive(master: bytes, info: bytes, length: int) -> bytes:
    """Return `length` bytes of HKDF-SHA256 of `master` without salt (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(master)


def stretch(passphrase: bytes, *, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes:
    """Return the 32-byte Argon2id key of a passphrase (RFC 9106). Takes `memory_kib` KiB and tenths of a second."""
    kdf = Argon2id(salt=salt, length=KEY_BYTES, iterations=passes, lanes=lanes, memory_cost=memory_kib)
    return kdf.derive(passphrase)


def seal(key: bytes, plaintext: bytes, *, nonce: bytes, associated: bytes) -> bytes:
    """Return `plaintext` under ChaCha20-Poly1305, 16 bytes longer; `associated` is bound to it, not contained."""
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, associated)


def unseal(key: bytes, ciphertext: bytes, *, nonce: bytes, associated: bytes) -> bytes | None:
    """Undo `seal`; None when it was not made with this key, nonce and associated data."""
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, associated)
    except InvalidTag:
        return None


class SivKey:
    """AES-SIV (RFC 5297) under one key of 64 bytes, set up once: that takes longer than to open what is short.

    It holds its key as long as it lives, as the bytes that it was made of would. Its `repr` shows the type only.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        """Take the key. Raises `ValueError` unless it has 32, 48 or 64 bytes."""
        self._cipher = AESSIV(key)

    def __repr__(self) -> str:
        return "SivKey(…)"

    def seal(self, plaintext: bytes, *, associated: bytes) -> bytes:
        """Return `plaintext`, sealed: 16 bytes longer. No nonce: the same input seals the same."""
        return self._cipher.encrypt(plaintext, [associated])

    def open(self, ciphertext: bytes, *, associated: bytes) -> bytes | None:
        """Undo `seal`; None when it was not made with this key and associated data."""
        try:
            return self._cipher.decrypt(ciphertext, [associated])
        except InvalidTag:
            return None
