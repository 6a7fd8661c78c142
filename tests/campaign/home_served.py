"""A town whose home is a plugin and workers on one PostgreSQL: any of them dies, and the others go on."""

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from random import Random
from typing import Any

import home_auditor
import home_forks
from home_database import Database
from home_round import Round, Totals
from home_scenarios import PLAYED, Scenario, with_a_full_disk

from bled.codes import EXIT_TEMPORARY, EXIT_UNAVAILABLE, Failpoint

_IN_THE_PLUGIN = {Failpoint.HOME_ISSUED, Failpoint.HOME_REVOKED}
_IN_BOTH = {Failpoint.HOME_COMPARED, Failpoint.HOME_WITNESSED}
_MAY_END = {-signal.SIGKILL, EXIT_UNAVAILABLE, EXIT_TEMPORARY}
"""How a worker ends: killed, or without its node or database, after which a supervisor starts another."""
_ATTEMPTS_ARE_OVER = "UPDATE claims SET retry_for = -30 WHERE state = 'sent'"


class ServedRound(Round):
    """A town with workers."""

    def __init__(
        self,
        folder: Path,
        forks: home_forks.Forks,
        socket: Path,
        random: Random,
        totals: Totals,
        *,
        defect: str | None,
        database: Database,
        workers: int,
    ) -> None:
        super().__init__(folder, forks, socket, random, totals, defect=defect)
        self.database, self.count = database, workers
        self.database_url = database.url
        self.workers: dict[int, int] = {}
        self.playable = SERVED if database.server.is_own else {**SERVED, with_a_crashed_database: 0}

    async def start_home(self, failpoint: str | None = None, *, startup: bool = False, kill_after: float | None = None):
        """Start the plugin and the workers that are missing; who passes a failpoint is armed with it."""
        step = None if failpoint is None else Failpoint(failpoint.partition("=")[0].partition(":")[0])
        is_refunds = step is not None and step.value.startswith("home.refund")
        is_plugins = step in _IN_THE_PLUGIN or is_refunds or (step in _IN_BOTH and self.random.random() < 0.3)
        short = kill_after if self.random.random() < 0.4 else None
        await super().start_home(failpoint if is_plugins else None, startup=startup, kill_after=short)
        for number in range(self.count - len(self._alive())):
            armed = not is_plugins and (number == 0 or self.random.random() < 0.4)
            pid = await self._start_worker(failpoint if armed else None)
            if kill_after is not None and (short is None or self.random.random() < 0.5):
                asyncio.get_running_loop().call_later(kill_after, _kill, pid)

    async def fill_up(self) -> None:
        """Start workers in place of those that are gone."""
        for _ in range(self.count - len(self._alive())):
            await self._start_worker(None)

    async def _start_worker(self, failpoint: str | None) -> int:
        theirs, ours = os.pipe()
        log = os.open(self.folder / "workers.log", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        how = {"failpoint": failpoint, "clock": str(self.clock), "defect": self.defect}
        pid = await self.forks.start("worker", (theirs, log, log), **how)
        os.close(theirs)
        os.close(log)
        home = self.folder / "home"
        work = {"database": self.database.url, "rpc": str(home / "lightning-rpc"), "state": str(home / "bled-home")}
        with contextlib.suppress(BrokenPipeError):
            os.write(ours, json.dumps(work | {"any_clock": True}).encode() + b"\n")
        self.workers[pid] = ours
        return pid

    def _alive(self) -> list[int]:
        return [pid for pid in self.workers if not self.forks.has_ended(pid)]

    async def kill_worker(self) -> None:
        """Kill one worker that lives."""
        alive = self._alive()
        if alive:
            await self._bury(self.random.choice(alive))

    async def _bury(self, pid: int) -> None:
        _kill(pid)
        status = await self.forks.ended(pid)
        os.close(self.workers.pop(pid))
        self.totals.kills += status == -signal.SIGKILL
        self.totals.worker_kills += status == -signal.SIGKILL
        if status not in _MAY_END:
            self.note("ended", f"a worker ended by itself with {status}")

    async def kill_home(self, *, has_lost_its_node: bool = False) -> None:
        """Kill the plugin and all workers, in any order."""
        first = self.random.random() < 0.5
        if first:
            await super().kill_home(has_lost_its_node=has_lost_its_node)
        for pid in self.random.sample(list(self.workers), len(self.workers)):
            await self._bury(pid)
        if not first:
            await super().kill_home(has_lost_its_node=has_lost_its_node)

    def _is_home_dead(self) -> bool:
        return super()._is_home_dead() or not self._alive()

    def audit(self, *, is_final: bool) -> home_auditor.Findings:
        """Look at the database and the node's ledger."""
        read = self.database.read
        return home_auditor.audit(self.folder, revoked=self.told_revoked, is_final=is_final, read=read)

    async def let_attempts_end(self) -> None:
        """The node was started anew, so that it makes no attempt any more; home would wait a minute to be sure."""
        self.database.write(_ATTEMPTS_ARE_OVER)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def one_worker_after_the_other(town: Any) -> None:
    """Kill workers one by one while others are at work and new ones begin."""
    await town.start_home()
    bought = await town.shop()
    for _ in range(town.random.randrange(1, 4)):
        await town.any_moment()
        await town.kill_worker()
        bought += await town.shop(1)
        await town.fill_up()
    await town.until_decided(bought, seconds=3)
    await town.kill_home()


async def with_cut_connections(town: Any) -> None:
    """PostgreSQL ends every session, once or twice; home goes on or begins anew."""
    await town.start_home()
    bought = await town.shop()
    for _ in range(town.random.randrange(1, 3)):
        await town.any_moment()
        town.database.cut()
        bought += await town.shop(1)
    await town.until_decided(bought, seconds=1)
    await town.kill_home()


async def with_a_crashed_database(town: Any) -> None:
    """PostgreSQL itself crashes and recovers."""
    await town.start_home()
    bought = await town.shop()
    await town.any_moment()
    town.database.server.crash()
    bought += await town.shop(1)
    await town.until_decided(bought, seconds=1)
    await town.kill_home()


SERVED: dict[Scenario, int] = {
    **{scenario: weight for scenario, weight in PLAYED.items() if scenario is not with_a_full_disk},
    one_worker_after_the_other: 8,
    with_cut_connections: 3,
    with_a_crashed_database: 3,
}
"""What is played against a home with workers. No file of its own may grow or not: the disk is PostgreSQL's."""
