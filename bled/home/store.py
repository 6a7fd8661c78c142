"""The file of home's ledger: SQLite that has everything on the disk before a commit returns."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable

SCHEMA_VERSION: Final = 1
LEDGER_FILE: Final = "ledger.sqlite"
_LOCK_FILE: Final = "ledger.lock"
_BUSY_SECONDS: Final = 2.0

_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE identity (book_key BLOB NOT NULL CHECK (length(book_key) = 32)) STRICT;
CREATE TABLE books (
    book_id INTEGER PRIMARY KEY AUTOINCREMENT,
    salt BLOB NOT NULL UNIQUE CHECK (length(salt) = 16),
    device TEXT NOT NULL, home_label TEXT NOT NULL, issued_at INTEGER NOT NULL,
    ids INTEGER NOT NULL CHECK (ids > 0), limits TEXT NOT NULL, revoked_at INTEGER
) STRICT;
CREATE TABLE claims (
    payer_id BLOB PRIMARY KEY CHECK (length(payer_id) = 33),
    book_id INTEGER NOT NULL REFERENCES books, id_index INTEGER NOT NULL,
    payment_hash BLOB NOT NULL UNIQUE CHECK (length(payment_hash) = 32),
    amount INTEGER NOT NULL CHECK (amount > 0), max_fee INTEGER NOT NULL CHECK (max_fee >= 0),
    invoice BLOB NOT NULL, claimed_at INTEGER NOT NULL, day INTEGER NOT NULL, pay_before INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'sent', 'paid', 'failed', 'dropped')),
    sent_at INTEGER, retry_for INTEGER, amount_sent INTEGER, preimage BLOB, detail TEXT NOT NULL DEFAULT '',
    UNIQUE (book_id, id_index),
    CHECK ((state = 'paid') = (amount_sent IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_open ON claims (claimed_at) WHERE state IN ('claimed', 'sent');
CREATE TABLE revoked_ids (
    payer_id BLOB PRIMARY KEY CHECK (length(payer_id) = 33), book_id INTEGER NOT NULL REFERENCES books,
    revoked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
    payer_id BLOB NOT NULL, payment_hash BLOB NOT NULL, amount INTEGER NOT NULL, preimage BLOB
) STRICT;
"""

# Made at each opening, so that a ledger of before has them too. What was used stays used, what was paid stays paid.
_TRIGGERS: Final = """
CREATE TRIGGER IF NOT EXISTS claims_stay BEFORE DELETE ON claims BEGIN SELECT RAISE(ABORT, 'claims stay'); END;
CREATE TRIGGER IF NOT EXISTS books_stay BEFORE DELETE ON books BEGIN SELECT RAISE(ABORT, 'books stay'); END;
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events stay'); END;
CREATE TRIGGER IF NOT EXISTS revoked_ids_stay BEFORE DELETE ON revoked_ids
    BEGIN SELECT RAISE(ABORT, 'what was revoked stays revoked'); END;
CREATE TRIGGER IF NOT EXISTS revocations_stand BEFORE UPDATE OF revoked_at ON books
    WHEN OLD.revoked_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'what was revoked stays revoked'); END;
CREATE TRIGGER IF NOT EXISTS claims_stand BEFORE UPDATE ON claims
    WHEN OLD.state = 'paid' OR NEW.payer_id <> OLD.payer_id OR NEW.payment_hash <> OLD.payment_hash
        OR NEW.invoice <> OLD.invoice OR NEW.amount <> OLD.amount OR NEW.max_fee <> OLD.max_fee
    BEGIN SELECT RAISE(ABORT, 'what was claimed stands, and what was paid stays paid'); END;
"""


class Store:
    """One process has it open at a time. Every transaction is all or nothing, and durable when it returns."""

    def __init__(self, database: sqlite3.Connection, lock: int) -> None:
        """Take a connection and a locked descriptor; use `open`."""
        self._database = database
        self._lock: int | None = lock

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Open the ledger in `folder`, which exists; make it when there is none.

        Raises `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`) or `ConfigurationError` (`STORE_VERSION`).
        """
        with _translated():
            lock = _take_lock(folder / _LOCK_FILE)
        database: sqlite3.Connection | None = None
        try:
            with _translated():
                database = _connect(folder / LEDGER_FILE)
                _prepare(database)
                sync_folder(folder)
        except BaseException:
            if database is not None:
                database.close()
            os.close(lock)
            raise
        return cls(database, lock)

    def close(self) -> None:
        """Close the file and let others open it. Harmless when it is closed."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Make the changes inside together or not at all; nobody else writes meanwhile.

        Raises `Unavailable`: `STORE_LOCKED` when a stranger holds the file for 2 s, `STORE_BROKEN` when it cannot be
        written. Nothing was changed then.
        """
        with _translated():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk may have rolled back already
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read without locking. Raises `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`)."""
        with _translated():
            yield self._database


def _take_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unavailable(Code.STORE_LOCKED, detail=f"{path.parent}: another plugin has it open") from None
    return descriptor


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    database.row_factory = sqlite3.Row
    # In WAL mode FULL syncs at every commit; with a rollback journal a power cut could undo the last one.
    mode = database.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        database.close()
        raise Unavailable(
            Code.STORE_BROKEN, detail=f"{path.parent}: SQLite cannot keep a write-ahead log there ({mode})"
        )
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync leaves data in the drive's cache
    database.execute("PRAGMA checkpoint_fullfsync = ON")
    database.execute("PRAGMA foreign_keys = ON")
    return database


def _prepare(database: sqlite3.Connection) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and not database.execute("SELECT 1 FROM sqlite_schema").fetchone():
        database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    elif version != SCHEMA_VERSION:
        raise ConfigurationError(Code.STORE_VERSION, detail=f"version {version}, this program knows {SCHEMA_VERSION}")
    fault = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if fault != "ok":
        raise Unavailable(Code.STORE_BROKEN, detail=f"the ledger is damaged: {fault}")
    database.executescript(f"BEGIN IMMEDIATE; {_TRIGGERS} COMMIT;")


def sync_folder(folder: Path) -> None:
    """Have the names of new files in `folder` on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # Errors of the driver itself carry no number.
        busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        raise Unavailable(Code.STORE_LOCKED if busy else Code.STORE_BROKEN, detail=str(error)) from error
    except OSError as error:
        raise Unavailable(Code.STORE_BROKEN, detail=str(error)) from error
