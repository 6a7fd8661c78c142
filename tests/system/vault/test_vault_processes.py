"""The vault under kills, locks and full disks, with a real process for every device.

What must hold: a request that left the device is in the history, an id never signs twice, and the next run goes on.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from bled.codes import Code, Failpoint
from bled.errors import BledError
from bled.grants.book import encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.vault.vault import HistoryEntry, Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat, UnixTime

pytestmark = pytest.mark.system

NOW = UnixTime(1_800_000_000)
DEVICE = Path(__file__).with_name("device.py")
KILLED = -signal.SIGKILL


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of 300 ids."""
    end = UnixTime(NOW + 86_400)
    whole = GrantClass(first_index=0, count=300, per_payment_msat=Msat(1_000), not_before=NOW, not_after=end)
    limits = BookLimits(
        total_msat=Msat(10**9),
        per_payment_msat=Msat(1_000),
        per_day_msat=Msat(10**9),
        payments=300,
        not_before=NOW,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(0), ppm=0),
        classes=(whole,),
    )
    keys = HomeKeys.from_master(bytes(range(32)))
    hop, home = (SecretKey(bytes([number]) * 32).public_key for number in (1, 2))
    made = issue_book(
        keys,
        book_id=1,
        book_salt=bytes(16),
        device="phone",
        chain=REGTEST_CHAIN,
        issued_at=NOW,
        limits=limits,
        home_label="home",
        routes=[[hop, home]],
        entropy=Random(1).randbytes,  # noqa: S311 - the same in every run
    )
    path = tmp_path_factory.mktemp("book") / "book"
    path.write_bytes(encode_book(made, book_key=keys.book_key, aux=bytes(32)))
    return path


@pytest.fixture
def folder(tmp_path: Path, book: Path) -> Path:
    """The folder of a vault with the book."""
    folder = tmp_path / "vault"
    with Vault.open(folder) as vault:
        vault.import_book(book.read_bytes(), passphrase=None, chain=REGTEST_CHAIN, now=NOW)
    return folder


def run(*arguments: object, **environment: str) -> tuple[int, list[str]]:
    """Run a device to its end; return its exit status and its lines."""
    done = subprocess.run(
        [sys.executable, str(DEVICE), *map(str, arguments)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=20,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def history(folder: Path) -> tuple[HistoryEntry, ...]:
    with Vault.open(folder, create=False) as vault:
        return vault.history()


def check_goes_on(folder: Path, left: list[str]) -> None:
    """Check what must hold after any accident; `left` are the requests that left the device, oldest first."""
    entries = history(folder)
    assert [entry.request.hex() for entry in entries if entry.request.hex() in left] == left
    assert all(entry.code is Code.OUTCOME_UNKNOWN for entry in entries)
    status, lines = run("reserve", folder, 1)
    assert (status, lines[0]) == (0, "open")
    after = history(folder)
    assert [entry.request.hex() for entry in after] == [entry.request.hex() for entry in entries] + lines[1:]
    assert len({entry.payer_id for entry in after}) == len(after)


def test_killed_after_the_commit_the_id_is_burnt_and_its_outcome_unknown(folder: Path) -> None:
    status, lines = run("reserve", folder, 1, BLED_FAILPOINT=f"{Failpoint.BUYER_RESERVED.value}=kill")
    assert (status, lines) == (KILLED, ["open"])
    (burnt,) = history(folder)
    assert (burnt.index, burnt.code) == (0, Code.OUTCOME_UNKNOWN)
    check_goes_on(folder, [])
    assert [entry.index for entry in history(folder)] == [0, 1]


@pytest.mark.parametrize("action", ["kill", "error"])
def test_the_third_reservation_fails_alone(folder: Path, action: str) -> None:
    _, lines = run("reserve", folder, 5, BLED_FAILPOINT=f"{Failpoint.BUYER_RESERVED.value}:3={action}")
    left = [line for line in lines if line not in ("open", Code.FAILPOINT.value)]
    assert len(left) == 2
    assert [entry.index for entry in history(folder)] == [0, 1, 2]
    check_goes_on(folder, left)


@pytest.mark.parametrize("count", [1, 2, 5, 17, 40])
def test_killed_anywhere_nothing_that_left_is_forgotten(folder: Path, count: int) -> None:
    device = subprocess.Popen(
        [sys.executable, str(DEVICE), "reserve", str(folder), "300"], stdout=subprocess.PIPE, text=True
    )
    with device:
        assert device.stdout is not None
        left = [device.stdout.readline().strip() for _ in range(count + 1)]
        device.kill()
        left += device.stdout.read().splitlines()  # what it wrote before it died
    assert device.returncode == KILLED
    check_goes_on(folder, left[1:])


@pytest.mark.parametrize("milliseconds", [1, 3, 6, 10, 15, 25, 40])
def test_killed_while_importing_the_book_is_there_whole_or_not_at_all(
    tmp_path: Path, book: Path, milliseconds: int
) -> None:
    folder = tmp_path / "new"
    run("import", folder, book, DIE_AFTER_SECONDS=str(milliseconds / 1000))
    with Vault.open(folder) as vault:
        there = vault.books(now=NOW)
        assert [summary.ids_total for summary in there] in ([], [300])
    status, lines = run("import", folder, book)
    assert (status, lines) == (0, [Code.BOOK_ALREADY_IMPORTED.value if there else "imported"])
    check_goes_on(folder, [])


def test_a_second_process_waits_outside_until_the_first_is_gone(folder: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, str(DEVICE), "hold", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        assert run("reserve", folder, 1) == (0, [Code.STORE_LOCKED.value])
        with pytest.raises(BledError) as caught:
            Vault.open(folder)
        assert caught.value.code is Code.STORE_LOCKED
        first.kill()
    check_goes_on(folder, [])


Limit = Callable[[int], int]
LIMITS: dict[str, Limit] = {
    "no byte": lambda size: 0,
    "less than the file": lambda size: size // 2,
    "just the file": lambda size: size,
    "a page more": lambda size: size + 4096,
    "some pages more": lambda size: size + 5 * 4096,
}


@pytest.mark.parametrize("limit", LIMITS)
def test_on_a_full_disk_no_signature_leaves_that_is_not_on_it(folder: Path, limit: str) -> None:
    size = LIMITS[limit]((folder / "vault.sqlite").stat().st_size)
    status, lines = run("reserve", folder, 300, FILE_SIZE_LIMIT=str(max(size, 1)))
    assert (status, lines[-1]) == (0, Code.STORE_BROKEN.value)
    check_goes_on(folder, [line for line in lines if line not in ("open", Code.STORE_BROKEN.value)])
