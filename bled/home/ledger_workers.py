"""The part of home's ledger about who brings a claim to its end, where several processes share the ledger.

A worker has a number that no other ever had, and holds a lock of that number for as long as its session with PostgreSQL
lasts. So whoever can take the lock knows that the worker is gone, without a clock, and its open claims go to another of
the same node. Should a worker live on without its session, two look the same claim up: that pays nothing twice, for
only one transaction brings a claim from CLAIMED to SENT.
"""

from typing import Final

from sqlalchemy import Connection, select, text, update

from bled.home.ledger_books import LedgerBooks
from bled.home.ledger_rows import count_up, is_open, read_claims, select_claims
from bled.home.ledger_tables import claims
from bled.home.rows import Claim

_HOLD: Final = text("SELECT pg_advisory_lock(hashtext('bled worker'), :worker)")
_IS_FREE: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('bled worker'), :worker)")


class LedgerWorkers(LedgerBooks):
    """Who works on which claim. Use `Ledger`."""

    def enlist(self, session: Connection) -> int:
        """Become a worker, for as long as `session` lasts; return its number."""
        with self._store.transaction() as database:
            worker = count_up(database, "workers")
        session.execute(_HOLD, {"worker": worker})
        session.commit()
        self._worker = worker
        return worker

    def open_claims(self) -> tuple[Claim, ...]:
        """Return every claim whose end is not known and that is this process's to bring there, oldest first."""
        mine = (claims.c.node == self._node) & (claims.c.worker == self._worker)
        with self._store.reading() as database:
            return read_claims(database, select_claims().where(is_open(), mine).order_by(claims.c.claimed_at))

    def take_over(self) -> None:
        """Make the open claims of workers that are gone this one's own, as far as its node pays them."""
        if not self.is_shared:
            return
        with self._store.reading() as database:
            if not self._others(database):
                return
        with self._store.transaction() as database:
            gone = [other for other in self._others(database) if _is_gone(database, other)]
            orphaned = is_open() & (claims.c.node == self._node) & claims.c.worker.in_(gone)
            database.execute(update(claims).where(orphaned).values(worker=self._worker))

    def _others(self, database: Connection) -> list[int]:
        theirs = is_open() & (claims.c.node == self._node) & (claims.c.worker != self._worker)
        return list(database.execute(select(claims.c.worker).where(theirs).distinct()).scalars())


def _is_gone(database: Connection, worker: int) -> bool:
    return bool(database.execute(_IS_FREE, {"worker": worker}).scalar_one())
