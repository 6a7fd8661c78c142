"""Money that comes back to a home with workers: plugin, workers and PostgreSQL as processes of their own."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bled.codes import Failpoint
from bled.sandbox.books_rows import InvoiceStatus

pytestmark = pytest.mark.system

BLED = Path(sys.executable).parent / "bled"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket."""
    path = Path(tempfile.mkdtemp(prefix="bled-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def database(migrated, monkeypatch):
    """The database of home, which the plugin finds in its environment."""
    migrated.clear()
    monkeypatch.setenv("BLED_DATABASE", migrated.url)
    return migrated


@asynccontextmanager
async def served(town) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `bled home serve` with two workers for a town's home."""
    given = ("--rpc", str(town.sandbox.home_rpc), "--workers", "2", "--any-clock")
    log = (town.sandbox.folder / "serve.log").open("wb")
    serve = await asyncio.create_subprocess_exec(str(BLED), "home", "serve", *given, stderr=log)
    log.close()
    try:
        yield serve
    finally:
        if serve.returncode is None:
            serve.terminate()
        await serve.wait()


def refunds(database) -> list[tuple[str, int | None]]:
    return database.execute("SELECT state, received FROM refunds ORDER BY made_at, state")


async def test_what_a_worker_paid_comes_back_once_and_every_process_knows(folder, database, refund_towns) -> None:
    async with refund_towns.town_in(folder) as town, served(town):
        await town.buy()
        await town.buy(1)
        first = await town.fetch()
        await asyncio.gather(town.pay(first), town.pay(await town.fetch(4_000, offer=town.refund_offer(1))))
        wanted = [4_000, refund_towns.AMOUNT]
        told = await town.until(lambda found: sorted(each["refunded_msat"] for each in found) == wanted and found)
        assert len(told) == 2
        assert await town.silence()
        assert sorted(refunds(database)) == [("paid", 4_000), ("paid", refund_towns.AMOUNT)]
        assert database.execute("SELECT count(*) FROM events WHERE code = 'refunded'") == [(2,)]


async def test_workers_that_are_killed_keep_no_refund_from_being_known(folder, database, refund_towns) -> None:
    async with refund_towns.town_in(folder) as town:
        async with served(town) as serve:
            await town.buy()
            serve.kill()
            await serve.wait()
        invoice = await town.fetch()
        os.kill(town.sandbox.plugin_pid, signal.SIGKILL)
        await town.pay(invoice)
        async with served(town):
            await town.came(refund_towns.AMOUNT)
            await town.buy(1)  # and they pay again
        assert refunds(database) == [("paid", refund_towns.AMOUNT)]


@pytest.mark.parametrize(
    "step", [Failpoint.HOME_REFUND_STORED, Failpoint.HOME_REFUND_KEPT, Failpoint.HOME_REFUND_READY]
)
async def test_a_plugin_killed_before_it_answers_is_asked_again_and_paid_once(
    folder, database, refund_towns, monkeypatch, step
) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", f"{step.value}=kill")
    async with refund_towns.town_in(folder) as town, served(town):
        monkeypatch.delenv("BLED_FAILPOINT")
        await town.buy()
        assert await town.silence()
        await town.sandbox.plugin.ready()
        await town.pay(await town.fetch())
        await town.came(refund_towns.AMOUNT)
        assert (town.kept(InvoiceStatus.PAID), town.kept(InvoiceStatus.UNPAID)) == (1, 0)
        assert sorted(refunds(database)) == [("closed", None), ("paid", refund_towns.AMOUNT)]


async def test_a_database_that_is_away_costs_no_money_that_came_meanwhile(folder, database, refund_towns) -> None:
    async with refund_towns.town_in(folder) as town, served(town):
        await town.buy()
        invoice = await town.fetch()
        await asyncio.to_thread(database.cluster.stop)
        try:
            await town.pay(invoice)
            assert await town.silence(1_000)
        finally:
            await asyncio.to_thread(database.cluster.start)
        await town.came(refund_towns.AMOUNT)
        assert refunds(database) == [("paid", refund_towns.AMOUNT)]
