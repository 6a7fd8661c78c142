"""The six digits that two people compare, and the promise that keeps anybody from choosing them."""

from typing import Final, NewType

from bled.gatt.primitives import sha256

CompareCode = NewType("CompareCode", str)
"""Six decimal digits, leading zeros kept."""

CODES: Final = 10**6
"""How many compare codes there are."""

_COMMIT_TAG: Final = b"bled1 commit"
_CODE_TAG: Final = b"bled1 sas"


def commitment(nonce: bytes, reader_key: bytes, payload: bytes) -> bytes:
    """Return the 32 bytes by which HS1 fixes all that the till will contribute to HS3.

    Args:
        nonce: Nm, 16 bytes; unknown to everybody else until HS3, it hides the rest.
        reader_key: the reader's public key, 32 bytes.
        payload: the complete payload of HS3, which begins with Nm.
    """
    return sha256(_COMMIT_TAG + nonce + reader_key + payload)


def compare_code(handshake_hash: bytes, reader_nonce: bytes, beacon_nonce: bytes) -> CompareCode:
    """Return the code for h (32 bytes, after message 3), Nm and Nb (16 bytes each)."""
    digest = sha256(_CODE_TAG + handshake_hash + reader_nonce + beacon_nonce)
    return CompareCode(f"{int.from_bytes(digest[:4], 'big') % CODES:06}")


def grouped(code: CompareCode) -> str:
    """Return the code as screens show it: `811 364`."""
    return f"{code[:3]} {code[3:]}"
