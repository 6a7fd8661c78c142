"""`bled home serve`: keeps a number of workers running. One that ends is started anew; its work was taken over then."""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import Final

from bled.codes import EXIT_CONFIG, EXIT_REFUSED, EXIT_USAGE, Code
from bled.errors import ConfigurationError
from bled.home.serve_worker import Work, log

_COMMAND: Final = (sys.executable, "-m", "bled.home.serve_worker")
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
_LONG_RUN: Final = 60.0
"""After so many seconds of work a worker that ends is started anew at once, as at first."""
_HOPELESS: Final = frozenset({EXIT_CONFIG, EXIT_REFUSED, EXIT_USAGE})
"""Ends that a new start does not mend."""
_SECONDS_TO_END: Final = 5.0


async def supervise(work: Work, *, workers: int, command: Sequence[str] = _COMMAND) -> None:
    """Keep `workers` processes at work until this is cancelled; they end with it.

    Raises `ConfigurationError` when one says that its settings are wrong, which it has told on stderr.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(_keep_running(work, command))
    except* ConfigurationError as wrong:
        raise wrong.exceptions[0] from None


async def _keep_running(work: Work, command: Sequence[str]) -> None:
    loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE
    while True:
        began = loop.time()
        status = await _run_once(work, command)
        if status in _HOPELESS:
            raise ConfigurationError(Code.CONFIG_BAD, detail="a worker cannot begin; see its last line")
        if loop.time() - began > _LONG_RUN:
            pause = _FIRST_PAUSE
        log("unusual", f"a worker ended with status {status}, another begins in {pause:.0f} s")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _run_once(work: Work, command: Sequence[str]) -> int:
    """Run one worker to its end and return its status; stop it when this is cancelled."""
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    try:
        if process.stdin is not None:
            with contextlib.suppress(ConnectionError):  # it has ended already, and its status says why
                process.stdin.write(work.encode())
                await process.stdin.drain()
        return await process.wait()
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_SECONDS_TO_END):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
