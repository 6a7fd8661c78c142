"""The sandbox's money: an append-only ledger of toy millisatoshi, and the payments that moved them.

A balance is nothing but the sum of the ledger's entries. A payment's entries and its state `complete` are written in
one transaction, and no payment can have entries twice.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.sandbox.sendpays import SendPay, SendPayStatus, Transfer
from bled_codec.units import Msat, Point, UnixTime

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, payment INTEGER NOT NULL,
    channel TEXT NOT NULL, owner TEXT NOT NULL, delta INTEGER NOT NULL,
    UNIQUE (payment, channel, owner)
) STRICT;
CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_remain BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE sendpays (
    created_index INTEGER PRIMARY KEY, updated_index INTEGER, payer TEXT NOT NULL, payment_hash BLOB NOT NULL,
    groupid INTEGER NOT NULL, partid INTEGER NOT NULL, destination BLOB NOT NULL, amount INTEGER NOT NULL,
    amount_sent INTEGER NOT NULL, path INTEGER NOT NULL, amount_entering INTEGER NOT NULL,
    transfers TEXT NOT NULL, created_at INTEGER NOT NULL,
    completed_at INTEGER, status TEXT NOT NULL, preimage BLOB, label TEXT, bolt12 TEXT NOT NULL, erroronion BLOB
) STRICT;
CREATE UNIQUE INDEX one_live_payment ON sendpays (payment_hash) WHERE status <> 'failed';
CREATE INDEX of_a_share ON entries (channel, owner, delta);
CREATE INDEX of_a_hash ON sendpays (payment_hash);
CREATE INDEX under_way ON sendpays (created_index) WHERE status = 'pending';
CREATE INDEX by_update ON sendpays (updated_index);
"""
_FUNDING: Final = 0
"""Stands for the payment in the entries that opened a channel; payments count from 1."""


