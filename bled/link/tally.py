"""What a connection costs on the air, where the Bluetooth stack is another program: counted from the values alone.

Connecting, MTU exchange, discovery and subscription are in that program's hands and are left out.
"""

from typing import Final

from bled.link.air_cost import air_bytes
from bled.link.base import LinkStats

_ATT_HEADER_BYTES: Final = 3
"""Opcode and handle of a write or a notification."""
_WRITE_RESPONSE_BYTES: Final = 1


class ValueTally:
    """Counts the ATT PDUs of the values that one connection carries."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._att_pdus = 0
        self._bytes_on_air = 0

    def count(self, value_bytes: int, *, acknowledged: bool = False) -> None:
        """Count a value of `value_bytes` octets in a write or notification; `acknowledged`: its response too."""
        self._add(value_bytes + _ATT_HEADER_BYTES)
        if acknowledged:
            self._add(_WRITE_RESPONSE_BYTES)

    def _add(self, att_pdu_bytes: int) -> None:
        self._att_pdus += 1
        self._bytes_on_air += air_bytes(att_pdu_bytes)

    @property
    def stats(self) -> LinkStats:
        """What the values so far have cost."""
        return LinkStats(att_pdus=self._att_pdus, bytes_on_air=self._bytes_on_air)
