"""The vault's SQLite file: opened alone, checked, and changed in transactions that survive a power cut."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.grants.sealing import NONCE_BYTES, seal, unseal
from bled.vault.files import (
    KEY_FILE,
    STORE_FILE,
    file_errors,
    locked,
    make_folder,
    make_key,
    make_private,
    read_key,
    sync_folder,
)
from bled.vault.schema import SCHEMA, SCHEMA_VERSION, TABLES_OF_VERSION

_BUSY_SECONDS: Final = 2.0
_KEY_CHECK: Final = b"bled/vault/key/1"

_PRAGMAS: Final = (
    # FULL alone syncs the file, but not the folder that the journal is deleted from: a power cut could bring the
    # journal back and undo a reservation whose signature is out. EXTRA is FULL with that sync.
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = EXTRA",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn errors of SQLite into `BledError`: `STORE_LOCKED` when another has the file, else `STORE_BROKEN`."""
    try:
        yield
    except sqlite3.Error as error:
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Unavailable(Code.STORE_LOCKED, detail=str(error)) from error
        raise BledError(Code.STORE_BROKEN, detail=str(error)) from error
    except UnicodeDecodeError as error:  # Python could not read what SQLite said of a damaged schema
        raise BledError(Code.STORE_BROKEN, detail="the tables cannot be read") from error


class Store:
    """The open file. Nobody else has it open; `close` gives it free."""

    def __init__(self, db: sqlite3.Connection, key: bytes, resources: ExitStack) -> None:
        """Take over what `open_store` opened."""
        self._db = db
        self._key = key
        self._resources = resources

    def close(self) -> None:
        """Close the file and give up the lock. May be called again."""
        self._resources.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make the changes inside together, on the disk when this ends, or none of them.

        Raises `BledError` (`STORE_BROKEN`) when the disk does not take them; then nothing was promised.
        """
        with store_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # SQLite ends it by itself after some errors
            self._db.execute("ROLLBACK")

    def run(self, sql: str, *values: Any) -> None:
        """Run one statement."""
        with store_errors():
            self._db.execute(sql, values)

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query."""
        with store_errors():
            row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with store_errors():
            return self._db.execute(sql, values).fetchall()

    def seal(self, secret: bytes, *, associated: bytes) -> bytes:
        """Return `secret` encrypted under the vault's key and bound to `associated`."""
        return _seal(self._key, secret, associated)

    def unseal(self, sealed: bytes, *, associated: bytes) -> bytes:
        """Undo `seal`. Raises `BledError` (`STORE_BROKEN`) for what was not sealed here."""
        secret = _unseal(self._key, sealed, associated)
        if secret is None:
            raise BledError(Code.STORE_BROKEN, detail="a secret in the vault is damaged")
        return secret


def open_store(folder: Path, *, create: bool) -> Store:
    """Return the store in a folder; `create` makes folder, key and file when there are none.

    Raises `BledError`: `CONFIG_BAD`, `STORE_LOCKED`, `STORE_VERSION`, `STORE_BROKEN`.
    """
    if not create and not (folder / STORE_FILE).exists():
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"there is no vault in {folder}; import a grant book first")
    make_folder(folder)
    with ExitStack() as resources, store_errors():
        resources.enter_context(locked(folder))
        make_private(folder / STORE_FILE)
        db = sqlite3.connect(folder / STORE_FILE, isolation_level=None, timeout=_BUSY_SECONDS)
        resources.callback(db.close)
        db.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            db.execute(pragma)
        key = _check(db, folder) if _has_tables(db) else _create(db, folder)
        return Store(db, key, resources.pop_all())


