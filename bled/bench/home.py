"""`bled bench home`: verifying and claiming as ratios to their floors and to the disk, and what issued ids cost."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bled.bench import home_samples as samples
from bled.bench.home_floor import Floor, counts_of, floor_calls
from bled.bench.timing import measure
from bled.home.files import LEDGER_FILE
from bled.home.ledger import Ledger
from bled.home.policy import VerifiedInvoice, verify_invoice
from bled.home.rows import Book
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import UnixTime

VERIFY_TARGET: Final = 1.5
GROWTH_TARGET: Final = 1.2
BYTES_TARGET: Final = 100
ISSUED: Final = (10**3, 10**5, 10**7)
"""Ids that home has issued: with the last of them the purchases are made."""
CLAIMS: Final = 64
_PAGE: Final = bytes(4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What one purchase costs after so many ids were issued. `stored_bytes` is for each id, in the ledger's file."""

    issued: int
    seconds: float
    stored_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Times in seconds, the best of many for what computes, the median for what waits for the disk.

    Attributes:
        floor: what verification costs at least, measured in turn with it.
        verify: one verification by home, whole; nothing is remembered from one to the next.
        fsync: one page written and on the disk, in the folder of the ledger, between the claims.
        claim: one claim, durable.
    """

    floor: Floor
    verify: float
    fsync: float
    claim: float
    growth: tuple[Growth, ...]

    @property
    def verify_ratio(self) -> float:
        """Verification over everything that it has to compute."""
        return self.verify / self.floor.whole

    @property
    def signatures_ratio(self) -> float:
        """Verification over its two BOLT 12 signatures; it can never be below `least_signatures_ratio`."""
        return self.verify / self.floor.signatures

    @property
    def least_signatures_ratio(self) -> float:
        """The same of a verifier that computes what it has to, and takes no time for anything else."""
        return self.floor.whole / self.floor.signatures

    @property
    def growth_ratio(self) -> float:
        """The dearest purchase over the cheapest, over all numbers of issued ids."""
        return max(each.seconds for each in self.growth) / min(each.seconds for each in self.growth)

    @property
    def met(self) -> dict[str, bool]:
        """Whether each target is met."""
        return {
            "verify": self.verify_ratio <= VERIFY_TARGET,
            "growth": self.growth_ratio <= GROWTH_TARGET,
            "stored": all(each.stored_bytes < BYTES_TARGET for each in self.growth),
        }


def run_home_bench(*, seconds: float, folder: Path | None = None) -> Report:
    """Measure for about `seconds` for each call, with ledgers in `folder`, which should lie on the disk that counts."""
    checks = {str(issued): verification(issued) for issued in ISSUED}
    floors = floor_calls()
    measured = measure({**floors, **checks}, seconds=seconds)
    counts = counts_of(samples.purchases(book_id=1, first_index=0, count=1)[0].invoice)
    with tempfile.TemporaryDirectory(prefix="bled-bench-", dir=folder) as name:
        claim, fsync = _claims(Path(name))
        stored = {issued: _stored_bytes(Path(name), issued) for issued in ISSUED}
    return Report(
        floor=Floor(costs={name: measured[name] for name in floors}, counts=counts),
        verify=min(measured[name] for name in checks),
        fsync=fsync,
        claim=claim,
        growth=tuple(
            Growth(issued=issued, seconds=measured[str(issued)], stored_bytes=stored[issued]) for issued in ISSUED
        ),
    )


def verification(issued: int) -> Callable[[], object]:
    """Return what verifies a purchase with the last of so many ids."""
    (purchase,) = samples.purchases(book_id=1, first_index=issued - 1, count=1)
    book = Book(
        book_id=1,
        salt=samples.SALT,
        device="bench",
        home_label="home",
        issued_at=samples.NOW,
        ids=issued,
        limits=samples.limits(first_index=issued - 1, count=1),
    )
    return partial(_verify, purchase, book)


def _verify(purchase: samples.Purchase, book: Book) -> VerifiedInvoice:
    return verify_invoice(
        purchase.invoice,
        secret=purchase.secret,
        keys=samples.KEYS,
        chain=REGTEST_CHAIN,
        find_book={book.book_id: book}.get,
        now=samples.NOW,
    )


def _claims(folder: Path) -> tuple[float, float]:
    """Return seconds for one claim and for one page that is on the disk, the medians of what was done in turn."""
    place = folder / "claims"
    ledger, book = _ledger_with(place, first_index=0, count=CLAIMS)
    verified = [_verify(each, book) for each in samples.purchases(book_id=book.book_id, first_index=0, count=CLAIMS)]
    try:
        return _in_turn([partial(ledger.claim, each, now=samples.NOW) for each in verified], place / "page")
    finally:
        ledger.close()


def _in_turn(claims: Sequence[Callable[[], object]], page: Path) -> tuple[float, float]:
    claimed, synced = [], []
    descriptor = os.open(page, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for claim in claims:
            claimed.append(_seconds(claim))
            synced.append(_seconds(partial(_write_page, descriptor)))
    finally:
        os.close(descriptor)
    return sorted(claimed)[len(claimed) // 2], sorted(synced)[len(synced) // 2]


def _write_page(descriptor: int) -> None:
    os.write(descriptor, _PAGE)
    os.fsync(descriptor)


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _stored_bytes(folder: Path, issued: int) -> float:
    """Return by how much the ledger's file grows with a book of so many ids, for each of them."""
    place = folder / str(issued)
    empty, _ = _ledger_with(place, first_index=0, count=1)
    empty.close()
    before = (place / LEDGER_FILE).stat().st_size
    ledger, _ = _ledger_with(place, first_index=0, count=issued)
    ledger.close()
    return ((place / LEDGER_FILE).stat().st_size - before) / issued


def _ledger_with(place: Path, *, first_index: int, count: int) -> tuple[Ledger, Book]:
    place.mkdir(exist_ok=True)
    ledger = Ledger.open(place, book_key=samples.KEYS.book_key.public_key[1:])
    ledger.see_time(UnixTime(samples.NOW))
    salt = samples.SALT if count == CLAIMS else count.to_bytes(16, "big")
    book = ledger.add_book(
        salt=salt,
        device="bench",
        home_label="home",
        issued_at=samples.NOW,
        ids=first_index + count,
        limits=samples.limits(first_index=first_index, count=count),
    )
    return ledger, book
