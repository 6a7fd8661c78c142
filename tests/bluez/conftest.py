"""One guest for all of these tests: it boots once, and bluetoothd is started anew where a test needs other settings."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from .build import CannotBuild, build
from .machine import Guest, GuestError, missing, run_guest


def cache() -> Path:
    """Return where the guest is kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bled" / "bluez-guest"


def give_up(why: str) -> None:
    """Skip, or fail where BLED_BLUEZ=must says that this machine has all that it takes."""
    if os.environ.get("BLED_BLUEZ") == "must":
        pytest.fail(why)
    pytest.skip(f"real BlueZ is NOT tested: {why}")


@pytest.fixture(scope="session")
def image() -> Path:
    """The guest's files."""
    if os.environ.get("BLED_BLUEZ") not in {"run", "must"}:
        pytest.skip("real BlueZ is NOT tested: it takes ten minutes of emulation; BLED_BLUEZ=run asks for it")
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
