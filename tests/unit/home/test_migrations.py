"""A ledger of an older program keeps everything it knows, and is the same afterwards as one made new."""

import sqlite3
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bled.codes import Code
from bled.errors import ConfigurationError, Refused
from bled.home import store_schema
from bled.home.ledger import Ledger
from bled.home.limits_json import format_limits
from bled.home.rows import ClaimState

FIRST_SCHEMA = Path(__file__).with_name("ledger_v1.sql")


@pytest.fixture
def old(tmp_path: Path, home, bought) -> Path:
    """A file as the program before migrations made it: a book numbered on, a paid claim, an open one, a revoked id."""
    book = home.row
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    database.executescript(FIRST_SCHEMA.read_text(encoding="utf-8"))
    row = (book.book_id, book.salt, book.device, book.home_label, book.issued_at, book.ids, format_limits(book.limits))
    database.execute("INSERT INTO books VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)
    database.execute("UPDATE sqlite_sequence SET seq = 40")
    database.execute("INSERT INTO identity VALUES (?)", (home.keys.book_key.public_key[1:],))
    numbers = {"runs": 0, "latest_time": home.now, "generation": 7, "records_read": 3}
    database.executemany("INSERT INTO meta VALUES (?, ?)", numbers.items())
    for index, state in enumerate(("paid", "sent")):
        invoice = bought(index).invoice
        claim = (invoice.invreq_payer_id, 1, index, invoice.invoice_payment_hash, 15_000, 5_150, invoice.encode())
        times = (home.now, home.now // 86_400, home.now + 300, state, home.now, 60)
        end = (15_001, b"\x01" * 32) if state == "paid" else (None, None)
        marks = ", ".join("?" * 16)
        database.execute(f"INSERT INTO claims VALUES ({marks})", (*claim, *times, *end, ""))  # noqa: S608 - own marks
    database.execute("INSERT INTO revoked_ids VALUES (?, 1, ?)", (home.grant(2).payer_id, home.now))
    database.execute(
        "INSERT INTO events SELECT 1, ?, 'paid', '', payer_id, payment_hash, amount, preimage"
        " FROM claims WHERE state = 'paid'",
        (home.now,),
    )
    database.commit()
    database.close()
    return tmp_path


def test_a_ledger_of_before_loses_nothing(old, place, home, bought) -> None:
    ledger = place.open(home)
    assert ledger.book(1) == home.row
    assert [claim.state for claim in ledger.claims()].count(ClaimState.PAID) == 1
    (sent,) = ledger.open_claims()
    assert (sent.state, sent.index, sent.retry_for) == (ClaimState.SENT, 1, 60)
    assert (ledger.sums(1).spent, ledger.sums(1).reserved) == (15_001, 20_150)
    assert [decision.code for decision in ledger.decisions(since=0, limit=9)] == [Code.PAID]
    assert (ledger.generation(), ledger.records_read()) == (7, 3)
    with pytest.raises(Refused) as caught:
        ledger.claim(bought(2), now=home.now)
    assert caught.value.code is Code.REVOKED
    ledger.close()


def test_its_books_and_decisions_are_numbered_on(old, place, home) -> None:
    ledger = place.open(home)
    values = {"device": "d", "home_label": "h", "issued_at": home.now, "ids": 1, "limits": home.row.limits}
    assert ledger.add_book(salt=b"n" * 16, **values).book_id == 41
    assert ledger.next_seq() > 1_000_000_000
    ledger.close()


def test_an_upgraded_file_and_a_new_one_are_the_same(old, place, home, tmp_path) -> None:
    place.open(home).close()
    (tmp_path / "new").mkdir()
    Ledger.open(tmp_path / "new", book_key=home.keys.book_key.public_key[1:]).close()
    upgraded, made = (_schema(folder / "ledger.sqlite") for folder in (tmp_path, tmp_path / "new"))
    assert upgraded == made
    assert len(made) > 15


def _schema(path: Path) -> list[tuple[str, str]]:
    """Return every table, index and trigger, however its text is spaced."""
    database = sqlite3.connect(path)
    rows = database.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").fetchall()
    database.close()
    return [(name, " ".join(sql.replace("(", " ( ").replace(")", " ) ").split())) for name, sql in rows]


def test_a_program_of_before_refuses_the_upgraded_file(old, place, home) -> None:
    place.open(home).close()
    assert place.execute("PRAGMA user_version") == [(2,)]


def test_an_upgrade_that_fails_half_way_changes_nothing(old, place, home, monkeypatch) -> None:
    other = sqlite3.connect(old / "ledger.sqlite")
    other.execute("CREATE TABLE inbox (strange TEXT)")
    other.close()
    before = _schema(old / "ledger.sqlite")
    with pytest.raises(Exception, match="inbox"):
        place.open(home)
    assert _schema(old / "ledger.sqlite") == before
    place.execute("DROP TABLE inbox")
    place.open(home).close()


def test_the_newest_migration_is_known_without_loading_them() -> None:
    script = ScriptDirectory(str(Path(store_schema.__file__).with_name("migrations")))
    assert script.get_current_head() == store_schema.NEWEST
    assert script.get_base() == store_schema.FIRST


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_the_tables_of_the_program_are_those_of_the_migrations(place, home) -> None:
    from alembic.autogenerate import compare_metadata

    from bled.home.ledger_tables import metadata

    ledger = place.open(home)
    with ledger._store.engine.connect() as database:
        context = MigrationContext.configure(database, opts={"compare_type": False})
        differences = [change for change in compare_metadata(context, metadata) if "column" in str(change[0])]
    ledger.close()
    assert differences == []


def test_a_database_of_later_migrations_is_refused_with_a_sentence(place, home) -> None:
    place.open(home).close()
    place.execute("UPDATE alembic_version SET version_num = '0003_of_later'")
    with pytest.raises(ConfigurationError) as caught:
        place.open(home)
    assert caught.value.code is Code.STORE_VERSION
    assert "0003_of_later" in caught.value.detail
