"""Rows of home's ledger, read into values and written from them, always inside the caller's transaction."""

import sqlite3
from dataclasses import fields
from typing import Any, Final

from bled.codes import Code
from bled.errors import Unavailable
from bled.grants.limits import Counters
from bled.home.limits_json import parse_limits
from bled.home.rows import Book, BookSums, Claim, ClaimState, Decision
from bled_codec.units import Msat, Point, UnixTime

_CLAIM_COLUMNS: Final = ", ".join("id_index AS 'index'" if f.name == "index" else f.name for f in fields(Claim))
# What a claim takes from its book: all that may still be spent while it is open, what was spent when it is paid.
_TAKES: Final = "CASE state WHEN 'paid' THEN amount_sent ELSE amount + max_fee END"
_COUNTS: Final = "state IN ('claimed', 'sent', 'paid')"


def read_claim(database: sqlite3.Connection, payer_id: Point) -> Claim | None:
    """Return the claim of a payer id."""
    return next(iter(select_claims(database, "payer_id = ?", payer_id)), None)


def claim_of(database: sqlite3.Connection, payer_id: Point) -> Claim:
    """Return the claim of a payer id that has one. Raises `Unavailable` (`STORE_BROKEN`)."""
    claim = read_claim(database, payer_id)
    if claim is None:
        raise Unavailable(Code.STORE_BROKEN, detail="a claim has gone from the ledger")
    return claim


def select_claims(database: sqlite3.Connection, where: str, *values: object) -> tuple[Claim, ...]:
    """Return the claims for a condition written here in the code."""
    rows = database.execute(f"SELECT {_CLAIM_COLUMNS} FROM claims WHERE {where}", values)  # noqa: S608 - own text
    return tuple(_claim(row) for row in rows)


def _claim(row: sqlite3.Row) -> Claim:
    values: dict[str, Any] = dict(row)
    values["state"] = ClaimState(values["state"])
    return Claim(**values)


def insert_claim(database: sqlite3.Connection, claim: Claim, *, day: int) -> None:
    """Add a new claim, counted on the UTC day `day`."""
    values = {field.name: getattr(claim, field.name) for field in fields(claim)}
    values["id_index"] = values.pop("index")
    values |= {"state": claim.state.value, "day": day}
    marks = ", ".join(f":{name}" for name in values)
    database.execute(f"INSERT INTO claims ({', '.join(values)}) VALUES ({marks})", values)  # noqa: S608 - own names


def read_book(database: sqlite3.Connection, book_id: int) -> Book | None:
    """Return one book."""
    row = database.execute("SELECT * FROM books WHERE book_id = ?", (book_id,)).fetchone()
    return None if row is None else book_from(row)


def book_from(row: sqlite3.Row) -> Book:
    """Return the book in a row."""
    values: dict[str, Any] = dict(row)
    values["limits"] = parse_limits(values["limits"])
    return Book(**values)


def read_counters(database: sqlite3.Connection, book_id: int, *, day: int) -> Counters:
    """Return what a book has used, for its limits; `day` is the present UTC day."""
    row = database.execute(
        f"SELECT count(*) AS payments, coalesce(sum({_TAKES}), 0) AS takes,"  # noqa: S608 - own text
        f" coalesce(sum(CASE WHEN day = ? THEN {_TAKES} END), 0) AS today"
        f" FROM claims WHERE book_id = ? AND {_COUNTS}",
        (day, book_id),
    ).fetchone()
    return Counters(reserved_and_spent_msat=Msat(row["takes"]), today_msat=Msat(row["today"]), payments=row["payments"])


def read_sums(database: sqlite3.Connection, book_id: int) -> BookSums:
    """Return what a book has used, for its owner."""
    row = database.execute(
        "SELECT count(*) AS used, coalesce(sum(amount_sent), 0) AS spent,"
        " coalesce(sum(CASE WHEN state IN ('claimed', 'sent') THEN amount + max_fee END), 0) AS reserved"
        " FROM claims WHERE book_id = ?",
        (book_id,),
    ).fetchone()
    return BookSums(used=row["used"], spent=Msat(row["spent"]), reserved=Msat(row["reserved"]))


def decision_from(row: sqlite3.Row) -> Decision:
    """Return the decision in a row of events."""
    values: dict[str, Any] = dict(row)
    values["code"] = Code(values["code"])
    return Decision(**values)


def insert_event(database: sqlite3.Connection, *, seq: int, at: UnixTime, code: Code, claim: Claim) -> None:
    """Add what became of a claim."""
    row = (seq, at, code.value, claim.detail, claim.payer_id, claim.payment_hash, claim.amount, claim.preimage)
    database.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def read_generation(database: sqlite3.Connection) -> int:
    """Return the generation of the ledger, 0 for one that never counted."""
    row = database.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
    return 0 if row is None else int(row["value"])


def set_generation(database: sqlite3.Connection, generation: int) -> None:
    """Set the generation of the ledger."""
    sql = "INSERT INTO meta VALUES ('generation', ?) ON CONFLICT DO UPDATE SET value = excluded.value"
    database.execute(sql, (generation,))


def number_books_above(database: sqlite3.Connection, number: int) -> None:
    """Have the next book numbered above `number`, and above every book there is."""
    last = database.execute("SELECT max(seq) AS last FROM sqlite_sequence WHERE name = 'books'").fetchone()["last"]
    database.execute("DELETE FROM sqlite_sequence WHERE name = 'books'")
    database.execute("INSERT INTO sqlite_sequence VALUES ('books', ?)", (max(last or 0, number),))