class Accounts:
    """The file of all nodes' balances and payments. Every change is on the disk before the call returns."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the file; None keeps everything in memory.

        Raises `ConfigurationError` (`STORE_VERSION`) for a file of another version.
        """
        self._db = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = FULL")
        self._prepare()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def fund(self, channel: str, owner: str, amount: Msat, *, at: UnixTime) -> None:
        """Give `owner` its first share of `channel`; once and never again."""
        sql = "INSERT INTO entries (at, payment, channel, owner, delta) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        self._db.execute(sql, (at, _FUNDING, channel, owner, amount))

    def balance(self, channel: str, owner: str) -> Msat:
        """Return what `owner` has in `channel`."""
        sql = "SELECT coalesce(sum(delta), 0) AS sum FROM entries WHERE channel = ? AND owner = ?"
        return Msat(self._db.execute(sql, (channel, owner)).fetchone()["sum"])

    def spendable(self, channel: str, owner: str, *, before: int | None = None) -> Msat:
        """Return the balance less what payments under way hold, or those with a number below `before`.

        Never less than nothing: a payment may be on its way that a hop will not be able to pass on.
        """
        holding = [payment for payment in self.pending() if before is None or payment.created_index < before]
        transfers = [transfer for payment in holding for transfer in payment.transfers]
        held = sum(transfer.amount for transfer in transfers if (transfer.channel, transfer.sender) == (channel, owner))
        return Msat(max(0, self.balance(channel, owner) - held))

    def balances(self) -> dict[str, Msat]:
        """Return what every owner has, over all channels."""
        rows = self._db.execute("SELECT owner, sum(delta) AS sum FROM entries GROUP BY owner ORDER BY owner")
        return {row["owner"]: Msat(row["sum"]) for row in rows}

    def fees_collected(self, owner: str) -> Msat:
        """Return what `owner` has kept of the payments it passed on: those that it neither sent nor received."""
        sql = "SELECT payment, count(*) AS channels, sum(delta) AS kept FROM entries WHERE owner = ? GROUP BY payment"
        rows = self._db.execute(sql, (owner,)).fetchall()
        return Msat(sum(row["kept"] for row in rows if row["payment"] != _FUNDING and row["channels"] > 1))

    def begin(self, payment: SendPay) -> SendPay:
        """Write a payment down as pending; return it with its number.

        Raises `sqlite3.IntegrityError` when one of the same payment hash is pending or complete.
        """
        values = {name: getattr(payment, name) for name in SendPay.__dataclass_fields__ if name != "created_index"}
        values["transfers"] = json.dumps([transfer.as_list() for transfer in payment.transfers])
        sql = f"INSERT INTO sendpays ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"  # noqa: S608 - own names
        created_index = self._db.execute(sql, list(values.values())).lastrowid
        return self._one(created_index)

    def complete(self, payment: SendPay, *, preimage: bytes, at: UnixTime) -> SendPay:
        """Move the balances and mark the payment complete, in one transaction.

        Raises `sqlite3.IntegrityError` when it has come to an end before.
        """
        sql = "INSERT INTO entries (at, payment, channel, owner, delta) VALUES (?, ?, ?, ?, ?)"
        with self._transaction():
            for (channel, owner), delta in _deltas(payment.transfers).items():
                self._db.execute(sql, (at, payment.created_index, channel, owner, delta))
            self._close(payment, SendPayStatus.COMPLETE, at=at, preimage=preimage)
        return self._one(payment.created_index)

    def fail(self, payment: SendPay, *, erroronion: bytes, at: UnixTime) -> SendPay:
        """Mark a payment failed: nothing moved. Raises as `complete` does."""
        with self._transaction():
            self._close(payment, SendPayStatus.FAILED, at=at, erroronion=erroronion)
        return self._one(payment.created_index)

    def payments(
        self, payer: str, *, payment_hash: bytes | None = None, since: int = 0, limit: int | None = None
    ) -> tuple[SendPay, ...]:
        """Return the payments of one node, oldest first, or those with one payment hash.

        Only those with the number `since` or a larger one, and of these the first `limit`; None: all.
        """
        chosen = "" if payment_hash is None else "AND payment_hash = ?"
        sql = (
            f"SELECT * FROM sendpays WHERE payer = ? {chosen} AND created_index >= ?"  # noqa: S608 - own text
            " ORDER BY created_index LIMIT ?"
        )
        named = () if payment_hash is None else (payment_hash,)
        values = (payer, *named, since, -1 if limit is None else limit)
        return tuple(_sendpay(row) for row in self._db.execute(sql, values))

    def live(self, payment_hash: bytes) -> SendPay | None:
        """Return the payment of a hash, by whichever node, that is pending or complete."""
        sql = "SELECT * FROM sendpays WHERE payment_hash = ? AND status <> 'failed'"
        row = self._db.execute(sql, (payment_hash,)).fetchone()
        return None if row is None else _sendpay(row)

    def pending(self) -> tuple[SendPay, ...]:
        """Return all payments under way, oldest first."""
        rows = self._db.execute("SELECT * FROM sendpays WHERE status = 'pending' ORDER BY created_index")
        return tuple(_sendpay(row) for row in rows)

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version != _VERSION:
            self._db.close()
            raise ConfigurationError(Code.STORE_VERSION, detail=f"the sandbox's accounts have version {version}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _close(
        self,
        payment: SendPay,
        status: SendPayStatus,
        *,
        at: UnixTime,
        preimage: bytes | None = None,
        erroronion: bytes | None = None,
    ) -> None:
        sql = """UPDATE sendpays SET status = ?, completed_at = ?, preimage = ?, erroronion = ?,
            updated_index = (SELECT coalesce(max(updated_index), 0) + 1 FROM sendpays)
            WHERE created_index = ? AND status = 'pending'"""
        if self._db.execute(sql, (status, at, preimage, erroronion, payment.created_index)).rowcount != 1:
            raise sqlite3.IntegrityError("the payment has come to an end before")

    def _one(self, created_index: int | None) -> SendPay:
        row = self._db.execute("SELECT * FROM sendpays WHERE created_index = ?", (created_index,)).fetchone()
        return _sendpay(row)


def _deltas(transfers: Sequence[Transfer]) -> Mapping[tuple[str, str], int]:
    """Return what each share of each channel gains or loses; over every channel this sums to nothing."""
    deltas: dict[tuple[str, str], int] = defaultdict(int)
    for transfer in transfers:
        deltas[transfer.channel, transfer.sender] -= transfer.amount
        deltas[transfer.channel, transfer.receiver] += transfer.amount
    return deltas


def _sendpay(row: sqlite3.Row) -> SendPay:
    values: dict[str, Any] = dict(row)
    values["transfers"] = tuple(Transfer.from_list(item) for item in json.loads(values["transfers"]))
    values["status"] = SendPayStatus(values["status"])
    values["destination"] = Point(values["destination"])
    return SendPay(**values)
