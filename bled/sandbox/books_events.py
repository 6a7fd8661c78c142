"""What a node tells those who listen: streams of its invoices, and the calls that wait for one of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from bled.sandbox.rpc_error import NodeDied
from bled_codec.units import Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceEvent:
    """An invoice was made or paid: `amount` asked for, or received."""

    label: str
    amount: Msat
    preimage: bytes = field(repr=False)


class Feed:
    """Passes events on to everyone who listens at that moment. None: the node is gone, no more will come."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[InvoiceEvent | None]] = set()

    @contextmanager
    def listen(self) -> Iterator["asyncio.Queue[InvoiceEvent | None]"]:
        """Give a queue of all events from now on."""
        queue: asyncio.Queue[InvoiceEvent | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def send(self, event: InvoiceEvent | None) -> None:
        """Pass an event on."""
        for queue in self._queues:
            queue.put_nowait(event)


class Wake(Enum):
    """Why a waiting call goes on: the invoice reached its end by itself, or it was deleted."""

    CHANGED = "changed"
    DELETED = "deleted"


class Waiters:
    """Calls that wait for an invoice, by its label."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[Wake]]] = {}

    @contextmanager
    def waiting(self, label: str) -> Iterator["asyncio.Future[Wake]"]:
        """Give a future that ends when the invoice is paid, runs out or is deleted; `NodeDied` with the node."""
        future: asyncio.Future[Wake] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(label, set()).add(future)
        try:
            yield future
        finally:
            if not future.cancel() and not future.cancelled():
                future.exception()  # marks it as seen, also when the one who waited is gone already
            self._waiting[label].discard(future)
            if not self._waiting[label]:
                del self._waiting[label]

    def wake(self, label: str, reason: Wake) -> None:
        """Let the calls that wait for `label` go on."""
        for future in self._waiting.get(label, ()):
            if not future.done():
                future.set_result(reason)

    def fail_all(self) -> None:
        """End every call with `NodeDied`."""
        for future in [future for waiting in self._waiting.values() for future in waiting]:
            if not future.done():
                future.set_exception(NodeDied)
