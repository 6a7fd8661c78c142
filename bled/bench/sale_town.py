"""Where sales are measured: a sandbox with the real home plugin, a till on its gRPC, a device before it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bled.bench.sale_link import Counter
from bled.buyer.approval import Answer, Question
from bled.buyer.arrival import Arrival
from bled.buyer.meeting import Meeting
from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.gatt.primitives import KEY_BYTES, X25519Key
from bled.node.base import MerchantNode
from bled.node.lightning_rpc import LightningRpc
from bled.node.opening import NodeFiles, NodeKind, open_node
from bled.progress import OnStep, ignore_steps
from bled.sales.charge import charge
from bled.sales.ledger import SaleLedger
from bled.sandbox.world import Sandbox
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.onion_message import Received
from bled_codec.units import Msat

AMOUNT: Final = Msat(15_000)
CHANNELS: Final = 2
"""Between home and the merchant."""
_IDS: Final = 10
_SECONDS: Final = 60.0
_READER: Final = X25519Key(b"\x52" * KEY_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A running sandbox, and both sides of its counter.

    `arrivals` are the moments (`time.perf_counter`) at which invoices reached home's node.
    """

    folder: Path
    sandbox: Sandbox
    ledger: SaleLedger
    arrivals: list[float] = field(default_factory=list)

    @property
    def files(self) -> NodeFiles:
        """What the till shows to its node, and where it keeps what it signs itself."""
        return NodeFiles(folder=self.sandbox.credentials, state=self.folder / "till")

    async def open_node(self) -> MerchantNode:
        """Return the till's connection to the merchant's node; the caller closes it."""
        return await open_node(self.sandbox.node_address, self.files)

    @asynccontextmanager
    async def device(self, name: str) -> AsyncIterator[Vault]:
        """Give a device with a book of its own, which home has just issued."""
        terms = {"device": name, "ids": _IDS, "total_msat": 100 * AMOUNT, "per_payment_msat": AMOUNT}
        issued = await LightningRpc(self.sandbox.home_rpc).call("bled-issue", terms)
        book = bytes.fromhex(issued["book"])
        with Vault.open(self.folder / name) as vault:
            vault.import_book(book, passphrase=issued["passphrase"], chain=REGTEST_CHAIN, now=SystemClock().now())
            yield vault

    async def sell(self, node: MerchantNode, vault: Vault, *, on_step: OnStep) -> None:
        """Sell to the device once. Raises `BledError` (`INTERNAL`) when that did not bring the money."""
        counter = Counter()
        arrival = Arrival(peripheral=counter, vault=vault, engagement=None, clock=SystemClock(), on_step=ignore_steps)
        async with asyncio.TaskGroup() as group:
            group.create_task(_buy(arrival, vault))
            result = await charge(
                node=node,
                ledger=self.ledger,
                central=counter,
                amount=AMOUNT,
                description="coffee",
                clock=SystemClock(),
                on_step=on_step,
                reader=_READER,
            )
        if result.code is not Code.PAID:
            raise BledError(Code.INTERNAL, detail=f"a sale ended with {result.code.value}: {result.detail}")


async def _buy(arrival: Arrival, vault: Vault) -> None:
    met = await arrival.run(seconds=_SECONDS)
    meeting = Meeting(
        met=met, vault=vault, chain=REGTEST_CHAIN, clock=SystemClock(), approve=_yes, on_step=ignore_steps
    )
    await meeting.run()


async def _yes(_question: Question) -> Answer:
    return Answer.YES


@asynccontextmanager
async def open_town(folder: Path, *, merchant: NodeKind, commit_seconds: float) -> AsyncIterator[Town]:
    """Run a town in `folder`, which must exist.

    `merchant` is the kind of the merchant's node, `commit_seconds` how long each node waits before it signs a
    commitment.
    """
    async with AsyncExitStack() as stack:
        running = Sandbox.run(folder / "sandbox", merchant=merchant, commit_seconds=commit_seconds)
        sandbox = await stack.enter_async_context(running)
        (folder / "till").mkdir(mode=0o700)
        ledger = stack.enter_context(SaleLedger.open(folder / "till" / "sales.sqlite"))
        town = Town(folder=folder, sandbox=sandbox, ledger=ledger)
        _watch_arrivals(town)
        yield town


def _watch_arrivals(town: Town) -> None:
    home = town.sandbox.home
    take = home.hook

    async def watched(received: Received) -> bool:
        if received.payload.invoice is not None:
            town.arrivals.append(time.perf_counter())
        return take is not None and await take(received)

    home.hook = watched
