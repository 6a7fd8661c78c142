"""secp256k1, hashes and stream ciphers of the BOLTs, over coincurve and cryptography."""

import hashlib
import hmac
from functools import cache
from typing import Any, Final

from coincurve import PrivateKey, PublicKey, PublicKeyXOnly
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from bled_codec.errors import EncodingError, OnionError, Rule
from bled_codec.units import Point

_SIGNS: Final = (2, 3)
"""First bytes of compressed points: y is even or odd."""
_SIGNATURE_BYTES: Final = 64
_ZERO_NONCE: Final = bytes(12)
_ZERO_STREAM_NONCE: Final = bytes(16)  # cryptography wants 4 bytes of counter before the 12 of the nonce


def sha256(data: bytes) -> bytes:
    """Return SHA-256 of `data`, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SHA256 of `data` under `key`, 32 bytes."""
    return hmac.digest(key, data, "sha256")


def tag_state(tag: bytes) -> "hashlib._Hash":
    """Return SHA-256 after the 64 bytes that begin every hash under `tag` (BIP 340). Copy it, then update."""
    digest = sha256(tag)
    return hashlib.sha256(digest + digest)


_kept_state: Final = cache(tag_state)


def tagged_hash(tag: bytes, data: bytes) -> bytes:
    """Return SHA256(SHA256(tag) || SHA256(tag) || data) (BIP 340). For constant tags: their state is kept."""
    state = _kept_state(tag).copy()
    state.update(data)
    return state.digest()


class SecretKey:
    """A secp256k1 secret key, 1 <= key < n. Its `repr` shows the type only; comparison takes constant time."""

    __slots__ = ("_key", "_public")

    def __init__(self, secret: bytes) -> None:
        """Take 32 bytes. Raises `ValueError` for another length, zero, or a value not below the group order."""
        if len(secret) != 32:
            raise ValueError("a secret key has 32 bytes")
        self._key: Any = PrivateKey(secret)
        self._public = Point(self._key.public_key.format())

    def __repr__(self) -> str:
        return "SecretKey(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretKey) and hmac.compare_digest(self.reveal(), other.reveal())

    def __hash__(self) -> int:
        return hash(self._public)

    @property
    def public_key(self) -> Point:
        """The compressed point of this key."""
        return self._public

    def reveal(self) -> bytes:
        """Return the 32 secret bytes; the only way out, so that every use can be found by its name."""
        secret: bytes = self._key.secret
        return secret

    def sign(self, digest: bytes, *, aux: bytes) -> bytes:
        """Return the BIP-340 signature of a 32-byte `digest` with 32 bytes of auxiliary randomness."""
        signature: bytes = self._key.sign_schnorr(digest, aux)
        return signature

    def shared_secret(self, point: Point) -> bytes:
        """Return SHA256 of the compressed point key*`point` (BOLT 4)."""
        secret: bytes = self._key.ecdh(point)
        return secret

    def times(self, scalar: bytes) -> "SecretKey":
        """Return this key multiplied by a 32-byte scalar."""
        return SecretKey(self._key.multiply(scalar).secret)


def public_key_of(secret: bytes) -> Point:
    """Return the point of a 32-byte secret key that nothing else is done with: half the work of a `SecretKey`.

    Raises `ValueError` for another length, zero, or a value not below the group order.
    """
    if len(secret) != 32:
        raise ValueError("a secret key has 32 bytes")
    return Point(PublicKey.from_secret(secret).format())


def parse_point(data: bytes) -> Point:
    """Return `data` as a point. Raises `EncodingError` (`NOT_A_POINT`) unless it is 33 bytes on the curve."""
    _key_of(data)
    return Point(data)


def _key_of(data: bytes) -> PublicKeyXOnly:
    """Return the key that verifies signatures under a point. Raises as `parse_point` does.

    33 bytes are a point where the first is one of two signs and x is on the curve: no point has y = 0, so that there is
    one of either sign.
    """
    if len(data) != 33 or data[0] not in _SIGNS:
        raise EncodingError(Rule.NOT_A_POINT)
    try:
        return PublicKeyXOnly(data[1:])
    except ValueError as error:
        raise EncodingError(Rule.NOT_A_POINT) from error


class Points:
    """The points of one message. Each is looked for on the curve once, however often the message names it.

    That takes a square root: after the signatures it is what decoding costs most. An invoice names its issuer up to
    three times, and two of its points verify signatures.
    """

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        """Know none yet."""
        self._keys: dict[bytes, PublicKeyXOnly] = {}

    def __reduce__(self) -> tuple[type["Points"], tuple[()]]:
        """Let messages be copied and pickled: the library's keys cannot be, and a copy finds its points again."""
        return Points, ()

    def parse(self, data: bytes) -> Point:
        """Do as `parse_point`, and keep the point for later."""
        if data not in self._keys:
            self._keys[data] = _key_of(data)
        return Point(data)

    def verify_schnorr(self, signature: bytes, digest: bytes, *, key: Point) -> bool:
        """Do as the function of this name, with less work for a `key` that was parsed."""
        known = self._keys.get(key)
        if known is None:
            return verify_schnorr(signature, digest, key=key)
        return len(signature) == _SIGNATURE_BYTES and bool(known.verify(signature, digest))


def is_key_of(key: SecretKey, point: Point) -> bool:
    """Say whether BIP-340 signatures by `key` verify under `point`, of which only the x coordinate counts."""
    return key.public_key[1:] == point[1:]


def point_times(point: Point, scalar: bytes) -> Point:
    """Return `point` multiplied by a 32-byte scalar."""
    return Point(PublicKey(point).multiply(scalar).format())


def verify_schnorr(signature: bytes, digest: bytes, *, key: Point) -> bool:
    """Say whether `signature` (BIP 340) over `digest` is by the x coordinate of `key`."""
    if len(key) != 33:  # the library reads 32 bytes, whatever is there
        return False
    try:
        valid: bool = PublicKeyXOnly(key[1:]).verify(signature, digest)
    except ValueError:  # a signature that is not 64 bytes, or an x that is on no point
        return False
    return valid


def aead_seal(key: bytes, plaintext: bytes) -> bytes:
    """Encrypt with ChaCha20-Poly1305, zero nonce, no associated data (BOLT 4, encrypted_recipient_data)."""
    return ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, plaintext, None)


def aead_open(key: bytes, ciphertext: bytes) -> bytes:
    """Undo `aead_seal`. Raises `OnionError` (`ENCRYPTED_DATA`) when it was not sealed under `key`."""
    try:
        return ChaCha20Poly1305(key).decrypt(_ZERO_NONCE, ciphertext, None)
    except InvalidTag as error:
        raise OnionError(Rule.ENCRYPTED_DATA) from error


def chacha20_stream(key: bytes, length: int) -> bytes:
    """Return `length` bytes of ChaCha20 key stream, zero nonce (BOLT 4)."""
    return Cipher(ChaCha20(key, _ZERO_STREAM_NONCE), None).encryptor().update(bytes(length))
