"""The till's ledger of sales: one SQLite file, one process, one open sale. What it says survives a kill."""

import fcntl
import os
import sqlite3
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, Self

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Refused, Unavailable
from bled.sales.ledger_store import broken_store
from bled.sales.refund_rows import CREATE_REFUNDS, RefundRows
from bled.sales.states import NEXT_STATES, OPEN_STATES, UNPAID_ENDS, Sale, SaleState
from bled.sales.times import Times
from bled_codec.units import Msat, UnixTime

__all__ = ["SCHEMA_VERSION", "Sale", "SaleLedger", "SaleState"]

SCHEMA_VERSION: Final = 4
_APPLICATION_ID: Final = 0x626C6564
"""Marks the file as bled's own ("bled"), so that no other database is taken for a ledger."""
_OPEN: Final = ", ".join(f"'{state.value}'" for state in sorted(OPEN_STATES))
_UNPAID: Final = ", ".join(f"'{state.value}'" for state in sorted(UNPAID_ENDS))
_UNTOLD: Final = ", ".join(f"'{state.value}'" for state in (SaleState.PAID, SaleState.PAID_LATE, SaleState.UNKNOWN))

_ONE_OPEN_SALE: Final = f"CREATE UNIQUE INDEX one_open_sale ON sales ((1)) WHERE state IN ({_OPEN});"
_SALES_BY_PAYER: Final = "CREATE INDEX sales_by_payer ON sales (payer_id) WHERE payer_id IS NOT NULL;"
_CREATE: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE sales (
    number INTEGER PRIMARY KEY,
    sale_id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    description TEXT NOT NULL, issuer TEXT, state TEXT NOT NULL, expires_at INTEGER NOT NULL,
    preimage BLOB NOT NULL, code TEXT, detail TEXT NOT NULL, offer TEXT, offer_id BLOB UNIQUE, request BLOB,
    payer_id BLOB, invoice BLOB, payment_hash BLOB UNIQUE, amount_received INTEGER, paid_at INTEGER,
    buyer_told INTEGER NOT NULL, cashier_told INTEGER NOT NULL,
    price TEXT, rate TEXT, rate_source TEXT, rate_at INTEGER,
    tip_max INTEGER NOT NULL, tip INTEGER NOT NULL CHECK (tip BETWEEN 0 AND tip_max)
) STRICT;
{_ONE_OPEN_SALE}
CREATE INDEX sales_by_expiry ON sales (expires_at);
{_SALES_BY_PAYER}
{CREATE_REFUNDS}
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_UPGRADES: Final = {
    # What happened before version 2, which keeps account of it, counts as told.
    1: "ALTER TABLE sales ADD COLUMN cashier_told INTEGER NOT NULL DEFAULT 1;",
    2: "".join(
        f"ALTER TABLE sales ADD COLUMN {column};"
        for column in ("price TEXT", "rate TEXT", "rate_source TEXT", "rate_at INTEGER")
    )
    + f"DROP INDEX one_open_sale; {_ONE_OPEN_SALE}"  # there are more states in which a sale is open
    + _SALES_BY_PAYER
    + CREATE_REFUNDS,
    3: "ALTER TABLE sales ADD COLUMN tip_max INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sales ADD COLUMN tip INTEGER NOT NULL DEFAULT 0 CHECK (tip BETWEEN 0 AND tip_max);",
}
"""From each version to the next."""
_COLUMNS: Final = tuple(column.name for column in fields(Sale))


