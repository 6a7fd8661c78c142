"""Back-up words: the master secret on paper, and nothing but it comes back."""

import pytest

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.home.backup import master_of, name_of, words_of
from bled.home.master import load_keys, read_master, restore_master

MASTER = bytes(range(32))
# BIP 39, test vectors of the English list: 32 bytes of 0x00, 0x7f and 0xff.
VECTORS = {
    bytes(32): " ".join(["abandon"] * 23 + ["art"]),
    b"\x7f" * 32: "legal winner thank year wave sausage worth useful " * 2
    + "legal winner thank year wave sausage worth title",
    b"\xff" * 32: " ".join(["zoo"] * 23 + ["vote"]),
}


def refused(act, *args: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        act(*args)
    assert caught.value.code is Code.CONFIG_BAD
    return caught.value.detail


@pytest.mark.parametrize("master", VECTORS)
def test_the_words_are_those_of_bip_39(master) -> None:
    assert " ".join(words_of(master)) == VECTORS[master]
    assert master_of(VECTORS[master]) == master


def test_words_come_back_however_they_were_written_down() -> None:
    words = words_of(MASTER)
    numbered = "\n".join(f"{place}. {word.upper()}" for place, word in enumerate(words, 1))
    for text in (" ".join(words), ", ".join(words), f"# of my home\n{numbered}\n"):
        assert master_of(text) == MASTER


def test_wrong_words_are_refused_without_being_repeated() -> None:
    words = list(words_of(MASTER))
    assert "23 words" in refused(master_of, " ".join(words[1:]))
    misspelt = [*words[:4], "xyzzy", *words[5:]]
    assert "in place 5" in refused(master_of, " ".join(misspelt))
    swapped = [words[1], words[0], *words[2:]]
    detail = refused(master_of, " ".join(swapped))
    assert "swapped" in detail
    assert not any(word in detail.split() for word in words)


def test_every_home_has_a_name_that_tells_it_from_others() -> None:
    assert name_of(MASTER) == name_of(MASTER) != name_of(bytes(32))
    assert len(name_of(MASTER)) == 16


def test_a_secret_is_put_back_where_there_is_none(tmp_path) -> None:
    folder = tmp_path / "bled-home"
    restore_master(folder, MASTER)
    assert read_master(folder) == load_keys(folder).master == MASTER
    assert (folder / "master.secret").stat().st_mode & 0o777 == 0o600
    assert "there is a master secret" in refused(restore_master, folder, bytes(32))
    assert read_master(folder) == MASTER


def test_a_secret_that_others_may_read_is_not_shown_either(tmp_path) -> None:
    restore_master(tmp_path, MASTER)
    (tmp_path / "master.secret").chmod(0o604)
    assert "0600" in refused(read_master, tmp_path)
    assert "No such file" in refused(read_master, tmp_path / "nowhere")
