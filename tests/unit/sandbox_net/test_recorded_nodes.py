"""What real Core Lightning nodes did, done again by the sandbox and compared field by field."""

from typing import Any

import pytest

# Of each recording: injected onions, hook calls at home, answers of xpay and listsendpays.
RECORDINGS = {
    "02-direct": (6, 5, 8),
    "03-push": (7, 4, 5),
    "04-private": (6, 6, 7),
    "05-cancel": (3, 3, 7),
    "06-refused": (19, 19, 0),
    "07-create-errors": (14, 4, 1),
    "08-xpay-errors": (1, 1, 32),
    "10-rate-limit": (24, 16, 0),
}


@pytest.mark.parametrize("name", RECORDINGS)
async def test_onions_hooks_and_payments_are_those_of_the_recorded_nodes(replay: Any, name: str) -> None:
    recording = await replay(name)
    await recording.run()
    counted = tuple(recording.compared[what] for what in ("InjectOnionMessage", "home-hook", "home-rpc"))
    assert counted == RECORDINGS[name]
