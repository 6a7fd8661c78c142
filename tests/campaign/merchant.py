"""The campaign against the till: it is killed, again and again, while it sells, and its ledger is audited.

    script/campaign merchant --kills 1000 --seed 1

The merchant's node (Core Lightning, LND and a private Core Lightning in turn), hop, home and the buyers' devices are
this process; each till is one of its own, on the virtual radio, and SIGKILL ends it at any named step between two
effects or at any other moment. With --proxy the tills reach Core Lightning through `bled node-proxy`, a process of its
own that is killed too. The node dies and comes back, home pays late or not at all, or tries to pay again. After
each kill, and when every sale was finished from the node's records, an auditor that reads only the ledger and the
node's books looks for what must never be. Then builds with one rule broken each are played, and it has to catch them.

What is played is drawn from the seed; how far a till has come when it is killed is up to the machine. The last line of
the output is JSON.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(1, str(Path(__file__).parents[1] / "system" / "merchant"))

import home_forks
import merchant_defects
from merchant_round import Round, Totals, till_log
from stage import open_shop

from bled.link.air_server import serve_air

SOCKET = "forks"
KILLS_IN_A_ROUND = 25
KILLS_TO_CATCH = 8
NODES: tuple[dict[str, Any], ...] = ({"kind": "cln"}, {"kind": "lnd"}, {"kind": "cln", "private": True})


class Stage:
    """Where rounds are played."""

    def __init__(self, folder: Path, forks: home_forks.Forks, air: str, seed: int, *, proxied: bool) -> None:
        self.folder, self.forks, self.air, self.seed, self.proxied = folder, forks, air, seed, proxied

    async def play(self, name: str, number: int, totals: Totals, kills: int, *, defect: str | None = None) -> None:
        """Play one round with the next kind of node."""
        folder = self.folder / name
        folder.mkdir()
        random = Random(f"{self.seed}:{name}")  # noqa: S311 - the same in every run
        async with open_shop(folder, **NODES[number % len(NODES)]) as shop:
            town = Round(shop, self.air, self.forks, random, totals, proxied=self.proxied)
            town.defect = defect
            await town.play(kills)
        if defect is None and totals.lines:
            say(f"{totals.lines[-1]}\n{till_log(folder)}")


async def play(stage: Stage, kills: int, in_a_round: int, totals: Totals) -> None:
    """Play rounds until tills were killed so many times."""
    while totals.kills < kills:
        await stage.play(str(totals.rounds), totals.rounds, totals, min(in_a_round, kills - totals.kills))
        say(f"{totals.kills} of {kills} kills, {totals.payments} payments, wrong: {dict(+totals.found)}")


async def catch(stage: Stage, defects: list[str]) -> dict[str, dict[str, Any]]:
    """Play builds with a defect until the auditor has caught each; say after how many kills, and what was found."""
    caught = {}
    for name in defects:
        totals = Totals()
        for number in range(6):
            await stage.play(f"{name}-{number}", number, totals, KILLS_TO_CATCH, defect=name)
            if totals.found[merchant_defects.EXPECTED[name]]:
                break
        is_caught = totals.found[merchant_defects.EXPECTED[name]] > 0
        caught[name] = {"caught": is_caught, "kills": totals.kills, "found": dict(+totals.found)}
        say(f"{name}: {caught[name]}")
    return caught


async def everything(folder: Path, args: argparse.Namespace, totals: Totals) -> dict[str, dict[str, Any]]:
    """Play our own build, then those with a defect."""
    forks = home_forks.Forks(folder / SOCKET)
    try:
        async with serve_air("127.0.0.1:0") as air:
            stage = Stage(folder, forks, air, args.seed, proxied=args.proxy)
            await play(stage, args.kills, args.in_a_round, totals)
            return await catch(stage, [name for name in args.defects.split(",") if name in merchant_defects.DEFECTS])
    finally:
        forks.close()


def say(line: str) -> None:
    """Tell how far it has come."""
    print(line, file=sys.stderr)  # noqa: T201 - nobody waits for so long without a word


def closing_line(totals: Totals, caught: dict[str, dict[str, Any]], seed: int) -> dict[str, Any]:
    """Return the last line of the output."""
    wrong = {name: totals.found[name] for name in
             ("lost", "unproven", "second_live", "wrong_amount", "open_twice", "unresolved", "left_open")}  # fmt: skip
    bad = {**wrong, "node_crashes": totals.node_crashes, "hung": totals.hung}
    return {
        "campaign": "merchant",
        "passed": not any(bad.values()) and all(each["caught"] for each in caught.values()),
        "seed": seed,
        "kills": totals.kills,
        "sales": totals.sales,
        "payments": totals.payments,
        **bad,
        "node_kills": totals.node_kills,
        "proxy_kills": totals.proxy_kills,
        "rounds": totals.rounds,
        "killed_at": dict(sorted(totals.killed_at.items())),
        "defects": caught,
    }


def main() -> int:
    """Play, print the closing line, and return 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=1_000, help="how often a till is killed")
    parser.add_argument("--in-a-round", type=int, default=KILLS_IN_A_ROUND, help="kills until the next kind of node")
    parser.add_argument("--proxy", action="store_true", help="have a node-proxy before Core Lightning, killed as well")
    parser.add_argument("--seed", type=int, default=1, help="from which everything that is played follows")
    parser.add_argument("--defects", default=",".join(merchant_defects.DEFECTS), help="broken builds to catch, or none")
    parser.add_argument("--keep", type=Path, help="an empty folder for what is left of the rounds")
    args = parser.parse_args()
    began, totals = time.monotonic(), Totals()
    with contextlib.ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bled-")))
        folder.mkdir(exist_ok=True)
        stack.enter_context(home_forks.parent(folder / SOCKET, "merchant_roles.py"))
        caught = asyncio.run(everything(folder, args, totals))
    line = closing_line(totals, caught, args.seed) | {"seconds": round(time.monotonic() - began, 1)}
    print(json.dumps(line))  # noqa: T201 - the closing line is what the campaign is run for
    return 0 if line["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
