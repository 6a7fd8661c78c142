"""The reader's lasting key: made once, whole, for its owner alone."""

import stat
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.sales.reader_key import READER_KEY_FILE, reader_key_beside


def test_a_till_keeps_its_key(tmp_path: Path) -> None:
    first = reader_key_beside(tmp_path / "sales.sqlite")
    assert reader_key_beside(tmp_path / "sales.sqlite") == first
    path = tmp_path / READER_KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == first.reveal()
    assert [each.name for each in tmp_path.iterdir()] == [READER_KEY_FILE]


def test_two_tills_have_two_keys(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert reader_key_beside(tmp_path / "a" / "x") != reader_key_beside(tmp_path / "b" / "x")


def test_a_draft_of_a_crashed_process_is_no_key(tmp_path: Path) -> None:
    (tmp_path / f"{READER_KEY_FILE}.new").write_bytes(b"half")
    assert len(reader_key_beside(tmp_path / "x").reveal()) == 32


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_what_is_no_key_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / READER_KEY_FILE
    path.write_bytes(content)
    with pytest.raises(Unavailable, match=READER_KEY_FILE.split(".")[0]) as caught:
        reader_key_beside(tmp_path / "x")
    assert caught.value.code is Code.STORE_BROKEN
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        reader_key_beside(tmp_path / "nowhere" / "x")
    assert caught.value.code is Code.STORE_BROKEN
