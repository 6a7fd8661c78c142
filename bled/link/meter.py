"""What a connection costs on the air, counted from the HCI packets that its host sends and receives."""

from typing import Final

from bumble.snoop import Snooper

from bled.link.air_cost import L2CAP_HEADER_BYTES, air_bytes
from bled.link.base import LinkStats

_ACL_PACKET: Final = 0x02
_CONTINUATION: Final = 0x01
_ATT_CHANNEL: Final = 0x0004
_ACL_HEADER_BYTES: Final = 5
ATT_OFFSET: Final = _ACL_HEADER_BYTES + L2CAP_HEADER_BYTES
"""Where an ATT PDU begins in an HCI packet that begins one."""


def att_pdu_size(hci_packet: bytes) -> int | None:
    """Return the octets of the ATT PDU that an HCI packet, type octet included, begins; None when it begins none."""
    if len(hci_packet) < ATT_OFFSET or hci_packet[0] != _ACL_PACKET:
        return None
    handle_and_flags = int.from_bytes(hci_packet[1:3], "little")
    continues = (handle_and_flags >> 12) & 0x03 == _CONTINUATION
    if continues or int.from_bytes(hci_packet[7:9], "little") != _ATT_CHANNEL:
        return None
    return int.from_bytes(hci_packet[5:7], "little")


class AirMeter(Snooper):
    """Counts the ATT PDUs of each connection of one host, and what they cost by `air_bytes`."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._counts: dict[int, LinkStats] = {}

    def start(self, handle: int) -> None:
        """Forget what an earlier connection with this handle cost."""
        self._counts[handle] = LinkStats(att_pdus=0, bytes_on_air=0)

    def stats(self, handle: int) -> LinkStats:
        """Return what the connection with this handle has cost since `start`."""
        return self._counts.get(handle, LinkStats(att_pdus=0, bytes_on_air=0))

    def snoop(self, hci_packet: bytes, direction: Snooper.Direction) -> None:  # noqa: ARG002 (bumble's signature)
        """Look at one HCI packet with its type octet; count it when it begins an ATT PDU."""
        size = att_pdu_size(hci_packet)
        if size is not None:
            self._count(int.from_bytes(hci_packet[1:3], "little") & 0x0FFF, size)

    def _count(self, handle: int, att_pdu_bytes: int) -> None:
        before = self.stats(handle)
        self._counts[handle] = LinkStats(
            att_pdus=before.att_pdus + 1, bytes_on_air=before.bytes_on_air + air_bytes(att_pdu_bytes)
        )
