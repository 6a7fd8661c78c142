"""A grant book cut into texts for QR codes, and joined again from them in any order. Pure.

    BLED:NUMBER/TOTAL:HASH:DATA

NUMBER counts from 1. HASH is the beginning of the SHA-256 of the whole file, 16 digits; DATA is base32 without padding.
All characters are of QR's alphanumeric mode.
"""

import re
from base64 import b32decode, b32encode
from binascii import Error
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import BledError
from bled_codec.crypto import sha256

FRAME_BYTES: Final = 700
"""Bytes of the file in one frame of a picture: a code of about 105 modules, which a phone's camera reads."""
TERMINAL_FRAME_BYTES: Final = 250
"""The same for a terminal, which must be 80 columns wide for it."""
MOST_FRAMES: Final = 99
"""More are no fun to read; a larger book is carried as a file."""
_FRAME: Final = re.compile(
    r"\ABLED:(?P<number>[0-9]{1,2})/(?P<total>[0-9]{1,2}):(?P<hash>[0-9A-F]{16}):(?P<data>[A-Z2-7]{1,4000})\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One part of a file: number `number` of `total`, counted from 1, of the file with this hash."""

    number: int
    total: int
    of: str
    data: bytes


def frames_of(data: bytes, *, size: int) -> tuple[str, ...]:
    """Return the texts for a file, `size` bytes of it in each.

    Raises `BledError` (`USAGE`) for a file that takes too many.
    """
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    if len(parts) > MOST_FRAMES:
        detail = f"the book would take {len(parts)} QR codes, at most {MOST_FRAMES} are made; carry it as a file"
        raise BledError(Code.USAGE, detail=detail)
    name = _name(data)
    return tuple(f"BLED:{number}/{len(parts)}:{name}:{_text(part)}" for number, part in enumerate(parts, 1))


def joined(texts: Iterable[str]) -> bytes:
    """Return the file whose frames are among the texts, in any order and any number of times.

    Other people's codes are nothing to us. Raises `BledError`: `BOOK_FRAMES_MIXED` for frames of two files,
    `BOOK_FRAMES_MISSING`, `BOOK_DAMAGED`.
    """
    frames = [frame for text in texts if (frame := _parse(text)) is not None]
    if len({(frame.of, frame.total) for frame in frames}) > 1:
        raise BledError(Code.BOOK_FRAMES_MIXED)
    total = frames[0].total if frames else 0
    parts = {frame.number: frame.data for frame in frames}
    missing = [str(number) for number in range(1, total + 1) if number not in parts]
    if missing or not frames:
        detail = f"number {', '.join(missing)} of {total}" if frames else "no picture shows a part of a grant book"
        raise BledError(Code.BOOK_FRAMES_MISSING, detail=detail)
    data = b"".join(parts[number] for number in range(1, total + 1))
    if _name(data) != frames[0].of:
        raise BledError(Code.BOOK_DAMAGED, detail="the parts do not make the whole that they were cut from")
    return data


def _parse(text: str) -> Frame | None:
    found = _FRAME.match(text.strip())
    if found is None or not 1 <= int(found["number"]) <= int(found["total"]):
        return None
    digits = found["data"]
    try:
        data = b32decode(digits + "=" * (-len(digits) % 8))
    except Error:
        return None
    return Frame(number=int(found["number"]), total=int(found["total"]), of=found["hash"], data=data)


def _name(data: bytes) -> str:
    return sha256(data)[:8].hex().upper()


def _text(part: bytes) -> str:
    return b32encode(part).decode("ascii").rstrip("=")
