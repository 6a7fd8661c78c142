"""What a till looks for in the air. Stacks filter service UUIDs badly, so the program does it itself."""

from typing import Final

from bled.gatt.profile import SERVICE_UUID

_UUID_LISTS: Final = (0x06, 0x07)
"""Advertising data types: incomplete and complete list of 128-bit service UUIDs."""
_UUID_BYTES: Final = 16


def is_beacon(advertising_data: bytes) -> bool:
    """Return whether advertising data, at most what one PDU carries, lists the buyer's service.

    Anybody may have sent it: what is cut short or malformed is no beacon, and nothing is raised.
    """
    wanted = SERVICE_UUID.bytes[::-1]
    rest = advertising_data
    while len(rest) > 1 and 0 < rest[0] < len(rest):
        kind, body, rest = rest[1], rest[2 : 1 + rest[0]], rest[1 + rest[0] :]
        if kind in _UUID_LISTS and wanted in _uuids(body):
            return True
    return False


def _uuids(body: bytes) -> list[bytes]:
    return [body[start : start + _UUID_BYTES] for start in range(0, len(body), _UUID_BYTES)]
