"""The auditor of what comes back: compares what home's node was paid with what home's ledger says of it. Uses no code
of home.
"""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bled_codec.invoice import Invoice

if TYPE_CHECKING:  # these are its findings
    from home_auditor import Findings

NODE_BOOKS = Path("home/books.sqlite")
REFUNDS = "SELECT payment_hash, payer_id, amount, state, received, kept, request FROM refunds"
CLAIMS = "SELECT payer_id, state, amount_sent, invoice FROM claims"
EVENTS = "SELECT payment_hash, amount FROM events WHERE code = 'refunded'"
INVOICES = (
    "SELECT payment_hash, label, status, amount, amount_received, expires_at FROM invoices"
    " WHERE label LIKE 'bled-refund-%'"
)
OFFER_TYPE = 2000239001
"""TLV type of the refund offer in a request, which its invoice repeats."""

Rows = list[Any]


def received_by_node(folder: Path) -> dict[str, int]:
    """Return what the node was paid for refunds, by payment hash."""
    rows = read_node(folder / NODE_BOOKS, INVOICES)
    return {row["payment_hash"].hex(): row["amount_received"] for row in rows if row["status"] == "paid"}


def audit(folder: Path, found: "Findings", *, read: Callable[[str], Rows], is_final: bool) -> None:
    """Add to `found` what is wrong with refunds. Home's ledger is read first: the node may be paid meanwhile."""
    refunds = {bytes(row["payment_hash"]): row for row in read(REFUNDS)}
    claims = {bytes(row["payer_id"]): row for row in read(CLAIMS)}
    events = [(bytes(row["payment_hash"]), row["amount"]) for row in read(EVENTS)]
    invoices = {bytes(row["payment_hash"]): row for row in read_node(folder / NODE_BOOKS, INVOICES)}
    paid = {key: row for key, row in invoices.items() if row["status"] == "paid"}
    found.refunds = len(paid)
    for key, row in invoices.items():
        _judge_invoice(key, row, refunds.get(key), found, is_final=is_final)
    _judge_ledger(refunds, paid, events, found, is_final=is_final)
    _judge_payments(refunds, invoices, claims, found)


def _judge_invoice(key: bytes, row: Any, ours: Any, found: "Findings", *, is_final: bool) -> None:
    """Home knows of everything that its node was paid, and of all that it can be paid still."""
    what = f"{key.hex()[:16]}, {row['status']}"
    if ours is None:
        found.refunds_lost.append(f"{what}: home knows nothing of it")
    elif row["status"] == "paid" and ours["state"] == "closed":
        found.refunds_lost.append(f"{what}: home holds it for closed")
    elif row["status"] == "paid" and is_final and (ours["state"], ours["received"]) != ("paid", row["amount_received"]):
        found.refunds_lost.append(f"{what}: {row['amount_received']} came, home has {ours['state']} {ours['received']}")
    elif _is_live(row) and ours["state"] == "closed" and ours["kept"]:
        found.refunds_lost.append(f"{what}: it can be paid, home holds it for closed")


def _judge_ledger(refunds: dict, paid: dict, events: list, found: "Findings", *, is_final: bool) -> None:
    """Home has booked what came, each once, and nothing else."""
    for key, ours in refunds.items():
        if ours["state"] == "paid" and key not in paid:
            found.refunds_lost.append(f"{key.hex()[:16]}: booked, and the node was never paid")
    told = [key for key, _ in events]
    if len(set(told)) != len(told):
        found.refunds_doubled.append("one refund is told of twice")
    booked = {(key, ours["received"]) for key, ours in refunds.items() if ours["state"] == "paid"}
    if set(events) != booked:
        found.refunds_doubled.append(f"told of {len(events)}, booked {len(booked)}")
    if is_final and set(told) != set(paid):
        found.refunds_lost.append(f"told of {len(told)}, the node was paid {len(paid)}")


def _judge_payments(refunds: dict, invoices: dict, claims: dict, found: "Findings") -> None:
    """Of one payment comes back no more than left home, one invoice of it stands, and only with its refund offer."""
    of_payment = defaultdict(list)
    for key, ours in refunds.items():
        of_payment[bytes(ours["payer_id"])].append((key, ours))
    for payer, rows in of_payment.items():
        who, claim = payer.hex()[:16], claims.get(payer)
        took = 0 if claim is None or claim["state"] != "paid" else claim["amount_sent"]
        at_node = [(invoices[key], ours) for key, ours in rows if key in invoices]
        live = [row for row, ours in at_node if _is_live(row) and ours["kept"]]
        came = sum(row["amount_received"] for row, _ in at_node if row["status"] == "paid")
        if came + sum(row["amount"] for row in live) > took:
            found.refunds_over.append(f"{who}: {came} came, {[row['amount'] for row in live]} may; {took} had left")
        if len(live) > 1 or sum(ours["state"] == "open" for _, ours in rows) > 1:
            found.refunds_doubled.append(f"{who}: {len(live)} invoices can be paid at once")
        if claim is not None and not _has_offer(bytes(claim["invoice"])):
            found.refunds_over.append(f"{who}: an invoice for a payment without a refund offer")


def _is_live(row: Any) -> bool:
    return row["status"] == "unpaid" and row["expires_at"] > time.time()


def _has_offer(invoice: bytes) -> bool:
    return any(record.type == OFFER_TYPE for record in Invoice.decode(invoice).records)


def read_node(path: Path, sql: str) -> Rows:
    """Read a database of a node that may be at work."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        database.row_factory = sqlite3.Row
        return database.execute(sql).fetchall()
    finally:
        database.close()
