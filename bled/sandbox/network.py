"""The sandbox's network: who there is, which channels there are, and the wires that carry onion messages."""

import asyncio
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bled.clock import Clock
from bled.sandbox.accounts import Accounts
from bled.sandbox.channels import Channel
from bled.sandbox.commit_time import CommitTime
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import Point

if TYPE_CHECKING:  # a node knows its network and the network its nodes
    from bled.sandbox.node import SandboxNode


class Network:
    """Nodes and channels in one process. An async context manager: messages travel while it is open."""

    def __init__(
        self, *, clock: Clock, accounts: Accounts, chain: bytes = REGTEST_CHAIN, commit_seconds: float = 0.0
    ) -> None:
        """Take the clock of all nodes and the ledger that says who owns how much of a channel.

        `commit_seconds` is how long each node waits before it signs a commitment.
        """
        self.chain = chain
        self.clock = clock
        self.accounts = accounts
        self.commit_time = CommitTime(commit_seconds)
        self.nodes: dict[Point, SandboxNode] = {}
        self.channels: list[Channel] = []
        self._group = asyncio.TaskGroup()
        self._busy: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._busy:
            task.cancel()
        # Only a cancellation is the group's business; it would wrap any other error of the body.
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)
        else:
            await self._group.__aexit__(None, None, None)

    def add_node(self, node: "SandboxNode") -> None:
        """Take a node in; a node does this itself."""
        self.nodes[node.node_id] = node

    def add_channel(self, channel: Channel) -> None:
        """Take a channel in and connect its ends, as nodes with a channel always try to."""
        self.channels.append(channel)
        first, second = (self.nodes[end] for end in channel.ends)
        first.connect_peer(second.node_id)

    def channels_of(self, node_id: Point) -> Iterator[Channel]:
        """Return the channels with `node_id` at one end."""
        return (channel for channel in self.channels if node_id in channel.ends)

    def channel(self, scid: bytes) -> Channel | None:
        """Return a channel by the 8 bytes of its short channel id."""
        return next((channel for channel in self.channels if channel.scid_bytes == scid), None)

    def resolve(self, first_node_id: bytes) -> Point | None:
        """Return the node that begins a blinded path: named by its key, or by direction and channel (9 bytes)."""
        if len(first_node_id) == 33:
            return Point(first_node_id)
        channel = self.channel(first_node_id[1:])
        return None if channel is None else channel.end(first_node_id[0])

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do `work` soon, in the order of the calls; it ends with the network at the latest."""
        task = self._group.create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def quiet(self) -> None:
        """Return when no message is on its way any more."""
        while self._busy:
            await asyncio.wait(self._busy)
