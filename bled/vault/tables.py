"""Rows of the vault as values: books, grants, reservations, outcomes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from bled.codes import Code
from bled.errors import BledError, Refused
from bled.grants.book import Grant, GrantBook
from bled.grants.cbor import decode, encode
from bled.grants.limits import BookLimits, Counters, GrantClass, utc_day
from bled.grants.limits_fields import limits_value, open_limits
from bled.grants.statement import LimitsStatement
from bled.vault.choice import Candidate
from bled.vault.records import BookSummary, HistoryEntry, Reservation, tip_in
from bled.vault.store import Store
from bled_codec.blinded_path import decode_paths
from bled_codec.crypto import SecretKey, parse_point
from bled_codec.errors import CodecError
from bled_codec.offer import Offer
from bled_codec.units import Msat, Point, UnixTime

_SECRET: Final = b"bled/vault/grant/1"
_DAY_SECONDS: Final = 86_400

# An id can sign when its key is here, and has not signed when no reservation names it.
_FREE: Final = """FROM grants LEFT JOIN reservations USING (payer_id)
    WHERE book_id = ? AND secret IS NOT NULL AND reservations.seq IS NULL AND number >= ? AND number < ?"""
_COUNTERS: Final = """SELECT count(*) AS payments, coalesce(sum(amount_msat + max_fee_msat), 0) AS total,
    coalesce(sum((amount_msat + max_fee_msat) * (reserved_at >= ? AND reserved_at < ?)), 0) AS today
    FROM reservations CROSS JOIN grants USING (payer_id) WHERE book_id = ?"""  # CROSS: not through every grant
# A proof, once there, is not hidden by what a till says later.
_HISTORY: Final = """SELECT reservations.*, book_id, number, code, at, proven, invoice, preimage
    FROM reservations JOIN grants USING (payer_id) LEFT JOIN outcomes ON outcomes.seq = (
        SELECT seq FROM outcomes WHERE payer_id = reservations.payer_id ORDER BY proven DESC, seq DESC LIMIT 1)
    ORDER BY reservations.seq"""


@contextmanager
def row_errors() -> Iterator[None]:
    """Turn a row that cannot have been written by us into `BledError` (`STORE_BROKEN`)."""
    try:
        yield
    except (CodecError, ValueError) as error:
        raise BledError(Code.STORE_BROKEN, detail=f"a row of the vault is damaged: {error}") from error


class Tables:
    """Typed access to the rows of an open store."""

    def __init__(self, store: Store) -> None:
        """Read and write the rows of `store`."""
        self._store = store

    def pinned(self) -> tuple[bytes | None, bytes | None]:
        """Return home's book key and the chain, both as of the first import."""
        row = self._one("SELECT home_key, chain FROM vault")
        return row["home_key"], row["chain"]

    def earliest_now(self) -> UnixTime:
        """Return the latest time that is known to be past: of an issue, or of a use."""
        row = self._one("SELECT max(last_seen, coalesce((SELECT max(issued_at) FROM books), 0)) AS bound FROM vault")
        return UnixTime(row["bound"])

    def saw(self, now: UnixTime) -> None:
        """Remember that it has been `now`."""
        self._store.run("UPDATE vault SET last_seen = max(last_seen, ?)", now)

    def has_book(self, book_id: int) -> bool:
        """Say whether the book is here."""
        return self._store.row("SELECT 1 FROM books WHERE book_id = ?", book_id) is not None

    def has_grant(self, payer_id: Point) -> bool:
        """Say whether a payer id is here, in whatever book."""
        return self._store.row("SELECT 1 FROM grants WHERE payer_id = ?", payer_id) is not None

    def add_book(self, book: GrantBook) -> None:
        """Write a book and its grants, and pin its home and chain."""
        limits = book.limits
        self._store.run("UPDATE vault SET home_key = ?, chain = ?", book.book_key, book.chain)
        self._store.run(
            "INSERT INTO books VALUES (?, ?, ?, ?, ?, ?, ?)",
            book.book_id,
            book.device,
            book.home_label,
            book.issued_at,
            limits.not_before,
            limits.not_after,
            encode(limits_value(limits)),
        )
        for grant in book.grants:
            self._add_grant(book.book_id, grant)

    def _add_grant(self, book_id: int, grant: Grant) -> None:
        paths = b"".join(grant.paths)
        bound = _bound(grant.payer_id, book_id, grant.index, grant.metadata, paths)
        sealed = None if grant.secret is None else self._store.seal(grant.secret.reveal(), associated=bound)
        sql = "INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, ?)"
        self._store.run(sql, grant.payer_id, book_id, grant.index, grant.metadata, paths, sealed, grant.refund_offer)

    def present_limits(self, book_id: int) -> tuple[UnixTime, BookLimits] | None:
        """Return what home last said of the limits of a book that is here, and when; None when it is not here."""
        row = self._store.row("SELECT * FROM books WHERE book_id = ?", book_id)
        return None if row is None else (UnixTime(row["issued_at"]), _limits(row))

    def set_limits(self, statement: LimitsStatement) -> None:
        """Replace the limits of a book."""
        limits = statement.limits
        self._store.run(
            "UPDATE books SET issued_at = ?, not_before = ?, not_after = ?, limits = ? WHERE book_id = ?",
            statement.issued_at,
            limits.not_before,
            limits.not_after,
            encode(limits_value(limits)),
            statement.book_id,
        )

    def candidates(self, now: UnixTime) -> list[Candidate]:
        """Return every class of every book, with what is used and free."""
        found = []
        for row in self._store.rows("SELECT * FROM books ORDER BY book_id"):
            book_id, limits = row["book_id"], _limits(row)
            counters = self._counters(book_id, now)
            found += [
                Candidate(
                    book_id=book_id,
                    limits=limits,
                    grant_class=grant_class,
                    counters=counters,
                    free=self._lowest_free(book_id, grant_class),
                )
                for grant_class in limits.classes
            ]
        return found

    def _counters(self, book_id: int, now: UnixTime) -> Counters:
        midnight = utc_day(now) * _DAY_SECONDS
        row = self._one(_COUNTERS, midnight, midnight + _DAY_SECONDS, book_id)
        return Counters(
            reserved_and_spent_msat=Msat(row["total"]), today_msat=Msat(row["today"]), payments=row["payments"]
        )

    def _lowest_free(self, book_id: int, grant_class: GrantClass) -> int | None:
        first = grant_class.first_index
        sql = f"SELECT number {_FREE} ORDER BY number LIMIT 1"
        row = self._store.row(sql, book_id, first, first + grant_class.count)
        return None if row is None else int(row["number"])

    def grant(self, book_id: int, index: int) -> Grant:
        """Return one grant with its secret key."""
        row = self._one("SELECT * FROM grants WHERE book_id = ? AND number = ?", book_id, index)
        bound = _bound(row["payer_id"], book_id, index, row["metadata"], row["paths"])
        secret = self._store.unseal(row["secret"], associated=bound)
        with row_errors():
            return Grant(
                index=index,
                payer_id=parse_point(row["payer_id"]),
                metadata=row["metadata"],
                paths=tuple(path.encode() for path in decode_paths(row["paths"])),
                secret=SecretKey(secret),
                refund_offer=row["refund_offer"],
            )

    def add_reservation(self, reservation: Reservation, now: UnixTime) -> None:
        """Burn a payer id. Raises `BledError` (`STORE_BROKEN`) when it is burnt already."""
        self._store.run(
            "INSERT INTO reservations VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            reservation.payer_id,
            now,
            reservation.amount,
            reservation.max_fee,
            reservation.offer.encode(),
            reservation.request,
        )

    def open_tries(self) -> tuple[UnixTime, ...]:
        """Return when the tries in open mode that are kept were made."""
        return tuple(UnixTime(row["at"]) for row in self._store.rows("SELECT at FROM open_tries ORDER BY rowid"))

    def set_open_tries(self, times: tuple[UnixTime, ...]) -> None:
        """Keep these tries and no others."""
        self._store.run("DELETE FROM open_tries")
        for time in times:
            self._store.run("INSERT INTO open_tries VALUES (?)", time)

    def payments_at(self, reader_key: bytes) -> int:
        """Return how many payments were made at a till."""
        row = self._store.row("SELECT payments FROM readers WHERE reader_key = ?", reader_key)
        return 0 if row is None else int(row["payments"])

    def add_payment_at(self, reader_key: bytes, now: UnixTime) -> None:
        """Count a payment at a till."""
        self._store.run(
            """INSERT INTO readers VALUES (?, 1, ?)
            ON CONFLICT DO UPDATE SET payments = payments + 1, last_paid_at = excluded.last_paid_at""",
            reader_key,
            now,
        )

    def request_of(self, payer_id: Point) -> bytes:
        """Return the request that burnt a payer id. Raises `Refused` (`PAYER_ID_NOT_ISSUED`) when none did."""
        row = self._store.row("SELECT request FROM reservations WHERE payer_id = ?", payer_id)
        if row is None:
            raise Refused(Code.PAYER_ID_NOT_ISSUED, detail="nothing was signed with this payer id")
        request: bytes = row["request"]
        return request

    def add_outcome(
        self, payer_id: Point, code: Code, *, proven: bool, invoice: bytes | None, preimage: bytes | None, at: UnixTime
    ) -> None:
        """Add what was said of a payment; nothing that was said before is lost."""
        sql = "INSERT INTO outcomes VALUES (NULL, ?, ?, ?, ?, ?, ?)"
        self._store.run(sql, payer_id, at, code.value, int(proven), invoice, preimage)

    def summaries(self, now: UnixTime) -> tuple[BookSummary, ...]:
        """Return what is left of every book, by number."""
        rows = self._store.rows("SELECT * FROM books ORDER BY book_id")
        return tuple(self._summary(row, now) for row in rows)

    def _summary(self, row: sqlite3.Row, now: UnixTime) -> BookSummary:
        book_id, limits = row["book_id"], _limits(row)
        spent = self._counters(book_id, now).reserved_and_spent_msat
        total = self._one("SELECT count(*) AS ids FROM grants WHERE book_id = ? AND secret IS NOT NULL", book_id)
        return BookSummary(
            book_id=book_id,
            device=row["device"],
            home_label=row["home_label"],
            ids_left=sum(self._ids_left(book_id, each) for each in limits.classes if now < each.not_after),
            ids_total=total["ids"],
            spent_msat=spent,
            remaining_msat=Msat(max(0, limits.total_msat - spent) if now < limits.not_after else 0),
            not_after=limits.not_after,
        )

    def _ids_left(self, book_id: int, grant_class: GrantClass) -> int:
        first = grant_class.first_index
        ids: int = self._one(f"SELECT count(*) AS ids {_FREE}", book_id, first, first + grant_class.count)["ids"]
        return ids

    def history(self) -> tuple[HistoryEntry, ...]:
        """Return every reservation, oldest first."""
        return tuple(_entry(row) for row in self._store.rows(_HISTORY))

    def _one(self, sql: str, *values: Any) -> sqlite3.Row:
        row = self._store.row(sql, *values)
        if row is None:
            raise BledError(Code.STORE_BROKEN, detail="a row of the vault is missing")
        return row


