"""The auditor: reads the ledgers of home and of its node, copies of their files or home's database and nothing else,
and counts what is wrong. It uses no code of home.

What home's tables are called stands here and nowhere else in the tests of the campaign.
"""

import json
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import home_refund_auditor

from bled_codec.invoice import Invoice

HOME_LEDGER = Path("home/bled-home/ledger.sqlite")
NODE_LEDGER = Path("accounts.sqlite")
CLAIMS = "SELECT payer_id, book_id, payment_hash, amount, max_fee, state, amount_sent, day FROM claims"
BOOKS = "SELECT book_id, limits FROM books"
PARTS = "SELECT payment_hash, status, amount, amount_sent, label, bolt12 FROM sendpays WHERE payer = 'home'"

OPEN = ("claimed", "sent")
COUNTS = (*OPEN, "paid")


@dataclass
class Findings:
    """What is wrong, a line each; `payments` is what the node has paid, `refunds` what it was paid back."""

    payments: int = 0
    refunds: int = 0
    double_paid: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    budget_violations: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    paid_after_revocation: list[str] = field(default_factory=list)
    refunds_lost: list[str] = field(default_factory=list)
    refunds_over: list[str] = field(default_factory=list)
    refunds_doubled: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        lists = {name: value for name, value in vars(self).items() if isinstance(value, list)}
        return [f"{name}: {line}" for name, found in lists.items() for line in found]


Rows = list[Any]
"""Rows of a query, each with its values by name."""


def audit(
    folder: Path, *, revoked: Iterable[str] = (), is_final: bool, read: Callable[[str], Rows] | None = None
) -> Findings:
    """Read the ledgers in a town's folder; `read` is how to ask home's where it is a database.

    `revoked` are payer ids, in hexadecimal, of which home has told its owner that they are revoked and neither in
    flight nor paid. `is_final`: everything had the time to come to its end.
    """
    read = read or partial(_read, folder / HOME_LEDGER)
    claims, books = read(CLAIMS), read(BOOKS)
    parts = home_refund_auditor.read_node(folder / NODE_LEDGER, PARTS)
    found = Findings(payments=sum(part["status"] == "complete" for part in parts))
    live = defaultdict(list)
    for part in parts:
        if part["status"] != "failed":
            live[_payer_of(part)].append(part)
    by_payer = {claim["payer_id"].hex(): claim for claim in claims}
    if len(by_payer) != len(claims):
        found.double_paid.append("a payer id has two claims")
    for payer, ours in live.items():
        _judge_payment(payer, ours, by_payer.get(payer), found, is_final=is_final)
        if payer in revoked:
            found.paid_after_revocation.append(payer)
    for payer, claim in by_payer.items():
        _judge_claim(payer, claim, live.get(payer, []), found, is_final=is_final)
    for book in books:
        _judge_book(book, [claim for claim in claims if claim["book_id"] == book["book_id"]], live, found)
    home_refund_auditor.audit(folder, found, read=read, is_final=is_final)
    return found


def _judge_payment(payer: str, parts: list, claim: sqlite3.Row | None, found: Findings, *, is_final: bool) -> None:
    """Nothing is sent twice for a payer id, and home knows of all that is."""
    invoice = Invoice.from_string(parts[0]["bolt12"])
    if len({part["payment_hash"] for part in parts}) > 1 or sum(p["amount"] for p in parts) > invoice.invoice_amount:
        found.double_paid.append(f"{payer}: {[(part['status'], part['amount']) for part in parts]}")
    if claim is None or claim["payment_hash"] not in {part["payment_hash"] for part in parts}:
        found.lost.append(f"{payer}: the node sent what home knows nothing of")
    elif claim["state"] not in ("sent", "paid"):
        found.lost.append(f"{payer}: the node sent it, home holds it for {claim['state']}")
    elif is_final and claim["state"] == "paid" and claim["amount_sent"] != sum(p["amount_sent"] for p in parts):
        found.lost.append(f"{payer}: home booked {claim['amount_sent']}, another sum was sent")


def _judge_claim(payer: str, claim: sqlite3.Row, parts: list, found: Findings, *, is_final: bool) -> None:
    if claim["state"] == "paid" and not any(part["status"] == "complete" for part in parts):
        found.lost.append(f"{payer}: home booked what the node never paid")
    if is_final and (claim["state"] in OPEN or any(part["status"] == "pending" for part in parts)):
        found.unresolved.append(f"{payer}: {claim['state']}")


def _judge_book(book: sqlite3.Row, claims: list, live: dict, found: Findings) -> None:
    limits = json.loads(book["limits"])
    taken, days = 0, defaultdict(int)
    for claim in claims:
        if claim["state"] in COUNTS:
            sent = sum(part["amount_sent"] for part in live.get(claim["payer_id"].hex(), []))
            takes = claim["amount_sent"] if claim["state"] == "paid" else claim["amount"] + claim["max_fee"]
            taken += max(takes, sent)
            days[claim["day"]] += max(takes, sent)
            if claim["amount"] > limits["per_payment_msat"] or sent > claim["amount"] + claim["max_fee"]:
                found.budget_violations.append(f"book {book['book_id']}: {claim['amount']} in one payment, {sent} sent")
    number = sum(claim["state"] in COUNTS for claim in claims)
    if taken > limits["total_msat"] or max(days.values(), default=0) > limits["per_day_msat"]:
        found.budget_violations.append(f"book {book['book_id']}: {taken} of {limits['total_msat']}")
    if number > limits["payments"]:
        found.budget_violations.append(f"book {book['book_id']}: {number} payments")


def _payer_of(part: sqlite3.Row) -> str:
    """Return the payer id that the paid invoice names, whatever the payment's label says."""
    return Invoice.from_string(part["bolt12"]).invreq_payer_id.hex()


def _read(path: Path, sql: str) -> list[sqlite3.Row]:
    """Read a copy: opening the file itself would tidy up what a crash has left, and that is for home to do."""
    with tempfile.TemporaryDirectory(prefix="bled-audit-") as folder:
        for suffix in ("", "-wal", "-journal"):
            source = path.with_name(path.name + suffix)
            if source.exists():
                shutil.copy(source, folder)
        database = sqlite3.connect(Path(folder) / path.name)
        try:
            database.row_factory = sqlite3.Row
            return database.execute(sql).fetchall()
        finally:
            database.close()
