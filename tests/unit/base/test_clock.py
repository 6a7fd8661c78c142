"""Clocks: whole seconds of the wall, and a monotonic clock that a wrong wall clock does not touch."""

import time

import pytest

from bled.clock import Clock, ShiftedClock, SystemClock


def test_the_systems_time_is_rounded_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.999)
    assert SystemClock().now() == 1_700_000_000


@pytest.mark.parametrize("shift", [-3600, 0, 600])
def test_a_shifted_clock_is_off_by_that_many_seconds(monkeypatch: pytest.MonkeyPatch, shift: int) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.5)
    assert ShiftedClock(shift).now() == 1_700_000_000 + shift


@pytest.mark.parametrize("clock", [SystemClock(), ShiftedClock(3600)])
def test_durations_come_from_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 41.5)
    assert clock.monotonic() == 41.5
