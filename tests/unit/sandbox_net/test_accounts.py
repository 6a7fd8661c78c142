"""The ledger of the sandbox can only grow."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.sandbox.accounts import Accounts
from bled.sandbox.sendpays import SendPay, SendPayStatus, Transfer
from bled_codec.units import Msat, Point, UnixTime

NOW = UnixTime(1_795_000_000)


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    accounts = Accounts(None)
    accounts.fund("1x1x1", "home", Msat(1000), at=NOW)
    yield accounts
    accounts.close()


def _payment(number: int = 1, amount: int = 100) -> SendPay:
    return SendPay(
        payer="home",
        payment_hash=bytes([number]) * 32,
        groupid=7,
        partid=1,
        destination=Point(b"\x02" * 33),
        amount=Msat(amount),
        amount_sent=Msat(amount),
        path=0,
        amount_entering=Msat(amount),
        transfers=(Transfer(channel="1x1x1", sender="home", receiver="hop", amount=Msat(amount)),),
        created_at=NOW,
        label=None,
        bolt12="lni1",
    )


@pytest.mark.parametrize("change", ["UPDATE entries SET delta = 0", "DELETE FROM entries"])
def test_an_entry_is_never_changed(accounts: Accounts, change: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        accounts._db.execute(change)


def test_a_share_is_given_once(accounts: Accounts) -> None:
    accounts.fund("1x1x1", "home", Msat(1000), at=NOW)
    assert accounts.balance("1x1x1", "home") == 1000


def test_a_payment_is_completed_once(accounts: Accounts) -> None:
    payment = accounts.begin(_payment())
    accounts.complete(payment, preimage=bytes(32), at=NOW)
    with pytest.raises(sqlite3.IntegrityError):
        accounts.complete(payment, preimage=bytes(32), at=NOW)
    assert accounts.balances() == {"home": 900, "hop": 100}


def test_a_payment_hash_is_live_once_and_free_again_after_a_failure(accounts: Accounts) -> None:
    first = accounts.begin(_payment())
    with pytest.raises(sqlite3.IntegrityError):
        accounts.begin(_payment())
    accounts.fail(first, erroronion=b"", at=NOW)
    accounts.begin(_payment())


def test_a_failed_payment_is_not_completed_later(accounts: Accounts) -> None:
    payment = accounts.begin(_payment())
    accounts.fail(payment, erroronion=b"", at=NOW)
    with pytest.raises(sqlite3.IntegrityError):
        accounts.complete(payment, preimage=bytes(32), at=NOW)
    assert accounts.balances() == {"home": 1000}


def test_pending_payments_hold_what_they_are_to_move(accounts: Accounts) -> None:
    first = accounts.begin(_payment(1, 600))
    second = accounts.begin(_payment(2, 300))
    assert accounts.spendable("1x1x1", "home") == 100
    assert accounts.spendable("1x1x1", "home", before=second.created_index) == 400
    assert accounts.spendable("1x1x1", "home", before=first.created_index) == 1000


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "accounts.sqlite")
    accounts.fund("1x1x1", "home", Msat(1000), at=NOW)
    payment = accounts.complete(accounts.begin(_payment()), preimage=bytes(32), at=NOW)
    accounts.close()
    again = Accounts(tmp_path / "accounts.sqlite")
    assert again.payments("home") == (payment,)
    assert payment.status is SendPayStatus.COMPLETE
    assert again.balances() == {"home": 900, "hop": 100}
    again.close()


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "accounts.sqlite"
    Accounts(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(ConfigurationError) as caught:
        Accounts(path)
    assert caught.value.code is Code.STORE_VERSION
