"""Home's master secret is made once, for its owner's eyes, and never replaced."""

import pytest

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.home.master import load_keys, prepare_folder


def refused(folder) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_keys(folder)
    assert caught.value.code is Code.CONFIG_BAD
    return caught.value.detail


def test_a_secret_is_made_once(tmp_path) -> None:
    first = load_keys(tmp_path)
    assert load_keys(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["master.secret"]
    assert (tmp_path / "master.secret").stat().st_mode & 0o777 == 0o600


def test_every_home_has_its_own(tmp_path) -> None:
    for name in "ab":
        prepare_folder(tmp_path / name)
    assert load_keys(tmp_path / "a").master != load_keys(tmp_path / "b").master


def test_a_crash_while_it_was_made_leaves_no_half_secret(tmp_path) -> None:
    (tmp_path / "master.new").write_bytes(b"half")
    assert len(load_keys(tmp_path).master) == 32


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33)])
def test_a_secret_of_another_length_is_not_used(tmp_path, content) -> None:
    (tmp_path / "master.secret").write_bytes(content)
    (tmp_path / "master.secret").chmod(0o600)
    assert "32 bytes" in refused(tmp_path)


def test_a_secret_that_others_may_read_is_not_used(tmp_path) -> None:
    load_keys(tmp_path)
    (tmp_path / "master.secret").chmod(0o640)
    assert "0600" in refused(tmp_path)


def test_a_lost_secret_is_not_replaced_while_books_depend_on_it(tmp_path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    assert "restore" in refused(tmp_path)
    assert not (tmp_path / "master.secret").exists()


def test_a_folder_that_cannot_be_made_is_a_bad_setting(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError):
        prepare_folder(tmp_path / "file" / "bled-home")
    assert refused(tmp_path / "file")
