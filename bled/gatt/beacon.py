"""What a buyer's beacon says and a till looks for. Stacks filter service UUIDs badly, so the program does it itself."""

from typing import Final
from uuid import UUID

from bled.gatt.profile import ADVERTISEMENT, SERVICE_UUID

_UUID_LISTS: Final = (0x06, 0x07)
"""Advertising data types: incomplete and complete list of 128-bit service UUIDs."""
_UUID_BYTES: Final = 16


def beacon(service: UUID) -> bytes:
    """Return all that the beacon for one till alone says, 21 bytes: as the open one, with the UUID that both know."""
    return ADVERTISEMENT.removesuffix(SERVICE_UUID.bytes[::-1]) + service.bytes[::-1]


def is_beacon(advertising_data: bytes, *, service: UUID = SERVICE_UUID) -> bool:
    """Return whether advertising data, at most what one PDU carries, lists a buyer's `service`.

    Anybody may have sent it: what is cut short or malformed is no beacon, and nothing is raised.
    """
    wanted = service.bytes[::-1]
    rest = advertising_data
    while len(rest) > 1 and 0 < rest[0] < len(rest):
        kind, body, rest = rest[1], rest[2 : 1 + rest[0]], rest[1 + rest[0] :]
        if kind in _UUID_LISTS and wanted in _uuids(body):
            return True
    return False


def _uuids(body: bytes) -> list[bytes]:
    return [body[start : start + _UUID_BYTES] for start in range(0, len(body), _UUID_BYTES)]
