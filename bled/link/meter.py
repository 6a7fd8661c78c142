"""What a connection costs on the air, counted from the HCI packets that its host sends and receives."""

from typing import Final

from bumble.snoop import Snooper

from bled.link.base import LinkStats

LL_PAYLOAD_BYTES: Final = 251
"""Longest payload of a link-layer data packet once both sides agreed on Data Length Extension."""

L2CAP_HEADER_BYTES: Final = 4
PACKET_BYTES: Final = 10
"""A link-layer packet on 1M PHY beside its payload: preamble 1, access address 4, header 2, CRC 3."""

_ACL_PACKET: Final = 0x02
_CONTINUATION: Final = 0x01
_ATT_CHANNEL: Final = 0x0004
_ACL_HEADER_BYTES: Final = 5
ATT_OFFSET: Final = _ACL_HEADER_BYTES + L2CAP_HEADER_BYTES
"""Where an ATT PDU begins in an HCI packet that begins one."""


def air_bytes(att_pdu_bytes: int) -> int:
    """Return the bytes on the air of one ATT PDU of `att_pdu_bytes` octets: the model of the cost table.

    An L2CAP frame of A + 4 octets fills ceil((A + 4) / 251) link-layer packets of 10 octets beside the payload (1M PHY,
    no encryption, Data Length Extension), and each is answered by an empty packet of 10:
    `A + 4 + 20 * ceil((A + 4) / 251)`. At ATT_MTU 23 every frame has at most 27 octets, so that it is one packet with
    or without Data Length Extension. Advertisements, connecting, control PDUs, empty events and packets sent again are
    left out.
    """
    frame = att_pdu_bytes + L2CAP_HEADER_BYTES
    packets = -(-frame // LL_PAYLOAD_BYTES)
    return frame + 2 * PACKET_BYTES * packets


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
