"""The file of home's ledger: durable, whole, and nothing that was decided can be taken back in it."""

import sqlite3

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.home.ledger import Ledger
from bled_codec.units import Msat


@pytest.fixture
def decided(ledger, bought, shop, home, tmp_path) -> sqlite3.Connection:
    """A file with a paid claim, one that is open, a revoked id and a revoked book; the program's rules are in it."""
    paid, _ = (ledger.claim(bought(index), now=shop.NOW).claim for index in range(2))
    ledger.begin_payment(paid.payer_id, now=shop.NOW)
    ledger.record_paid(paid.payer_id, amount_sent=Msat(15_001), preimage=b"\x01" * 32, now=shop.NOW)
    ledger.revoke_id(home.grant(2).payer_id, book_id=1, now=shop.NOW)
    ledger.revoke_book(1, now=shop.NOW)
    ledger.close()
    stranger = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    yield stranger
    stranger.close()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM claims",
        "DELETE FROM books",
        "DELETE FROM events",
        "DELETE FROM revoked_ids",
        "UPDATE books SET revoked_at = NULL",
        "UPDATE claims SET state = 'failed', amount_sent = NULL WHERE state = 'paid'",
        "UPDATE claims SET amount_sent = 1 WHERE state = 'paid'",
        "UPDATE claims SET amount = 1",
        "UPDATE claims SET max_fee = 0",
        "UPDATE claims SET invoice = x'00'",
        "UPDATE claims SET payment_hash = randomblob(32)",
        "UPDATE claims SET payer_id = randomblob(33)",
    ],
)
def test_what_was_decided_cannot_be_taken_back(decided, change) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="sta"):
        decided.execute(change)


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
    database = ledger._store._database
    asked = {
        name: database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "fullfsync")
    }
    assert asked == {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1}
