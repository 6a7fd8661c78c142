"""A worker's session with PostgreSQL: its sign of life, and what it takes from the inbox.

The session is one connection. While it lasts the worker holds the lock of its number (see `ledger_workers`) and the row
it works on. When it is lost both are free, and the worker begins a new one under a new number.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from bled.codes import Code
from bled.errors import Unavailable
from bled.home.intake import Arrived
from bled.home.ledger import Ledger
from bled.home.pay import Log
from bled.home.serve_inbox import CHANNEL, remove, take
from bled.home.store import translated

IDLE_SECONDS: Final = 2.0
"""Without news, time between two looks: at the inbox, and for workers that are gone."""
_BEGIN: Final = (
    # A row is held while the node is asked what it knows: that may take as long as the node wants.
    text("SET idle_in_transaction_session_timeout = 0"),
    text(f"LISTEN {CHANNEL}"),
)


class Session:
    """Where a worker gets its work; `bled.home.service` does it."""

    def __init__(self, ledger: Ledger, *, log: Log, pauses: Callable[[], Iterator[float]]) -> None:
        """Take the ledger, which knows the node; `pauses` are the seconds between tries to reach PostgreSQL."""
        self._ledger = ledger
        self._log = log
        self._pauses = pauses
        self._connection: Connection | None = None
        self._heard = asyncio.Event()

    def open(self) -> None:
        """Begin a session under a new number. Raises `Unavailable`."""
        with translated():
            connection = self._ledger.engine.connect()
            try:
                for statement in _BEGIN:
                    connection.execute(statement)
                connection.commit()
                _driver(connection).add_notify_handler(lambda _: self._heard.set())
                number = self._ledger.enlist(connection)
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
        self._connection = connection
        self._log("info", f"worker {number} begins")

    def close(self) -> None:
        """End the session; what it held is free for others."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(SQLAlchemyError):
                connection.invalidate()  # never back to the pool: the lock belongs to this session
                connection.close()

    @asynccontextmanager
    async def next(self) -> AsyncIterator[Arrived | None]:
        """Wait for an invoice of the inbox; None when none came for a while. Done with, it leaves the inbox."""
        taken = await self._taken()
        if taken is None:
            yield None
            return
        arrival, arrived = taken
        try:
            yield arrived
        except asyncio.CancelledError:
            raise  # the next worker takes it
        except BaseException:
            self._remove(arrival)  # a defect of ours must not end one worker after the other
            raise
        self._remove(arrival)

    def _remove(self, arrival: int) -> None:
        try:
            with translated():
                if self._connection is not None:
                    remove(self._connection, arrival)
        except Unavailable as error:
            self._lose(error)  # it will be looked at again, and its claim found

    async def _taken(self) -> tuple[int, Arrived] | None:
        """Look, wait for news, look again; begin a new session whenever the present one is lost."""
        has_waited = False
        for pause in self._pauses():
            try:
                if self._connection is None:
                    self.open()
                taken = self._take()
                if taken is not None or has_waited:
                    return taken
            except Unavailable as error:
                self._lose(error)
                await asyncio.sleep(pause)
            else:
                await self._news()
                has_waited = True
        return None

    def _take(self) -> tuple[int, Arrived] | None:
        if self._connection is None:
            return None
        self._heard.clear()  # before the look: what comes during it is looked for again
        with translated():
            return take(self._connection, self._ledger.node)

    def _lose(self, error: Unavailable) -> None:
        self._log("unusual", f"the session with PostgreSQL is lost, {error}")
        self.close()

    async def _news(self) -> None:
        """Wait until PostgreSQL says something, or for `IDLE_SECONDS`. The next statement reads what it says."""
        if self._connection is None:
            return
        loop, descriptor = asyncio.get_running_loop(), _driver(self._connection).fileno()
        loop.add_reader(descriptor, self._heard.set)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._heard.wait()
        finally:
            loop.remove_reader(descriptor)


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise Unavailable(Code.STORE_BROKEN, detail="the session is none of PostgreSQL")
    return driver
