"""A sandbox node of LND's kind: its books know invoices alone, its onion messages go to whoever subscribes."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from bled.node.stubs import lnd_subset_pb2 as pb
from bled.sandbox.lnd_books import LndBooks, Paths
from bled.sandbox.lnd_paths import paths_to
from bled.sandbox.node import SandboxNode
from bled_codec.encrypted_data import EncryptedData
from bled_codec.onion_message import Received
from bled_codec.units import Msat


class LndNode:
    """Joins a node of the sandbox and its books, and passes on the onion messages that reach it."""

    def __init__(self, node: SandboxNode) -> None:
        """Take a node whose books are `LndBooks`."""
        if not isinstance(node.books, LndBooks):
            raise TypeError(f"{node.alias} is no node of LND's kind")
        self.node = node
        self.books = node.books
        self.books.make_paths = self._make_paths
        self.node.hook = self._take
        self._queues: set[asyncio.Queue[pb.OnionMessageUpdate | None]] = set()

    def fresh_preimage(self) -> bytes:
        """Return a new preimage, for an invoice whose maker gave none."""
        return secrets.token_bytes(32)

    def end_streams(self) -> None:
        """Let every subscription of onion messages end."""
        for queue in self._queues:
            queue.put_nowait(None)

    @contextmanager
    def listen(self) -> Iterator["asyncio.Queue[pb.OnionMessageUpdate | None]"]:
        """Give a queue of the onion messages from now on. None: no more will come."""
        queue: asyncio.Queue[pb.OnionMessageUpdate | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def _make_paths(self, path_id: bytes, amount: Msat, expiry: int) -> Paths:
        return paths_to(self.node, path_id, amount, expiry)

    async def _take(self, received: Received) -> bool:
        """Show a message to who subscribes; LND does nothing else with one."""
        data = EncryptedData(path_id=received.path_id).encode()
        update = pb.OnionMessageUpdate(peer=bytes(33), encrypted_recipient_data=data)
        for queue in self._queues:
            queue.put_nowait(update)
        return True
