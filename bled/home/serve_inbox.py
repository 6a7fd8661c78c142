"""What waits for the workers of a node, in PostgreSQL: put there by the node's plugin, taken by whoever is free.

A worker takes a row with `FOR UPDATE SKIP LOCKED` and removes it when it is done, in one transaction of its session: a
worker that dies gives back what it held, at once and without a clock. So an invoice may be looked at twice; its claim
is made once.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Engine, delete, func, insert, select

from bled.home.intake import Arrived
from bled.home.ledger_tables import inbox
from bled.home.policy import glimpse
from bled.home.store import translated

CHANNEL: Final = "bled_inbox"
"""Where PostgreSQL tells workers that something came."""
MOST_WAITING: Final = 1024
"""Rows of one node: what its workers do in some seconds. A till sends again what was dropped."""
MOST_OF_BOOK: Final = 64
"""Rows of one book: whoever has a book's requests holds up the others for a tenth of a second, no longer."""
MOST_OF_ID: Final = 4


class Inbox:
    """The waiting invoices of one node. Every method may raise `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`)."""

    def __init__(self, engine: Engine, *, node: str) -> None:
        """Take the database and the node's name."""
        self._engine = engine
        self._node = node

    def put(self, arrivals: Sequence[tuple[Arrived, int]]) -> int:
        """Add invoices, each with the number of its book, as far as there is room; return how many were dropped.

        Only the node's plugin puts, so that nobody fills the room between the look and the writing.
        """
        with translated(), self._engine.begin() as database:
            rows = self._fitting(database, arrivals)
            if rows:
                database.execute(insert(inbox), rows)
                database.execute(select(func.pg_notify(CHANNEL, self._node)))
        return len(arrivals) - len(rows)

    def _fitting(self, database: Connection, arrivals: Sequence[tuple[Arrived, int]]) -> list[dict[str, object]]:
        waiting = database.execute(select(inbox.c.payer_id, inbox.c.book_id).where(inbox.c.node == self._node)).all()
        total, of_id, of_book = len(waiting), Counter(row[0] for row in waiting), Counter(row[1] for row in waiting)
        rows: list[dict[str, object]] = []
        for arrived, book_id in arrivals:
            payer_id = arrived.seen.payer_id or b""
            if total >= MOST_WAITING or of_id[payer_id] >= MOST_OF_ID or of_book[book_id] >= MOST_OF_BOOK:
                continue
            rows.append(
                {
                    "node": self._node,
                    "book_id": book_id,
                    "payer_id": payer_id,
                    "invoice": arrived.invoice,
                    "secret": arrived.secret,
                }
            )
            total, of_id[payer_id], of_book[book_id] = total + 1, of_id[payer_id] + 1, of_book[book_id] + 1
        return rows


def take(session: Connection, node: str) -> tuple[int, Arrived] | None:
    """Take the oldest invoice that no other worker has; it stays in the inbox until `remove`, or until a rollback.

    Raises SQLAlchemy's errors, as `remove` does.
    """
    oldest = select(inbox).where(inbox.c.node == node).order_by(inbox.c.arrival).limit(1)
    row = session.execute(oldest.with_for_update(skip_locked=True)).first()
    if row is None:
        session.rollback()
        return None
    seen = glimpse(row.invoice)
    return row.arrival, Arrived(invoice=row.invoice, secret=row.secret, seen=seen, is_ours=True)


def remove(session: Connection, arrival: int) -> None:
    """Take an invoice out for good: its claim is in the ledger, or it is refused."""
    session.execute(delete(inbox).where(inbox.c.arrival == arrival))
    session.commit()
