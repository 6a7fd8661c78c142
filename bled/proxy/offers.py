"""Offers through the proxy: a till sees and closes the ones that it made there, and no other of the shop."""

import sqlite3
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from bled.clock import Clock
from bled.codes import Failpoint
from bled.failpoint import failpoint
from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.calls import MOST_TIME, Denied
from bled.proxy.payout import Ask
from bled.proxy.store import open_database, reading, writing
from bled_codec.errors import CodecError
from bled_codec.offer import Offer
from bled_codec.units import UnixTime

_WHAT: Final = "offers"
_VERSION: Final = 1
_APPLICATION_ID: Final = 0x626C646F
"""Marks the file as this ledger ("bldo")."""
_TABLES: Final = """
CREATE TABLE offers (
    till TEXT NOT NULL, label TEXT NOT NULL, expiry INTEGER NOT NULL, asked_at INTEGER NOT NULL,
    PRIMARY KEY (till, label, expiry)
) STRICT, WITHOUT ROWID;
CREATE INDEX offers_by_time ON offers (asked_at);
"""
_KEEP_SECONDS: Final = 400 * 86_400
"""A till that was away for longer finds its last open sale's offer gone; it ended long before."""
_LOOKUP_SECONDS: Final = 30.0


class OfferBook:
    """Which offers each till has asked for, by label and expiry. One SQLite file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Take an open database; `open` makes it."""
        self._db = db

    @classmethod
    def open(cls, path: Path) -> "OfferBook":
        """Open or make the book at `path`.

        Raises `Unavailable` (`STORE_BROKEN`) and `ConfigurationError` (`STORE_VERSION`).
        """
        return cls(open_database(path, tables=_TABLES, version=_VERSION, application_id=_APPLICATION_ID))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, till: str, label: str, expiry: int, *, now: UnixTime) -> None:
        """Write, on disk, that `till` asks for an offer. Raises `Unavailable` (`STORE_BROKEN`)."""
        with writing(self._db, _WHAT) as db:
            db.execute("DELETE FROM offers WHERE asked_at < ?", (now - _KEEP_SECONDS,))
            db.execute("INSERT OR IGNORE INTO offers VALUES (?, ?, ?, ?)", (till, label, expiry, now))

    def has(self, till: str, label: str, expiry: int) -> bool:
        """Say whether `till` asked for such an offer. Raises `Unavailable` (`STORE_BROKEN`)."""
        query = "SELECT 1 FROM offers WHERE till = ? AND label = ? AND expiry = ?"
        with reading(_WHAT):
            return self._db.execute(query, (till, label, expiry)).fetchone() is not None


class Offers:
    """Makes, lists and closes offers for tills."""

    def __init__(self, ask: Ask, book: OfferBook, clock: Clock) -> None:
        """Take the node, and the book of what was asked for."""
        self._ask = ask
        self._book = book
        self._clock = clock

    async def create(self, request: pb.OfferRequest, *, till: str, seconds: float) -> bytes:
        """Return the node's answer to one `Offer`; it is in the book before the node hears of it.

        Raises `Denied`, `Unavailable` (`STORE_BROKEN`), `NodeSaidError`.
        """
        self._book.add(till, request.label, request.absolute_expiry, now=self._clock.now())
        failpoint(Failpoint.PROXY_OFFER_WRITTEN)
        return await self._ask("Offer", request.SerializeToString(), seconds)

    async def own(self, request: pb.ListoffersRequest, *, till: str, seconds: float) -> bytes:
        """Return what of the node's answer to one `ListOffers` is the till's. Raises `Denied`, `NodeSaidError`."""
        rows = await self._rows(request, seconds)
        own = [row for row in rows if self._is_of(till, row)]
        return pb.ListoffersResponse(offers=own).SerializeToString()

    async def disable(self, request: pb.DisableofferRequest, *, till: str, seconds: float) -> bytes:
        """Return the node's answer to one `DisableOffer`. Raises `Denied` for an offer of others, `NodeSaidError`."""
        rows = await self._rows(pb.ListoffersRequest(offer_id=request.offer_id), _LOOKUP_SECONDS)
        if not all(self._is_of(till, row) for row in rows):  # none: the node says itself that it knows no such offer
            raise Denied("a till may close the offers that it made here, no other")
        return await self._ask("DisableOffer", request.SerializeToString(), seconds)

    async def _rows(self, request: pb.ListoffersRequest, seconds: float) -> list[pb.ListoffersOffers]:
        data = await self._ask("ListOffers", request.SerializeToString(), seconds)
        try:
            return list(pb.ListoffersResponse.FromString(data).offers)
        except DecodeError as error:
            raise Denied("the node does not say which offers it has") from error

    def _is_of(self, till: str, row: pb.ListoffersOffers) -> bool:
        """Say whether the till made it. A label alone can be guessed: the expiry must be the one asked for, too."""
        if not (row.single_use and row.label):
            return False
        try:
            expiry = Offer.from_string(row.bolt12).offer_absolute_expiry
        except CodecError:
            return False
        return expiry is not None and expiry <= MOST_TIME and self._book.has(till, row.label, expiry)
