"""A clock that jumps, so that minutes of waiting take no time."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
Fast = Callable[[Coroutine[Any, Any, T]], T]


class JumpingSelector(selectors.DefaultSelector):
    """Never sleeps: where a loop would wait for a timer, the time until then is added to `skipped` instead."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("everybody waits for ever")
        if not ready and timeout:
            self.skipped += max(timeout, 1e-6)  # less would be lost beside the seconds that have passed
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop for programs without sockets: its time passes only when there is nothing else to do."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1000.0 + self._jumping.skipped


def run_fast(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end on a clock that jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)


@pytest.fixture
def fast() -> Fast:
    """How to run without waiting."""
    return run_fast
