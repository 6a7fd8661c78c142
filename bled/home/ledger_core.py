"""What every part of home's ledger shares: the open file, the numbers of decisions, the end of a claim."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.home.ledger_rows import claim_of, decision_from, insert_event, read_generation, set_generation
from bled.home.rows import Claim, ClaimState, Decision
from bled.home.store import Store
from bled_codec.units import UnixTime

_SEQ_BLOCK: Final = 1_000_000_000
"""Numbers that one run may use; refusals take numbers too but are not written, so each run begins a block."""


class LedgerCore:
    """The open file. Use `Ledger`."""

    def __init__(self, store: Store) -> None:
        """Take the open file; use `open`."""
        self._store = store
        self._seq = 0
        self._counts_generations = False

    @classmethod
    def open(cls, folder: Path, *, book_key: bytes) -> Self:
        """Open the ledger of the home whose books are signed with `book_key` (32 bytes).

        Raises as `Store.open` does, and `ConfigurationError` (`CONFIG_BAD`) for the ledger of another home: its books
        could not be known again with this master secret.
        """
        ledger = cls(Store.open(folder))
        try:
            ledger._check_identity(book_key)
            ledger._begin_numbers()
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _check_identity(self, book_key: bytes) -> None:
        with self._store.transaction() as database:
            row = database.execute("SELECT book_key FROM identity").fetchone()
            if row is None:
                database.execute("INSERT INTO identity VALUES (?)", (book_key,))
            elif row["book_key"] != book_key:
                raise ConfigurationError(Code.CONFIG_BAD, detail="the ledger belongs to another master secret")

    def _begin_numbers(self) -> None:
        sql = "INSERT INTO meta VALUES ('runs', 0) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
        with self._store.transaction() as database:
            run = database.execute(sql).fetchone()["value"]
        self._seq = run * _SEQ_BLOCK

    def generation(self) -> int:
        """Return how many changes this file has seen that must not be forgotten; see `bled.home.witness`."""
        with self._store.reading() as database:
            return read_generation(database)

    def _advance(self, database: sqlite3.Connection) -> None:
        """Count a change that must not be forgotten.

        Not before this file was compared with what the node has kept: an old copy that counts on could catch up.
        """
        if self._counts_generations:
            set_generation(database, read_generation(database) + 1)

    def next_seq(self) -> int:
        """Return the next number of a decision: larger than any before, those of earlier runs too."""
        self._seq += 1
        return self._seq

    def decisions(self, *, since: int, limit: int) -> Sequence[Decision]:
        """Return the recorded decisions with a number above `since`, oldest first, at most `limit`."""
        sql = "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._store.reading() as database:
            return [decision_from(row) for row in database.execute(sql, (since, limit))]

    def _record(self, database: sqlite3.Connection, code: Code, claim: Claim, *, now: UnixTime) -> None:
        """Write what became of a claim, as its row now says."""
        written = claim_of(database, claim.payer_id)
        insert_event(database, seq=self.next_seq(), at=now, code=code, claim=written)

    def _end(
        self, database: sqlite3.Connection, claim: Claim, state: ClaimState, code: Code, *, detail: str, now: UnixTime
    ) -> None:
        """End a claim without money."""
        sql = "UPDATE claims SET state = ?, detail = ? WHERE payer_id = ?"
        database.execute(sql, (state.value, detail, claim.payer_id))
        self._record(database, code, claim, now=now)
