"""The processes of the campaign against the till: a till that sells once, or one that finishes what was left open."""

import asyncio
import os
import resource
import sys
from dataclasses import replace
from pathlib import Path

import home_forks
import merchant_defects

sys.path.insert(1, str(Path(__file__).parents[1] / "system" / "merchant"))

import merchant_proxy

import bled.link.virtual  # noqa: F401 - loaded once, before any process is forked
from bled.clock import SystemClock
from bled.link.radio import open_central
from bled.node.opening import NodeFiles, open_node
from bled.progress import ignore_steps
from bled.sales.charge import charge, resume
from bled.sales.ledger import SaleLedger
from bled.sales.reader_key import reader_key_beside
from bled.sales.times import TIMES
from bled_codec.units import Msat

AMOUNT = Msat(15_000)
MOST_TIP = Msat(3_000)
QUICK = replace(
    TIMES,
    node=0.4,
    node_retry=0.05,
    wait=0.2,
    resend=(0.1, 0.1, 0.2),
    push=0.3,
    resend_later=0.5,
    resume=0.4,
    rejoin=0.5,
    pace=0.01,
)
"""The waits shortened, as in the tests of the till; what is promised to buyer and home stays as it is."""


def till(
    *, address: str, credentials: str, ledger: str, air: str | None, failpoint: str | None, defect: str | None
) -> None:
    """Sell once over the air, or without one only finish what is open."""
    os.environ.pop("BLED_FAILPOINT", None)
    if failpoint is not None:
        os.environ["BLED_FAILPOINT"] = failpoint
    if defect is not None:
        merchant_defects.DEFECTS[defect]()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asyncio.run(_finish(address, credentials, ledger) if air is None else _sell(address, credentials, ledger, air))


async def _finish(address: str, credentials: str, path: str) -> None:
    with SaleLedger.open(Path(path)) as ledger:
        node = await open_node(address, NodeFiles(folder=Path(credentials), state=Path(path).parent))
        try:
            await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=ignore_steps, times=QUICK)
        finally:
            await node.close()


async def _sell(address: str, credentials: str, path: str, air: str) -> None:
    with SaleLedger.open(Path(path)) as ledger:
        node = await open_node(address, NodeFiles(folder=Path(credentials), state=Path(path).parent))
        try:
            central = await open_central(f"virtual:{air}")
            try:
                await charge(
                    node=node,
                    ledger=ledger,
                    central=central,
                    amount=AMOUNT,
                    tip_max=MOST_TIP,
                    description="coffee",
                    clock=SystemClock(),
                    on_step=ignore_steps,
                    reader=reader_key_beside(Path(path)),
                    buyer_seconds=3,
                    times=QUICK,
                )
            finally:
                await central.close()
        finally:
            await node.close()


if __name__ == "__main__":
    home_forks.serve(Path(sys.argv[1]), {"till": till, "proxy": merchant_proxy.proxy})