def read_store(folder: Path) -> Store:
    """Return the store of a vault that another process has, to look at it: nothing can be written through it.

    Raises `BledError`: `STORE_LOCKED` when the other one is just writing, `STORE_VERSION`, `STORE_BROKEN`.
    """
    path = folder / STORE_FILE
    with ExitStack() as resources, store_errors():
        address = f"{path.absolute().as_uri()}?mode=ro"
        db = sqlite3.connect(address, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
        resources.callback(db.close)
        db.row_factory = sqlite3.Row
        row = db.execute("SELECT version FROM vault").fetchone()
        if row is None or row["version"] != SCHEMA_VERSION:
            version = None if row is None else row["version"]
            raise ConfigurationError(Code.STORE_VERSION, detail=_cannot_look(path, version))
        return Store(db, _checked_key(db, folder), resources.pop_all())


def _cannot_look(path: Path, version: object) -> str:
    """Return why a vault that another process has cannot be looked at, and what to do."""
    if version in TABLES_OF_VERSION:
        return (
            f"{path} has version {version}, and an older bled has it open; let its payment end, and look again: this "
            f"bled then takes it over to version {SCHEMA_VERSION}"
        )
    return f"{path} has version {version}, this bled knows {SCHEMA_VERSION}: use the bled that has it open"


def _has_tables(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])


def _create(db: sqlite3.Connection, folder: Path) -> bytes:
    """Make the tables of a new vault. The key is on the disk before anything is encrypted under it."""
    key = read_key(folder) or make_key(folder)
    db.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        db.execute(statement)
    check = _seal(key, b"", _KEY_CHECK)
    db.execute("INSERT INTO vault VALUES (1, ?, ?, NULL, NULL, 0)", (SCHEMA_VERSION, check))
    db.execute("COMMIT")
    with file_errors(folder):
        sync_folder(folder)
        sync_folder(folder.parent)
    return key


def _check(db: sqlite3.Connection, folder: Path) -> bytes:
    """Check version, file and key of a vault that is there; return the key."""
    row = db.execute("SELECT version FROM vault").fetchone()
    version = None if row is None else row["version"]
    if version in TABLES_OF_VERSION and version != SCHEMA_VERSION:
        _check_whole(db, folder, SCHEMA[: TABLES_OF_VERSION[version]])
        _bring_up_to_date(db, version)
        version = SCHEMA_VERSION
    if version is not None and version != SCHEMA_VERSION:
        detail = f"the vault has version {version}, this program knows {SCHEMA_VERSION}"
        raise ConfigurationError(Code.STORE_VERSION, detail=detail)
    if version is None:
        raise BledError(Code.STORE_BROKEN, detail=f"{folder / STORE_FILE} has lost its version")
    _check_whole(db, folder, SCHEMA)
    return _checked_key(db, folder)


def _bring_up_to_date(db: sqlite3.Connection, version: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA[TABLES_OF_VERSION[version] :]:
        db.execute(statement)
    db.execute("UPDATE vault SET version = ?", (SCHEMA_VERSION,))
    db.execute("COMMIT")


def _check_whole(db: sqlite3.Connection, folder: Path, schema: tuple[str, ...]) -> None:
    """Check the tables, tables against indexes, and rows against the rows they name: no burnt id may look free."""
    path = folder / STORE_FILE
    tables = db.execute("SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY rowid").fetchall()
    if tuple(row["sql"] for row in tables) != schema:
        raise BledError(Code.STORE_BROKEN, detail=f"the tables of {path} are not those of a vault")
    fault = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if fault != "ok" or db.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise BledError(Code.STORE_BROKEN, detail=f"{path} is damaged: {fault}")


def _checked_key(db: sqlite3.Connection, folder: Path) -> bytes:
    key = read_key(folder)
    if key is None:
        raise BledError(Code.STORE_BROKEN, detail=f"{folder / KEY_FILE} is missing")
    if _unseal(key, db.execute("SELECT key_check FROM vault").fetchone()[0], _KEY_CHECK) is None:
        raise BledError(Code.STORE_BROKEN, detail=f"{folder / KEY_FILE} is not the key of this vault")
    return key


def _seal(key: bytes, secret: bytes, associated: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + seal(key, secret, nonce=nonce, associated=associated)


def _unseal(key: bytes, sealed: bytes, associated: bytes) -> bytes | None:
    if len(sealed) < NONCE_BYTES:
        return None
    return unseal(key, sealed[NONCE_BYTES:], nonce=sealed[:NONCE_BYTES], associated=associated)
