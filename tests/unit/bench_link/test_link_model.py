"""The model of the air: packets, bytes, waits and time of a trace."""

import pytest

from bled.bench.link_exchanges import plain, secure
from bled.bench.link_model import INTERVALS, cost, ll_packets, modelled_seconds, waits
from bled.bench.link_profiles import PROFILES
from bled.link.trace import AttPdu

WRITE, COMMAND, ANSWER, NOTIFY = 0x12, 0x52, 0x13, 0x1B


def sent(size: int, opcode: int = WRITE) -> AttPdu:
    return AttPdu(sent=True, opcode=opcode, size=size)


def heard(size: int, opcode: int = NOTIFY) -> AttPdu:
    return AttPdu(sent=False, opcode=opcode, size=size)


SUBSCRIBED = (sent(5), heard(1, ANSWER))
BARE = (*SUBSCRIBED, sent(303), heard(1, ANSWER), heard(515), heard(291))
"""Subscription, 300 bytes written, 800 notified in 512 and 288, with nothing around them: the least that GATT takes."""


def test_the_bare_exchange_costs_what_the_formulas_say() -> None:
    found = cost(BARE)
    assert (found.att_pdus, found.ll_packets, found.bytes_on_air, found.waits) == (6, 10, 1340, 2)
    assert found.value_bytes == 2 + 300 + 800
    assert found.air_seconds == pytest.approx((1340 * 8 + 10 * 300) * 1e-6)


@pytest.mark.parametrize(("size", "packets"), [(1, 1), (23, 1), (247, 1), (248, 2), (498, 2), (499, 3), (517, 3)])
def test_a_pdu_and_its_header_fill_packets_of_251_bytes(size: int, packets: int) -> None:
    assert ll_packets(size) == packets


def test_a_wait_is_each_turn_from_sending_to_hearing() -> None:
    assert waits(()) == 0
    assert waits((sent(5),)) == 0
    assert waits((heard(20),)) == 0
    assert waits(BARE) == 2
    assert waits((sent(5, COMMAND), sent(5, COMMAND), sent(5), heard(1, ANSWER), heard(20), sent(5), heard(1))) == 2


def test_each_wait_takes_two_intervals() -> None:
    for interval in INTERVALS:
        assert modelled_seconds(SUBSCRIBED, interval=interval) == pytest.approx(2 * interval)


def test_packets_beyond_an_event_take_an_interval_each_time() -> None:
    burst = (sent(5), *[heard(247)] * 9)
    assert modelled_seconds(burst, interval=0.015) == pytest.approx(0.015 * (2 + 2))  # four packets an event
    assert modelled_seconds(burst, interval=0.0075) == pytest.approx(0.0075 * (2 + 4))  # two


def test_no_other_protocol_is_said_to_need_less_than_the_bare_exchange() -> None:
    assert all(spent.bytes_on_air >= 1340 for rows in PROFILES.values() for spent in rows.values())


def test_the_secure_exchange_adds_what_the_handshake_and_two_tags_take() -> None:
    plain_bytes = sum(len(said.message) for said in plain(300, 800).said)
    secure_bytes = sum(len(said.message) for said in secure(300, 800).said)
    assert secure_bytes - plain_bytes == 88 + 73 + 80 + 16
