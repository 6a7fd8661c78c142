"""A small grant book as QR codes, on the terminal or as numbered pictures in a folder."""

import sys
from pathlib import Path

import typer

from bled.cli.output import note, say
from bled.cli.qr_frames import FRAME_BYTES, TERMINAL_FRAME_BYTES, frames_of
from bled.cli.qr_showing import terminal_lines, write_picture
from bled.codes import Code
from bled.errors import ConfigurationError

TERMINAL = "terminal"


def check_place(place: str) -> None:
    """Say before a book is issued that its codes could not be written. Raises `ConfigurationError` (`CONFIG_BAD`)."""
    if place == TERMINAL:
        return
    try:
        Path(place).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{place} cannot be made: {error.strerror}") from error


def show_book(data: bytes, place: str) -> tuple[Path, ...]:
    """Show the codes of a file on the terminal, or write them into a folder; return the pictures.

    Raises `BledError` (`USAGE`) for a file that is too large for codes, `ConfigurationError` (`CONFIG_BAD`).
    """
    if place == TERMINAL:
        _show(frames_of(data, size=TERMINAL_FRAME_BYTES))
        return ()
    texts = frames_of(data, size=FRAME_BYTES)
    pictures = tuple(Path(place) / f"book-{number:02}-of-{len(texts):02}.png" for number in range(1, len(texts) + 1))
    for text, picture in zip(texts, pictures, strict=True):
        write_picture(text, picture)
    return pictures


def _show(texts: tuple[str, ...]) -> None:
    for number, text in enumerate(texts, 1):
        for line in terminal_lines(text):
            say(line)
        note(f"{number} of {len(texts)}")
        if number < len(texts) and sys.stdin.isatty():
            typer.prompt("Enter for the next", default="", show_default=False, err=True)
