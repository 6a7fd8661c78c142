"""A ledger that another process has can be looked at, and only that."""

import sqlite3
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.sales.ledger import SaleLedger


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
