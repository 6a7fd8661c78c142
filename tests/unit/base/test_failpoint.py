"""Failpoints: a no-op unless the environment arms the one that is passed."""

import signal
import subprocess
import sys
import time

import pytest

from bled import failpoint as module
from bled.codes import Code, Failpoint
from bled.errors import BledError
from bled.failpoint import failpoint


@pytest.fixture(autouse=True)
def _no_passages_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_hits", {})
    monkeypatch.delenv("BLED_FAILPOINT", raising=False)


@pytest.mark.parametrize("name", list(Failpoint))
def test_unarmed_nothing_happens(name: Failpoint) -> None:
    failpoint(name)


def test_an_armed_one_raises_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", "home.claimed=error")
    with pytest.raises(BledError) as caught:
        failpoint(Failpoint.HOME_CLAIMED)
    assert caught.value.code is Code.FAILPOINT
    assert "home.claimed" in caught.value.detail


def test_another_one_stays_a_no_op(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", "home.claimed=error")
    failpoint(Failpoint.HOME_VERIFIED)


def test_the_nth_passage_alone_can_be_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", "home.claimed:2=error")
    failpoint(Failpoint.HOME_CLAIMED)
    with pytest.raises(BledError):
        failpoint(Failpoint.HOME_CLAIMED)
    failpoint(Failpoint.HOME_CLAIMED)


def test_delay_waits_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setenv("BLED_FAILPOINT", "home.claimed=delay")
    failpoint(Failpoint.HOME_CLAIMED)
    assert waited == [2.0]


def test_kill_ends_the_process_at_once_without_cleaning_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", "home.claimed=kill")
    program = """
from bled.codes import Failpoint
from bled.failpoint import failpoint
try:
    failpoint(Failpoint.HOME_CLAIMED)
finally:
    print("cleaned up")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")
