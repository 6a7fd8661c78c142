"""The ledger in a SQLite file: one process has it open at a time, through one connection."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event

from bled.codes import Code
from bled.errors import Unavailable
from bled.home.files import LEDGER_FILE, sync_folder
from bled.home.store import BUSY_SECONDS, WRITES, translated, writing
from bled.home.store_schema import newer_version, set_first_version, upgrade

_LOCK_FILE: Final = "ledger.lock"
_FIRST_FORMAT, _FORMAT = 1, 2
"""`user_version` of files before migrations, and since. A program of before refuses the second, as it must."""

# Made at each opening, so that a ledger of before has them too. What was used stays used, what was paid stays paid.
_TRIGGERS: Final = (
    *(
        f"CREATE TRIGGER IF NOT EXISTS {table}_stay BEFORE DELETE ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} stay'); END"
        for table in ("claims", "books", "events", "revoked_ids", "refunds")
    ),
    """CREATE TRIGGER IF NOT EXISTS revocations_stand BEFORE UPDATE OF revoked_at ON books
    WHEN OLD.revoked_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'what was revoked stays revoked'); END""",
    """CREATE TRIGGER IF NOT EXISTS claims_stand BEFORE UPDATE ON claims
    WHEN OLD.state = 'paid' OR NEW.payer_id <> OLD.payer_id OR NEW.payment_hash <> OLD.payment_hash
        OR NEW.invoice <> OLD.invoice OR NEW.amount <> OLD.amount OR NEW.max_fee <> OLD.max_fee
    BEGIN SELECT RAISE(ABORT, 'what was claimed stands, and what was paid stays paid'); END""",
    """CREATE TRIGGER IF NOT EXISTS refunds_stand BEFORE UPDATE ON refunds
    WHEN OLD.state <> 'open' OR NEW.payment_hash <> OLD.payment_hash OR NEW.payer_id <> OLD.payer_id
        OR NEW.amount <> OLD.amount OR NEW.invoice <> OLD.invoice
    BEGIN SELECT RAISE(ABORT, 'what came back stays, and so does what ended'); END""",
)


def open_file(folder: Path) -> tuple[Engine, Callable[[], None]]:
    """Open the ledger in `folder` or make it; return its engine, and what gives it free for others.

    Raises `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`) or `ConfigurationError` (`STORE_VERSION`).
    """
    with translated():
        release = _take_lock(folder / _LOCK_FILE)
        engine = _engine(folder / LEDGER_FILE)
        try:
            _prepare(engine)
            sync_folder(folder)
        except BaseException:
            engine.dispose()
            release()
            raise
    return engine, release


def _take_lock(path: Path) -> Callable[[], None]:
    descriptors = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)]

    def release() -> None:
        while descriptors:
            os.close(descriptors.pop())

    try:
        fcntl.flock(descriptors[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        release()
        raise Unavailable(Code.STORE_LOCKED, detail=f"{path.parent}: another plugin has it open") from None
    return release


def _engine(path: Path) -> Engine:
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=StaticPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def begin(database: Connection) -> None:
        writes = database.get_execution_options().get(WRITES, False)
        database.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        _configure(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _configure(database: sqlite3.Connection, path: Path) -> None:
    # In WAL mode FULL syncs at every commit; with a rollback journal a power cut could undo the last one.
    mode = database.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise Unavailable(
            Code.STORE_BROKEN, detail=f"{path.parent}: SQLite cannot keep a write-ahead log there ({mode})"
        )
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync leaves data in the drive's cache
    database.execute("PRAGMA checkpoint_fullfsync = ON")
    database.execute("PRAGMA foreign_keys = ON")


def _prepare(engine: Engine) -> None:
    with writing(engine) as database:
        _upgrade(database)
    with engine.connect() as database:
        fault = database.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    if fault != "ok":
        raise Unavailable(Code.STORE_BROKEN, detail=f"the ledger is damaged: {fault}")


def _upgrade(database: Connection) -> None:
    format_ = database.exec_driver_sql("PRAGMA user_version").scalar_one()
    is_empty = database.exec_driver_sql("SELECT 1 FROM sqlite_schema").first() is None
    if format_ == _FIRST_FORMAT:
        set_first_version(database)
    elif format_ != _FORMAT and not (format_ == 0 and is_empty):
        raise newer_version(str(format_))
    upgrade(database)
    if format_ != _FORMAT:
        database.exec_driver_sql(f"PRAGMA user_version = {_FORMAT}")
    for trigger in _TRIGGERS:
        database.exec_driver_sql(trigger)
