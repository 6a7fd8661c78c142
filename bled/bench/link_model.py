"""What ATT PDUs cost on the air, and how long they take by a model. Pure: no radio is asked.

The figures hold for the 1M PHY, a link that is not encrypted, and Data Length Extension. Packets that are sent again,
empty events, advertisements, connecting and link-layer control are left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from bled.link.air_cost import L2CAP_HEADER_BYTES, LL_PAYLOAD_BYTES, PACKET_BYTES, air_bytes
from bled.link.trace import AttPdu

INTERVALS: Final = (0.0075, 0.015, 0.030, 0.050)
"""Connection intervals in seconds: the shortest there is, BlueZ tuned, and the two ends of BlueZ's default."""
ROUND_TRIP_INTERVALS: Final = 2
"""Connection intervals for an ATT request and its answer: one to go, one for the other host to answer in the next."""
PACKETS_PER_EVENT: Final = 4
"""Link-layer packets that phones are known to send in one connection event, where the interval has room for them."""

_BYTE_SECONDS: Final = 8e-6
_SPACE_SECONDS: Final = 150e-6
_EVENT_MARGIN_SECONDS: Final = 0.3e-3
_VALUE_HEADER_BYTES: Final = 3
_WRITE_REQUEST: Final = 0x12
_WRITE_COMMAND: Final = 0x52
_NOTIFICATION: Final = 0x1B
_CARRIES_VALUE: Final = frozenset({_WRITE_REQUEST, _WRITE_COMMAND, _NOTIFICATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run of ATT PDUs costs, both directions together.

    Attributes:
        att_pdus: ATT PDUs.
        ll_packets: link-layer data packets that carry them, without the empty answer to each.
        bytes_on_air: bytes of those packets and of their empty answers.
        waits: round trips, one after the other: how often the till has sent and then hears an answer.
        value_bytes: bytes of the values written and notified.
        air_seconds: time in which somebody sends or has just sent.
    """

    att_pdus: int
    ll_packets: int
    bytes_on_air: int
    waits: int
    value_bytes: int
    air_seconds: float


def cost(pdus: Sequence[AttPdu]) -> Cost:
    """Return the cost of the till's trace `pdus`."""
    return Cost(
        att_pdus=len(pdus),
        ll_packets=sum(ll_packets(pdu.size) for pdu in pdus),
        bytes_on_air=sum(air_bytes(pdu.size) for pdu in pdus),
        waits=waits(pdus),
        value_bytes=sum(pdu.size - _VALUE_HEADER_BYTES for pdu in pdus if pdu.opcode in _CARRIES_VALUE),
        air_seconds=sum(_air_seconds(pdu.size) for pdu in pdus),
    )


def ll_packets(att_pdu_bytes: int) -> int:
    """Return how many link-layer packets carry one ATT PDU of so many octets."""
    return -(-(att_pdu_bytes + L2CAP_HEADER_BYTES) // LL_PAYLOAD_BYTES)


def waits(pdus: Iterable[AttPdu]) -> int:
    """Return how often the till's trace turns from sending to hearing."""
    directions = [sent for sent, _ in groupby(pdus, key=lambda pdu: pdu.sent)]
    return sum(1 for sent, then in pairwise(directions) if sent and not then)


def modelled_seconds(pdus: Sequence[AttPdu], *, interval: float) -> float:
    """Return how long the till's trace would take at a connection interval, in seconds, from its first PDU on.

    Each wait takes two intervals; the packets of one direction beyond what fits one event take an interval more for
    each event. The two sides' own work and a person's time are not in it.
    """
    per_event = _packets_per_event(interval)
    packets = [sum(ll_packets(pdu.size) for pdu in run) for _, run in groupby(pdus, key=lambda pdu: pdu.sent)]
    more_events = sum(-(-count // per_event) - 1 for count in packets)
    return interval * (ROUND_TRIP_INTERVALS * waits(pdus) + more_events)


def _packets_per_event(interval: float) -> int:
    full = _pair_seconds(LL_PAYLOAD_BYTES)
    return min(PACKETS_PER_EVENT, int((interval - _EVENT_MARGIN_SECONDS) / full))


def _air_seconds(att_pdu_bytes: int) -> float:
    rest = att_pdu_bytes + L2CAP_HEADER_BYTES
    total = 0.0
    while rest > 0:
        total += _pair_seconds(min(rest, LL_PAYLOAD_BYTES))
        rest -= LL_PAYLOAD_BYTES
    return total


def _pair_seconds(payload_bytes: int) -> float:
    """Return how long one packet, its empty answer and the two spaces take."""
    return (2 * PACKET_BYTES + payload_bytes) * _BYTE_SECONDS + 2 * _SPACE_SECONDS
