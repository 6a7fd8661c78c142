"""Strings of BOLT 12 ("Encoding"): a prefix, `1`, and bytes in the bech32 alphabet without a checksum.

The alphabet is the bech32 package's. Its `convertbits` would cost more than checking a signature on these lengths,
so the digits go through Python's own base-32 conversions, which are one call in C each.
"""

import re
from base64 import b32encode
from collections.abc import Callable
from typing import Final

from bech32 import CHARSET

from bled_codec.errors import EncodingError, Rule

OFFER_PREFIX: Final = "lno"
INVOICE_REQUEST_PREFIX: Final = "lnr"
INVOICE_PREFIX: Final = "lni"
PAYER_PROOF_PREFIX: Final = "lnp"

MAX_CHARACTERS: Final = 1_000_000
"""Longest string that is read. An onion carries at most 65535 bytes, which are 104856 characters."""

_PREFIXES: Final = frozenset({OFFER_PREFIX, INVOICE_REQUEST_PREFIX, INVOICE_PREFIX, PAYER_PROOF_PREFIX})
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"  # what int(text, 32) reads, by value
_TO_DIGITS: Final = str.maketrans(CHARSET, _DIGITS)
_FROM_RFC4648: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", CHARSET)
_NOT_IN_CHARSET: Final = re.compile(f"[^{CHARSET}]")
# BOLT 12: `+` and whitespace may stand between two characters. Only ASCII white space: `\s` would take others.
_CONTINUATION: Final = re.compile(r"(?<=[a-zA-Z0-9])\+[ \t\r\n\f\v]*(?=[a-zA-Z0-9])")


def format_string(prefix: str, data: bytes, *, upper: bool = False) -> str:
    """Return the string for `data` under `prefix`; `upper` for QR codes, which are smaller so."""
    text = f"{prefix}1{_characters(data)}"
    return text.upper() if upper else text


def parse_string(text: str) -> tuple[str, bytes]:
    """Return the prefix and the bytes of a BOLT 12 string.

    Raises `EncodingError` with a `STRING_` rule; `offset` counts characters of `text`.
    """
    if len(text) > MAX_CHARACTERS:
        raise EncodingError(Rule.STRING_TOO_LONG, offset=MAX_CHARACTERS)
    if not text.isascii():  # before lower(): U+212A KELVIN SIGN would become an innocent k
        raise EncodingError(Rule.STRING_NOT_ASCII, offset=_first(text, lambda character: not character.isascii()))
    if "+" not in text:
        return _parse(text)
    try:
        return _parse(_join(text))
    except EncodingError as error:
        raise EncodingError(error.rule, offset=_offset_before_joining(text, error.offset or 0)) from error


def _parse(text: str) -> tuple[str, bytes]:
    prefix, separator, digits = _one_case(text).partition("1")
    if not separator:
        raise EncodingError(Rule.STRING_NO_SEPARATOR, offset=len(text))
    if prefix not in _PREFIXES:
        raise EncodingError(Rule.STRING_UNKNOWN_PREFIX, offset=0)
    return prefix, _bytes(digits, offset=len(prefix) + 1)


def _first(text: str, wanted: Callable[[str], bool]) -> int:
    return next(index for index, character in enumerate(text) if wanted(character))


def _join(text: str) -> str:
    joined = _CONTINUATION.sub("", text)
    wrong = joined.find("+")
    if wrong >= 0:
        raise EncodingError(Rule.STRING_BAD_CONTINUATION, offset=wrong)
    return joined


def _offset_before_joining(text: str, offset: int) -> int:
    """Return where in `text` the character stands that has `offset` when the continuations are taken out."""
    for continuation in _CONTINUATION.finditer(text):
        if continuation.start() > offset:
            break
        offset += continuation.end() - continuation.start()
    return offset


def _one_case(text: str) -> str:
    lower = text.lower()
    if text not in (lower, text.upper()):
        first_is_lower = text[_first(text, str.isalpha)].islower()
        other = str.isupper if first_is_lower else str.islower
        raise EncodingError(Rule.STRING_MIXED_CASE, offset=_first(text, other))
    return lower


def _bytes(characters: str, *, offset: int) -> bytes:
    """Turn bech32 characters into bytes; at most four bits may be left over, and they are zero (BOLT 12)."""
    wrong = _NOT_IN_CHARSET.search(characters)  # also what int() would take as a digit: 1 b i o _
    if wrong:
        raise EncodingError(Rule.STRING_BAD_CHARACTER, offset=offset + wrong.start())
    if not characters:
        raise EncodingError(Rule.STRING_EMPTY, offset=offset)
    number = int(characters.translate(_TO_DIGITS), 32)
    length, spare = divmod(5 * len(characters), 8)
    if spare > 4 or number & ((1 << spare) - 1):
        raise EncodingError(Rule.STRING_BAD_PADDING, offset=offset + len(characters) - 1)
    return (number >> spare).to_bytes(length, "big")


def _characters(data: bytes) -> str:
    return b32encode(data).rstrip(b"=").decode("ascii").translate(_FROM_RFC4648)
