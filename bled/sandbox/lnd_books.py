"""The invoices of a sandbox node that is LND's kind: it has never heard of BOLT 12."""

import asyncio
import hmac
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from bled.clock import Clock
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.rpc_error import NodeDied
from bled_codec.blinded_path import BlindedPath
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.crypto import sha256
from bled_codec.units import Msat, UnixTime

Paths = tuple[tuple[BlindedPath, BlindedPayinfo], ...]
MakePaths = Callable[[bytes, Msat, int], Paths]
"""Takes a path id (32 bytes), an amount and an expiry in seconds; returns ways for the money."""

_LARGEST_EXPIRY: Final = 365 * 86_400
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS lnd_invoices (
    add_index INTEGER PRIMARY KEY, payment_hash BLOB NOT NULL UNIQUE, preimage BLOB NOT NULL, memo TEXT NOT NULL,
    amount INTEGER NOT NULL, created_at INTEGER NOT NULL, expiry INTEGER NOT NULL, payment_addr BLOB NOT NULL,
    payment_request TEXT NOT NULL UNIQUE, state TEXT NOT NULL, amount_paid INTEGER NOT NULL,
    settled_at INTEGER NOT NULL
) STRICT;
"""


class LndError(Exception):
    """LND refuses a call: the name of a gRPC status, and its words."""

    def __init__(self, message: str, status: str = "UNKNOWN") -> None:
        self.message = message
        self.status = status
        super().__init__(status, message)


class LndState(StrEnum):
    """States of an invoice, as LND names them."""

    OPEN = "OPEN"
    SETTLED = "SETTLED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True, kw_only=True)
class LndInvoice:
    """An invoice of this node. `payment_addr` (32 bytes) is what a payment over one of its paths brings along."""

    payment_hash: bytes
    preimage: bytes = field(repr=False)
    memo: str
    amount: Msat
    created_at: UnixTime
    expiry: int
    payment_addr: bytes = field(repr=False)
    payment_request: str
    state: LndState = LndState.OPEN
    amount_paid: Msat = field(default=Msat(0))
    settled_at: UnixTime = field(default=UnixTime(0))
    add_index: int = 0

    @property
    def status(self) -> InvoiceStatus:
        """The state in Core Lightning's words."""
        return {
            LndState.OPEN: InvoiceStatus.UNPAID,
            LndState.SETTLED: InvoiceStatus.PAID,
            LndState.CANCELED: InvoiceStatus.EXPIRED,
        }[self.state]


_COLUMNS: Final = tuple(column.name for column in fields(LndInvoice))


