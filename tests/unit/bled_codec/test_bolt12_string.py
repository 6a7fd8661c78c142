"""Strings: both cases, continuations, padding, and the three traps that Python lays."""

import pytest

from bled_codec.bolt12_string import MAX_CHARACTERS, format_string, parse_string
from bled_codec.errors import EncodingError, Rule

DATA = bytes(range(64))
TEXT = format_string("lno", DATA)


def refusal(text: str) -> tuple[Rule, int | None]:
    with pytest.raises(EncodingError) as caught:
        parse_string(text)
    return caught.value.rule, caught.value.offset


@pytest.mark.parametrize("prefix", ["lno", "lnr", "lni", "lnp"])
def test_any_length_of_bytes_is_read_as_written(prefix: str) -> None:
    for length in range(1, 70):
        assert parse_string(format_string(prefix, DATA[:length])) == (prefix, DATA[:length])
        assert parse_string(format_string(prefix, DATA[:length], upper=True)) == (prefix, DATA[:length])


def test_upper_case_is_for_codes_and_mixed_case_is_refused() -> None:
    assert format_string("lno", DATA, upper=True) == TEXT.upper()
    for text in (TEXT[:10].upper() + TEXT[10:], TEXT[:-1] + TEXT[-1].upper(), "LnO" + TEXT[3:]):
        assert refusal(text)[0] is Rule.STRING_MIXED_CASE


@pytest.mark.parametrize("joint", ["+", "+ ", "+\n", "+\r\n\t ", "+\v\f"])
def test_a_plus_and_white_space_may_stand_between_any_two_characters(joint: str) -> None:
    for place in (1, 2, 5, 9, len(TEXT) - 1):
        assert parse_string(TEXT[:place] + joint + TEXT[place:]) == ("lno", DATA)


@pytest.mark.parametrize(
    "text",
    [
        "+" + TEXT,
        TEXT + "+",
        TEXT + "+ ",
        TEXT[:9] + "++" + TEXT[9:],
        TEXT[:9] + "+ +" + TEXT[9:],
        TEXT[:9] + " +" + TEXT[9:],
        TEXT[:9] + " + " + TEXT[9:],
    ],
)
def test_any_other_plus_is_refused(text: str) -> None:
    assert refusal(text)[0] in (Rule.STRING_BAD_CONTINUATION, Rule.STRING_BAD_CHARACTER)


def test_white_space_without_a_plus_is_refused() -> None:
    for text in (" " + TEXT, TEXT + "\n", TEXT[:9] + " " + TEXT[9:]):
        with pytest.raises(EncodingError):
            parse_string(text)


def test_trap_one_a_kelvin_sign_is_no_k() -> None:
    place = TEXT.index("k")
    kelvin = TEXT[:place] + "\N{KELVIN SIGN}" + TEXT[place + 1 :]
    assert kelvin.lower() == TEXT
    assert refusal(kelvin) == (Rule.STRING_NOT_ASCII, place)


def test_trap_two_a_no_break_space_is_no_white_space() -> None:
    assert refusal(TEXT[:9] + "+\N{NO-BREAK SPACE}" + TEXT[9:]) == (Rule.STRING_NOT_ASCII, 10)


@pytest.mark.parametrize("character", "1bio_-.!")
def test_trap_three_digits_of_python_are_refused(character: str) -> None:
    assert refusal(TEXT[:9] + character + TEXT[10:]) == (Rule.STRING_BAD_CHARACTER, 9)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", Rule.STRING_NO_SEPARATOR),
        ("lno", Rule.STRING_NO_SEPARATOR),
        ("lno1", Rule.STRING_EMPTY),
        ("1", Rule.STRING_UNKNOWN_PREFIX),
        ("lnbc1qqqq", Rule.STRING_UNKNOWN_PREFIX),
        ("lightning:lno1qqqq", Rule.STRING_UNKNOWN_PREFIX),
        ("lno1q", Rule.STRING_BAD_PADDING),
        ("lno1qqq", Rule.STRING_BAD_PADDING),
        ("lno1qqqqqq", Rule.STRING_BAD_PADDING),
        ("lno1qp", Rule.STRING_BAD_PADDING),
        ("lno1qqqp", Rule.STRING_BAD_PADDING),
    ],
)
def test_each_rule_of_strings_refuses_its_own_case(text: str, rule: Rule) -> None:
    assert refusal(text)[0] is rule


def test_a_bare_number_has_no_size_limit_and_no_quadratic_cost() -> None:
    data = bytes(65_536)
    assert parse_string(format_string("lni", data)) == ("lni", data)


def test_every_superfluous_character_is_refused() -> None:
    for length in range(1, 40):
        text = format_string("lno", DATA[:length])
        for extra in ("q", "qq"):
            try:
                assert len(parse_string(text + extra)[1]) > length  # enough bits for one more byte
            except EncodingError as error:
                assert error.rule is Rule.STRING_BAD_PADDING


@pytest.mark.parametrize(
    ("text", "rule", "offset"),
    [
        ("lno+ 1qq+\n!q", Rule.STRING_BAD_CONTINUATION, 8),
        ("lno1qq+\nqqbq", Rule.STRING_BAD_CHARACTER, 10),
        ("lno1q+q+q\n", Rule.STRING_BAD_CHARACTER, 9),
        ("l+no1qQ", Rule.STRING_MIXED_CASE, 6),
        ("LNO1QQq", Rule.STRING_MIXED_CASE, 6),
        ("ln+o", Rule.STRING_NO_SEPARATOR, 4),
        ("lno1qq++qq", Rule.STRING_BAD_CONTINUATION, 6),
        ("lno1q+q+  q+q+p", Rule.STRING_BAD_PADDING, 14),
        ("lno1", Rule.STRING_EMPTY, 4),
    ],
)
def test_the_offset_counts_characters_of_the_string_as_given(text: str, rule: Rule, offset: int) -> None:
    assert refusal(text) == (rule, offset)


def test_a_string_has_an_upper_limit_far_above_any_message() -> None:
    assert refusal("lno1" + "q" * MAX_CHARACTERS) == (Rule.STRING_TOO_LONG, MAX_CHARACTERS)
