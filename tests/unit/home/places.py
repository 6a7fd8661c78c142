"""Where a ledger lies: in a file or in a PostgreSQL database, and what may happen to it there."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from bled.grants.limits import BookLimits
from bled.home.ledger import Ledger
from bled.home.limits_json import format_limits
from bled.home.store import Store
from bled.home.store_schema import NEWEST

_TABLES = "meta, identity, books, claims, revoked_ids, events, refusals, inbox, refunds"


class File:
    """A SQLite file in a folder."""

    IntegrityError = sqlite3.IntegrityError

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, home, *, book_key: bytes | None = None) -> Ledger:
        return Ledger.open(self.folder, book_key=book_key or home.keys.book_key.public_key[1:])

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run one statement as a stranger would."""
        other = sqlite3.connect(self.folder / "ledger.sqlite", isolation_level=None)
        try:
            return other.execute(statement).fetchall()
        finally:
            other.close()

    def limit(self, limits: BookLimits) -> None:
        """Change the limits of every book."""
        with sqlite3.connect(self.folder / "ledger.sqlite") as other:
            other.execute("UPDATE books SET limits = ?", (format_limits(limits),))
        other.close()

    def copy(self) -> None:
        """Keep a copy of the ledger as it is now."""
        self._copy("ledger.sqlite", "copy.sqlite")

    def put_back(self) -> None:
        """Put the copy in the place of what the open ledger holds."""
        self._copy("copy.sqlite", "ledger.sqlite")

    def _copy(self, source: str, target: str) -> None:
        with (
            closing(sqlite3.connect(self.folder / source)) as old,
            closing(sqlite3.connect(self.folder / target)) as new,
        ):
            old.backup(new)

    @contextmanager
    def held(self, ledger: Ledger) -> Iterator[None]:
        """Let a stranger keep every writer out."""
        self._driver(ledger).execute("PRAGMA busy_timeout = 10")
        other = sqlite3.connect(self.folder / "ledger.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()

    def break_writing(self, ledger: Ledger) -> None:
        self._driver(ledger).execute("PRAGMA query_only = ON")

    def mend_writing(self, ledger: Ledger) -> None:
        self._driver(ledger).execute("PRAGMA query_only = OFF")

    def _driver(self, ledger: Ledger) -> sqlite3.Connection:
        return ledger._store.engine.raw_connection().driver_connection


class Database:
    """A database of a PostgreSQL server."""

    IntegrityError = psycopg.IntegrityError

    def __init__(self, cluster) -> None:
        self.cluster = cluster
        self.name = cluster.create()
        self._stranger: psycopg.Connection | None = None
        Store.connect(self.url).close()

    @property
    def url(self) -> str:
        return self.cluster.url(self.name)

    def clear(self) -> None:
        """Empty the tables: the rules that forbid that are for everybody else."""
        self.execute("UPDATE alembic_version SET version_num = %s", NEWEST)
        self.execute("SET session_replication_role = replica")
        self.execute(f"TRUNCATE {_TABLES} RESTART IDENTITY")
        self.execute("SET session_replication_role = DEFAULT")

    def put_back(self) -> None:
        """Put back a copy from before the first claim and the first worker."""
        self.execute("SET session_replication_role = replica")
        self.execute("TRUNCATE claims, events, refusals, inbox, refunds")
        self.execute("DELETE FROM meta WHERE name <> 'last_book'")
        self.execute("SET session_replication_role = DEFAULT")

    def open(self, home, *, book_key: bytes | None = None) -> Ledger:
        return Ledger.connect(self.url, book_key=book_key or home.keys.book_key.public_key[1:])

    def execute(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement as a stranger would."""
        try:
            cursor = self._connection().execute(statement, values or None)
        except psycopg.OperationalError:  # the server was started anew
            self.close()
            cursor = self._connection().execute(statement, values or None)
        return [] if cursor.description is None else cursor.fetchall()

    def _connection(self) -> psycopg.Connection:
        if self._stranger is None:
            self._stranger = psycopg.connect(self.url, autocommit=True)
        return self._stranger

    def close(self) -> None:
        if self._stranger is not None:
            self._stranger.close()
        self._stranger = None

    def limit(self, limits: BookLimits) -> None:
        """Change the limits of every book."""
        self.execute("UPDATE books SET limits = %s", format_limits(limits))

    @contextmanager
    def held(self, ledger: Ledger) -> Iterator[None]:
        """Let a stranger keep every writer out."""
        with psycopg.connect(self.url) as other:
            other.execute("SELECT pg_advisory_xact_lock(hashtext('bled writers'), 0)")
            yield

    def break_writing(self, ledger: Ledger) -> None:
        self.execute("ALTER TABLE meta RENAME TO hidden")

    def mend_writing(self, ledger: Ledger) -> None:
        self.execute("ALTER TABLE hidden RENAME TO meta")
