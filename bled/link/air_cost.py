"""What one ATT PDU costs on the air, by the model of the cost table. Pure, and without any Bluetooth stack."""

from typing import Final

LL_PAYLOAD_BYTES: Final = 251
"""Longest payload of a link-layer data packet once both sides agreed on Data Length Extension."""

L2CAP_HEADER_BYTES: Final = 4
PACKET_BYTES: Final = 10
"""A link-layer packet on 1M PHY beside its payload: preamble 1, access address 4, header 2, CRC 3."""


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
