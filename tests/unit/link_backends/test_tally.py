"""What is counted without bumble is what bumble's meter counts."""

import pytest

from bled.link.base import LinkStats
from bled.link.meter import air_bytes
from bled.link.tally import ValueTally


@pytest.mark.parametrize("size", [0, 1, 18, 180, 242, 244, 245, 495, 512])
def test_a_value_costs_what_the_meter_says(size: int) -> None:
    tally = ValueTally()
    tally.count(size)
    assert tally.stats == LinkStats(att_pdus=1, bytes_on_air=air_bytes(size + 3))
    tally.count(size, acknowledged=True)
    assert tally.stats == LinkStats(att_pdus=3, bytes_on_air=2 * air_bytes(size + 3) + air_bytes(1))
