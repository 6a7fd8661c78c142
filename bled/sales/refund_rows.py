"""The ledger's table of refunds. Every change is on the disk before the call returns."""

import sqlite3
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final

from bled.codes import Code
from bled.errors import BledError, Refused
from bled.sales.ledger_store import broken_store
from bled.sales.refund_states import NEXT_REFUND_STATES, OPEN_REFUNDS, Refund, RefundState
from bled_codec.units import Msat

_OPEN: Final = ", ".join(f"'{state.value}'" for state in sorted(OPEN_REFUNDS))
CREATE_REFUNDS: Final = f"""
CREATE TABLE refunds (
    number INTEGER PRIMARY KEY,
    refund_id TEXT NOT NULL UNIQUE, sale_id TEXT NOT NULL REFERENCES sales (sale_id), created_at INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0), max_fee INTEGER NOT NULL CHECK (max_fee >= 0), state TEXT NOT NULL,
    invoice BLOB NOT NULL, payment_hash BLOB NOT NULL UNIQUE CHECK (length(payment_hash) = 32),
    node_id BLOB NOT NULL, detail TEXT NOT NULL, amount_sent INTEGER, preimage BLOB, ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX one_open_refund ON refunds (sale_id) WHERE state IN ({_OPEN});
"""
_COLUMNS: Final = tuple(column.name for column in fields(Refund))


class RefundRows:
    """All refunds of one till; `SaleLedger` opens the file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Take the ledger's open database."""
        self._db = db

    def all(self) -> tuple[Refund, ...]:
        """Return all refunds, oldest first."""
        return self._select("")

    def of(self, sale_id: str) -> tuple[Refund, ...]:
        """Return the refunds of one sale, oldest first."""
        return self._select("WHERE sale_id = ?", sale_id)

    def open(self) -> tuple[Refund, ...]:
        """Return the refunds of which it is not known how they ended."""
        return self._select(f"WHERE state IN ({_OPEN})")

    def begin(self, refund: Refund) -> Refund:
        """Write a new refund, before its payment is asked for.

        Raises `Refused` (`REFUND_REFUSED`) while another of the same sale is open, and for a payment hash that some
        refund had before.
        """
        marks = ", ".join("?" for _ in _COLUMNS)
        sql = f"INSERT INTO refunds ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - own names
        with broken_store():
            try:
                self._db.execute(sql, _values(refund))
            except sqlite3.IntegrityError as error:
                detail = "another refund of this sale is open, or had the same payment hash"
                raise Refused(Code.REFUND_REFUSED, detail=detail) from error
        return refund

    def advance(self, refund: Refund, state: RefundState, **facts: object) -> Refund:
        """Write that `refund` has come to `state`; return it as it is now.

        Raises `BledError` (`INTERNAL`) for a step that no refund takes, or when the row is not as `refund` says.
        """
        if state not in NEXT_REFUND_STATES[refund.state]:
            raise BledError(Code.INTERNAL, detail=f"a refund cannot go from {refund.state} to {state}")
        after = replace(refund, state=state, **facts)  # type: ignore[arg-type] # checked by the columns
        columns = ", ".join(f"{column} = ?" for column in _COLUMNS)
        sql = f"UPDATE refunds SET {columns} WHERE refund_id = ? AND state = ?"  # noqa: S608 - own names
        with broken_store():
            cursor = self._db.execute(sql, [*_values(after), refund.refund_id, refund.state])
        if cursor.rowcount != 1:
            raise BledError(Code.INTERNAL, detail="the refund changed behind our back")
        return after

    def _select(self, where: str, *values: object) -> tuple[Refund, ...]:
        sql = f"SELECT {', '.join(_COLUMNS)} FROM refunds {where} ORDER BY number"  # noqa: S608 - own words
        with broken_store():
            return tuple(_refund(row) for row in self._db.execute(sql, values).fetchall())


def _values(refund: Refund) -> Sequence[object]:
    return [getattr(refund, column) for column in _COLUMNS]


def _refund(row: sqlite3.Row) -> Refund:
    values: dict[str, Any] = dict(row)
    return Refund(**values | {"state": RefundState(row["state"]), "amount": Msat(row["amount"])})