class SaleLedger:
    """All sales of one till. Every change is on the disk before the call returns.

    Attributes:
        refunds: what was given back of them.
    """

    def __init__(self, db: sqlite3.Connection, lock: int) -> None:
        """Take an open database and the descriptor that holds the lock; `open` makes both."""
        self._db = db
        self._lock = lock
        self.refunds = RefundRows(db)

    @classmethod
    def open(cls, path: Path) -> "SaleLedger":
        """Open the ledger at `path`, making file and folders when they are missing (for the owner's eyes only).

        Raises `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`) and `ConfigurationError` (`STORE_VERSION`).
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(Code.STORE_BROKEN, detail=f"{path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(_open_database(path), lock)
        except BlockingIOError as error:
            os.close(lock)
            raise Unavailable(Code.STORE_LOCKED, detail=f"{path} is in use") from error
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def read(cls, path: Path) -> "SaleLedger":
        """Open a ledger that another process has, to look at it: nothing can be written through what is returned.

        Raises `Unavailable` (`STORE_BROKEN`) and `ConfigurationError` (`STORE_VERSION`): one of an older version can
        only be looked at once it is free, since whoever looks changes nothing.
        """
        with broken_store():
            db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            with broken_store():
                db.row_factory = sqlite3.Row
                version = _version_of(db, path)
        except BaseException:
            db.close()
            raise
        if version != SCHEMA_VERSION:
            db.close()
            detail = (
                f"{path} has version {version}, and an older bled has it open; let its sale end (or stop that till), "
                f"and look again: this bled then takes it over to version {SCHEMA_VERSION}"
            )
            raise ConfigurationError(Code.STORE_VERSION, detail=detail)
        return cls(db, -1)

    def close(self) -> None:
        """Close the file and let go of the lock. Harmless when it is closed already."""
        self._db.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sales(self) -> tuple[Sale, ...]:
        """Return all sales, oldest first."""
        return self._select("")

    def find(self, sale_id: str) -> Sale | None:
        """Return one sale, None when there is none of that name."""
        return next(iter(self._select("WHERE sale_id = ?", sale_id)), None)

    def has_payer(self, payer_id: bytes) -> bool:
        """Say whether the request of some sale had this payer id."""
        return bool(self._select("WHERE payer_id = ? AND payer_id IS NOT NULL", payer_id))

    def open_sales(self) -> tuple[Sale, ...]:
        """Return the sales that have not ended; the file itself allows one at most."""
        return self._select(f"WHERE state IN ({_OPEN})")

    def unpaid_since(self, time: UnixTime) -> tuple[Sale, ...]:
        """Return the sales that ended unpaid, had a signed request, and expired at `time` or later."""
        return self._select(f"WHERE expires_at >= ? AND payer_id IS NOT NULL AND state IN ({_UNPAID})", time)

    def untold_sales(self) -> tuple[Sale, ...]:
        """Return the sales that were paid, or may have been, without the cashier having heard of it."""
        return self._select(f"WHERE cashier_told = 0 AND state IN ({_UNTOLD})")

    def next_expiry(self, now: UnixTime, times: Times) -> UnixTime:
        """Return when an offer made `now` should end: `times.offer` ahead, or a little later.

        Core Lightning knows an offer by its content alone, so that two equal sales in one second would share theirs:
        each gets a second of its own, as long as that stays within `times.offer_spread`.
        """
        with broken_store():
            last = self._db.execute("SELECT max(expires_at) FROM sales").fetchone()[0]
        soonest = now + times.offer
        return UnixTime(max(soonest, min((last or 0) + 1, soonest + times.offer_spread)))

    def begin(self, sale: Sale) -> Sale:
        """Write a new sale. Raises `Refused` (`SALE_OPEN`) while another is open."""
        marks = ", ".join("?" for _ in _COLUMNS)
        sql = f"INSERT INTO sales ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - own names
        with broken_store():
            try:
                self._db.execute(sql, [getattr(sale, column) for column in _COLUMNS])
            except sqlite3.IntegrityError as error:
                raise Refused(Code.SALE_OPEN) from error
        return sale

    def advance(self, sale: Sale, state: SaleState, **facts: object) -> Sale:
        """Write that `sale` has come to `state`, with new values for its other fields; return it as it is now.

        Raises `BledError` (`INTERNAL`) for a step that no sale takes, or when the row is not as `sale` says.
        """
        if state not in NEXT_STATES[sale.state]:
            raise BledError(Code.INTERNAL, detail=f"a sale cannot go from {sale.state} to {state}")
        return self._write(sale, replace(sale, state=state, cashier_told=False, **facts))  # type: ignore[arg-type] # checked by the columns

    def tell_buyer(self, sale: Sale) -> Sale:
        """Write that the buyer acknowledged the outcome."""
        return self._write(sale, replace(sale, buyer_told=True))

    def tell_cashier(self, sale_id: str) -> None:
        """Write that the cashier heard how far the sale has come."""
        with broken_store():
            self._db.execute("UPDATE sales SET cashier_told = 1 WHERE sale_id = ?", [sale_id])

    def _write(self, before: Sale, after: Sale) -> Sale:
        columns = ", ".join(f"{column} = ?" for column in _COLUMNS)
        sql = f"UPDATE sales SET {columns} WHERE sale_id = ? AND state = ?"  # noqa: S608 - own names
        values = [getattr(after, column) for column in _COLUMNS]
        with broken_store():
            cursor = self._db.execute(sql, [*values, before.sale_id, before.state])
        if cursor.rowcount != 1:
            raise BledError(Code.INTERNAL, detail="the sale changed behind our back")
        return after

    def _select(self, where: str, *values: object) -> tuple[Sale, ...]:
        with broken_store():
            sql = f"SELECT {', '.join(_COLUMNS)} FROM sales {where} ORDER BY number"  # noqa: S608 - own words
            return tuple(_sale(row) for row in self._db.execute(sql, values).fetchall())


def _open_database(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, isolation_level=None)
    try:
        with broken_store():
            db.row_factory = sqlite3.Row
            found = _version_of(db, path)
            # A write-ahead log costs one sync for each commit. EXTRA is FULL there; it only means more where a file
            # system has no log: no power cut may undo a commit by bringing back the journal.
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = EXTRA")
            if found != SCHEMA_VERSION:
                db.executescript(_upgrade_from(found) if found else _CREATE)
    except BaseException:
        db.close()
        raise
    return db


def _upgrade_from(version: int) -> str:
    """Return what takes a ledger of `version` to the present one, all or nothing."""
    steps = "".join(_UPGRADES[step] for step in range(version, SCHEMA_VERSION))
    return f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"


def _version_of(db: sqlite3.Connection, path: Path) -> int:
    """Return the ledger's version, 0 for an empty file. Raises `ConfigurationError` for one that is not known."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    application = db.execute("PRAGMA application_id").fetchone()[0]
    if 1 <= version <= SCHEMA_VERSION and application == _APPLICATION_ID:
        return version
    if (version, application) == (0, 0) and not db.execute("SELECT 1 FROM sqlite_schema").fetchone():
        return 0
    if application == _APPLICATION_ID:
        detail = f"{path} has version {version}, this bled knows {SCHEMA_VERSION}: a newer bled wrote it, use that one"
    else:
        detail = f"{path} is no ledger of sales of bled's"
    raise ConfigurationError(Code.STORE_VERSION, detail=detail)


def _sale(row: sqlite3.Row) -> Sale:
    values: dict[str, Any] = dict(row)
    values |= {
        "state": SaleState(row["state"]),
        "code": None if row["code"] is None else Code(row["code"]),
        "amount": Msat(row["amount"]),
        "tip_max": Msat(row["tip_max"]),
        "tip": Msat(row["tip"]),
        "buyer_told": bool(row["buyer_told"]),
        "cashier_told": bool(row["cashier_told"]),
    }
    return Sale(**values)
