"""The till's code as a picture that a device reads: on the terminal, and in a file for another screen."""

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import segno

from bled.cli.output import note
from bled.codes import Code
from bled.errors import BledError, ConfigurationError
from bled.progress import OnStep

_QUIET: Final = 4
"""Light modules around the code: what readers are promised."""
_PIXELS: Final = 10
"""Pixels of a module in a picture: 41 modules make 410."""
_SUFFIXES: Final = (".png", ".svg")
_BLACK_ON_WHITE: Final = "\x1b[38;5;16;48;5;231m"
"""Said outright, so that the code is dark on light whatever the terminal's own colours are."""
_RESET: Final = "\x1b[0m"
_HALVES: Final = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}


def code_of(text: str) -> segno.QRCode:
    """Return the QR code of `text`: correction level M, since screens are scratched and photographed askew."""
    return segno.make(text, error="m", micro=False)


def terminal_lines(text: str) -> list[str]:
    """Return the code of `text` as lines for a terminal of 256 colours, two rows of modules in each."""
    rows = [bytes(row) for row in code_of(text).matrix_iter(border=_QUIET)]
    if len(rows) % 2:
        rows.append(bytes(len(rows[0])))
    return [_line(rows[number], rows[number + 1]) for number in range(0, len(rows), 2)]


def _line(upper: Sequence[int], lower: Sequence[int]) -> str:
    halves = "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
    return f"{_BLACK_ON_WHITE}{halves}{_RESET}"


def picture_of(text: str, kind: str) -> bytes:
    """Return the code of `text` as a picture; `kind` is "png" or "svg"."""
    stream = io.BytesIO()
    code_of(text).save(stream, kind=kind, scale=_PIXELS, border=_QUIET, light="white")
    return stream.getvalue()


def check_picture_path(path: Path) -> None:
    """Say before a sale begins that no picture could be written there.

    Raises `BledError` (`USAGE`) for another ending than .png or .svg, `ConfigurationError` (`CONFIG_BAD`) for a folder
    that is missing or closed.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise BledError(Code.USAGE, detail=f"--qr {path}: a picture ends with {' or '.join(_SUFFIXES)}")
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} cannot be written")


def write_picture(text: str, path: Path) -> None:
    """Write the code of `text` to `path`, for its owner's eyes only; whoever reads the file gets all of it or the old.

    Raises `ConfigurationError` (`CONFIG_BAD`).
    """
    data = picture_of(text, path.suffix.lower().removeprefix("."))
    draft: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            draft = Path(file.name)
            file.write(data)
        draft.replace(path)
    except OSError as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def engagement_shown(on_step: OnStep, *, picture: Path | None) -> Iterator[OnStep]:
    """Return a listener that shows the code of an engagement, then tells `on_step`; the end takes `picture` away.

    A code is of no use once its sale has ended, and a screen that goes on showing it only makes buyers wait in vain.
    """
    written = False

    def show(name: str, facts: Mapping[str, object]) -> None:
        nonlocal written
        if name == "engagement":
            text = str(facts["text"])
            if picture is not None:
                write_picture(text, picture)
                written = True
            _print_code(text)
        on_step(name, facts)

    try:
        yield show
    finally:
        if written and picture is not None:
            with contextlib.suppress(OSError):
                picture.unlink(missing_ok=True)


def _print_code(text: str) -> None:
    if can_show(sys.stderr, width=int(code_of(text).symbol_size(border=_QUIET)[0])):
        for line in terminal_lines(text):
            note(line)


def can_show(stream: TextIO, *, width: int) -> bool:
    """Return whether `stream` is a terminal that shows the code as it is: wide enough, with its signs and colours."""
    if not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return False
    try:
        "▀▄█".encode(stream.encoding)
    except UnicodeEncodeError:
        return False
    return os.get_terminal_size(stream.fileno()).columns >= width
