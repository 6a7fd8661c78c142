"""What is counted, and the model behind `bytes_on_air`."""

import pytest
from bumble.snoop import Snooper

from bled.link.air_cost import air_bytes
from bled.link.base import LinkStats
from bled.link.meter import AirMeter

OUT = Snooper.Direction.HOST_TO_CONTROLLER


def acl(handle: int, payload: bytes, *, continues: bool = False) -> bytes:
    """Return the HCI packet that carries `payload`."""
    head = (handle | (1 << 12 if continues else 0)).to_bytes(2, "little")
    return b"\x02" + head + len(payload).to_bytes(2, "little") + payload


def l2cap(channel: int, length: int, data: bytes) -> bytes:
    return length.to_bytes(2, "little") + channel.to_bytes(2, "little") + data


@pytest.mark.parametrize(
    ("att_pdu", "expected"),
    [(1, 25), (23, 47), (247, 271), (248, 292), (498, 542), (499, 563), (515, 579), (517, 581)],
)
def test_a_pdu_costs_itself_its_headers_and_an_empty_answer_to_each_packet(att_pdu: int, expected: int) -> None:
    assert air_bytes(att_pdu) == expected


def test_the_model_gives_the_bare_row_of_the_cost_table() -> None:
    # Subscription, 300 bytes written, 800 bytes notified in 512 and 288: 6 PDUs, 1340 bytes at ATT_MTU 517.
    pdus = [5, 1, 303, 1, 515, 291]
    assert sum(air_bytes(pdu) for pdu in pdus) == 1340


def test_every_att_pdu_is_counted_once_whatever_packets_carry_it() -> None:
    meter = AirMeter()
    meter.snoop(acl(1, l2cap(4, 100, bytes(23))), OUT)
    meter.snoop(acl(1, bytes(27), continues=True), OUT)
    meter.snoop(acl(1, bytes(50), continues=True), OUT)
    assert meter.stats(1) == LinkStats(att_pdus=1, bytes_on_air=air_bytes(100))


def test_other_channels_events_and_stumps_are_not_counted() -> None:
    meter = AirMeter()
    for packet in (acl(1, l2cap(5, 4, bytes(4))), acl(1, b"\x01\x00"), b"\x04\x0e\x04" + bytes(9), b"\x02", b""):
        meter.snoop(packet, OUT)
    assert meter.stats(1) == LinkStats(att_pdus=0, bytes_on_air=0)


def test_connections_are_counted_apart_and_a_handle_that_is_used_again_starts_at_nothing() -> None:
    meter = AirMeter()
    meter.snoop(acl(1, l2cap(4, 1, b"a")), OUT)
    meter.snoop(acl(2, l2cap(4, 1, b"a")), OUT)
    meter.snoop(acl(2, l2cap(4, 1, b"a")), OUT)
    assert (meter.stats(1).att_pdus, meter.stats(2).att_pdus) == (1, 2)
    meter.start(2)
    assert meter.stats(2).att_pdus == 0
