"""The stage of the demo: a sandbox network, an air, a till and a device, all real but for channels and coins."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from bled.clock import Clock, SystemClock
from bled.demo.crooked_node import CrookedLndNode, CrookedNode
from bled.demo.recorder import Recorder, Who
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import SERVICE_UUID
from bled.link.base import Central, LinkStats, MessageLink
from bled.link.virtual import VirtualAir
from bled.node.base import MerchantNode
from bled.node.lightning_rpc import LightningRpc
from bled.node.opening import NodeFiles, NodeKind, open_node
from bled.progress import OnStep
from bled.sales.ledger import SaleLedger
from bled.sales.reader_key import reader_key_beside
from bled.sandbox.world import Sandbox
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import Msat

CHAIN: Final = REGTEST_CHAIN
MAX_FEE_BASE: Final = Msat(5_000)
MAX_FEE_PPM: Final = 10_000

_MOVED: Final = "seconds-passed"


class WatchedCentral:
    """A till's radio that remembers its link, so that the demo can count what went over the air."""

    def __init__(self, central: Central) -> None:
        """Take the radio to watch."""
        self._central = central
        self._links: list[MessageLink] = []

    async def connect(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> MessageLink:
        """Connect as the radio does."""
        link = await self._central.connect(seconds=seconds, on_step=on_step, uuid=uuid)
        self._links.append(link)
        return link

    async def connect_any(
        self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]
    ) -> tuple[UUID, MessageLink]:
        """Connect as the radio does."""
        uuid, link = await self._central.connect_any(seconds=seconds, on_step=on_step, uuids=uuids)
        self._links.append(link)
        return uuid, link

    async def close(self) -> None:
        """Close the radio."""
        await self._central.close()

    @property
    def stats(self) -> LinkStats:
        """What the last link carried."""
        return self._links[-1].stats if self._links else LinkStats(att_pdus=0, bytes_on_air=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that a purchase needs.

    Attributes:
        reader: the lasting key of the till's reader.
        clock: of the till and of the buyer's device. Home has its own, which `let_time_pass` moves.
        home: the home node's RPC socket, with the plugin's methods.
    """

    folder: Path
    sandbox: Sandbox
    air: VirtualAir
    node: MerchantNode
    ledger: SaleLedger
    reader: X25519Key
    home: LightningRpc
    clock: Clock
    att_mtu: int
    recorder: Recorder

    def balances(self) -> dict[str, int]:
        """Return what each node owns, in millisatoshi."""
        return {name: int(amount) for name, amount in self.sandbox.balances().items()}

    def let_time_pass(self, seconds: int) -> None:
        """Move home's clock on, instead of waiting."""
        (self.folder / _MOVED).write_text(str(seconds), encoding="ascii")
        self.recorder.add(Who.ATTACKER, f"holds the request for {seconds} s (the demo moves home's clock on)")

    async def issue_book(self, name: str, terms: Mapping[str, object]) -> "IssuedBook":
        """Have home issue a book for a device called `name`."""
        answer = await self.home.call("bled-issue", {"device": name, **terms})
        book = IssuedBook(
            book_id=int(answer["book_id"]),
            data=bytes.fromhex(answer["book"]),
            passphrase=str(answer["passphrase"]),
            not_after=int(answer["not_after"]),
        )
        facts = {"book_id": book.book_id, "bytes": len(book.data), "ids": answer["ids"]}
        self.recorder.add(Who.HOME, "book issued", facts)
        return book

    def device(self, name: str, book: "IssuedBook") -> Vault:
        """Return the vault of a device that has imported `book`; the caller closes it."""
        vault = Vault.open(self.folder / name)
        try:
            vault.import_book(book.data, passphrase=book.passphrase, chain=CHAIN, now=SystemClock().now())
        except BaseException:
            vault.close()
            raise
        self.recorder.add(Who.BUYER, "book imported", {"device": name})
        return vault

    async def budget(self, book: "IssuedBook") -> int:
        """Return what home would still pay for a book, in millisatoshi."""
        answer = await self.home.call("bled-budget", {"book_id": book.book_id})
        return int(answer["remaining_msat"])

    async def decisions(self, since: int = 0) -> list[Mapping[str, Any]]:
        """Return what home has decided, oldest first."""
        answer = await self.home.call("bled-decisions", {"since": since})
        return list(answer["decisions"])


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedBook:
    """A wrapped grant book as home handed it out."""

    book_id: int
    data: bytes
    passphrase: str
    not_after: int


@asynccontextmanager
async def open_stage(
    folder: Path,
    *,
    att_mtu: int,
    recorder: Recorder,
    merchant: NodeKind = NodeKind.CLN,
    is_crooked: bool = False,
) -> AsyncIterator[Stage]:
    """Start everything under `folder` and stop it afterwards.

    `merchant` is the kind of the merchant's node; the till of one that `is_crooked` belongs to a cheat.
    """
    plugin = [sys.executable, "-m", "bled.demo.home_in_time", str(folder / _MOVED)]
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.run(folder / "sandbox", plugin=plugin, merchant=merchant))
        recorder.add(Who.DEMO, "sandbox started", {"grpc": sandbox.node_address, "home_plugin_pid": sandbox.plugin_pid})
        air = await stack.enter_async_context(VirtualAir())
        files = NodeFiles(folder=sandbox.credentials, state=folder / "till")
        if is_crooked:
            node = await open_node(sandbox.node_address, files, cln=CrookedNode, lnd=CrookedLndNode)
        else:
            node = await open_node(sandbox.node_address, files)
        stack.push_async_callback(node.close)
        ledger = stack.enter_context(SaleLedger.open(folder / "sales.sqlite"))
        yield Stage(
            folder=folder,
            sandbox=sandbox,
            air=air,
            node=node,
            ledger=ledger,
            reader=reader_key_beside(folder / "sales.sqlite"),
            home=LightningRpc(sandbox.home_rpc),
            clock=SystemClock(),
            att_mtu=att_mtu,
            recorder=recorder,
        )
