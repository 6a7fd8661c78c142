"""The file of a sandbox node: offers and invoices in SQLite, so that a node started again still has them."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from bled.sandbox.books_rows import InvoiceRow, InvoiceStatus, OfferRow
from bled_codec.units import Msat, UnixTime

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS offers (
    offer_id BLOB PRIMARY KEY, bolt12 TEXT NOT NULL, label TEXT, description TEXT,
    single_use INTEGER NOT NULL, active INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS invoices (
    created_index INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, payment_hash BLOB NOT NULL UNIQUE,
    preimage BLOB NOT NULL, bolt12 TEXT NOT NULL, amount INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    description TEXT, payer_note TEXT, local_offer_id BLOB, status TEXT NOT NULL,
    updated_index INTEGER, pay_index INTEGER, amount_received INTEGER, paid_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS invoices_by_status ON invoices (status);
CREATE INDEX IF NOT EXISTS invoices_by_offer ON invoices (local_offer_id);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;
"""
_INVOICE_COLUMNS: Final = tuple(column.name for column in fields(InvoiceRow))
_OFFER_COLUMNS: Final = tuple(column.name for column in fields(OfferRow) if column.name != "created")


class BookStore:
    """Rows of one node. Every change is on the disk before the call returns."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the file; None keeps everything in memory."""
        self._db = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make the changes inside together or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def next_index(self, name: str) -> int:
        """Return the next number of a counter, from 1."""
        sql = "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING last"
        row = self._db.execute(sql, (name,)).fetchone()
        return int(row["last"])

    def offer(self, offer_id: bytes) -> OfferRow | None:
        """Return one offer."""
        row = self._db.execute("SELECT * FROM offers WHERE offer_id = ?", (offer_id,)).fetchone()
        return None if row is None else _offer(row)

    def offers(self) -> list[OfferRow]:
        """Return all offers by their id, as lightningd lists them."""
        return [_offer(row) for row in self._db.execute("SELECT * FROM offers ORDER BY offer_id")]

    def put_offer(self, offer: OfferRow) -> None:
        """Add an offer or replace it."""
        self._put("REPLACE", "offers", _OFFER_COLUMNS, offer)

    def invoice(self, label: str) -> InvoiceRow | None:
        """Return one invoice."""
        row = self._db.execute("SELECT * FROM invoices WHERE label = ?", (label,)).fetchone()
        return None if row is None else _invoice(row)

    def invoice_by_hash(self, payment_hash: bytes) -> InvoiceRow | None:
        """Return the invoice with a payment hash."""
        row = self._db.execute("SELECT * FROM invoices WHERE payment_hash = ?", (payment_hash,)).fetchone()
        return None if row is None else _invoice(row)

    def invoices(
        self, *, label: str | None = None, payment_hash: bytes | None = None, offer_id: bytes | None = None
    ) -> list[InvoiceRow]:
        """Return invoices, oldest first; each condition that is not None must hold."""
        wanted = {"label": label, "payment_hash": payment_hash, "local_offer_id": offer_id}
        return self._select({column: value for column, value in wanted.items() if value is not None})

    def unpaid_invoices(self, *, offer_id: bytes | None = None, due: UnixTime | None = None) -> list[InvoiceRow]:
        """Return the invoices that this file knows as unpaid: of one offer, or whose time is over at `due`."""
        rows = self._select({"status": "unpaid"} | ({} if offer_id is None else {"local_offer_id": offer_id}))
        return [row for row in rows if due is None or row.expires_at <= due]

    def _select(self, wanted: Mapping[str, str | bytes]) -> list[InvoiceRow]:
        where = " AND ".join(f"{column} = ?" for column in wanted) or "TRUE"
        sql = f"SELECT * FROM invoices WHERE {where} ORDER BY created_index"  # noqa: S608 - own names
        return [_invoice(row) for row in self._db.execute(sql, list(wanted.values()))]

    def add_invoice(self, invoice: InvoiceRow) -> InvoiceRow:
        """Add an invoice; return it with its index."""
        numbered = replace(invoice, created_index=self.next_index("created"))
        self._put("INSERT", "invoices", _INVOICE_COLUMNS, numbered)
        return numbered

    def put_invoice(self, invoice: InvoiceRow) -> None:
        """Replace an invoice that is there."""
        self._put("REPLACE", "invoices", _INVOICE_COLUMNS, invoice)

    def delete_invoice(self, label: str) -> None:
        """Forget an invoice."""
        self._db.execute("DELETE FROM invoices WHERE label = ?", (label,))

    def _put(self, verb: str, table: str, columns: tuple[str, ...], row: object) -> None:
        marks = ", ".join("?" for _ in columns)
        sql = f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        self._db.execute(sql, [getattr(row, column) for column in columns])


def _offer(row: sqlite3.Row) -> OfferRow:
    values: dict[str, Any] = dict(row)
    return OfferRow(**values | {flag: bool(values[flag]) for flag in ("single_use", "active", "used")})


def _invoice(row: sqlite3.Row) -> InvoiceRow:
    values: dict[str, Any] = dict(row)
    values["status"] = InvoiceStatus(values["status"])
    values["amount"] = Msat(values["amount"])
    values["expires_at"] = UnixTime(values["expires_at"])
    return InvoiceRow(**values)
