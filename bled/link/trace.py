"""The ATT PDUs of one radio in their order, for measurements: which, how long, and who sent them."""

from dataclasses import dataclass

from bumble.snoop import Snooper

from bled.link.bumble_radio import BumbleRadio
from bled.link.meter import ATT_OFFSET, att_pdu_size


@dataclass(frozen=True, slots=True, kw_only=True)
class AttPdu:
    """One ATT PDU as this side's host sent or received it.

    Attributes:
        sent: whether this side sent it.
        opcode: its first octet.
        size: its octets, 1 to 517, opcode included, L2CAP header not.
    """

    sent: bool
    opcode: int
    size: int


class AttTrace(Snooper):
    """Listens beside the meter of a radio, from now on. One connection at a time is what it can tell apart."""

    def __init__(self, radio: BumbleRadio) -> None:
        """Start to listen at `radio`."""
        self.pdus: list[AttPdu] = []
        self._meter = radio.meter
        radio.device.host.snooper = self

    def snoop(self, hci_packet: bytes, direction: Snooper.Direction) -> None:
        """Look at one HCI packet with its type octet; note it when it begins an ATT PDU."""
        self._meter.snoop(hci_packet, direction)
        size = att_pdu_size(hci_packet)
        if size is not None and len(hci_packet) > ATT_OFFSET:
            sent = direction is Snooper.Direction.HOST_TO_CONTROLLER
            self.pdus.append(AttPdu(sent=sent, opcode=hci_packet[ATT_OFFSET], size=size))
