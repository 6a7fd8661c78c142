"""Plugins and workers that start at once: a parent that has imported everything forks one for each start.

Each is a process of its own, with its own pipes, and dies alone; see `campaign/home_forks.py`. Run as a program this is
the parent.
"""

import asyncio
import importlib.util
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

_FORKS = Path(__file__).parents[2] / "campaign" / "home_forks.py"
_LARGEST_LINE = 2**24


def _load_forks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bled_tests_home_forks", _FORKS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


home_forks = _load_forks()


class Forked:
    """As much of an asyncio process as tests use."""

    def __init__(self, pid: int, forks, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader | None) -> None:
        self.pid, self._forks, self.stdin, self.stdout = pid, forks, stdin, stdout
        self.returncode: int | None = None

    async def wait(self) -> int:
        if self.returncode is None:
            self.returncode = await self._forks.ended(self.pid)
            self._forks.close()
        return self.returncode

    def kill(self) -> None:
        if not self._forks.has_ended(self.pid):
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Warm:
    """Starts processes; `path` is the parent's socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def plugin(self, folder: Path, *, failpoint: str | None) -> Forked:
        """Start `bled-home` in a node's folder."""
        ours, theirs = os.pipe()
        try:
            reader = asyncio.StreamReader(limit=_LARGEST_LINE)
            protocol = asyncio.StreamReaderProtocol(reader)
            await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(ours, "rb", 0))
            return await self._start("plugin", theirs, 2, reader, folder=str(folder), failpoint=failpoint)
        finally:
            os.close(theirs)

    async def worker(self, log: int, *, clock: int, failpoint: str | None) -> Forked:
        """Start a worker whose clock is `clock` seconds ahead; it writes to the descriptor `log`."""
        return await self._start("worker", log, log, None, clock=clock, failpoint=failpoint)

    async def _start(
        self, role: str, stdout: int, stderr: int, reader: asyncio.StreamReader | None, **how: object
    ) -> Forked:
        loop, forks = asyncio.get_running_loop(), home_forks.Forks(self._path)
        theirs, ours = os.pipe()
        try:
            pid = await forks.start(role, (theirs, stdout, stderr), **how)
        finally:
            os.close(theirs)
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())  # nothing is read; it knows of the pipe's end
        transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(ours, "wb", 0))
        return Forked(pid, forks, asyncio.StreamWriter(transport, protocol, None, loop), reader)


def parent(folder: Path):
    """Run the parent for as long as the block lasts; its socket is `folder / "warm"`."""
    return home_forks.parent(folder / "warm", str(Path(__file__).resolve()))


def _arm(failpoint: str | None) -> None:
    os.environ.pop("BLED_FAILPOINT", None)
    if failpoint is not None:
        os.environ["BLED_FAILPOINT"] = failpoint


def _main() -> None:
    import bled.home.main
    import bled.home.serve_worker
    import bled.home.store_postgres
    import bled.home.store_sqlite
    from bled.clock import ShiftedClock

    def plugin(*, folder: str, failpoint: str | None) -> None:
        _arm(failpoint)
        os.chdir(folder)
        bled.home.main.main()

    def worker(*, clock: int, failpoint: str | None) -> None:
        _arm(failpoint)
        bled.home.serve_worker.main(ShiftedClock(clock))

    home_forks.serve(Path(sys.argv[1]), {"plugin": plugin, "worker": worker})


if __name__ == "__main__":
    _main()
