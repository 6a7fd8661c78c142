"""The database of home's ledger: nothing is half written, everything is durable when a transaction returns.

One code path for SQLite and PostgreSQL. Writers go one behind the other in both, so that the checks of a transaction
still hold when it commits: in SQLite by `BEGIN IMMEDIATE`, in PostgreSQL by a lock that every writer takes first.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bled.codes import Code
from bled.errors import BledError, Unavailable

BUSY_SECONDS: Final = 2.0
"""Longest wait for another writer."""
WRITES: Final = "bled_writes"
"""Execution option of connections that will write."""
WRITERS_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('bled writers'), 0)")
_LOCKED_STATES: Final = frozenset({"55P03", "57014"})
"""SQLSTATE of a lock that was not free in time, and of a statement that took too long."""


class Store:
    """An open ledger. Every transaction is all or nothing, and durable when it returns."""

    def __init__(self, engine: Engine, close: Callable[[], None] = lambda: None) -> None:
        """Take an engine that is ready for work, and what to do after it is closed."""
        self.engine = engine
        self._close = close

    @property
    def is_shared(self) -> bool:
        """Whether other processes may have the same ledger open."""
        return self.engine.dialect.name == "postgresql"

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Open the SQLite ledger in `folder`, which exists; make it when there is none.

        Raises `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`) or `ConfigurationError` (`STORE_VERSION`).
        """
        from bled.home.store_sqlite import open_file

        return cls(*open_file(folder))

    @classmethod
    def connect(cls, url: str) -> "Store":
        """Open the ledger in a PostgreSQL database, in which it is made when there is none.

        Raises `Unavailable` (`STORE_UNREACHABLE`, `STORE_LOCKED`, `STORE_BROKEN`) or `ConfigurationError`
        (`CONFIG_BAD`, `STORE_VERSION`).
        """
        from bled.home.store_postgres import open_database

        return cls(open_database(url))

    def close(self) -> None:
        """Close every connection and let others open a file. Harmless when it is closed."""
        self.engine.dispose()
        self._close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Make the changes inside together or not at all; nobody else writes meanwhile.

        Raises `Unavailable`: `STORE_LOCKED` when others hold the ledger for 2 s, `STORE_BROKEN` when it cannot be
        written, `STORE_UNREACHABLE` when PostgreSQL does not answer. Nothing was changed then; only a connection that
        was lost during the commit leaves open whether everything was.
        """
        with translated(), writing(self.engine) as database:
            yield database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read without locking. Raises `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`)."""
        with translated(), self.engine.connect() as database:
            yield database


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction of the only writer, and commit it."""
    with engine.connect().execution_options(**{WRITES: True}) as database, database.begin():
        if engine.dialect.name == "postgresql":
            # Each later statement sees what was committed before it: so READ COMMITTED, and the lock before anything.
            database.execute(WRITERS_LOCK)
        yield database


@contextmanager
def translated() -> Iterator[None]:
    """Have errors of databases and files raised as `Unavailable`, with the driver's words and no values."""
    try:
        yield
    except BledError:
        raise
    except DBAPIError as error:
        raise _unavailable(error.orig or error, is_connected=not error.connection_invalidated) from error
    except SQLAlchemyError as error:
        raise Unavailable(Code.STORE_BROKEN, detail=type(error).__name__) from error
    except (sqlite3.Error, OSError) as error:
        raise _unavailable(error) from error


def _unavailable(error: BaseException, *, is_connected: bool = True) -> Unavailable:
    # Errors of the driver itself carry no number.
    busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    state = getattr(error, "sqlstate", "")
    code = Code.STORE_LOCKED if busy or state in _LOCKED_STATES else Code.STORE_BROKEN
    # psycopg gives what the server says a state, and its own words about the connection none.
    if not is_connected or state is None:
        code = Code.STORE_UNREACHABLE
    return Unavailable(code, detail=" ".join(str(error).split()))
