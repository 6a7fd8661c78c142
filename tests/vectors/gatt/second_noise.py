"""Section 6.2 of the profile word by word, without a library for Noise. It imports nothing of bled."""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def noise_hkdf(ck: bytes, x: bytes, octets: int) -> bytes:
    """Noise's HKDF: the first octets of o1, o2, o3."""
    p = hmac.digest(ck, x, "sha256")
    o1 = hmac.digest(p, b"\x01", "sha256")
    o2 = hmac.digest(p, o1 + b"\x02", "sha256")
    o3 = hmac.digest(p, o2 + b"\x03", "sha256")
    return (o1 + o2 + o3)[:octets]


def public(secret: bytes) -> bytes:
    """The public key."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def dh(secret: bytes, other: bytes) -> bytes:
    """X25519."""
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(other))


class State:
    """h, ck, k and n of one side."""

    def __init__(self) -> None:
        self.h = self.ck = hashlib.sha256(b"Noise_XNpsk0_25519_ChaChaPoly_SHA256").digest()
        self.mix_hash(b"bled1")

    def mix_hash(self, x: bytes) -> None:
        """MixHash."""
        self.h = hashlib.sha256(self.h + x).digest()

    def mix_key(self, x: bytes) -> None:
        """MixKey."""
        made = noise_hkdf(self.ck, x, 64)
        self.ck, self.k, self.n = made[:32], made[32:], 0

    def mix_key_and_hash(self, x: bytes) -> None:
        """MixKeyAndHash."""
        made = noise_hkdf(self.ck, x, 96)
        self.ck, self.k, self.n = made[:32], made[64:], 0
        self.mix_hash(made[32:64])

    def mix_key_of(self, key: bytes) -> bytes:
        """What a public key `e` does, sent or received."""
        self.mix_hash(key)
        self.mix_key(key)
        return key

    def seal(self, x: bytes) -> bytes:
        """Seal."""
        nonce = bytes(4) + self.n.to_bytes(8, "little")
        sealed = ChaCha20Poly1305(self.k).encrypt(nonce, x, self.h)
        self.n += 1
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """Open."""
        nonce = bytes(4) + self.n.to_bytes(8, "little")
        x = ChaCha20Poly1305(self.k).decrypt(nonce, sealed, self.h)
        self.n += 1
        self.mix_hash(sealed)
        return x


def shake(
    *, psk: bytes, till: bytes, till_static: bytes, device: bytes, payloads: tuple[bytes, bytes, bytes]
) -> tuple[list[bytes], State, bytes]:
    """Both sides of a handshake with these secrets; return the messages, the state and the two keys."""
    one, other = State(), State()
    one.mix_key_and_hash(psk)
    hs1 = one.mix_key_of(public(till)) + one.seal(payloads[0])
    other.mix_key_and_hash(psk)
    other.mix_key_of(hs1[:32])
    if other.open(hs1[32:]) != payloads[0]:
        raise ValueError("HS1")
    hs2 = other.mix_key_of(public(device))
    other.mix_key(dh(device, hs1[:32]))
    hs2 += other.seal(payloads[1])
    one.mix_key_of(hs2[:32])
    one.mix_key(dh(till, hs2[:32]))
    if one.open(hs2[32:]) != payloads[1]:
        raise ValueError("HS2")
    hs3 = one.seal(public(till_static))
    one.mix_key(dh(till_static, hs2[:32]))
    hs3 += one.seal(payloads[2])
    static = other.open(hs3[:48])
    other.mix_key(dh(device, static))
    if other.open(hs3[48:]) != payloads[2] or (one.h, one.ck) != (other.h, other.ck):
        raise ValueError("HS3")
    return [hs1, hs2, hs3], one, noise_hkdf(one.ck, b"", 64)
