"""Noise_XNpsk0_25519_ChaChaPoly_SHA256 (Noise revision 34), and nothing else of Noise.

    -> psk, e
    <- e, ee
    -> s, se

The initiator is the till's reader: its static key travels encrypted. The responder, the buyer, has none.
"""

from dataclasses import dataclass, field
from typing import Final

from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.primitives import KEY_BYTES, TAG_BYTES, X25519Key, aead_open, aead_seal, hmac_sha256, sha256

PROTOCOL_NAME: Final = b"Noise_XNpsk0_25519_ChaChaPoly_SHA256"
PROLOGUE: Final = b"bled1"
"""Both sides mix it in first, so that no other protocol's handshake can be taken for ours."""
LAST_COUNTER: Final = 2**64 - 2
"""Noise reserves the nonce 2^64 - 1. A meeting has some dozens of messages."""


class CipherState:
    """One key and its counter. A counter is used once: it moves on before the ciphertext is handed out."""

    __slots__ = ("_counter", "_key")

    def __init__(self, key: bytes) -> None:
        """Take a fresh 32-byte key; the counter begins at 0."""
        self._key = key
        self._counter = 0

    def encrypt(self, plaintext: bytes, *, associated: bytes = b"") -> bytes:
        """Return the ciphertext, 16 bytes longer. Raises `BledError` (`INTERNAL`) when no counter is left."""
        return aead_seal(self._key, self._take_counter(), plaintext, associated=associated)

    def decrypt(self, ciphertext: bytes, *, associated: bytes = b"") -> bytes | None:
        """Return the plaintext, or None when this is not the peer's next ciphertext; the counter then stays."""
        plaintext = aead_open(self._key, self._counter, ciphertext, associated=associated)
        if plaintext is not None:
            self._take_counter()
        return plaintext

    def _take_counter(self) -> int:
        if self._counter > LAST_COUNTER:
            raise BledError(Code.INTERNAL, detail="no counter is left under this key")
        counter, self._counter = self._counter, self._counter + 1
        return counter


