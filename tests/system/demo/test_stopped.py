"""A demo that is stopped leaves nothing behind: no folder, no process."""

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

_BLED = Path(sys.executable).parent / "bled"
_SECONDS = 60


@pytest.fixture
def near() -> Iterator[Path]:
    """A folder whose path is short enough for the sockets that a demo has in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def _wait(until: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + _SECONDS
    while not until():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def _processes_of(group: int) -> list[str]:
    """Return the processes that have this group, as they may outlive the one that began it."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=2) for line in found.splitlines()]
    return [line[2] for line in lines if line[0] == str(group) and not line[1].startswith("Z")]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_demo_that_is_stopped_takes_its_folder_and_its_processes_along(number: int, near: Path) -> None:
    demo = subprocess.Popen(
        [_BLED, "demo", "--json", "--tamper", "late"],
        env={**os.environ, "TMPDIR": str(near)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    _wait(lambda: list(near.glob("bled-demo-*/*")) or demo.poll() is not None)
    demo.send_signal(number)
    out, err = demo.communicate(timeout=_SECONDS)
    assert demo.returncode == 130, out + err
    assert list(near.iterdir()) == []
    _wait(lambda: not _processes_of(demo.pid))


def test_a_demo_whose_terminal_goes_away_takes_its_folder_along(near: Path) -> None:
    demo, terminal = pty.fork()
    if not demo:
        os.execve(_BLED, ["bled", "demo", "--tamper", "late"], {**os.environ, "TMPDIR": str(near)})  # noqa: S606
    _wait(lambda: list(near.glob("bled-demo-*/*")))
    os.close(terminal)
    ended: list[int] = []

    def has_ended() -> bool:
        process, status = os.waitpid(demo, os.WNOHANG)
        ended.append(status)
        return bool(process)

    _wait(has_ended)
    assert os.WIFEXITED(ended[-1])
    assert list(near.iterdir()) == []
