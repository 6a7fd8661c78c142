"""The vault's file: one process, one version, secrets sealed, and a sentence for everything that can be broken."""

import errno
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bled.codes import Code
from bled.errors import BledError, Refused
from bled.gatt.code_limits import OpenTries
from bled.vault.files import file_errors
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime


def refused(folder: Path, *, create: bool = True) -> Code:
    with pytest.raises(BledError) as caught:
        Vault.open(folder, create=create)
    return caught.value.code


def change(folder: Path, sql: str) -> None:
    db = sqlite3.connect(folder / "vault.sqlite")
    try:
        db.execute(sql)
        db.commit()
    finally:
        db.close()


@pytest.fixture
def closed(vault: Vault, folder: Path) -> Path:
    """The folder of a vault that has a book and nobody has open."""
    vault.close()
    return folder


# Opening


def test_a_new_vault_is_for_its_owner_alone(folder: Path) -> None:
    Vault.open(folder).close()
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "vault.sqlite": 0o600,
        "vault.key": 0o600,
        "vault.lock": 0o600,
    }
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_open_vault_is_locked_until_it_is_closed(folder: Path) -> None:
    with Vault.open(folder):
        assert refused(folder) is Code.STORE_LOCKED
    Vault.open(folder).close()


def test_a_vault_may_be_closed_twice(vault: Vault) -> None:
    vault.close()
    vault.close()


def test_commits_survive_a_power_cut(vault: Vault) -> None:
    db = vault._store._db
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 3  # EXTRA: the folder of the journal too
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_without_a_vault_one_is_made_only_if_asked(folder: Path) -> None:
    assert refused(folder, create=False) is Code.CONFIG_BAD
    assert not folder.exists()
    Vault.open(folder).close()
    Vault.open(folder, create=False).close()


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert refused(path) is Code.CONFIG_BAD
    assert refused(path / "below") is Code.CONFIG_BAD


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), Code.CONFIG_BAD),
        (OSError(errno.EROFS, "Read-only file system"), Code.STORE_BROKEN),
        (OSError(errno.ENOSPC, "No space left on device"), Code.STORE_BROKEN),
        (OSError(errno.EIO, "Input/output error"), Code.STORE_BROKEN),
    ],
)
def test_what_the_disk_refuses_is_named(tmp_path: Path, error: OSError, code: Code) -> None:
    with pytest.raises(BledError, match=error.strerror) as caught, file_errors(tmp_path):
        raise error
    assert caught.value.code is code


# What is there and cannot be used


@pytest.mark.parametrize("version", [0, 4, 99])
def test_another_version_is_named_and_left_alone(closed: Path, version: int) -> None:
    change(closed, f"UPDATE vault SET version = {version}")  # noqa: S608 - a number of our own
    before = (closed / "vault.sqlite").read_bytes()
    assert refused(closed) is Code.STORE_VERSION
    assert (closed / "vault.sqlite").read_bytes() == before
    change(closed, "UPDATE vault SET version = 3")
    Vault.open(closed).close()


def test_a_later_version_is_named_although_its_tables_differ(closed: Path) -> None:
    change(closed, "ALTER TABLE vault DROP COLUMN key_check")
    change(closed, "UPDATE vault SET version = 4")
    assert refused(closed) is Code.STORE_VERSION


@pytest.mark.parametrize("version", [1, 2])
def test_a_vault_of_an_earlier_version_is_brought_to_this_one(closed: Path, version: int) -> None:
    for table in ("open_tries", "readers", "device_keys")[2 * version - 2 :]:
        change(closed, f"DROP TABLE {table}")
    change(closed, f"UPDATE vault SET version = {version}")  # noqa: S608 - a number of our own
    for _ in range(2):
        with Vault.open(closed) as vault:
            assert (vault.open_tries(), vault.times_paid_at(bytes(32))) == (OpenTries(), 0)


def test_a_damaged_vault_of_the_first_version_is_left_alone(closed: Path) -> None:
    change(closed, "DROP TABLE device_keys")
    change(closed, "DROP TABLE open_tries")
    change(closed, "UPDATE vault SET version = 1")
    before = (closed / "vault.sqlite").read_bytes()
    assert refused(closed) is Code.STORE_BROKEN
    assert (closed / "vault.sqlite").read_bytes() == before


