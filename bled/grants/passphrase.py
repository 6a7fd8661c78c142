"""Passphrases of wrapped books: made so that nobody can guess them and anybody can type them."""

import unicodedata
from typing import Final

PASSPHRASE_ENTROPY_BYTES: Final = 10
"""80 bits; with Argon2id on top, out of reach for those who find the file."""

_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 of them, none that looks like another (0 o, 1 l)
_CHARACTERS: Final = PASSPHRASE_ENTROPY_BYTES * 8 // 5
_GROUP: Final = 4


def create_passphrase(entropy: bytes) -> str:
    """Return four groups of four characters, 80 bits, for the first 10 bytes of `entropy`.

    Raises `ValueError` for fewer bytes.
    """
    if len(entropy) < PASSPHRASE_ENTROPY_BYTES:
        raise ValueError(f"a passphrase takes {PASSPHRASE_ENTROPY_BYTES} bytes of entropy")
    number = int.from_bytes(entropy[:PASSPHRASE_ENTROPY_BYTES], "big")
    return _grouped("".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_CHARACTERS))))


def passphrase_bytes(passphrase: str) -> bytes:
    """Return the bytes to stretch: the same however the passphrase was typed.

    Composed and decomposed letters are one, spaces around do not count; one of ours may be typed in capitals, with
    other separators or without. Raises `ValueError` for an empty passphrase.
    """
    text = unicodedata.normalize("NFKC", passphrase).strip()
    if not text:
        raise ValueError("the passphrase is empty")
    bare = "".join(character for character in text.lower() if character not in " -")
    ours = len(bare) == _CHARACTERS and set(bare) <= set(_ALPHABET)
    return (_grouped(bare) if ours else text).encode("utf-8", "surrogatepass")


def _grouped(text: str) -> str:
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
