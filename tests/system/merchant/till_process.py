"""A till in a process of its own, to be killed: charges one buyer over the virtual radio, prints how it ended.

Arguments: node's address, credentials folder, ledger file, air's address.
"""

import asyncio
import json
import sys
from pathlib import Path

from bled.clock import SystemClock
from bled.link.radio import open_central
from bled.node.opening import NodeFiles, open_node
from bled.sales.charge import charge
from bled.sales.ledger import SaleLedger
from bled.sales.reader_key import reader_key_beside
from bled_codec.units import Msat


def say(name: str, facts: object) -> None:
    print(json.dumps([name, facts], default=str), flush=True)  # noqa: T201 - that is what it is for


async def main(address: str, credentials: str, ledger: str, air: str) -> None:
    with SaleLedger.open(Path(ledger)) as sales:
        node = await open_node(address, NodeFiles(folder=Path(credentials), state=Path(ledger).parent))
        central = await open_central(f"virtual:{air}")
        try:
            result = await charge(
                node=node,
                ledger=sales,
                central=central,
                amount=Msat(15_000),
                description="coffee",
                clock=SystemClock(),
                on_step=say,
                reader=reader_key_beside(Path(ledger)),
                buyer_seconds=10,
            )
        finally:
            await central.close()
            await node.close()
    say("result", result.code.value)


asyncio.run(main(*sys.argv[1:]))
