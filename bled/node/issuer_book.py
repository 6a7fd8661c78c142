"""The offers and invoices that the till signed itself: what Core Lightning keeps in its node, LND has no place for.

What was made is written before the node is asked for anything, so that after a kill every invoice can be looked up.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable
from bled_codec.units import Point

SCHEMA_VERSION: Final = 1
_APPLICATION_ID: Final = 0x626C6569
"""Marks the file as this one ("blei")."""
_CREATE: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE node (only INTEGER PRIMARY KEY CHECK (only = 1), node_id BLOB NOT NULL, issuer_id BLOB NOT NULL) STRICT;
CREATE TABLE offers (
    offer_id BLOB PRIMARY KEY, label TEXT NOT NULL, text TEXT NOT NULL, is_open INTEGER NOT NULL
) STRICT;
CREATE INDEX offers_by_label ON offers (label);
CREATE TABLE invoices (
    label TEXT PRIMARY KEY, offer_id BLOB NOT NULL REFERENCES offers, payment_hash BLOB NOT NULL UNIQUE, text TEXT
) STRICT;
CREATE INDEX invoices_by_offer ON invoices (offer_id);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedOffer:
    """An offer. `text` is the `lno` string; no invoice is made for one that is closed."""

    offer_id: bytes
    label: str
    text: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvoice:
    """An invoice. `text` is the `lni` string, None while it is not signed: nobody can pay one of which that is so."""

    label: str
    offer_id: bytes
    payment_hash: bytes
    text: str | None


class IssuerBook:
    """One file, which belongs to one node and one issuer key. Every change is on the disk before the call returns."""

    def __init__(self, path: Path) -> None:
        """Open the file or make it, readable by its owner alone.

        Raises `Unavailable` (`STORE_BROKEN`) and `ConfigurationError` (`STORE_VERSION`).
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
        except OSError as error:
            raise Unavailable(Code.STORE_BROKEN, detail=f"{path}: {error.strerror}") from error
        self._db = sqlite3.connect(path, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _prepare(self) -> None:
        with _broken(self._path):
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA synchronous = EXTRA")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            application = self._db.execute("PRAGMA application_id").fetchone()[0]
            if (version, application) == (0, 0) and not self._db.execute("SELECT 1 FROM sqlite_schema").fetchone():
                self._db.executescript(_CREATE)
            elif (version, application) != (SCHEMA_VERSION, _APPLICATION_ID):
                raise ConfigurationError(Code.STORE_VERSION, detail=f"{self._path} is no book of an issuer")

    def belong_to(self, node_id: Point, issuer_id: Point) -> None:
        """Tie a new book to its node and key. Raises `ConfigurationError` (`CONFIG_BAD`) for a book of others.

        Another node knows none of its invoices, and with another key its offers are not ours.
        """
        with _broken(self._path):
            self._db.execute("INSERT OR IGNORE INTO node VALUES (1, ?, ?)", [node_id, issuer_id])
            row = self._db.execute("SELECT node_id, issuer_id FROM node").fetchone()
        if tuple(row) != (node_id, issuer_id):
            what = "node" if row["node_id"] != node_id else "issuer key"
            detail = (
                f"{self._path} was made with another {what} ({row[0].hex()[:16]}...); use that, or another data folder"
            )
            raise ConfigurationError(Code.CONFIG_BAD, detail=detail)

    def add_offer(self, offer: IssuedOffer) -> None:
        """Write a new offer."""
        values = [offer.offer_id, offer.label, offer.text, offer.is_open]
        self._run("INSERT INTO offers VALUES (?, ?, ?, ?)", values)

    def close_offer(self, offer_id: bytes) -> None:
        """Let no further invoice be made for an offer. Harmless when it is closed or unknown."""
        self._run("UPDATE offers SET is_open = 0 WHERE offer_id = ?", [offer_id])

    def offer(self, offer_id: bytes) -> IssuedOffer | None:
        """Return an offer, None when there is none of that id."""
        rows = self._run("SELECT * FROM offers WHERE offer_id = ?", [offer_id])
        return _offer(rows[0]) if rows else None

    def offers_under(self, label: str) -> list[IssuedOffer]:
        """Return all offers that were made under a label, oldest first."""
        return [_offer(row) for row in self._run("SELECT * FROM offers WHERE label = ? ORDER BY rowid", [label])]

    def begin_invoice(self, invoice: IssuedInvoice) -> None:
        """Write that an invoice is about to be made; the same again is harmless.

        Raises `Unavailable` (`NODE_REFUSED`) when the offer is closed, and (`NODE_PROTOCOL`) when the label has another
        payment hash, or the hash another label.
        """
        sql = """INSERT OR IGNORE INTO invoices (label, offer_id, payment_hash, text)
            SELECT ?, offer_id, ?, NULL FROM offers WHERE offer_id = ? AND is_open = 1"""
        self._run(sql, [invoice.label, invoice.payment_hash, invoice.offer_id])
        known = self.invoice(invoice.label)
        if known is None:
            row = self._run("SELECT 1 FROM invoices WHERE payment_hash = ?", [invoice.payment_hash])
            if row:
                raise Unavailable(Code.NODE_PROTOCOL, detail="this payment hash belongs to another invoice")
            raise Unavailable(Code.NODE_REFUSED, detail="the offer is closed")
        if known.payment_hash != invoice.payment_hash:
            raise Unavailable(Code.NODE_PROTOCOL, detail="the request has another invoice already")
        offer = self.offer(invoice.offer_id)
        if known.text is None and not (offer is not None and offer.is_open):
            raise Unavailable(Code.NODE_REFUSED, detail="the offer is closed")

    def sign_invoice(self, label: str, text: str) -> None:
        """Write the signed invoice, once and before anybody gets it.

        Raises `Unavailable` (`NODE_REFUSED`) when the offer was closed meanwhile: its sale has ended without money.
        """
        sql = """UPDATE invoices SET text = ? WHERE label = ? AND text IS NULL
            AND offer_id IN (SELECT offer_id FROM offers WHERE is_open = 1)"""
        self._run(sql, [text, label])
        known = self.invoice(label)
        if known is None or known.text is None:
            raise Unavailable(Code.NODE_REFUSED, detail="the offer was closed before its invoice was signed")

    def invoice(self, label: str) -> IssuedInvoice | None:
        """Return an invoice, None when there is none under that label."""
        rows = self._run("SELECT * FROM invoices WHERE label = ?", [label])
        return _invoice(rows[0]) if rows else None

    def invoices_of(self, offer_id: bytes) -> list[IssuedInvoice]:
        """Return all invoices of an offer, oldest first."""
        return [
            _invoice(row) for row in self._run("SELECT * FROM invoices WHERE offer_id = ? ORDER BY rowid", [offer_id])
        ]

    def _run(self, sql: str, values: list[Any]) -> list[sqlite3.Row]:
        with _broken(self._path):
            return self._db.execute(sql, values).fetchall()


@contextmanager
def _broken(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(Code.STORE_BROKEN, detail=f"{path}: {error}") from error


def _offer(row: sqlite3.Row) -> IssuedOffer:
    return IssuedOffer(offer_id=row["offer_id"], label=row["label"], text=row["text"], is_open=bool(row["is_open"]))


def _invoice(row: sqlite3.Row) -> IssuedInvoice:
    return IssuedInvoice(
        label=row["label"], offer_id=row["offer_id"], payment_hash=row["payment_hash"], text=row["text"]
    )