class LndBooks:
    """One node's invoices. Every change is on the disk before the call that makes it returns.

    After `die` every call raises `NodeDied` until `revive`; what was written stays. Calls belong to one event loop.
    """

    def __init__(self, path: Path | None, *, clock: Clock) -> None:
        """Open or make the file; None keeps everything in memory."""
        self._db = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._clock = clock
        self._dead = False
        self._paths: dict[str, Paths] = {}
        self._listening: dict[bytes, set[asyncio.Queue[LndInvoice | None]]] = {}
        self.make_paths: MakePaths | None = None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def is_dead(self) -> bool:
        """Whether the node died and was not started again."""
        return self._dead

    def die(self) -> None:
        """End the node as if its process were killed: streams end."""
        self._dead = True
        for queue in [queue for queues in self._listening.values() for queue in queues]:
            queue.put_nowait(None)

    def revive(self) -> None:
        """Start the node again with what its file holds."""
        self._dead = False

    def _check_alive(self) -> None:
        if self._dead:
            raise NodeDied
        for row in self._select("state = 'OPEN'"):
            if row.created_at + row.expiry <= self._clock.now():
                self._write(replace(row, state=LndState.CANCELED))

    def add_invoice(self, *, preimage: bytes, memo: str, amount: Msat, expiry: int) -> LndInvoice:
        """Make an invoice with blinded paths. Raises `LndError` as LND does."""
        self._check_alive()
        if expiry > _LARGEST_EXPIRY:
            raise LndError(f"expiry of {expiry} seconds greater than max expiry of {_LARGEST_EXPIRY} seconds")
        payment_addr = secrets.token_bytes(32)
        paths = () if self.make_paths is None else self.make_paths(payment_addr, amount, expiry)
        if not paths:
            raise LndError("could not find any routes to self to use for a blinded path")
        row = LndInvoice(
            payment_hash=sha256(preimage),
            preimage=preimage,
            memo=memo,
            amount=amount,
            created_at=self._clock.now(),
            expiry=expiry,
            payment_addr=payment_addr,
            payment_request=f"lnbcrt1sandbox{secrets.token_hex(40)}",
        )
        if self._select("payment_hash = ?", row.payment_hash):
            raise LndError("invoice with payment hash already exists")
        self._paths[row.payment_request] = paths
        return self._insert(row)

    def _insert(self, row: LndInvoice) -> LndInvoice:
        number = self._db.execute("SELECT coalesce(max(add_index), 0) + 1 FROM lnd_invoices").fetchone()[0]
        row = replace(row, add_index=number)
        marks = ", ".join("?" * len(_COLUMNS))
        sql = f"INSERT INTO lnd_invoices ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - own names
        self._db.execute(sql, [getattr(row, name) for name in _COLUMNS])
        return row

    def decode(self, payment_request: str) -> tuple[LndInvoice, Paths]:
        """Return what a payment request of this node says. Raises `LndError` for any other text.

        Paths are not on the disk: a request that was made before a restart has new ones, as good as the old.
        """
        self._check_alive()
        rows = self._select("payment_request = ?", payment_request)
        if not rows:
            raise LndError("invalid index of 1")
        paths = self._paths.get(payment_request)
        if paths is None:
            if self.make_paths is None:
                raise LndError("could not find any routes to self to use for a blinded path")
            paths = self.make_paths(rows[0].payment_addr, rows[0].amount, rows[0].expiry)
        return rows[0], paths

    def lookup(self, payment_hash: bytes) -> LndInvoice:
        """Return an invoice. Raises `LndError` (`NOT_FOUND`)."""
        self._check_alive()
        rows = self._select("payment_hash = ?", payment_hash)
        if not rows:
            raise LndError("unable to locate invoice", "NOT_FOUND")
        return rows[0]

    def cancel(self, payment_hash: bytes) -> None:
        """Close an invoice; harmless when it is closed. Raises `LndError` when it was paid, or is unknown."""
        self._check_alive()
        rows = self._select("payment_hash = ?", payment_hash)
        if not rows:
            raise LndError("unable to locate invoice")
        if rows[0].state is LndState.SETTLED:
            raise LndError("invoice already settled")
        if rows[0].state is LndState.OPEN:
            self._write(replace(rows[0], state=LndState.CANCELED))

    def forget(self, payment_hash: bytes) -> None:
        """Delete an invoice, as a database that was put back from a copy has it."""
        self._db.execute("DELETE FROM lnd_invoices WHERE payment_hash = ?", [payment_hash])

    @contextmanager
    def listen(self, payment_hash: bytes) -> Iterator["asyncio.Queue[LndInvoice | None]"]:
        """Give a queue of an invoice's states from now on. None: no more will come."""
        queue: asyncio.Queue[LndInvoice | None] = asyncio.Queue()
        self._listening.setdefault(payment_hash, set()).add(queue)
        try:
            yield queue
        finally:
            self._listening[payment_hash].discard(queue)

    def list_invoices(self, *, payment_hash: bytes | None = None) -> Sequence[LndInvoice]:
        """Return all invoices, oldest first, or the one of a hash."""
        self._check_alive()
        return self._select("1") if payment_hash is None else self._select("payment_hash = ?", payment_hash)

    def accept(self, payment_hash: bytes, amount: Msat, path_id: bytes) -> bool:
        """Say whether a payment would be taken now: open, over a path of the invoice, no less than the amount."""
        self._check_alive()
        rows = self._select("payment_hash = ?", payment_hash)
        if not rows or rows[0].state is not LndState.OPEN:
            return False
        return hmac.compare_digest(path_id, rows[0].payment_addr) and amount >= rows[0].amount

    def settle(self, payment_hash: bytes, amount: Msat) -> bytes:
        """Mark an open invoice as paid and return its preimage. Raises `LndError` when it cannot be paid."""
        row = self.lookup(payment_hash)
        if row.state is not LndState.OPEN:
            raise LndError("invoice already canceled")
        self._write(replace(row, state=LndState.SETTLED, amount_paid=amount, settled_at=self._clock.now()))
        return row.preimage

    def _write(self, row: LndInvoice) -> None:
        columns = ", ".join(f"{name} = ?" for name in _COLUMNS)
        sql = f"UPDATE lnd_invoices SET {columns} WHERE payment_hash = ?"  # noqa: S608 - own names
        self._db.execute(sql, [*(getattr(row, name) for name in _COLUMNS), row.payment_hash])
        for queue in self._listening.get(row.payment_hash, ()):
            queue.put_nowait(row)

    def _select(self, where: str, *values: object) -> list[LndInvoice]:
        sql = f"SELECT {', '.join(_COLUMNS)} FROM lnd_invoices WHERE {where} ORDER BY add_index"  # noqa: S608 - own names
        rows = (dict(row) for row in self._db.execute(sql, values).fetchall())
        return [LndInvoice(**row | {"state": LndState(row["state"])}) for row in rows]
