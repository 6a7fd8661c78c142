"""One guest for all of these tests: it boots once, and bluetoothd is started anew where a test needs other settings."""

import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from .build import CannotBuild, build, cache
from .machine import Guest, GuestError, missing, run_guest

END: Final = time.monotonic() + float(os.environ.get("BLED_BLUEZ_SECONDS", "inf"))
"""No test begins later. Emulation on a slow machine could take longer than anybody waits."""

_FIGURES: Final[list[str]] = []


def give_up(why: str) -> None:
    """Skip, or fail where BLED_BLUEZ=must says that this machine has all that it takes."""
    if os.environ.get("BLED_BLUEZ") == "must":
        pytest.fail(why)
    pytest.skip(f"real BlueZ is NOT tested: {why}")


@pytest.fixture(autouse=True)
def in_time() -> None:
    """Begin no test after the time that was given, and say so."""
    if time.monotonic() > END:
        pytest.skip("NOT tested on real BlueZ: the time that BLED_BLUEZ_SECONDS gives is over on this slow machine")


@pytest.fixture(scope="session")
def image() -> Path:
    """The guest's files."""
    if os.environ.get("BLED_BLUEZ") not in {"run", "must"}:
        pytest.skip("real BlueZ is NOT tested here, because it takes minutes: script/bluez does it, and .ci/run")
    if why := missing():
        give_up(why)
    try:
        image = build(cache())
    except CannotBuild as error:
        give_up(str(error))
        raise
    theirs, ours = (image / "root/usr/bin/python3").readlink().name, "python{}.{}".format(*sys.version_info)
    if theirs != ours:
        give_up(f"the guest has {theirs} and shares packages that are for {ours}")
    return image


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guest(image: Path) -> AsyncIterator[Guest]:
    """The guest, with bluetoothd on two adapters and the recommended main.conf."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            running = await stack.enter_async_context(run_guest(image))
        except GuestError as error:  # this machine is too slow at emulation, or forbids it
            give_up(str(error))
            raise
        await running.start_bluetooth()
        yield running
        _FIGURES.append(
            f"real BlueZ: the guest booted in {running.boot_seconds:.0f} s; "
            f"{running.failed_tries} tries to connect failed and were made again"
        )


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def bluetoothd(in_time: None, guest: Guest, request: pytest.FixtureRequest) -> None:
    """See to it that bluetoothd runs: a test in which it crashed has failed, and the others have not."""
    if not await guest.is_running("bluetoothd"):
        _FIGURES.append(f"real BlueZ: bluetoothd HAD CRASHED before {request.node.name} and was started anew")
        _FIGURES.append("real BlueZ: its last words: " + await guest.run("tail -n 3 /run/bluetoothd.log"))
        fault = await guest.run("dmesg | grep -m 3 -E 'corruption|kernel BUG|hci_chan_del' || echo nothing")
        _FIGURES.append(f"real BlueZ: the kernel says: {fault}")
        await guest.start_bluetoothd()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what is to be known of a guest that did its work."""
    for line in _FIGURES:
        terminalreporter.write_line(line)