def _bound(payer_id: bytes, book_id: int, index: int, metadata: bytes, paths: bytes) -> bytes:
    """Return what a secret is sealed with: a row in which anything was changed signs nothing."""
    return _SECRET + payer_id + book_id.to_bytes(4, "big") + index.to_bytes(4, "big") + metadata + paths


def _limits(row: sqlite3.Row) -> BookLimits:
    with row_errors():
        return open_limits(
            decode(row["limits"]), not_before=UnixTime(row["not_before"]), not_after=UnixTime(row["not_after"])
        )


def _entry(row: sqlite3.Row) -> HistoryEntry:
    with row_errors():
        offer = Offer.decode(row["offer"])
        return HistoryEntry(
            at=UnixTime(row["reserved_at"]),
            payer_id=Point(row["payer_id"]),
            book_id=row["book_id"],
            index=row["number"],
            amount=Msat(row["amount_msat"]),
            tip=tip_in(Msat(row["amount_msat"]), offer),
            max_fee=Msat(row["max_fee_msat"]),
            description=offer.offer_description or "",
            code=Code.OUTCOME_UNKNOWN if row["code"] is None else Code(row["code"]),
            outcome_at=None if row["at"] is None else UnixTime(row["at"]),
            proven=bool(row["proven"]),
            offer=row["offer"],
            request=row["request"],
            invoice=row["invoice"],
            preimage=row["preimage"],
        )