def test_tries_in_open_mode_survive_the_process(closed: Path) -> None:
    for made in range(3):
        with Vault.open(closed) as vault:
            tries = vault.open_tries()
            assert tries.left(now=UnixTime(1_000)) == 3 - made
            vault.keep_open_tries(tries.take(now=UnixTime(1_000)))
    with Vault.open(closed) as vault, pytest.raises(Refused) as caught:
        vault.open_tries().take(now=UnixTime(1_000))
    assert caught.value.code is Code.OPEN_TRIES_SPENT


def test_a_file_of_something_else_is_broken(folder: Path) -> None:
    folder.mkdir()
    (folder / "vault.sqlite").write_bytes(b"these are my holiday pictures" * 100)
    assert refused(folder) is Code.STORE_BROKEN


def test_a_database_of_something_else_is_broken(folder: Path) -> None:
    folder.mkdir()
    change(folder, "CREATE TABLE pictures (name)")
    assert refused(folder) is Code.STORE_BROKEN


def test_a_vault_without_its_row_is_broken(closed: Path) -> None:
    change(closed, "DELETE FROM vault")
    assert refused(closed) is Code.STORE_BROKEN


def test_a_cut_file_is_broken(closed: Path) -> None:
    path = closed / "vault.sqlite"
    data = path.read_bytes()
    for length in range(4096, len(data), 4096):
        path.write_bytes(data[:length])
        assert refused(closed) is Code.STORE_BROKEN
    path.write_bytes(data)
    Vault.open(closed).close()


def test_a_missing_key_is_not_made_anew(closed: Path) -> None:
    (closed / "vault.key").unlink()
    assert refused(closed) is Code.STORE_BROKEN
    assert not (closed / "vault.key").exists()


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), bytes(33)])
def test_a_key_that_is_not_this_vaults_is_broken(closed: Path, key: bytes) -> None:
    (closed / "vault.key").write_bytes(key)
    assert refused(closed) is Code.STORE_BROKEN


def test_a_start_that_was_cut_off_is_finished(folder: Path) -> None:
    folder.mkdir()
    (folder / "vault.key.new").write_bytes(b"half")
    (folder / "vault.sqlite").touch()
    with Vault.open(folder) as vault:
        assert vault.books(now=UnixTime(0)) == ()
    assert not (folder / "vault.key.new").exists()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE grants SET secret = x'00'",
        "UPDATE grants SET secret = zeroblob(60)",
        "UPDATE grants SET paths = x'02'",
        "UPDATE grants SET secret = (SELECT secret FROM grants ORDER BY number LIMIT 1)",
        "UPDATE books SET limits = x'a0'",
        "UPDATE books SET limits = x''",
    ],
)
def test_a_damaged_row_signs_nothing(closed: Path, offer: Offer, now: UnixTime, damage: str) -> None:
    change(closed, damage)
    with Vault.open(closed) as vault, pytest.raises(BledError) as caught:
        vault.reserve(offer, amount=Msat(15_000), now=now)
    assert caught.value.code is Code.STORE_BROKEN


def test_a_damaged_outcome_is_named(vault: Vault, folder: Path, offer: Offer, now: UnixTime) -> None:
    reservation = vault.reserve(offer, amount=Msat(15_000), now=now)
    vault.record_outcome(reservation.payer_id, Code.NOT_CONFIRMED, invoice=None, preimage=None, now=now)
    vault.close()
    change(folder, "UPDATE outcomes SET code = 'nonsense'")
    with Vault.open(folder) as reopened, pytest.raises(BledError) as caught:
        reopened.history()
    assert caught.value.code is Code.STORE_BROKEN


