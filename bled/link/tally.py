"""What a connection costs on the air, where the Bluetooth stack is another program: counted from the values alone.

Connecting, MTU exchange, discovery and subscription are in that program's hands and are left out. The model is that of
`bled.link.meter`, which cannot be loaded without bumble; a test holds the two equal.
"""

from typing import Final

from bled.link.base import LinkStats

_ATT_HEADER_BYTES: Final = 3
"""Opcode and handle of a write or a notification."""
_L2CAP_HEADER_BYTES: Final = 4
_LL_PAYLOAD_BYTES: Final = 251
_PACKET_BYTES: Final = 10


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
            self._add(1)

    def _add(self, att_pdu_bytes: int) -> None:
        frame = att_pdu_bytes + _L2CAP_HEADER_BYTES
        packets = -(-frame // _LL_PAYLOAD_BYTES)
        self._att_pdus += 1
        self._bytes_on_air += frame + 2 * _PACKET_BYTES * packets

    @property
    def stats(self) -> LinkStats:
        """What the values so far have cost."""
        return LinkStats(att_pdus=self._att_pdus, bytes_on_air=self._bytes_on_air)
