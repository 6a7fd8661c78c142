"""Amounts as people type and read them."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from bled.cli.amount import format_amount, parse_amount
from bled.codes import Code
from bled.errors import BledError


@pytest.mark.parametrize(
    ("text", "msat"),
    [
        ("2500", 2_500_000),
        ("2500sat", 2_500_000),
        (" 2500 SAT ", 2_500_000),
        ("2,500", 2_500_000),
        ("2_500_000msat", 2_500_000),
        ("1msat", 1),
        ("0.5", 500),
        ("0.001sat", 1),
        ("12.34", 12_340),
    ],
)
def test_an_amount_is_satoshi_unless_it_says_otherwise(text: str, msat: int) -> None:
    assert parse_amount(text) == msat


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0msat",
        "-1",
        "1.2345",
        "1.5msat",
        "1e3",
        "2500 eur",
        "2,50",
        "٣",
        "2500sat\n2500",
        "nan",
        "inf",
        "9" * 19,
        "9" * 40,
        "0x10",
    ],
)
def test_what_is_no_amount_is_refused_as_usage(text: str) -> None:
    with pytest.raises(BledError) as caught:
        parse_amount(text)
    assert caught.value.code is Code.USAGE


@given(integers(1, 2_100_000_000_000_000_000))
def test_every_amount_reads_back_as_it_was_shown(msat: int) -> None:
    assert parse_amount(format_amount(msat)) == msat


def test_an_amount_is_shown_in_satoshi_with_thousands_apart() -> None:
    assert format_amount(2_500_000) == "2,500 sat"
    assert format_amount(1_234_567_890) == "1,234,567.89 sat"
    assert format_amount(-1_500) == "-1.5 sat"
    assert format_amount(0) == "0 sat"
