"""Reading the values of a decoded CBOR map: every type and bound is checked before anything is used.

The rule of BOLT 1 for unknown fields holds here too: an unknown odd key may be ignored, an unknown even one may not.
"""

from collections.abc import Collection
from typing import Final

from bled.grants.cbor import CborError, Value

MAX_NAME_CHARACTERS: Final = 64
"""Names of devices and homes are shown on small screens."""
MAX_TIME: Final = 0xFFFF_FFFF_FF
"""Times are at most 40 bits: far beyond anything meant, far below what a database can hold."""


class UnknownFieldError(CborError):
    """A map has an even key that this program does not know: a later version wrote it."""


def open_map(value: Value, *, required: Collection[int], optional: Collection[int] = ()) -> dict[int, Value]:
    """Return `value` as a map that has every required key. Raises `CborError` and `UnknownFieldError`."""
    if not isinstance(value, dict):
        raise CborError("a map is expected")
    for key in required:
        if key not in value:
            raise CborError(f"field {key} is missing")
    for key in value:
        if key % 2 == 0 and key not in required and key not in optional:
            raise UnknownFieldError(f"field {key} is unknown and may not be ignored")
    return value


def open_list(value: Value, *, least: int, most: int) -> list[Value]:
    """Return `value` as a list of `least` to `most` items. Raises `CborError`."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise CborError(f"a list of {least} to {most} items is expected")
    return value


def open_uint(value: Value, *, most: int) -> int:
    """Return `value` as an integer of 0 to `most`. Raises `CborError`."""
    if not isinstance(value, int) or not 0 <= value <= most:
        raise CborError(f"a number of at most {most} is expected")
    return value


def open_bytes(value: Value, *, least: int, most: int) -> bytes:
    """Return `value` as `least` to `most` bytes. Raises `CborError`."""
    if not isinstance(value, bytes) or not least <= len(value) <= most:
        raise CborError(f"{least} to {most} bytes are expected")
    return value


def open_name(value: Value) -> str:
    """Return `value` as a name that can be shown. Raises `CborError`."""
    if not isinstance(value, str) or not is_name(value):
        raise CborError(f"a name of 1 to {MAX_NAME_CHARACTERS} printable characters is expected")
    return value


def is_name(text: str) -> bool:
    """Say whether a name can be shown: 1 to 64 characters, none of which steers a terminal."""
    return 1 <= len(text) <= MAX_NAME_CHARACTERS and text.isprintable()
