"""The part of home's ledger about books: issued, used up, revoked."""

import sqlite3
from collections.abc import Iterable

from bled.codes import Code
from bled.errors import Refused
from bled.grants.limits import BookLimits
from bled.home.ledger_core import LedgerCore
from bled.home.ledger_rows import book_from, read_book, read_sums, select_claims
from bled.home.limits_json import format_limits
from bled.home.rows import Book, BookSums, Claim, ClaimState, Revoked
from bled_codec.units import Point, UnixTime


class LedgerBooks(LedgerCore):
    """Books and their revocation. Use `Ledger`."""

    def add_book(
        self, *, salt: bytes, device: str, home_label: str, issued_at: UnixTime, ids: int, limits: BookLimits
    ) -> Book:
        """Add a book under a new number; its ids are known from here on, so it may leave home afterwards."""
        row = (salt, device, home_label, issued_at, ids, format_limits(limits))
        sql = (
            "INSERT INTO books (salt, device, home_label, issued_at, ids, limits) VALUES (?, ?, ?, ?, ?, ?) RETURNING *"
        )
        with self._store.transaction() as database:
            self._advance(database)
            return book_from(database.execute(sql, row).fetchone())

    def book(self, book_id: int) -> Book | None:
        """Return one book, None when there never was one with this number."""
        with self._store.reading() as database:
            return read_book(database, book_id)

    def books(self) -> tuple[Book, ...]:
        """Return all books, oldest first."""
        with self._store.reading() as database:
            return tuple(book_from(row) for row in database.execute("SELECT * FROM books ORDER BY book_id"))

    def sums(self, book_id: int) -> BookSums:
        """Return what a book has used."""
        with self._store.reading() as database:
            return read_sums(database, book_id)

    def revoked_ids(self, book_id: int) -> int:
        """Return how many single payer ids of a book were revoked."""
        with self._store.reading() as database:
            row = database.execute("SELECT count(*) AS n FROM revoked_ids WHERE book_id = ?", (book_id,)).fetchone()
        return int(row["n"])

    def revoke_book(self, book_id: int, *, now: UnixTime) -> Revoked:
        """Refuse every payment with an id of this book whose claim is not committed yet.

        Raises `Refused` (`USAGE`) when there is no such book.
        """
        with self._store.transaction() as database:
            if read_book(database, book_id) is None:
                raise Refused(Code.USAGE, detail=f"there is no book {book_id}")
            return self._revoke_books(database, [book_id], now)

    def revoke_all(self, *, now: UnixTime) -> Revoked:
        """Revoke every book there is."""
        with self._store.transaction() as database:
            return self._revoke_every_book(database, now)

    def revoke_id(self, payer_id: Point, *, book_id: int, now: UnixTime) -> Revoked:
        """Refuse every payment with this payer id of a book whose claim is not committed yet."""
        with self._store.transaction() as database:
            self._advance(database)
            database.execute("INSERT OR IGNORE INTO revoked_ids VALUES (?, ?, ?)", (payer_id, book_id, now))
            claims = select_claims(database, "payer_id = ?", payer_id)
            dropped = self._drop(database, claims, now)
            gone_too_far = any(claim.state in (ClaimState.SENT, ClaimState.PAID) for claim in claims)
            return _answer((), () if gone_too_far else (payer_id,), claims, dropped)

    def _revoke_every_book(self, database: sqlite3.Connection, now: UnixTime) -> Revoked:
        rows = database.execute("SELECT book_id FROM books WHERE revoked_at IS NULL ORDER BY book_id").fetchall()
        return self._revoke_books(database, [row["book_id"] for row in rows], now)

    def _revoke_books(self, database: sqlite3.Connection, book_ids: list[int], now: UnixTime) -> Revoked:
        self._advance(database)
        claims: list[Claim] = []
        for book_id in book_ids:
            sql = "UPDATE books SET revoked_at = ? WHERE book_id = ? AND revoked_at IS NULL"
            database.execute(sql, (now, book_id))
            claims += select_claims(database, "book_id = ? ORDER BY claimed_at", book_id)
        return _answer(tuple(book_ids), (), claims, self._drop(database, claims, now))

    def _drop(self, database: sqlite3.Connection, claims: Iterable[Claim], now: UnixTime) -> tuple[Point, ...]:
        """End the claims for which the node was not asked yet; return their payer ids."""
        waiting = [claim for claim in claims if claim.state is ClaimState.CLAIMED]
        for claim in waiting:
            detail = "revoked before the node was asked"
            self._end(database, claim, ClaimState.DROPPED, Code.REVOKED, detail=detail, now=now)
        return tuple(claim.payer_id for claim in waiting)


def _answer(
    books: tuple[int, ...], payer_ids: tuple[Point, ...], claims: Iterable[Claim], dropped: tuple[Point, ...]
) -> Revoked:
    by_state: dict[ClaimState, list[Claim]] = {state: [] for state in ClaimState}
    for claim in claims:
        by_state[claim.state].append(claim)
    return Revoked(
        books=books,
        payer_ids=tuple(dict.fromkeys((*payer_ids, *dropped))),
        in_flight=tuple(by_state[ClaimState.SENT]),
        already_paid=tuple(by_state[ClaimState.PAID]),
    )
