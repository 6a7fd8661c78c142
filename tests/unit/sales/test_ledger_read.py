"""A ledger that another process has can be looked at, and only that."""

import sqlite3
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.sales.ledger import SCHEMA_VERSION, SaleLedger


def test_a_reader_sees_what_is_there_and_can_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sales.sqlite"
    with SaleLedger.open(path), SaleLedger.read(path) as reader:
        assert reader.sales() == ()
        with pytest.raises(BledError) as caught:
            reader.tell_cashier("anything")
        assert caught.value.code is Code.STORE_BROKEN
        with pytest.raises(Unavailable):
            SaleLedger.open(path)


def test_a_reader_makes_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        SaleLedger.read(tmp_path / "sales.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_does_not_keep_the_ledger_from_ending(tmp_path: Path) -> None:
    path = tmp_path / "sales.sqlite"
    ledger = SaleLedger.open(path)
    with SaleLedger.read(path) as reader:
        ledger.close()
        assert reader.sales() == ()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_ledger_that_an_older_till_holds_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "sales.sqlite"
    with SaleLedger.open(path) as holder:
        holder._db.execute("PRAGMA user_version = 3")
        with pytest.raises(ConfigurationError, match=r"let its sale end .* and look again") as caught:
            SaleLedger.read(path)
        assert caught.value.code is Code.STORE_VERSION
        holder._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@pytest.mark.parametrize(("version", "words"), [(99, "a newer bled wrote it"), (0, "no ledger of sales")])
def test_a_ledger_of_a_newer_bled_and_what_is_none_are_told_apart(tmp_path: Path, version: int, words: str) -> None:
    path = tmp_path / "sales.sqlite"
    db = sqlite3.connect(path)
    mark = 0x626C6564 if version else 1
    db.executescript(f"CREATE TABLE t (x); PRAGMA user_version = {version}; PRAGMA application_id = {mark}")
    db.close()
    for look in (SaleLedger.read, SaleLedger.open):
        with pytest.raises(ConfigurationError, match=words):
            look(path)
