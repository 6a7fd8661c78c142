"""How long calls take on a machine that does other things too: many short slices in turn, and the best of each."""

import gc
import time
from collections.abc import Callable, Mapping
from typing import Final

_SLICE_SECONDS: Final = 0.0015
"""Length of one slice: short enough that many fall between two interruptions."""


def measure(calls: Mapping[str, Callable[[], object]], *, seconds: float) -> dict[str, float]:
    """Return seconds for one call of each, by name, the best of its slices; `seconds` is spent on each in all.

    The slices of all calls alternate, so that a slow minute is slow for every one of them.
    """
    counts = {name: _count(call) for name, call in calls.items()}
    best = dict.fromkeys(calls, float("inf"))
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(max(1, round(seconds / _SLICE_SECONDS))):
            for name, call in calls.items():
                best[name] = min(best[name], _slice(call, counts[name]))
    finally:
        if collecting:
            gc.enable()
    return best


def _count(call: Callable[[], object]) -> int:
    """Return how many calls fill a slice."""
    return max(1, int(_SLICE_SECONDS / min(_slice(call, 1) for _ in range(5))))


def _slice(call: Callable[[], object], count: int) -> float:
    call()  # whatever ran before has filled the caches with other things
    began = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - began) / count
