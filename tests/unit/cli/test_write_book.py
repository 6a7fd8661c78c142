"""The file of a grant book, when the disk takes only a part of it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bled.cli.homing import write_book
from bled.codes import Code
from bled.errors import BledError, Unavailable


@contextmanager
def _small_files() -> Iterator[None]:
    """No file grows beyond 100 bytes: also none that the tests' own report is written to, so only for one call."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [101, 100_000])
def test_a_book_that_the_disk_does_not_take_is_named_to_be_revoked(tmp_path: Path, size: int) -> None:
    out = tmp_path / "phone.book"
    with pytest.raises(BledError) as caught, _small_files():
        write_book(out, lambda: {"book": "00" * size, "book_id": 7})
    assert caught.value.code is Code.CONFIG_BAD
    assert "revoke book 7" in caught.value.detail
    assert not out.exists()


def test_a_book_that_home_does_not_issue_leaves_no_file(tmp_path: Path) -> None:
    def refuse() -> dict[str, object]:
        raise Unavailable(Code.HOME_UNREACHABLE)

    with pytest.raises(Unavailable):
        write_book(tmp_path / "phone.book", refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_written_book_is_for_its_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "phone.book"
    assert write_book(out, lambda: {"book": "0102", "book_id": 7}) == {"book_id": 7}
    assert out.read_bytes() == b"\x01\x02"
    assert out.stat().st_mode & 0o777 == 0o600
