"""The file of home's ledger: durable, whole, and nothing that was decided can be taken back in it."""

import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.home.ledger import Ledger
from bled_codec.units import Msat


def refusal(act, *args: object, **how: object) -> BledError:
    with pytest.raises(BledError) as caught:
        act(*args, **how)
    return caught.value


def driver(ledger: Ledger) -> sqlite3.Connection:
    """Return the one connection of a ledger in SQLite."""
    return ledger._store.engine.raw_connection().driver_connection


def test_a_ledger_of_before_gets_the_same_rules(ledger, home, tmp_path) -> None:
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as other:
        names = [row[0] for row in other.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]
        for name in names:
            other.execute(f"DROP TRIGGER {name}")
    other.close()
    Ledger.open(tmp_path, book_key=home.keys.book_key.public_key[1:]).close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as other:
        again = [row[0] for row in other.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]
    other.close()
    assert sorted(again) == sorted(names) != []


def test_a_damaged_ledger_is_not_opened(ledger, bought, home, shop, tmp_path) -> None:
    ledger.claim(bought(), now=shop.NOW)
    ledger.close()
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'claims_open'").fetchone()[0]
        size = other.execute("PRAGMA page_size").fetchone()[0]
    other.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : page * size] = b"\x0a" + bytes(size - 1)
    path.write_bytes(bytes(data))
    with pytest.raises(Unavailable) as caught:
        Ledger.open(tmp_path, book_key=home.keys.book_key.public_key[1:])
    assert caught.value.code is Code.STORE_BROKEN


def test_a_commit_is_on_the_disk_when_it_returns(ledger) -> None:
    database = driver(ledger)
    asked = {
        name: database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "fullfsync")
    }
    assert asked == {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1}


def test_two_plugins_cannot_have_one_ledger(ledger, home, tmp_path) -> None:
    again = refusal(Ledger.open, tmp_path, book_key=home.keys.book_key.public_key[1:])
    assert again.code is Code.STORE_LOCKED


def test_a_file_of_a_later_format_is_not_touched(ledger, home, tmp_path) -> None:
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as other:
        other.execute("PRAGMA user_version = 3")
    other.close()
    error = refusal(Ledger.open, tmp_path, book_key=home.keys.book_key.public_key[1:])
    assert isinstance(error, ConfigurationError)
    assert error.code is Code.STORE_VERSION


def test_a_file_that_is_no_ledger_is_named_broken(home, tmp_path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"something else" * 500)
    assert refusal(Ledger.open, tmp_path, book_key=bytes(32)).code is Code.STORE_BROKEN


def test_the_ledger_is_for_its_owner_alone(ledger, bought, shop, tmp_path) -> None:
    ledger.claim(bought(), now=shop.NOW)
    modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir() if path.name.startswith("ledger")}
    assert modes
    assert set(modes.values()) == {0}


def test_a_full_disk_claims_nothing_and_hurts_nothing(ledger, bought, shop) -> None:
    database = driver(ledger)
    database.execute(f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}")
    errors = []
    for index in range(5):
        try:
            ledger.claim(bought(index, amount=1_000), now=shop.NOW)
        except Unavailable as error:
            errors.append(error.code)
    assert set(errors) == {Code.STORE_BROKEN}
    assert len(ledger.claims()) == 5 - len(errors)
    database.execute("PRAGMA max_page_count = 100000")
    assert ledger.claim(bought(4, amount=1_000), now=shop.NOW).is_new


def test_a_folder_that_cannot_hold_a_ledger_is_named_broken(tmp_path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    assert refusal(Ledger.open, tmp_path, book_key=bytes(32)).code is Code.STORE_BROKEN
    assert refusal(Ledger.open, tmp_path / "missing", book_key=bytes(32)).code is Code.STORE_BROKEN


def test_the_time_is_written_once_a_minute_at_most(ledger, shop) -> None:
    ledger.see_time(shop.NOW)
    before = driver(ledger).total_changes
    for second in range(60):
        ledger.see_time(shop.NOW + second)
    assert driver(ledger).total_changes == before
    ledger.see_time(shop.NOW + 60)
    assert driver(ledger).total_changes == before + 1


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow, nor anything be written into one, past its first byte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def records_read(ledger: Ledger, number: int) -> None:
    ledger.note_records_read(number)
    ledger.keep_records_read()


WRITES = {
    "a book": lambda ledger, home, made: ledger.add_book(
        salt=b"n" * 16, device="d", home_label="h", issued_at=home.now, ids=1, limits=home.row.limits
    ),
    "a claim": lambda ledger, home, made: ledger.claim(made[2], now=home.now),
    "asking the node": lambda ledger, home, made: ledger.begin_payment(made[1].payer_id, now=home.now),
    "a payment": lambda ledger, home, made: ledger.record_paid(
        made[0].payer_id, amount_sent=Msat(15_001), preimage=b"\x01" * 32, now=home.now
    ),
    "a failure": lambda ledger, home, made: ledger.record_failed(made[0].payer_id, detail="no route", now=home.now),
    "an unknown outcome": lambda ledger, home, made: ledger.record_unknown(made[0].payer_id, detail="?", now=home.now),
    "a revoked id": lambda ledger, home, made: ledger.revoke_id(made[1].payer_id, book_id=1, now=home.now),
    "revoked books": lambda ledger, home, made: ledger.revoke_all(now=home.now),
    "a generation": lambda ledger, home, made: ledger.begin_generation(kept=5, now=home.now),
    "records read": lambda ledger, home, made: records_read(ledger, 7),
    "the time": lambda ledger, home, made: ledger.see_time(home.now + 3_600),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_full_disk_at_any_write_changes_nothing_and_the_write_works_later(ledger, home, bought, place, write) -> None:
    sent, waiting = (ledger.claim(bought(index), now=home.now).claim for index in range(2))
    ledger.begin_payment(sent.payer_id, now=home.now)
    made = (sent, waiting, bought(2))
    tables = ("meta", "books", "claims", "revoked_ids", "events")

    def written() -> list[object]:
        return [place.execute(f"SELECT * FROM {table}") for table in tables]  # noqa: S608 - named above

    before = written()
    with full_disk(), pytest.raises(Unavailable) as caught:
        WRITES[write](ledger, home, made)
    assert caught.value.code is Code.STORE_BROKEN
    assert written() == before
    WRITES[write](ledger, home, made)
    assert written() != before


def test_a_full_disk_at_the_first_start_leaves_nothing_that_is_in_the_way(home, place, tmp_path) -> None:
    with full_disk():
        assert refusal(place.open, home).code is Code.STORE_BROKEN
    place.open(home).close()
    assert (tmp_path / "ledger.sqlite").stat().st_size > 0
