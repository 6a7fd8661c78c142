"""The part of home's ledger about how far the node's records were compared with it."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from bled.home.ledger_core import LedgerCore
from bled.home.ledger_rows import read_generation, read_number, set_number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Noted:
    """That the node's parts up to `number` were compared while the ledger kept `kept` under `name`.

    When it keeps anything else there, or its generation is before `generation`, it is another state of the ledger, with
    which nothing was compared. Each payment begins a generation: one that a copy lacks is missing in that as well.
    """

    name: str
    kept: int
    generation: int
    number: int


_NOTHING: Final = _Noted(name="", kept=0, generation=0, number=0)


class LedgerRecords(LedgerCore):
    """How far the node's records were read. Use `Ledger`."""

    _noted = _NOTHING

    def records_read(self) -> int:
        """Return the number of the last part in the node's records that was compared with this ledger."""
        with self._store.reading() as database:
            kept = self._kept(database)
            return self._noted.number if self._is_noted_for(database, kept) else kept

    def note_records_read(self, number: int) -> None:
        """Note how far the node's records were compared. It is on the disk with the next claim, or once it is kept.

        Until then a new start compares those parts again.
        """
        with self._store.reading() as database:
            kept, generation = self._kept(database), read_generation(database, self._node)
        self._noted = _Noted(name=self._name, kept=kept, generation=generation, number=max(kept, number))

    def keep_records_read(self) -> None:
        """Keep what was noted, if anything was, unless another process has kept something since."""
        if self._noted.number:
            with self._store.transaction() as database:
                self._write_records_read(database)

    def _write_records_read(self, database: Connection) -> None:
        """Write what was noted. From then on the ledger alone knows: a note would outlive a copy that is put back."""
        if self._noted.number:
            kept = self._kept(database)
            if self._is_noted_for(database, kept) and self._noted.number > kept:
                set_number(database, self._name, self._noted.number)
            self._noted = _NOTHING

    def _is_noted_for(self, database: Connection, kept: int) -> bool:
        noted = self._noted
        is_same = (noted.name, noted.kept) == (self._name, kept)
        return is_same and noted.generation <= read_generation(database, self._node)

    def _kept(self, database: Connection) -> int:
        return read_number(database, self._name)

    @property
    def _name(self) -> str:
        """Each node counts its parts by itself."""
        return f"records_read {self._node}".strip()
