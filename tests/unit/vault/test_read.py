"""A vault that another process has can be looked at, and only that."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.vault.schema import SCHEMA_VERSION
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime


def refusal(look: Callable[[], object]) -> BledError:
    with pytest.raises(BledError) as caught:
        look()
    return caught.value


def mark(folder: Path, version: int) -> None:
    """Make the vault one of another version, as far as its number goes."""
    db = sqlite3.connect(folder / "vault.sqlite")
    db.execute("UPDATE vault SET version = ?", (version,))
    db.commit()
    db.close()


def test_who_looks_sees_what_is_signed_while_the_owner_goes_on(
    vault: Vault, folder: Path, offer: Offer, now: UnixTime
) -> None:
    with Vault.read(folder) as reader:
        assert reader.history() == ()
        reservation = vault.reserve(offer, amount=Msat(15_000), now=now)
        assert [entry.payer_id for entry in reader.history()] == [reservation.payer_id]
        assert reader.books(now=now) == vault.books(now=now)
        assert reader.max_fee(Msat(15_000), now=now) == vault.max_fee(Msat(15_000), now=now)


def test_who_looks_changes_nothing(vault: Vault, folder: Path, offer: Offer, now: UnixTime, home) -> None:
    book = home.signed(home.book(book_id=2))
    with Vault.read(folder) as reader:
        changes = (
            lambda: reader.reserve(offer, amount=Msat(15_000), now=now),
            lambda: reader.import_book(book, passphrase=None, chain=REGTEST_CHAIN, now=now),
            lambda: reader.make_keys(1, device="phone", now=now),
            lambda: reader.keep_open_tries(reader.open_tries().take(now=now)),
        )
        for change in changes:
            assert refusal(change).code is Code.STORE_BROKEN
    assert vault.history() == ()
    assert [book.book_id for book in vault.books(now=now)] == [1]


def test_who_looks_keeps_nobody_out(folder: Path, vault: Vault) -> None:
    vault.close()
    with Vault.read(folder):
        Vault.open(folder).close()


def test_looking_makes_no_vault(folder: Path) -> None:
    assert refusal(lambda: Vault.read(folder)).code is Code.STORE_BROKEN
    assert not folder.exists()


def test_a_vault_without_its_key_shows_nothing(vault: Vault, folder: Path) -> None:
    (folder / "vault.key").unlink()
    assert refusal(lambda: Vault.read(folder)).code is Code.STORE_BROKEN


def test_a_vault_that_an_older_bled_holds_says_what_to_do(vault: Vault, folder: Path) -> None:
    mark(folder, SCHEMA_VERSION - 1)
    error = refusal(lambda: Vault.read(folder))
    assert error.code is Code.STORE_VERSION
    assert "let its payment end, and look again" in error.detail


def test_a_vault_of_a_newer_bled_is_left_to_that(vault: Vault, folder: Path) -> None:
    mark(folder, SCHEMA_VERSION + 1)
    error = refusal(lambda: Vault.read(folder))
    assert error.code is Code.STORE_VERSION
    assert "use the bled that has it open" in error.detail
