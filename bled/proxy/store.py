"""The proxy's SQLite files: opened or made, and written in transactions that are on the disk when they end."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable


def open_database(path: Path, *, tables: str, version: int, application_id: int) -> sqlite3.Connection:
    """Open the file at `path`, or make it with `tables` in it.

    `application_id` marks the file as this kind of ledger. Raises `Unavailable` (`STORE_BROKEN`) and
    `ConfigurationError` (`STORE_VERSION`).
    """
    try:
        db = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise Unavailable(Code.STORE_BROKEN, detail=f"{path}: {error}") from error
    try:
        _prepare(db, path, tables=tables, version=version, application_id=application_id)
    except sqlite3.Error as error:
        db.close()
        raise Unavailable(Code.STORE_BROKEN, detail=f"{path}: {error}") from error
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, *, tables: str, version: int, application_id: int) -> None:
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;")
    found = db.execute("PRAGMA user_version").fetchone()[0], db.execute("PRAGMA application_id").fetchone()[0]
    if found == (0, 0):
        marks = f"PRAGMA application_id = {application_id}; PRAGMA user_version = {version};"
        db.executescript(f"BEGIN IMMEDIATE; {tables} {marks} COMMIT;")
    elif found != (version, application_id):
        raise ConfigurationError(Code.STORE_VERSION, detail=f"{path} is of version {found[0]}")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what SQLite raises inside into `Unavailable` (`STORE_BROKEN`), which names `what`."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(Code.STORE_BROKEN, detail=f"the proxy's ledger of {what}: {error}") from error


@contextmanager
def writing(db: sqlite3.Connection, what: str) -> Iterator[sqlite3.Connection]:
    """Write what is done inside, all or nothing. Raises `Unavailable` (`STORE_BROKEN`), which names `what`."""
    with reading(what):
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
