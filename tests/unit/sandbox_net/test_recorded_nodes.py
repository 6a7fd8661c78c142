"""What real Core Lightning nodes did, done again by the sandbox and compared field by field."""

from typing import Any

import pytest

RECORDINGS = ("02", "03", "04", "05", "06", "07", "08", "10")


@pytest.mark.parametrize("name", RECORDINGS)
async def test_onions_hooks_and_payments_are_those_of_the_recorded_nodes(replay: Any, name: str) -> None:
    recording = await replay(name)
    await recording.run()
    assert recording.compared["home-hook"] + recording.compared["home-rpc"] > 3
