"""What every part of home's ledger shares: the open database, the numbers of decisions, the end of a claim."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, Table, delete, insert, select

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.home.ledger_rows import (
    claim_of,
    count_up,
    decision_from,
    insert_event,
    read_generation,
    read_number,
    set_generation,
    set_number,
    update_claim,
)
from bled.home.ledger_tables import events, identity, refusals
from bled.home.rows import Claim, ClaimState, Decision
from bled.home.store import Store
from bled_codec.units import UnixTime

_SEQ_BLOCK: Final = 1_000_000_000
"""Numbers that one run may use; refusals take numbers too but are not written, so each run begins a block."""
_REFUSALS: Final = 1_000
"""Refusals of workers that are kept."""


class LedgerCore:
    """The open database. Use `Ledger`."""

    def __init__(self, store: Store) -> None:
        """Take the open database; use `open` or `connect`."""
        self._store = store
        self._seq = 0
        self._counts_generations = False
        self._node = ""
        self._worker = 0

    @classmethod
    def open(cls, folder: Path, *, book_key: bytes) -> Self:
        """Open the ledger file of the home whose books are signed with `book_key` (32 bytes).

        Raises as `Store.open` does, and `ConfigurationError` (`CONFIG_BAD`) for the ledger of another home: its books
        could not be known again with this master secret.
        """
        return cls._opened(Store.open(folder), book_key)

    @classmethod
    def connect(cls, url: str, *, book_key: bytes) -> Self:
        """Open the ledger in a PostgreSQL database, of the home whose books are signed with `book_key` (32 bytes).

        Raises as `Store.connect` does, and `ConfigurationError` (`CONFIG_BAD`) for the ledger of another home.
        """
        return cls._opened(Store.connect(url), book_key)

    @classmethod
    def _opened(cls, store: Store, book_key: bytes) -> Self:
        ledger = cls(store)
        try:
            ledger._check_identity(book_key)
            ledger._begin_numbers()
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    @property
    def engine(self) -> Engine:
        """The database itself, for what lies beside the ledger in it."""
        return self._store.engine

    @property
    def is_shared(self) -> bool:
        """Whether other processes may have the same ledger open, and pay from it through other nodes."""
        return self._store.is_shared

    @property
    def node(self) -> str:
        """Name of the node through which claims are paid here, empty where there is only one."""
        return self._node

    def belong_to(self, node: str) -> None:
        """Have new claims paid by the node with this name; those of other nodes are left to their own workers."""
        self._node = node

    def _check_identity(self, book_key: bytes) -> None:
        with self._store.transaction() as database:
            known = database.execute(select(identity.c.book_key)).scalar_one_or_none()
            if known is None:
                database.execute(insert(identity).values(book_key=book_key))
            elif known != book_key:
                raise ConfigurationError(Code.CONFIG_BAD, detail="the ledger belongs to another master secret")

    def _begin_numbers(self) -> None:
        with self._store.transaction() as database:
            run = read_number(database, "runs", unset=-1) + 1
            set_number(database, "runs", run)
        self._seq = run * _SEQ_BLOCK

    def generation(self) -> int:
        """Return the last generation that was begun for this process's node; see `bled.home.witness`.

        Not the ledger's newest: other nodes could make an old copy look as new as what this one has kept.
        """
        with self._store.reading() as database:
            return read_generation(database, self._node)

    def _advance(self, database: Connection) -> None:
        """Count a change that must not be forgotten.

        Not before this ledger was compared with what the node has kept: an old copy that counts on could catch up.
        """
        if self._counts_generations:
            set_generation(database, read_generation(database) + 1, self._node)

    def next_seq(self) -> int:
        """Return the next number of a decision of this process: larger than any before, of earlier runs too."""
        self._seq += 1
        return self._seq

    def _number(self, database: Connection) -> int:
        """Return the number of a decision that is about to be written."""
        return count_up(database, "decisions") if self.is_shared else self.next_seq()

    def decisions(self, *, since: int, limit: int) -> Sequence[Decision]:
        """Return the recorded decisions with a number above `since`, oldest first, at most `limit`."""
        with self._store.reading() as database:
            found = [_decisions(database, table, since, limit) for table in (events, refusals)]
        return list(islice(merge(*found, key=lambda decision: decision.seq), limit))

    def add_refusal(self, refused: Decision) -> Decision:
        """Keep a refusal for every process of a shared ledger, among the newest; return it with its number."""
        with self._store.transaction() as database:
            numbered = replace(refused, seq=self._number(database))
            values = {name: value for name, value in asdict(numbered).items() if name in refusals.c}
            database.execute(insert(refusals).values(values | {"code": numbered.code.value}))
            newest = select(refusals.c.seq).order_by(refusals.c.seq.desc()).limit(_REFUSALS)
            database.execute(delete(refusals).where(refusals.c.seq.not_in(newest)))
        return numbered

    def _record(self, database: Connection, code: Code, claim: Claim, *, now: UnixTime) -> None:
        """Write what became of a claim, as its row now says."""
        written = claim_of(database, claim.payer_id)
        insert_event(database, seq=self._number(database), at=now, code=code, claim=written)

    def _end(
        self, database: Connection, claim: Claim, state: ClaimState, code: Code, *, detail: str, now: UnixTime
    ) -> None:
        """End a claim without money."""
        update_claim(database, claim.payer_id, state=state.value, detail=detail)
        self._record(database, code, claim, now=now)


def _decisions(database: Connection, table: Table, since: int, limit: int) -> list[Decision]:
    query = select(table).where(table.c.seq > since).order_by(table.c.seq).limit(limit)
    rows: list[Any] = list(database.execute(query).mappings())
    return [decision_from(row) for row in rows]