def test_another_program_in_the_file_is_a_lock(vault: Vault, folder: Path, offer: Offer, now: UnixTime) -> None:
    vault._store.run("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(folder / "vault.sqlite", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BledError) as caught:
            vault.reserve(offer, amount=Msat(15_000), now=now)
        assert caught.value.code is Code.STORE_LOCKED
    finally:
        other.close()
    assert vault.reserve(offer, amount=Msat(15_000), now=now)


# Secrets


def test_no_secret_key_lies_in_the_folder(closed: Path, home: Any) -> None:
    home.chance.seed(5)
    stored = b"".join(path.read_bytes() for path in closed.iterdir())
    for grant in home.book().grants:
        assert grant.secret is not None
        assert grant.payer_id in stored
        assert grant.secret.reveal() not in stored
        assert grant.secret.reveal().hex().encode() not in stored


def test_no_signature_shows_in_a_repr(vault: Vault, offer: Offer, now: UnixTime) -> None:
    reservation = vault.reserve(offer, amount=Msat(15_000), now=now)
    assert "request=" not in repr(reservation) + repr(vault.history())


# A full disk


def fill(vault: Vault) -> None:
    """Leave the file no page more than it has."""
    pages = vault._store.rows("PRAGMA page_count")[0][0]
    vault._store.run(f"PRAGMA max_page_count = {pages}")


def until_full(act: Callable[[], object]) -> None:
    for _ in range(10_000):
        act()


def test_no_signature_leaves_a_full_disk(folder: Path, home: Any, make_offer: Any, now: UnixTime) -> None:
    given: list[bytes] = []
    with Vault.open(folder) as vault:
        many = [replace(home.book().limits.classes[0], count=100)]
        vault.import_book(home.signed(home.book(classes=many)), passphrase=None, chain=REGTEST_CHAIN, now=now)
        fill(vault)
        with pytest.raises(BledError) as caught:
            until_full(lambda: given.append(vault.reserve(make_offer(1), amount=Msat(1), now=now).request))
        assert caught.value.code is Code.STORE_BROKEN
        assert [entry.request for entry in vault.history()] == given
    with Vault.open(folder) as reopened:
        assert reopened.reserve(make_offer(1), amount=Msat(1), now=now).request not in given
        assert [entry.request for entry in reopened.history()][:-1] == given


def test_a_book_that_does_not_fit_on_the_disk_is_not_half_there(vault: Vault, home: Any, now: UnixTime) -> None:
    fill(vault)
    data = home.signed(home.book(2))
    with pytest.raises(BledError) as caught:
        vault.import_book(data, passphrase=None, chain=REGTEST_CHAIN, now=now)
    assert caught.value.code is Code.STORE_BROKEN
    assert [book.book_id for book in vault.books(now=now)] == [1]
    vault._store.run("PRAGMA max_page_count = 1000000")
    vault.import_book(data, passphrase=None, chain=REGTEST_CHAIN, now=now)
    assert [book.book_id for book in vault.books(now=now)] == [1, 2]


def test_a_changed_byte_anywhere_never_signs_with_a_burnt_id(
    vault: Vault, folder: Path, offer: Offer, now: UnixTime
) -> None:
    burnt = vault.reserve(offer, amount=Msat(15_000), now=now).payer_id
    vault.close()
    path = folder / "vault.sqlite"
    whole = path.read_bytes()
    for place in (*range(2161, 4096, 97), *range(3, len(whole), 397)):  # the tables' own text, and everything
        changed = bytearray(whole)
        changed[place] ^= 0x91
        path.write_bytes(changed)
        try:
            with Vault.open(folder) as opened:
                opened.history()
                opened.books(now=now)
                assert opened.reserve(offer, amount=Msat(15_000), now=now).payer_id != burnt
        except BledError as error:
            assert error.detail


def test_no_single_copy_of_a_burnt_id_can_be_changed_unseen(
    vault: Vault, folder: Path, offer: Offer, now: UnixTime
) -> None:
    burnt = vault.reserve(offer, amount=Msat(15_000), now=now).payer_id
    vault.close()
    path = folder / "vault.sqlite"
    whole = path.read_bytes()
    places = [place for place in range(len(whole)) if whole.startswith(burnt, place)]
    assert len(places) >= 4  # in grants and in reservations, each with its index, and in the request
    found = 0
    for place in places:
        changed = bytearray(whole)
        changed[place + 32] ^= 0x01
        path.write_bytes(changed)
        try:
            Vault.open(folder).close()
        except BledError as error:
            assert error.code is Code.STORE_BROKEN
            found += 1
    assert found >= len(places) - 1  # the copy in the request is its own proof
