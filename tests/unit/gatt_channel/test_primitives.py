"""The ciphers under the channel: published vectors, and what our own layer adds to the library."""

import pytest

from bled.gatt.primitives import X25519Key, aead_open, aead_seal, derive


def test_x25519_agrees_with_rfc_7748() -> None:
    alice = X25519Key(bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    bob = X25519Key(bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert alice.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert alice.exchange(bob.public).hex() == bob.exchange(alice.public).hex() == shared


def test_hkdf_agrees_with_rfc_5869() -> None:
    salted = derive(b"\x0b" * 22, salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)), length=42)
    assert salted.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    plain = derive(b"\x0b" * 22, info=b"", length=42)
    assert plain.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"


def test_a_counter_is_the_nonce_that_noise_writes() -> None:
    """ChaCha20-Poly1305 of RFC 8439 is told by the library; what is ours is where the counter stands."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    sealed = aead_seal(b"k" * 32, 0x0102030405060708, b"text", associated=b"more")
    assert sealed == ChaCha20Poly1305(b"k" * 32).encrypt(bytes.fromhex("000000000807060504030201"), b"text", b"more")
    assert aead_open(b"k" * 32, 0x0102030405060708, sealed, associated=b"more") == b"text"
    assert aead_open(b"k" * 32, 0x0102030405060707, sealed, associated=b"more") is None


def test_a_zero_result_is_refused_even_by_a_library_that_gives_it() -> None:
    class Permissive:
        def exchange(self, public: object) -> bytes:
            return bytes(32)

    key = X25519Key(b"k" * 32)
    other = X25519Key(b"o" * 32).public
    assert key.exchange(other) is not None
    key._key = Permissive()
    assert key.exchange(other) is None


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32"):
        X25519Key(bytes(length))


def test_keys_are_compared_by_what_they_are_and_do_not_show_it() -> None:
    key = X25519Key(b"k" * 32)
    assert key == X25519Key(b"k" * 32)
    assert hash(key) == hash(X25519Key(b"k" * 32))
    assert key != X25519Key(b"o" * 32)
    assert key != b"k" * 32
    assert repr(key) == "X25519Key(…)"
