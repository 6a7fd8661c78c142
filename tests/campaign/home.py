"""The campaign against home: the plugin is killed, again and again, while it pays, and the ledgers are audited.

    script/campaign home --kills 2000 --seed 1
    script/campaign home --kills 2000 --seed 1 --workers 2    # on a PostgreSQL of its own, or --database URL

The sandbox's nodes are one process, the plugin is another, and SIGKILL ends either at every named step of the payment
path and at any other moment. Disks are full at any write, clocks jump, fifty invoices come at once, owners revoke what
is just being paid. After each kill, and at the end of each round, an auditor that reads only the two ledgers looks for
what must never be. With --workers home is the plugin and workers on PostgreSQL, which are killed one by one or
together, lose their connections or the server itself. Then builds with one rule broken each are played, and the auditor
has to catch every one of them.

What is played is drawn from the seed; how far a process has come when it is killed is up to the machine. The last line
of the output is JSON.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import home_auditor
import home_defects
import home_forks
from home_database import Database, Server
from home_round import Round, Totals
from home_scenarios import BRINGS_OUT, PLAYED, Scenario
from home_served import ServedRound

SOCKET = "forks"
KILLS_IN_A_ROUND = 40
"""Of a home of one process, as `KILLS_TO_CATCH`; with workers as many of each."""
WRONG = (
    *(name for name, value in vars(home_auditor.Findings()).items() if value == []),
    "ended",
    "hung",
    "hook",
    "aborted",
)
"""What is counted of what must not be."""
KILLS_TO_CATCH = 12
ROUNDS_TO_CATCH = 10
"""Until a defect counts as missed. Whether a kill hits its moment is up to the machine; most are caught at once."""
SETTLE_SECONDS = 60.0
CAUGHT_SECONDS = 3.0
"""How long claims may take to come to their end, in our own build and in one that may never bring them there."""


async def play_round(town: Round, kills: int, *, settle_seconds: float) -> None:
    """Kill home at least so many times, let everything come to its end, and audit."""
    await town.start_node()
    until = town.totals.kills + kills
    try:
        while town.totals.kills < until:
            if len(town.grants) < 8:
                await town.start_home()
                await town.issue()
                await town.kill_home()
            scenario = choose(town)
            town.totals.played[scenario.__name__] += 1
            await scenario(town)
            town.look()
        await come_to_an_end(town, settle_seconds)
        found = town.look(is_final=True)
        town.totals.payments += found.payments
        town.totals.refunds += found.refunds
    finally:
        await town.kill_home()
        await town.kill_node()
    town.totals.rounds += 1
    for line in (town.folder / "town.log").read_text(errors="replace").splitlines():
        if line.startswith("BROKEN"):
            town.note("hook", line)


def choose(town: Round) -> Scenario:
    """Return what is played next: against a build with a defect, every other time what brings that out."""
    if town.defect is not None and town.random.random() < 0.5:
        return BRINGS_OUT[town.defect]
    played = town.playable if isinstance(town, ServedRound) else PLAYED
    return town.random.choices(list(played), list(played.values()))[0]


async def come_to_an_end(town: Round, seconds: float) -> None:
    """Start node and home once more and leave them in peace, until all claims have ended and all refunds are known."""
    await town.kill_home()
    await town.kill_node()
    await town.start_node()
    await town.let_attempts_end()
    await town.start_home(startup=True)
    await town.ask("bled-trust-clock")
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        answer = await town.ask("bled-claims", limit=1_000)
        claims = [{"state": home_auditor.OPEN[0]}] if answer is None else answer["claims"]
        if not any(each["state"] in home_auditor.OPEN for each in claims) and await town.knows_all_refunds():
            break
        await asyncio.sleep(0.05)
    await town.kill_home()


@dataclass(frozen=True)
class Stage:
    """Where rounds are played: a folder, and the parent of all processes at a socket in it."""

    folder: Path
    forks: home_forks.Forks
    seed: int
    server: Server | None
    workers: int

    async def play(self, name: str, totals: Totals, kills: int, *, defect: str | None = None) -> None:
        """Play one round; its folder is left when something was wrong with our own build."""
        folder, wrong = self.folder / name, sum(totals.found.values())
        folder.mkdir()
        random = Random(f"{self.seed}:{name}")  # noqa: S311 - the same in every run
        settle_seconds = SETTLE_SECONDS if defect is None else CAUGHT_SECONDS
        where = (folder, self.forks, self.folder / SOCKET, random, totals)
        if self.server is None:
            await play_round(Round(*where, defect=defect), kills, settle_seconds=settle_seconds)
        else:
            with closing_down(self.server) as database:
                town = ServedRound(*where, defect=defect, database=database, workers=self.workers)
                await play_round(town, kills, settle_seconds=settle_seconds)
        if defect is not None or sum(totals.found.values()) == wrong:
            shutil.rmtree(folder)


@contextlib.contextmanager
def closing_down(server: Server) -> Iterator[Database]:
    """Make a database for a round, and remove it."""
    database = server.create()
    try:
        yield database
    finally:
        database.drop()


async def play(stage: Stage, kills: int, totals: Totals) -> None:
    """Play rounds until home was killed so many times."""
    while totals.kills < kills:
        most = KILLS_IN_A_ROUND * (1 + stage.workers)
        await stage.play(str(totals.rounds), totals, min(most, kills - totals.kills))
        played = f"{totals.payments} payments, {totals.refunds} refunds"
        say(f"{totals.kills} of {kills} kills, {played}, wrong: {+totals.found}")


async def catch(stage: Stage, defects: list[str]) -> dict[str, dict[str, Any]]:
    """Play builds with a defect until the auditor has caught each; say after how many kills, and what was found."""
    caught = {}
    for name in defects:
        totals = Totals()
        for number in range(ROUNDS_TO_CATCH):
            await stage.play(f"{name}-{number}", totals, KILLS_TO_CATCH * (1 + stage.workers), defect=name)
            if totals.found[home_defects.EXPECTED[name]]:
                break
        is_caught = totals.found[home_defects.EXPECTED[name]] > 0
        caught[name] = {"caught": is_caught, "kills": totals.kills, "found": dict(+totals.found)}
        say(f"{name}: {caught[name]}")
    return caught


async def everything(folder: Path, args: argparse.Namespace, totals: Totals) -> dict[str, dict[str, Any]]:
    """Play our own build, then those with a defect."""
    server = Server(args.database) if args.workers else None
    stage = Stage(folder, home_forks.Forks(folder / SOCKET), args.seed, server, args.workers)
    try:
        await play(stage, args.kills, totals)
    except Exception:  # noqa: BLE001 - what was played until then is told, and that it was not all
        totals.found["aborted"] += 1
        totals.lines.append(traceback.format_exc())
    try:
        return await catch(stage, [name for name in args.defects.split(",") if name in home_defects.DEFECTS])
    finally:
        stage.forks.close()
        if server is not None:
            server.remove()


def say(line: str) -> None:
    """Tell how far it has come."""
    print(line, file=sys.stderr)  # noqa: T201 - nobody waits for so long without a word


def main() -> int:
    """Play, print the closing line, and return 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=2_000, help="how often home is killed")
    parser.add_argument("--workers", type=int, default=0, help="workers on PostgreSQL; none: the plugin pays itself")
    parser.add_argument("--database", help="where they have databases made; without one a server is started for them")
    parser.add_argument("--seed", type=int, default=1, help="from which everything that is played follows")
    parser.add_argument("--defects", default=",".join(home_defects.DEFECTS), help="broken builds to catch, or none")
    parser.add_argument(
        "--keep", type=Path, help="an empty folder for what is left of rounds in which something was wrong"
    )
    args = parser.parse_args()
    began, totals = time.monotonic(), Totals()
    with contextlib.ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bled-")))
        folder.mkdir(exist_ok=True)
        stack.enter_context(home_forks.parent(folder / SOCKET))
        caught = asyncio.run(everything(folder, args, totals))
    for line in totals.lines:
        say(line)
    passed = not sum(totals.found.values()) and all(each["caught"] for each in caught.values())
    print(  # noqa: T201 - the closing line is what the campaign is run for
        json.dumps(
            {
                "campaign": "home",
                "passed": passed,
                "seed": args.seed,
                "kills": totals.kills,
                "payments": totals.payments,
                "refunds": totals.refunds,
                **{name: totals.found[name] for name in WRONG},
                "refund_kills": totals.refund_kills,
                "node_kills": totals.node_kills,
                "workers": args.workers,
                "worker_kills": totals.worker_kills,
                "rounds": totals.rounds,
                "played": dict(sorted(totals.played.items())),
                "killed_at": dict(sorted(totals.killed_at.items())),
                "defects": caught,
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
