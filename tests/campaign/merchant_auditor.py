"""Reads a till's ledger and its node's books, and says what must never be. It shares no code with the till."""

import contextlib
import sqlite3
from collections import Counter
from hashlib import sha256
from pathlib import Path

from stage import Shop

from bled.sandbox.books_rows import InvoiceStatus

OPEN = ("opened", "offered", "connected", "awaiting_approval", "requested", "invoiced", "sent")
PAID = ("paid", "paid_late")
LIVE = (InvoiceStatus.UNPAID, InvoiceStatus.PAID)

Findings = Counter[str]


def sales_of(ledger: Path) -> list[sqlite3.Row]:
    """Return every sale of the till."""
    return _rows(ledger, "sales")


def look(shop: Shop, *, is_final: bool) -> Findings:
    """Return what is wrong now; `is_final` when every sale has been finished from the node's records."""
    sales = sales_of(shop.ledger_path)
    found: Findings = Counter()
    paid_there = {row.payment_hash for row in shop.invoices() if row.status is InvoiceStatus.PAID}
    paid_here = [sale for sale in sales if sale["state"] in PAID]
    found["second_live"] = sum(count - 1 for count in _live_by_offer(shop).values())
    found["unproven"] = sum(not _is_proven(sale, paid_there) for sale in paid_here)
    found["wrong_amount"] = sum(not _is_right(sale) for sale in paid_here)
    found["open_twice"] = max(0, sum(sale["state"] in OPEN for sale in sales) - 1)
    if is_final:
        known = {bytes(sale["payment_hash"]) for sale in paid_here if sale["payment_hash"] is not None}
        found["lost"] = len(paid_there - known)
        found["unresolved"] = sum(sale["state"] in (*OPEN, "unknown") for sale in sales)
        found["left_open"] = int(shop.is_open())
    return +found


def _is_right(sale: sqlite3.Row) -> bool:
    """Say whether what came is the price and a tip that the till takes."""
    received = sale["amount_received"] in (None, sale["amount"] + sale["tip"])
    return received and 0 <= sale["tip"] <= sale["tip_max"] <= sale["amount"]


def _is_proven(sale: sqlite3.Row, paid_there: set[bytes]) -> bool:
    payment_hash = sale["payment_hash"]
    return payment_hash in paid_there and sha256(sale["preimage"]).digest() == payment_hash


def _live_by_offer(shop: Shop) -> Counter[bytes]:
    """Count the invoices that are paid or can be, by the offer that they belong to."""
    if shop.kind == "cln":
        return Counter(row.local_offer_id or row.payment_hash for row in shop.invoices() if row.status in LIVE)
    live = {row.payment_hash for row in shop.invoices() if row.status in LIVE}
    offers = {
        row["payment_hash"]: row["offer_id"] for row in _rows(shop.ledger_path.parent / "issuer.sqlite", "invoices")
    }
    return Counter(offers.get(payment_hash, b"of no offer") for payment_hash in live)


def _rows(path: Path, table: str) -> list[sqlite3.Row]:
    """Return a table of the till's; none when it was killed before it had made the table."""
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", [table]).fetchone():
            return []
        return db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()  # noqa: S608 - our own word
