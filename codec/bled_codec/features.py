"""Feature bitmaps (BOLT 9, BOLT 12): big endian, bit 0 is the lowest bit of the last byte; it is okay to be odd."""

from typing import Final

from bled_codec.errors import Rule, SemanticError

MPP_BITS: Final = frozenset({16, 17})
"""Multi-part payment, compulsory and optional: the one feature of invoices that BOLT 9 knows."""

_EVEN_BITS_OF_A_BYTE: Final = 0b01010101


def unknown_even_bits(features: bytes, known: frozenset[int] = frozenset()) -> tuple[int, ...]:
    """Return the even bits that are set and not in `known`, lowest first."""
    found = []
    for place, byte in enumerate(reversed(features)):
        if byte & _EVEN_BITS_OF_A_BYTE:
            found += [8 * place + bit for bit in range(0, 8, 2) if byte >> bit & 1]
    return tuple(bit for bit in found if bit not in known)


def check_features(features: bytes | None, *, tlv_type: int, known: frozenset[int] = frozenset()) -> None:
    """Raise `SemanticError` (`UNKNOWN_FEATURE`) for an even bit nobody told us of."""
    if features and unknown_even_bits(features, known):
        raise SemanticError(Rule.UNKNOWN_FEATURE, tlv_type=tlv_type)
