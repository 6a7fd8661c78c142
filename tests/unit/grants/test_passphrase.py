"""Passphrases: 80 bits of entropy, the same however they are typed."""

import pytest

from bled.grants.passphrase import PASSPHRASE_ENTROPY_BYTES, create_passphrase, passphrase_bytes


def test_a_passphrase_has_at_least_77_bits() -> None:
    assert PASSPHRASE_ENTROPY_BYTES * 8 >= 77


def test_it_is_four_groups_of_four() -> None:
    assert create_passphrase(bytes(10)) == "aaaa-aaaa-aaaa-aaaa"
    assert create_passphrase(b"\xff" * 10) == "9999-9999-9999-9999"


def test_every_bit_of_entropy_counts() -> None:
    ones = [(1 << bit).to_bytes(10, "big") for bit in range(80)]
    assert len({create_passphrase(entropy) for entropy in ones}) == 80


def test_no_letter_is_taken_for_another() -> None:
    letters = {create_passphrase(bytes([byte]) * 10) for byte in range(256)}
    assert not set("01lo") & set("".join(letters))


def test_too_little_entropy_is_refused() -> None:
    with pytest.raises(ValueError, match="entropy"):
        create_passphrase(bytes(9))


@pytest.mark.parametrize(
    "typed", ["abcd-efgh-2345-6789", "ABCD EFGH 2345 6789", "abcdefgh23456789 ", "abcd-EFGH23456789"]
)
def test_one_of_ours_may_be_typed_in_many_ways(typed: str) -> None:
    assert passphrase_bytes(typed) == b"abcd-efgh-2345-6789"


def test_another_one_is_taken_as_it_is() -> None:
    assert passphrase_bytes("Correct Horse-Battery") == b"Correct Horse-Battery"


def test_composed_and_decomposed_letters_are_one() -> None:
    assert passphrase_bytes("Mu\u0308nze") == passphrase_bytes("M\u00fcnze")


@pytest.mark.parametrize("typed", ["", "  ", "\n"])
def test_an_empty_one_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        passphrase_bytes(typed)
