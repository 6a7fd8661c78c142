"""A home with one book, and purchases with it."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bled.home.ledger import Ledger
from bled.home.policy import VerifiedInvoice, verify_invoice


def _load(path: Path) -> ModuleType:
    name = f"tests_home_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def shop() -> ModuleType:
    """The module that makes offers, requests and invoices."""
    return _load(Path(__file__).with_name("purchases.py"))


@pytest.fixture
def home(shop: ModuleType):
    """A book of five ids, 400,000 msat for one payment, 1,000,000 msat in all."""
    return shop.Purchases()


places = _load(Path(__file__).with_name("places.py"))

ON_BOTH = {
    "test_ledger",
    "test_ledger_clock",
    "test_ledger_refunds",
    "test_old_copy",
    "test_owner_changes",
    "test_pay",
    "test_refund_races",
    "test_refund_service",
    "test_witness",
}
"""What holds for a ledger wherever it lies is tested in SQLite and in PostgreSQL."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the ledger on both databases."""
    if "place" in metafunc.fixturenames and Path(metafunc.module.__file__).stem in ON_BOTH:
        metafunc.parametrize("place", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path):
    """Where the ledger lies: SQLite unless a test says otherwise."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return places.File(tmp_path)
    return request.getfixturevalue("database")


@pytest.fixture(scope="session")
def migrated(postgres):
    """A PostgreSQL database with the ledger's tables, for one test after the other."""
    made = places.Database(postgres)
    yield made
    made.close()


@pytest.fixture
def database(migrated):
    """The PostgreSQL database, emptied."""
    migrated.clear()
    return migrated


@pytest.fixture
def ledger(home, place) -> Iterator[Ledger]:
    """A ledger that knows the book as number 1."""
    opened = place.open(home)
    add_book(opened, home)
    yield opened
    opened.close()


def add_book(ledger: Ledger, home) -> None:
    """Put the book of `home` into the ledger."""
    book = home.row
    added = ledger.add_book(
        salt=book.salt,
        device=book.device,
        home_label=book.home_label,
        issued_at=book.issued_at,
        ids=book.ids,
        limits=book.limits,
    )
    assert added.book_id == home.book_id


@pytest.fixture
def verify(home, shop: ModuleType):
    """Verify invoice bytes as the home does, with the path secret of the id with `index` unless another is given."""

    def run(data: bytes, *, index: int = 0, now: int | None = None, **changes: object) -> VerifiedInvoice:
        values: dict[str, object] = {
            "secret": home.secret(index),
            "keys": home.keys,
            "chain": shop.REGTEST_CHAIN,
            "find_book": {home.book_id: home.row}.get,
            "now": shop.NOW if now is None else now,
        }
        return verify_invoice(data, **values | changes)

    return run


@pytest.fixture(scope="session")
def desks() -> ModuleType:
    """The module with a home that answers requests for refunds."""
    return _load(Path(__file__).with_name("refund_desk.py"))


@pytest.fixture
def desk(desks: ModuleType, home, ledger: Ledger, shop: ModuleType):
    """A home that answers requests for the refund of what its first payer id has paid."""
    return desks.Desk(home, ledger, shop)


@pytest.fixture
def bought(home, shop: ModuleType, verify):
    """Return a verified invoice of a purchase with the id `index`."""

    def run(index: int = 0, *, preimage: bytes | None = None, amount: int = 15_000, now: int | None = None):
        at = shop.NOW if now is None else now
        asked = shop.request(home.grant(index), shop.offer(now=at, amount=amount), amount=amount)
        made = shop.invoice(asked, now=at, amount=amount, preimage=preimage or bytes([index + 1]) * 32)
        return verify(made.encode(), index=index, now=at)

    return run
