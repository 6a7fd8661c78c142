"""The till's code as it is shown: what is drawn on a terminal or written to a file is read back as the same text."""

import os
import re
import select
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from bled.cli.qr_reading import read_picture, texts_in
from bled.cli.qr_showing import (
    can_show,
    check_picture_path,
    engagement_shown,
    picture_of,
    terminal_lines,
    write_picture,
)
from bled.codes import Code
from bled.errors import BledError, ConfigurationError
from bled.gatt.engagement import Engagement
from bled.progress import ignore_steps

from .conftest import engagement

HALVES = {" ": (255, 255), "▀": (0, 255), "▄": (255, 0), "█": (0, 0)}


def drawn(lines: list[str], *, scale: int = 6) -> Image.Image:
    """Return what a person's camera sees of lines on a terminal, with nothing but the dark around them."""
    signs = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    image = Image.new("L", (len(signs[0]), 2 * len(signs)))
    for row, line in enumerate(signs):
        for column, sign in enumerate(line):
            upper, lower = HALVES[sign]
            image.putpixel((column, 2 * row), upper)
            image.putpixel((column, 2 * row + 1), lower)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def test_what_is_drawn_on_a_terminal_is_read_as_the_same_code(till: Engagement) -> None:
    lines = terminal_lines(till.format())
    assert texts_in(drawn(lines)) == (till.format(),)


def test_it_fits_a_terminal_of_80_by_24_with_the_text_below(till: Engagement) -> None:
    lines = terminal_lines(till.format())
    assert len(lines) <= 22
    assert {len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines} == {41}


def test_the_colours_are_the_codes_own_and_end_with_each_line(till: Engagement) -> None:
    for line in terminal_lines(till.format()):
        assert line.startswith("\x1b[38;5;16;48;5;231m")
        assert line.endswith("\x1b[0m")


def test_there_are_four_light_modules_around_the_code(till: Engagement) -> None:
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in terminal_lines(till.format())]
    assert set("".join(lines[:2] + lines[-2:])) == {" "}
    assert {line[:4] + line[-4:] for line in lines} == {" " * 8}


def test_a_picture_that_was_written_here_is_read_here(till: Engagement, tmp_path: Path) -> None:
    path = tmp_path / "code.png"
    write_picture(till.format(), path)
    assert read_picture(path) == till


def test_a_drawing_for_browsers_is_made_of_the_same_modules(till: Engagement, tmp_path: Path) -> None:
    path = tmp_path / "code.SVG"
    write_picture(till.format(), path)
    text = path.read_text(encoding="utf-8")
    assert text == picture_of(till.format(), "svg").decode()
    assert 'width="410"' in text
    assert "<svg" in text
    assert till.format() not in text


def test_a_picture_is_for_its_owners_eyes_and_nothing_is_left_beside_it(till: Engagement, tmp_path: Path) -> None:
    path = tmp_path / "code.png"
    path.write_bytes(b"an older one")
    path.chmod(0o644)
    write_picture(till.format(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_where_no_picture_can_be_written_is_told_before_the_sale(tmp_path: Path) -> None:
    check_picture_path(tmp_path / "code.png")
    (tmp_path / "folder.png").mkdir()
    for path, code in {
        tmp_path / "code.gif": Code.USAGE,
        tmp_path / "code": Code.USAGE,
        tmp_path / "missing" / "code.png": Code.CONFIG_BAD,
        tmp_path / "folder.png": Code.CONFIG_BAD,
    }.items():
        with pytest.raises(BledError) as caught:
            check_picture_path(path)
        assert caught.value.code is code


def test_a_disk_that_takes_no_picture_leaves_the_old_one(till: Engagement, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"code\.png"):
        write_picture(till.format(), tmp_path / "missing" / "code.png")
    (tmp_path / "code.png").mkdir()
    with pytest.raises(ConfigurationError):
        write_picture(till.format(), tmp_path / "code.png")
    assert list(tmp_path.iterdir()) == [tmp_path / "code.png"]


def test_a_picture_is_there_while_the_sale_is_and_gone_after_it(till: Engagement, tmp_path: Path) -> None:
    path, heard = tmp_path / "code.png", []
    with engagement_shown(lambda name, facts: heard.append((name, facts)), picture=path) as on_step:
        on_step("offer created", {})
        assert not path.exists()
        on_step("engagement", {"text": till.format(), "seconds": 120})
        assert read_picture(path) == till
    assert not path.exists()
    assert [name for name, _ in heard] == ["offer created", "engagement"]


def test_what_somebody_else_has_under_that_name_stays_when_no_code_was_shown(tmp_path: Path) -> None:
    path = tmp_path / "code.png"
    path.write_bytes(b"somebody else's")
    with engagement_shown(ignore_steps, picture=path) as on_step:
        on_step("offer created", {})
    assert path.read_bytes() == b"somebody else's"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, object]]:
    """A terminal of 80 columns: where its output is read, and the stream that a command writes to."""
    reading, writing = os.openpty()
    os.set_blocking(reading, False)
    monkeypatch.setenv("TERM", "xterm-256color")
    with open(writing, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        _resize(stream, columns=80)
        yield reading, stream
    os.close(reading)


def _resize(stream, *, columns: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def everything(reading: int) -> bytes:
    """Return what came to a terminal; it comes in pieces, and not at once."""
    data = b""
    while select.select([reading], [], [], 0.5)[0]:
        data += os.read(reading, 100_000)
    return data


def test_a_terminal_gets_the_code_and_a_file_does_not(terminal, tmp_path: Path, monkeypatch, capsys) -> None:
    reading, stream = terminal
    monkeypatch.setattr("sys.stderr", stream)
    with engagement_shown(ignore_steps, picture=None) as on_step:
        on_step("engagement", {"text": engagement(7).format()})
    shown = everything(reading).decode().splitlines()
    assert texts_in(drawn(shown)) == (engagement(7).format(),)
    monkeypatch.undo()
    with engagement_shown(ignore_steps, picture=None) as on_step:
        on_step("engagement", {"text": engagement(7).format()})
    assert capsys.readouterr().err == ""


def test_no_code_is_drawn_where_it_would_be_unreadable(terminal, tmp_path: Path, monkeypatch) -> None:
    _, stream = terminal
    assert can_show(stream, width=41)
    _resize(stream, columns=40)
    assert not can_show(stream, width=41)
    _resize(stream, columns=80)
    stream.reconfigure(encoding="latin-1")
    assert not can_show(stream, width=41)
    stream.reconfigure(encoding="utf-8")
    monkeypatch.setenv("TERM", "dumb")
    assert not can_show(stream, width=41)
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        assert not can_show(file, width=41)
