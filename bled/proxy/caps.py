"""What tills had paid out through the proxy, and how much more they may today. One SQLite file."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bled.proxy.calls import Denied
from bled.proxy.store import open_database, writing
from bled_codec.units import Msat, UnixTime

_DAY: Final = 86_400
"""Seconds. A day is a UTC day, as in a grant book."""
_WHAT: Final = "refunds"
_VERSION: Final = 1
_APPLICATION_ID: Final = 0x626C6470
"""Marks the file as this ledger ("bldp")."""
_TABLES: Final = """
CREATE TABLE refunds (
    payment_hash BLOB PRIMARY KEY CHECK (length(payment_hash) = 32),
    day INTEGER NOT NULL, asked_at INTEGER NOT NULL, till TEXT NOT NULL,
    amount_msat INTEGER NOT NULL CHECK (amount_msat > 0),
    counted_msat INTEGER NOT NULL CHECK (counted_msat >= 0),
    state TEXT NOT NULL CHECK (state IN ('asked', 'paid', 'failed'))
) STRICT;
CREATE INDEX refunds_by_day ON refunds (day);
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
        db = open_database(path, tables=_TABLES, version=_VERSION, application_id=_APPLICATION_ID)
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
        with writing(self._db, _WHAT) as db:
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
        with writing(self._db, _WHAT) as db:
            change = "UPDATE refunds SET state = ?, counted_msat = ? WHERE payment_hash = ? AND state = 'asked'"
            db.execute(change, (state, counted, payment_hash))
