"""Every parser of the air holds for its seeds and for thousands of small damages to them, the same ones each time."""

import random

import pytest

from .air_targets import AIR_TARGETS, Broken, air_seeds, run_air_target
from .test_targets import damaged

DAMAGES = 1500


@pytest.mark.parametrize("name", AIR_TARGETS)
def test_a_parser_of_the_air_holds_for_its_seeds_and_damaged_ones(name: str) -> None:
    seeds = air_seeds(name)
    chance = random.Random(name)  # noqa: S311 - the same damages every time
    whole = [seed for seed in seeds if name != "hs3"]  # one of these is what was promised
    for seed in [b"", *whole]:
        run_air_target(name, seed)
    for number in range(DAMAGES):
        data = damaged(seeds[number % len(seeds)], chance)
        if data not in seeds:
            run_air_target(name, data)


def test_a_broken_promise_of_the_air_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_: bytes) -> None:
        raise Broken

    monkeypatch.setitem(AIR_TARGETS, "message", breaks)
    with pytest.raises(Broken):
        run_air_target("message", b"")
