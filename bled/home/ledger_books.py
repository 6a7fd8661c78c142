"""The part of home's ledger about books: issued, used up, revoked."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from sqlalchemy import Connection, bindparam, func, insert, select, update

from bled.codes import Code
from bled.errors import Refused
from bled.grants.limits import BookLimits
from bled.home.ledger_core import LedgerCore
from bled.home.ledger_rows import (
    book_from,
    next_book_number,
    read_book,
    read_claim,
    read_claims,
    read_sums,
    select_claims,
)
from bled.home.ledger_tables import books, claims, revoked_ids
from bled.home.limits_json import format_limits
from bled.home.rows import Book, BookSums, Claim, ClaimState, Revoked
from bled_codec.units import Point, UnixTime

_REVOKED_ID: Final = select(revoked_ids.c.revoked_at).where(revoked_ids.c.payer_id == bindparam("payer_id"))


class LedgerBooks(LedgerCore):
    """Books and their revocation. Use `Ledger`."""

    def add_book(
        self, *, salt: bytes, device: str, home_label: str, issued_at: UnixTime, ids: int, limits: BookLimits
    ) -> Book:
        """Add a book under a new number; its ids are known from here on, so it may leave home afterwards."""
        with self._store.transaction() as database:
            self._advance(database)
            book = Book(
                book_id=next_book_number(database),
                salt=salt,
                device=device,
                home_label=home_label,
                issued_at=issued_at,
                ids=ids,
                limits=limits,
            )
            values = {field.name: getattr(book, field.name) for field in fields(book)}
            database.execute(insert(books).values(values | {"limits": format_limits(limits)}))
        return book

    def book(self, book_id: int) -> Book | None:
        """Return one book, None when there never was one with this number."""
        with self._store.reading() as database:
            return read_book(database, book_id)

    def books(self) -> tuple[Book, ...]:
        """Return all books, oldest first."""
        with self._store.reading() as database:
            return tuple(book_from(row) for row in database.execute(select(books).order_by(books.c.book_id)).mappings())

    def sums(self, book_id: int) -> BookSums:
        """Return what a book has used."""
        with self._store.reading() as database:
            return read_sums(database, book_id)

    def revoked_ids(self, book_id: int) -> int:
        """Return how many single payer ids of a book were revoked."""
        with self._store.reading() as database:
            query = select(func.count()).select_from(revoked_ids).where(revoked_ids.c.book_id == book_id)
            return database.execute(query).scalar_one()

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
            if not is_revoked(database, payer_id):
                database.execute(insert(revoked_ids).values(payer_id=payer_id, book_id=book_id, revoked_at=now))
            claim = read_claim(database, payer_id)
            found = () if claim is None else (claim,)
            dropped = self._drop(database, found, now)
            gone_too_far = any(claim.state in (ClaimState.SENT, ClaimState.PAID) for claim in found)
            return _answer((), () if gone_too_far else (payer_id,), found, dropped)

    def _revoke_every_book(self, database: Connection, now: UnixTime) -> Revoked:
        query = select(books.c.book_id).where(books.c.revoked_at.is_(None)).order_by(books.c.book_id)
        return self._revoke_books(database, list(database.execute(query).scalars()), now)

    def _revoke_books(self, database: Connection, book_ids: list[int], now: UnixTime) -> Revoked:
        self._advance(database)
        found: list[Claim] = []
        for book_id in book_ids:
            good = (books.c.book_id == book_id) & books.c.revoked_at.is_(None)
            database.execute(update(books).where(good).values(revoked_at=now))
            query = select_claims().where(claims.c.book_id == book_id).order_by(claims.c.claimed_at)
            found += read_claims(database, query)
        return _answer(tuple(book_ids), (), found, self._drop(database, found, now))

    def _drop(self, database: Connection, found: Iterable[Claim], now: UnixTime) -> tuple[Point, ...]:
        """End the claims for which the node was not asked yet; return their payer ids."""
        waiting = [claim for claim in found if claim.state is ClaimState.CLAIMED]
        for claim in waiting:
            detail = "revoked before the node was asked"
            self._end(database, claim, ClaimState.DROPPED, Code.REVOKED, detail=detail, now=now)
        return tuple(claim.payer_id for claim in waiting)


def is_revoked(database: Connection, payer_id: Point) -> bool:
    """Say whether a single payer id was revoked."""
    return database.execute(_REVOKED_ID, {"payer_id": payer_id}).first() is not None


def _answer(
    book_ids: tuple[int, ...], payer_ids: tuple[Point, ...], found: Iterable[Claim], dropped: tuple[Point, ...]
) -> Revoked:
    by_state: dict[ClaimState, list[Claim]] = {state: [] for state in ClaimState}
    for claim in found:
        by_state[claim.state].append(claim)
    return Revoked(
        books=book_ids,
        payer_ids=tuple(dict.fromkeys((*payer_ids, *dropped))),
        in_flight=tuple(by_state[ClaimState.SENT]),
        already_paid=tuple(by_state[ClaimState.PAID]),
    )
