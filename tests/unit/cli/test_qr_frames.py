"""A grant book as QR codes: cut, shown, photographed in any order, and whole again; never a mixture of two."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bled.cli.qr_book_reading import read_book_pictures
from bled.cli.qr_book_showing import show_book
from bled.cli.qr_frames import MOST_FRAMES, frames_of, joined
from bled.codes import Code
from bled.errors import BledError

BOOK, OTHER = (random.Random(seed).randbytes(1_500) for seed in (1, 2))  # noqa: S311 - no secret


def refused(texts: list[str]) -> BledError:
    with pytest.raises(BledError) as caught:
        joined(texts)
    return caught.value


@given(data=st.binary(min_size=1, max_size=2_000), size=st.integers(50, 700), shuffle=st.randoms())
def test_what_was_cut_is_joined_in_any_order_with_duplicates_and_other_codes(data, size, shuffle) -> None:
    texts = [*frames_of(data, size=size) * 2, "https://example.org", "BLED:1/2:nonsense", "bled1:abc"]
    shuffle.shuffle(texts)
    assert joined(texts) == data


def test_a_frame_has_the_characters_of_the_short_mode() -> None:
    allowed = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert all(set(text) <= allowed for text in frames_of(BOOK, size=700))


def test_frames_of_two_books_are_never_joined() -> None:
    ours, theirs = frames_of(BOOK, size=700), frames_of(OTHER, size=700)
    assert refused([*ours[:2], theirs[2]]).code is Code.BOOK_FRAMES_MIXED
    assert refused([*ours, theirs[0]]).code is Code.BOOK_FRAMES_MIXED


def test_what_is_missing_is_named() -> None:
    texts = frames_of(BOOK, size=250)
    error = refused([text for number, text in enumerate(texts, 1) if number not in (2, 5)])
    assert (error.code, error.detail) == (Code.BOOK_FRAMES_MISSING, "number 2, 5 of 6")
    assert refused([]).code is Code.BOOK_FRAMES_MISSING


def test_a_frame_that_was_changed_does_not_make_a_book() -> None:
    first, *rest = frames_of(BOOK, size=700)
    spoilt = first[:-1] + ("A" if first[-1] != "A" else "B")
    assert refused([spoilt, *rest]).code is Code.BOOK_DAMAGED


def test_a_large_book_is_carried_as_a_file() -> None:
    with pytest.raises(BledError, match="carry it as a file"):
        frames_of(bytes(50 * MOST_FRAMES + 1), size=50)


def test_pictures_are_read_whatever_their_order_and_number_of_codes(tmp_path: Path) -> None:
    pictures = show_book(BOOK, str(tmp_path))
    assert [picture.name for picture in pictures] == [f"book-0{number}-of-03.png" for number in (1, 2, 3)]
    assert all(picture.stat().st_mode & 0o077 == 0 for picture in pictures)
    assert read_book_pictures([*reversed(pictures), pictures[0]]) == BOOK
    first, second = (Image.open(picture) for picture in pictures[:2])
    both = Image.new("L", (first.width + second.width, first.height), 255)
    both.paste(first, (0, 0))
    both.paste(second, (first.width, 0))
    both.save(tmp_path / "both.png")
    assert read_book_pictures([tmp_path / "both.png", pictures[2]]) == BOOK


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BledError, match=r"nowhere\.png"):
        read_book_pictures([tmp_path / "nowhere.png"])
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(BledError) as caught:
        read_book_pictures([tmp_path / "text.png"])
    assert caught.value.code is Code.PICTURE_BAD
