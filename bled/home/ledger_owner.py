"""The part of home's ledger for its owner: limits are changed, devices revoked, payments found."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, insert, select, update

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import BOOK_SALT_BYTES
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.home.ledger_books import LedgerBooks
from bled.home.ledger_rows import read_book, read_claims, read_number, select_claims, set_number
from bled.home.ledger_tables import books, claims
from bled.home.limits_json import format_limits
from bled.home.rows import Book, Claim, Revoked
from bled_codec.crypto import sha256
from bled_codec.units import Msat, UnixTime

NO_BOOK: Final = 0
"""Books count from 1: what was paid from a book whose number another one has now belongs to none."""
LOST_DEVICE: Final = "lost before a restore"
"""Whom a book is for that home knows of by the node's records alone."""
_UNLABELLED: Final = "payments_without_label"
_NOTHING: Final = Msat(0)


class LedgerOwner(LedgerBooks):
    """What the owner changes and looks for. Use `Ledger`."""

    def change_limits(self, book_id: int, change: Callable[[BookLimits], BookLimits]) -> Book:
        """Replace the limits of a book by what `change` makes of them, and return it as it is now.

        Raises `Refused`: `USAGE` when there is no such book, `REVOKED` for one that was revoked.
        """
        with self._store.transaction() as database:
            book = read_book(database, book_id)
            if book is None:
                raise Refused(Code.USAGE, detail=f"there is no book {book_id}")
            if book.revoked_at is not None:
                raise Refused(Code.REVOKED, detail=f"book {book_id}; issue a new one")
            text = format_limits(change(book.limits))
            database.execute(update(books).where(books.c.book_id == book_id).values(limits=text))
            return read_book(database, book_id) or book

    def revoke_device(self, device: str, *, now: UnixTime) -> Revoked:
        """Revoke every book that was issued for a device. Raises `Refused` (`USAGE`) when none ever was."""
        with self._store.transaction() as database:
            query = select(books.c.book_id).where(books.c.device == device).order_by(books.c.book_id)
            numbers = list(database.execute(query).scalars())
            if not numbers:
                raise Refused(Code.USAGE, detail=f"no book was issued for a device {device!r}")
            return self._revoke_books(database, numbers, now)

    def claim_for_hash(self, payment_hash: bytes) -> Claim | None:
        """Return the claim for a payment hash, None when there is none."""
        with self._store.reading() as database:
            found = read_claims(database, select_claims().where(claims.c.payment_hash == payment_hash))
        return next(iter(found), None)

    def claims_from(self, offset: int, *, limit: int) -> tuple[Claim, ...]:
        """Return at most `limit` claims, newest first, after `offset` newer ones."""
        query = select_claims().order_by(claims.c.claimed_at.desc(), claims.c.payer_id).offset(offset).limit(limit)
        with self._store.reading() as database:
            return read_claims(database, query)

    def _find_book(self, database: Connection, claim: Claim) -> bool:
        """Say whether a claim of the node's records has a book here; one that was lost is put in its place.

        That book pays nothing: its ids have other keys, and it is revoked with all others in the same transaction.
        """
        if claim.book_id == NO_BOOK:
            return False
        known = read_book(database, claim.book_id)
        if known is None:
            database.execute(insert(books).values(_lost_book(claim)))
        elif known.device == LOST_DEVICE and known.ids <= claim.index:
            database.execute(update(books).where(books.c.book_id == claim.book_id).values(ids=claim.index + 1))
        return True

    def pays_without_labels(self) -> None:
        """Note for ever that the node keeps no label with what home pays: such parts may be home's own."""
        if not self.paid_without_labels():
            with self._store.transaction() as database:
                set_number(database, _UNLABELLED, 1)

    def paid_without_labels(self) -> bool:
        """Say whether home ever paid through a node that keeps no labels."""
        with self._store.reading() as database:
            return read_number(database, _UNLABELLED) == 1


def _lost_book(claim: Claim) -> dict[str, object]:
    """Return the row of the book that a claim was of: as much as the claim tells, and limits that allow nothing."""
    at = claim.claimed_at
    nothing = GrantClass(first_index=0, count=1, per_payment_msat=_NOTHING, not_before=at, not_after=UnixTime(at + 1))
    limits = BookLimits(
        total_msat=_NOTHING,
        per_payment_msat=_NOTHING,
        per_day_msat=_NOTHING,
        payments=0,
        not_before=at,
        not_after=UnixTime(at + 1),
        max_fee=MaxFee(base_msat=_NOTHING, ppm=0),
        classes=(nothing,),
    )
    return {
        "book_id": claim.book_id,
        "salt": sha256(b"bled/home/lost-book" + claim.book_id.to_bytes(4, "big"))[:BOOK_SALT_BYTES],
        "device": LOST_DEVICE,
        "home_label": "home",
        "issued_at": at,
        "ids": claim.index + 1,
        "limits": format_limits(limits),
    }
