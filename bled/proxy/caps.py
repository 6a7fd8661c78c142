"""What tills had paid out through the proxy, and how much more they may today. One SQLite file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable
from bled.proxy.calls import Denied
from bled_codec.units import Msat, UnixTime

_DAY: Final = 86_400
"""Seconds. A day is a UTC day, as in a grant book."""
_VERSION: Final = 1
_APPLICATION_ID: Final = 0x626C6470
"""Marks the file as this ledger ("bldp")."""
_CREATE: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE refunds (
    payment_hash BLOB PRIMARY KEY CHECK (length(payment_hash) = 32),
    day INTEGER NOT NULL, asked_at INTEGER NOT NULL, till TEXT NOT NULL,
    amount_msat INTEGER NOT NULL CHECK (amount_msat > 0),
    counted_msat INTEGER NOT NULL CHECK (counted_msat >= 0),
    state TEXT NOT NULL CHECK (state IN ('asked', 'paid', 'failed'))
) STRICT;
CREATE INDEX refunds_by_day ON refunds (day);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """A payment that a till asks for: its invoice's hash, its amount, and the most that it may cost with fees."""

    payment_hash: bytes
    amount: Msat
    most: Msat


class Caps:
    """One cap a day for all tills together. What is asked for counts until the node says that it failed."""

    def __init__(self, db: sqlite3.Connection, *, per_day: Msat) -> None:
        """Take an open database; `open` makes it. `per_day` 0: nothing may be paid out."""
        self._db = db
        self._per_day = per_day

    @classmethod
    def open(cls, path: Path, *, per_day: Msat) -> "Caps":
        """Open or make the ledger at `path`.

        Raises `Unavailable` (`STORE_BROKEN`) and `ConfigurationError` (`STORE_VERSION`).
        """
        try:
            db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise Unavailable(Code.STORE_BROKEN, detail=f"{path}: {error}") from error
        try:
            _prepare(db, path)
        except sqlite3.Error as error:
            db.close()
            raise Unavailable(Code.STORE_BROKEN, detail=f"{path}: {error}") from error
        except BaseException:
            db.close()
            raise
        return cls(db, per_day=per_day)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def reserve(self, payout: Payout, *, till: str, now: UnixTime) -> None:
        """Count `payout.most` against the day, on disk, before anything is paid.

        A hash is paid for once and never again, whatever became of it. Raises `Denied`, and `Unavailable`
        (`STORE_BROKEN`).
        """
        day = now // _DAY
        with self._writing() as db:
            if db.execute("SELECT 1 FROM refunds WHERE payment_hash = ?", (payout.payment_hash,)).fetchone():
                raise Denied("this invoice was asked for before; look it up with ListSendPays")
            left = self._per_day - self._counted_since(day)
            if payout.most > left:
                raise Denied(f"refunds of {payout.most} msat are more than the {max(left, 0)} msat left of today's cap")
            row = (payout.payment_hash, day, now, till, payout.amount, payout.most)
            db.execute("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, 'asked')", row)

    def paid(self, payment_hash: bytes, *, sent: Msat) -> None:
        """Count what was really sent, fees included."""
        self._end(payment_hash, "paid", sent)

    def failed(self, payment_hash: bytes) -> None:
        """Count nothing: the node says that no part is pending or complete."""
        self._end(payment_hash, "failed", Msat(0))

    def open_hashes(self, *, asked_before: UnixTime) -> tuple[bytes, ...]:
        """Return the payments asked for before then of which it is not known how they ended."""
        query = "SELECT payment_hash FROM refunds WHERE state = 'asked' AND asked_at < ?"
        rows = self._db.execute(query, (asked_before,)).fetchall()
        return tuple(row[0] for row in rows)

    def left(self, *, now: UnixTime) -> Msat:
        """Return how much may still be paid out today."""
        return Msat(max(self._per_day - self._counted_since(now // _DAY), 0))

    def _counted_since(self, day: int) -> int:
        # Later days count too: a clock that went back gives no second cap.
        query = "SELECT coalesce(sum(counted_msat), 0) FROM refunds WHERE day >= ?"
        return int(self._db.execute(query, (day,)).fetchone()[0])

    def _end(self, payment_hash: bytes, state: str, counted: Msat) -> None:
        with self._writing() as db:
            change = "UPDATE refunds SET state = ?, counted_msat = ? WHERE payment_hash = ? AND state = 'asked'"
            db.execute(change, (state, counted, payment_hash))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise Unavailable(Code.STORE_BROKEN, detail=f"the proxy's ledger of refunds: {error}") from error


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;")
    found = db.execute("PRAGMA user_version").fetchone()[0], db.execute("PRAGMA application_id").fetchone()[0]
    if found == (0, 0):
        db.executescript(_CREATE)
    elif found != (_VERSION, _APPLICATION_ID):
        raise ConfigurationError(Code.STORE_VERSION, detail=f"{path} is of version {found[0]}")
