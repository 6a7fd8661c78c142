"""What is counted from values alone costs what the model says."""

import pytest

from bled.link.air_cost import air_bytes
from bled.link.base import LinkStats
from bled.link.tally import ValueTally


@pytest.mark.parametrize("size", [0, 1, 18, 180, 242, 244, 245, 495, 512])
def test_a_value_costs_what_the_model_says(size: int) -> None:
    tally = ValueTally()
    tally.count(size)
    assert tally.stats == LinkStats(att_pdus=1, bytes_on_air=air_bytes(size + 3))
    tally.count(size, acknowledged=True)
    assert tally.stats == LinkStats(att_pdus=3, bytes_on_air=2 * air_bytes(size + 3) + air_bytes(1))
