"""Strings of BOLT 12 ("Encoding"): a prefix, `1`, and bytes in the bech32 alphabet without a checksum.

The alphabet is the bech32 package's. Its `convertbits` goes bit by bit and would cost more than checking a signature,
so whole strings are converted as one number: Python reads base 32 itself, and writes it after one doubling trick.
"""

import re
from collections.abc import Callable
from functools import cache
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
_DIGITS: Final = b"0123456789abcdefghijklmnopqrstuv"  # what int(text, 32) reads, by value
_NO_DIGIT: Final = b"!"
_BOTH_CASES: Final = (CHARSET + CHARSET.upper()).encode()
# Whatever is not in the alphabet becomes no digit at all: int() by itself would take 1 b i o _ + - and blanks.
_TO_DIGITS: Final = bytes(
    (_DIGITS * 2)[_BOTH_CASES.index(byte)] if byte in _BOTH_CASES else _NO_DIGIT[0] for byte in range(256)
)
_TO_CHARSET: Final = CHARSET.encode() + bytes(256 - len(CHARSET))
_NOT_IN_CHARSET: Final = re.compile(f"[^{CHARSET}{CHARSET.upper()}]")
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
    if not text.isascii():  # U+212A KELVIN SIGN is a capital letter whose small one is an innocent k
        raise EncodingError(Rule.STRING_NOT_ASCII, offset=_first(text, lambda character: not character.isascii()))
    if "+" not in text:
        return _parse(text)
    try:
        return _parse(_join(text))
    except EncodingError as error:
        raise EncodingError(error.rule, offset=_offset_before_joining(text, error.offset or 0)) from error


def _parse(text: str) -> tuple[str, bytes]:
    if not (text.islower() or text.isupper()):
        _check_case(text)
    prefix, separator, characters = text.partition("1")
    prefix = prefix.lower()
    if not separator:
        raise EncodingError(Rule.STRING_NO_SEPARATOR, offset=len(text))
    if prefix not in _PREFIXES:
        raise EncodingError(Rule.STRING_UNKNOWN_PREFIX, offset=0)
    return prefix, _bytes(characters, offset=len(prefix) + 1)


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


def _check_case(text: str) -> None:
    letters = [character for character in text if character.isalpha()]
    if letters:  # both kinds, or the caller would not have asked
        other = str.isupper if letters[0].islower() else str.islower
        raise EncodingError(Rule.STRING_MIXED_CASE, offset=_first(text, other))


def _bytes(characters: str, *, offset: int) -> bytes:
    """Turn bech32 characters into bytes; at most four bits may be left over, and they are zero (BOLT 12)."""
    if not characters:
        raise EncodingError(Rule.STRING_EMPTY, offset=offset)
    try:
        number = int(characters.encode("ascii").translate(_TO_DIGITS), 32)
    except ValueError as error:
        wrong = _first(characters, lambda character: _NOT_IN_CHARSET.match(character) is not None)
        raise EncodingError(Rule.STRING_BAD_CHARACTER, offset=offset + wrong) from error
    length, spare = divmod(5 * len(characters), 8)
    if spare > 4 or number & ((1 << spare) - 1):
        raise EncodingError(Rule.STRING_BAD_PADDING, offset=offset + len(characters) - 1)
    return (number >> spare).to_bytes(length, "big")


def _characters(data: bytes) -> str:
    """Return the bech32 characters of `data`, padded with zero bits.

    All digits of five bits stand side by side in one number, and each has to come into a byte of its own: the left half
    moves up to where its bytes will be, then the left half of each half, and so on, all halves of a round at once.
    """
    count = -(-8 * len(data) // 5)
    rounds = (count - 1).bit_length()
    digits = int.from_bytes(data, "big") << -8 * len(data) % 5
    for shift, right_halves in _halvings(rounds):
        right = digits & right_halves
        digits = right | (digits ^ right) << shift
    return digits.to_bytes(1 << rounds, "big")[(1 << rounds) - count :].translate(_TO_CHARSET).decode("ascii")


@cache
def _halvings(rounds: int) -> tuple[tuple[int, int], ...]:
    """Return for each round how far the left halves move, in bits, and a mask of the right halves."""
    steps = []
    for level in reversed(range(rounds)):
        half = 1 << level  # digits; the two halves lie in a field of 16 bits for each digit of one of them
        field = ((1 << 5 * half) - 1).to_bytes(2 * half, "big")
        steps.append((3 * half, int.from_bytes(field * (1 << rounds - level - 1), "big")))
    return tuple(steps)
