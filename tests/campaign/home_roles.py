"""The processes of the campaign against home: the plugin itself, and the sandbox that it lives in."""

import os
import resource
import sys
from pathlib import Path

import home_defects
import home_forks
import home_town

import bled.home.main
import bled.home.serve_worker
import bled.home.store_postgres  # loaded once, before any process is forked
from bled.clock import SystemClock
from bled_codec.units import UnixTime

SHIFT_BYTES = 8


class FileClock(SystemClock):
    """The machine's clock, off by what a file says at the moment: a clock that jumps."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> UnixTime:
        """Return the time with the present shift."""
        return UnixTime(super().now() + int(self._path.read_bytes() or b"0"))


def home(*, folder: str, failpoint: str | None, clock: str, defect: str | None, database: str | None) -> None:
    """Be `bled-home`; with a database it leaves the work to workers."""
    os.chdir(folder)
    os.environ["LIGHTNINGD_PLUGIN"] = "1"
    if database is not None:
        os.environ["BLED_DATABASE"] = database
    _prepare(failpoint, defect)
    bled.home.main.main(FileClock(Path(clock)))


def worker(*, failpoint: str | None, clock: str, defect: str | None) -> None:
    """Be a worker of `bled home serve`."""
    _prepare(failpoint, defect)
    bled.home.serve_worker.main(FileClock(Path(clock)))


def _prepare(failpoint: str | None, defect: str | None) -> None:
    os.environ.pop("BLED_FAILPOINT", None)
    if failpoint is not None:
        os.environ["BLED_FAILPOINT"] = failpoint
    if defect is not None:
        home_defects.DEFECTS[defect]()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    home_forks.serve(Path(sys.argv[1]), {"home": home, "worker": worker, "town": home_town.main})
