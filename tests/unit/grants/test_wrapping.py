"""Wrapped books: opened by their passphrase, refused for every other reason by name."""

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.grants import wrapping
from bled.grants.sealing import seal, stretch
from bled.grants.wrapping import is_wrapped, unwrap_book, wrap_book
from bled_codec.crypto import sha256

PASSPHRASE = "correct horse"
SALT = bytes(range(16))
NONCE = bytes(range(12))
BOOK = b"bledbook\x01 and what follows"


@pytest.fixture(scope="module")
def wrapped() -> bytes:
    return wrap_book(BOOK, passphrase=PASSPHRASE, salt=SALT, nonce=NONCE)


def refused(data: bytes, *, passphrase: str = PASSPHRASE) -> Code:
    with pytest.raises(BledError) as caught:
        unwrap_book(data, passphrase=passphrase)
    return caught.value.code


def with_digest(data: bytes) -> bytes:
    return data + sha256(data)


def header(*, memory: int = 8, passes: int = 1, lanes: int = 1, version: int = 1) -> bytes:
    numbers = memory.to_bytes(4, "big") + passes.to_bytes(4, "big") + lanes.to_bytes(1, "big")
    return b"bledwrap" + bytes([version]) + numbers + SALT + NONCE


def test_the_passphrase_opens_the_book(wrapped: bytes) -> None:
    assert unwrap_book(wrapped, passphrase=PASSPHRASE) == BOOK


def test_only_a_wrapped_book_needs_a_passphrase(wrapped: bytes) -> None:
    assert is_wrapped(wrapped)
    assert not is_wrapped(BOOK)


def test_the_book_cannot_be_read_from_its_wrapped_form(wrapped: bytes) -> None:
    assert BOOK[9:] not in wrapped


def test_a_wrong_passphrase_is_told_from_damage(wrapped: bytes) -> None:
    assert refused(wrapped, passphrase="correct house") is Code.BOOK_PASSPHRASE
    assert refused(wrapped, passphrase="  ") is Code.BOOK_PASSPHRASE


def test_a_wrapped_book_cut_anywhere_is_damaged(wrapped: bytes) -> None:
    for length in range(len(wrapped)):
        assert refused(wrapped[:length]) is Code.BOOK_DAMAGED


def test_a_wrapped_book_with_any_byte_changed_is_refused(wrapped: bytes) -> None:
    for place in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[place] ^= 0x10
        assert refused(bytes(changed)) is (Code.BOOK_VERSION if place == 8 else Code.BOOK_DAMAGED)


@pytest.mark.parametrize("place", [9, 12, 16, 17, 18, 34, 46, 50])
def test_a_change_under_a_mended_checksum_does_not_open(wrapped: bytes, place: int) -> None:
    changed = bytearray(wrapped[:-32])
    changed[place] ^= 0x01
    assert refused(with_digest(bytes(changed))) in {Code.BOOK_PASSPHRASE, Code.BOOK_DAMAGED}


def test_trailing_bytes_are_damage(wrapped: bytes) -> None:
    assert refused(wrapped + b"\x00") is Code.BOOK_DAMAGED


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_foreign_version_is_named_before_anything_else(version: int) -> None:
    assert refused(header(version=version)[:9]) is Code.BOOK_VERSION


def test_a_bare_book_is_not_unwrapped() -> None:
    assert refused(BOOK) is Code.BOOK_DAMAGED


@pytest.mark.parametrize(
    "costly",
    [
        header(memory=256 * 1024 + 1),
        header(memory=2**32 - 1),
        header(passes=11),
        header(passes=2**32 - 1),
        header(lanes=17, memory=1024),
        header(passes=0),
        header(lanes=0),
        header(memory=7),
        header(lanes=4, memory=31),
        header(memory=0),
    ],
)
def test_a_file_that_asks_for_too_much_or_too_little_is_not_tried(costly: bytes) -> None:
    assert refused(with_digest(costly + bytes(16))) is Code.BOOK_DAMAGED


def test_other_costs_within_bounds_are_read() -> None:
    cheap = header(memory=16, passes=2, lanes=2)
    key = stretch(PASSPHRASE.encode(), salt=SALT, memory_kib=16, passes=2, lanes=2)
    data = with_digest(cheap + seal(key, BOOK, nonce=NONCE, associated=cheap))
    assert unwrap_book(data, passphrase=PASSPHRASE) == BOOK


def test_the_header_is_bound_to_the_content() -> None:
    cheap = header(memory=16, passes=2, lanes=2)
    key = stretch(PASSPHRASE.encode(), salt=SALT, memory_kib=16, passes=2, lanes=2)
    data = with_digest(cheap + seal(key, BOOK, nonce=NONCE, associated=b""))
    assert refused(data) is Code.BOOK_PASSPHRASE


def test_a_file_larger_than_any_book_is_not_read() -> None:
    assert refused(header() + bytes(wrapping.MAX_BOOK_BYTES + 1000)) is Code.BOOK_DAMAGED


@pytest.mark.parametrize(("salt", "nonce"), [(b"", NONCE), (SALT, b""), (SALT + b"\x00", NONCE)])
def test_salt_and_nonce_have_their_lengths(salt: bytes, nonce: bytes) -> None:
    with pytest.raises(ValueError, match="salt"):
        wrap_book(BOOK, passphrase=PASSPHRASE, salt=salt, nonce=nonce)


def test_a_book_is_not_wrapped_under_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        wrap_book(BOOK, passphrase=" ", salt=SALT, nonce=NONCE)
