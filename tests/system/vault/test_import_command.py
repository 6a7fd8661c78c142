"""`bled buyer import` of good and bad books: sentence, exit code, and a device that goes on afterwards."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import time

import pytest

from bled.grants.book import encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.grants.wrapping import wrap_book
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat, UnixTime

pytestmark = pytest.mark.system

BLED = Path(sys.executable).parent / "bled"
PASSPHRASE = "abcd-efgh-2345-6789"


def make_book(*, book_id: int = 1, master: bytes = bytes(32), begins: int = 0, ends: int = 86_400) -> bytes:
    """Return a signed book of two ids; times are in seconds from now."""
    now = int(time())
    first, end = UnixTime(now + begins), UnixTime(now + ends)
    both = GrantClass(first_index=0, count=2, per_payment_msat=Msat(1_000), not_before=first, not_after=end)
    limits = BookLimits(
        total_msat=Msat(10_000),
        per_payment_msat=Msat(1_000),
        per_day_msat=Msat(10_000),
        payments=2,
        not_before=first,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(0), ppm=0),
        classes=(both,),
    )
    keys = HomeKeys.from_master(master)
    book = issue_book(
        keys,
        book_id=book_id,
        book_salt=bytes(16),
        device="phone",
        chain=REGTEST_CHAIN,
        issued_at=UnixTime(now + begins),
        limits=limits,
        home_label="home",
        routes=[[SecretKey(bytes([number]) * 32).public_key for number in (1, 2)]],
        entropy=Random(book_id).randbytes,  # noqa: S311 - the same in every run
    )
    return encode_book(book, book_key=keys.book_key, aux=bytes(32))


def wrapped(book: bytes) -> bytes:
    return wrap_book(book, passphrase=PASSPHRASE, salt=bytes(16), nonce=bytes(12))


@dataclass
class Device:
    """A buyer's device on which commands are run."""

    folder: Path

    @property
    def vault(self) -> Path:
        return self.folder / "data" / "buyer"

    def bring(self, data: bytes, *flags: str, passphrase: str = PASSPHRASE) -> tuple[int, str]:
        """Import a file; return the exit code and everything that was printed."""
        book, secret = self.folder / "file.book", self.folder / "passphrase"
        book.write_bytes(data)
        secret.write_text(passphrase)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BLED_")}
        done = subprocess.run(
            [BLED, "buyer", "import", book, "--passphrase-file", secret, "--chain", "regtest", *flags],
            env=clean | {"BLED_DATA_DIR": str(self.folder / "data"), "XDG_CONFIG_HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def books(self) -> list[int]:
        with Vault.open(self.vault) as vault:
            return [book.book_id for book in vault.books(now=UnixTime(int(time())))]


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_a_wrapped_book_is_taken_and_a_second_time_refused(device: Device) -> None:
    data = wrapped(make_book())
    status, said = device.bring(data)
    assert (status, device.books()) == (0, [1])
    assert "2 payments" in said
    status, said = device.bring(data)
    assert (status, device.books()) == (65, [1])
    assert "on the device already" in said


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def changed(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 0x40]) + data[201:]


def resigned(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 0x01])


def newer(data: bytes) -> bytes:
    return data[:8] + b"\x02" + data[9:]


def test_each_bad_book_has_its_sentence_and_the_device_still_takes_a_good_one(device: Device) -> None:
    bare = make_book()
    whole = wrapped(bare)
    damaged = "damaged. Copy it again"
    cases = [
        (cut(whole), damaged),
        (changed(whole), damaged),
        (wrapped(cut(bare)), damaged),
        (b"", damaged),
        (newer(whole), "Update bled"),
        (newer(bare), "Update bled"),
        (resigned(bare), "changed after home signed it"),
        (make_book(begins=-100, ends=-1), "time has run out"),
    ]
    for book, sentence in cases:
        status, said = device.bring(book)
        assert status == 65
        assert sentence in said
        assert device.books() == []
    status, said = device.bring(whole, passphrase="abcd-efgh-2345-678a")
    assert status == 65
    assert "passphrase does not open" in said
    assert device.bring(whole)[0] == 0


def test_a_book_for_another_chain_is_refused(device: Device) -> None:
    status, said = device.bring(make_book(), "--chain", "bitcoin")
    assert (status, device.books()) == (65, [])
    assert "another chain" in said


def test_a_book_of_another_home_is_refused_by_policy(device: Device) -> None:
    assert device.bring(make_book())[0] == 0
    status, said = device.bring(make_book(book_id=2, master=b"\x01" * 32))
    assert (status, device.books()) == (77, [1])
    assert "another home" in said
    assert device.bring(make_book(book_id=2))[0] == 0


def test_a_vault_in_use_is_named_and_waits(device: Device) -> None:
    with Vault.open(device.vault):
        status, said = device.bring(make_book())
    assert status == 75
    assert "Another bled process" in said
    assert device.bring(make_book())[0] == 0


def test_a_vault_of_another_version_is_left_alone(device: Device) -> None:
    assert device.bring(make_book())[0] == 0
    db = sqlite3.connect(device.vault / "vault.sqlite")
    db.execute("UPDATE vault SET version = 9")
    db.commit()
    db.close()
    status, said = device.bring(make_book(book_id=2))
    assert status == 78
    assert "another version of bled" in said


def test_a_broken_vault_is_named(device: Device) -> None:
    assert device.bring(make_book())[0] == 0
    path = device.vault / "vault.sqlite"
    path.write_bytes(path.read_bytes()[:5000])
    status, said = device.bring(make_book(book_id=2))
    assert status == 70
    assert "Check the disk" in said


def test_the_reason_comes_as_json_when_asked(device: Device) -> None:
    status, said = device.bring(cut(make_book()), "--json")
    assert status == 65
    assert json.loads(said)["outcome"] == "book-damaged"
