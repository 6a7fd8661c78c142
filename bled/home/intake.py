"""From the hook to who verifies: what is home's business at all, how much of it may come, and what waits in memory."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from bled.clock import Clock
from bled.errors import Refused
from bled.grants.keys import HomeKeys
from bled.grants.metadata import open_metadata
from bled.home.pay import Log
from bled.home.policy import MAX_INVOICE_BYTES, Glimpse, glimpse, is_ours
from bled.home.rates import Rates
from bled_codec.units import Point

QUEUE_LENGTH: Final = 64
"""Invoices that may wait; each takes about two milliseconds. A till sends again what was dropped."""
_STRANGERS_QUEUE: Final = 16
_EACH_ID: Final = 4
"""Invoices of one payer id that may wait: a till that floods its own path holds up nobody else."""
_SECONDS_BETWEEN_LOGS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An invoice as the hook brought it. `is_ours`: it came over a path that home made for the payer id it names."""

    invoice: bytes
    secret: bytes
    seen: Glimpse
    is_ours: bool


class Arrivals(Protocol):
    """Where the next invoice to verify comes from."""

    def next(self) -> AbstractAsyncContextManager[Arrived | None]:
        """Wait for an invoice; None when none came for a while. It is done with when the context ends."""
        ...


class RareLog:
    """Logs what anybody can bring about, at most once in ten seconds: the disk is not for strangers to fill."""

    def __init__(self, log: Log, clock: Clock) -> None:
        """Take where lines go, and the clock that says when the next one may."""
        self._log = log
        self._clock = clock
        self._again_at = float("-inf")

    def __call__(self, line: str) -> None:
        """Log a line, unless there was one a moment ago."""
        now = self._clock.monotonic()
        if now < self._again_at:
            return
        self._again_at = now + _SECONDS_BETWEEN_LOGS
        self._log("unusual", line)


class Intake:
    """What waits in memory, within bounds for each payer id, each book and strangers."""

    def __init__(self, *, keys: HomeKeys, clock: Clock, log: Log, takes_strangers: bool = True) -> None:
        """Take home's keys. `takes_strangers`: what came over no path of ours is looked at, for the records."""
        self._keys = keys
        self._clock = clock
        self._log_rarely = RareLog(log, clock)
        self._takes_strangers = takes_strangers
        self._rates = Rates()
        self._queue: asyncio.Queue[Arrived] = asyncio.Queue(QUEUE_LENGTH)
        self._waiting: Counter[bytes | None] = Counter()

    def receive(self, invoice: bytes, secret: bytes) -> bool:
        """Take an invoice from the hook and say at once whether it is home's business. Verifies nothing yet.

        One that came over no path of ours is not: the node shall answer it as if home were not there, so that nobody
        can find out by asking which node issued a payer id. If it carries field 239 it is still looked at, for the
        records.
        """
        seen = glimpse(invoice)
        ours = is_ours(self._keys, seen.payer_id, secret)
        arrived = Arrived(invoice=invoice, secret=secret, seen=seen, is_ours=ours)
        if self._may_wait(arrived):
            self._waiting[seen.payer_id] += 1
            self._queue.put_nowait(arrived)
        elif ours:
            self._log_rarely("too many invoices at once, one was dropped")
        return ours

    def _may_wait(self, arrived: Arrived) -> bool:
        if self._queue.full() or self._waiting[arrived.seen.payer_id] >= _EACH_ID:
            return False
        if arrived.is_ours:
            return self._is_in_rate(arrived)
        is_told = self._takes_strangers and arrived.seen.has_request_signature
        return is_told and self._queue.qsize() < _STRANGERS_QUEUE

    def _is_in_rate(self, arrived: Arrived) -> bool:
        payer_id, book_id = arrived.seen.payer_id or b"", book_of(arrived, self._keys)
        # What names no book of ours shares one bucket: it costs a look, no more.
        return self._rates.allows(payer_id, book_id or 0, now=self._clock.monotonic())

    @asynccontextmanager
    async def next(self) -> AsyncIterator[Arrived | None]:
        """Wait for the next invoice."""
        arrived = await self._queue.get()
        self._waiting[arrived.seen.payer_id] -= 1
        self._waiting += Counter()  # drops the names that wait for nothing
        yield arrived


def book_of(arrived: Arrived, keys: HomeKeys) -> int | None:
    """Return the book that a payer id says it is of, None when home never sealed that. Takes microseconds."""
    seen = arrived.seen
    if seen.metadata is None or seen.payer_id is None or len(arrived.invoice) > MAX_INVOICE_BYTES:
        return None
    try:
        return open_metadata(keys, seen.metadata, Point(seen.payer_id)).book_id
    except Refused:
        return None