class SymmetricState:
    """Noise's chaining key, handshake hash and current cipher, while the handshake lasts."""

    __slots__ = ("_chaining_key", "_cipher", "hash")

    def __init__(self) -> None:
        """Start from the protocol's name, longer than 32 bytes and so hashed, and the prologue."""
        self.hash = sha256(PROTOCOL_NAME)
        self._chaining_key = self.hash
        self._cipher: CipherState | None = None
        self.mix_hash(PROLOGUE)

    def mix_hash(self, data: bytes) -> None:
        """Make `data` part of what both sides must agree on."""
        self.hash = sha256(self.hash + data)

    def mix_key(self, material: bytes) -> None:
        """Make 32 secret or public bytes part of every later key."""
        self._chaining_key, key = _expand(self._chaining_key, material, 2)
        self._cipher = CipherState(key)

    def mix_key_and_hash(self, psk: bytes) -> None:
        """Take in the pre-shared key."""
        self._chaining_key, mixed, key = _expand(self._chaining_key, psk, 3)
        self.mix_hash(mixed)
        self._cipher = CipherState(key)

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        """Return the ciphertext, bound to all that went before it."""
        ciphertext = self._keyed().encrypt(plaintext, associated=self.hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        """Return the plaintext. Raises `PeerError` (`HANDSHAKE_FAILED`) when the two sides disagree on anything."""
        plaintext = self._keyed().decrypt(ciphertext, associated=self.hash)
        if plaintext is None:
            raise PeerError(Code.HANDSHAKE_FAILED, detail="a tag does not verify: another secret, or changed bytes")
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> "SplitKeys":
        """Return what the handshake leaves behind."""
        initiator, responder = _expand(self._chaining_key, b"", 2)
        return SplitKeys(
            handshake_hash=self.hash,
            chaining_key=self._chaining_key,
            initiator_key=initiator,
            responder_key=responder,
        )

    def _keyed(self) -> CipherState:
        if self._cipher is None:  # the psk comes first in this pattern, so nothing is ever sent in the clear
            raise ValueError("nothing is encrypted before the pre-shared key was mixed in")
        return self._cipher


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitKeys:
    """What both sides hold after message 3, each value 32 bytes. All but the hash are secret.

    Attributes:
        handshake_hash: h; it covers every byte that was sent, and the pre-shared key.
        chaining_key: ck, from which the resume key is derived.
        initiator_key: seals what the till sends.
        responder_key: seals what the buyer sends.
    """

    handshake_hash: bytes
    chaining_key: bytes = field(repr=False)
    initiator_key: bytes = field(repr=False)
    responder_key: bytes = field(repr=False)


class Initiator:
    """The till's side: write 1, read 2, write 3. One object, one handshake."""

    def __init__(self, *, static: X25519Key, ephemeral: X25519Key, psk: bytes) -> None:
        """Take the reader's key, a key that was drawn for this handshake alone, and 32 bytes both sides know."""
        self._state = SymmetricState()
        self._static = static
        self._ephemeral = ephemeral
        self._psk = psk
        self._peer = b""

    def write_first(self, payload: bytes) -> bytes:
        """Return message 1: 48 bytes and the payload."""
        self._state.mix_key_and_hash(self._psk)
        return _write_key(self._state, self._ephemeral) + self._state.encrypt_and_hash(payload)

    def read_second(self, message: bytes) -> bytes:
        """Return the payload of message 2. Raises `PeerError`: `HANDSHAKE_MALFORMED`, `_WEAK_KEY`, `_FAILED`."""
        self._peer, rest = _read_key(self._state, message)
        self._state.mix_key(_exchange(self._ephemeral, self._peer))
        return self._state.decrypt_and_hash(rest)

    def write_third(self, payload: bytes) -> tuple[bytes, SplitKeys]:
        """Return message 3, 64 bytes and the payload, and the keys. Raises `PeerError` (`HANDSHAKE_WEAK_KEY`)."""
        static = self._state.encrypt_and_hash(self._static.public)
        self._state.mix_key(_exchange(self._static, self._peer))
        return static + self._state.encrypt_and_hash(payload), self._state.split()


class Responder:
    """The buyer's side: read 1, write 2, read 3. One object, one handshake."""

    def __init__(self, *, ephemeral: X25519Key, psk: bytes) -> None:
        """Take a key that was drawn for this handshake alone, and 32 bytes both sides know."""
        self._state = SymmetricState()
        self._ephemeral = ephemeral
        self._psk = psk
        self._peer = b""

    def read_first(self, message: bytes) -> bytes:
        """Return the payload of message 1. Raises `PeerError`: `HANDSHAKE_MALFORMED`, `HANDSHAKE_FAILED`."""
        self._state.mix_key_and_hash(self._psk)
        self._peer, rest = _read_key(self._state, message)
        return self._state.decrypt_and_hash(rest)

    def write_second(self, payload: bytes) -> bytes:
        """Return message 2: 48 bytes and the payload. Raises `PeerError` (`HANDSHAKE_WEAK_KEY`)."""
        key = _write_key(self._state, self._ephemeral)
        self._state.mix_key(_exchange(self._ephemeral, self._peer))
        return key + self._state.encrypt_and_hash(payload)

    def read_third(self, message: bytes) -> tuple[bytes, bytes, SplitKeys]:
        """Return the till's static key, the payload and the keys. Raises `PeerError` as `Initiator.read_second`."""
        encrypted, rest = _take(message, KEY_BYTES + TAG_BYTES)
        static = self._state.decrypt_and_hash(encrypted)
        self._state.mix_key(_exchange(self._ephemeral, static))
        return static, self._state.decrypt_and_hash(rest), self._state.split()


def _write_key(state: SymmetricState, key: X25519Key) -> bytes:
    """The token `e`. With a pre-shared key its public part goes into the keys too, so that they differ each time."""
    state.mix_hash(key.public)
    state.mix_key(key.public)
    return key.public


def _read_key(state: SymmetricState, message: bytes) -> tuple[bytes, bytes]:
    key, rest = _take(message, KEY_BYTES)
    state.mix_hash(key)
    state.mix_key(key)
    return key, rest


def _take(message: bytes, length: int) -> tuple[bytes, bytes]:
    if len(message) < length + TAG_BYTES:
        raise PeerError(Code.HANDSHAKE_MALFORMED, detail=f"a handshake message of {len(message)} bytes is cut short")
    return message[:length], message[length:]


def _exchange(key: X25519Key, public: bytes) -> bytes:
    shared = key.exchange(public)
    if shared is None:
        raise PeerError(Code.HANDSHAKE_WEAK_KEY, detail="the key exchange gave zero")
    return shared


def _expand(chaining_key: bytes, material: bytes, count: int) -> tuple[bytes, ...]:
    """Return `count` keys of Noise's HKDF, which is that of RFC 5869 without info."""
    secret = hmac_sha256(chaining_key, material)
    keys: list[bytes] = []
    for number in range(1, count + 1):
        keys.append(hmac_sha256(secret, (keys[-1] if keys else b"") + bytes([number])))
    return tuple(keys)
