"""A stranger's text on a terminal."""

import pytest

from bled.cli.plain import printable


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2J",
        "a\rb",
        "a\nb",
        "\u202eevil",
        "\u2066x\u2069",
        "\u200b",
        "\x07",
        "\x9b31m",
        "\u2028",
        "\ud800",
        "\ue000",
    ],
)
def test_what_could_move_the_cursor_or_hide_text_is_shown_as_a_replacement(text: str) -> None:
    shown = printable(text)
    assert "\ufffd" in shown
    assert all(char.isprintable() for char in shown)


@pytest.mark.parametrize("text", ["Flat white", "Käse ₿ 2 €", "珈琲", "قهوة", "☕"])
def test_ordinary_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_long_text_is_cut_and_says_so() -> None:
    assert printable("x" * 301) == "x" * 299 + "…"
