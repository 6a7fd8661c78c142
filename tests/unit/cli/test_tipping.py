"""A tip is a share or an amount, exact, and at a till at most the price again."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from bled.cli.tipping import most_tip, parse_tip
from bled.codes import Code
from bled.errors import BledError
from bled_codec.units import Msat

PRICE = Msat(2_500_000)


@pytest.mark.parametrize(
    ("text", "tip"),
    [
        ("10%", 250_000),
        (" 12.5 % ", 312_500),
        ("0.01%", 250),
        ("100%", 2_500_000),
        ("999%", 24_975_000),
        ("0%", 0),
        ("0", 0),
        ("None", 0),
        ("200", 200_000),
        ("200sat", 200_000),
        ("1msat", 1),
    ],
)
def test_a_tip_is_read(text: str, tip: int) -> None:
    assert parse_tip(text, price=PRICE) == tip


@pytest.mark.parametrize("text", ["", "-1", "-10%", "1000%", "10.123%", "%", "ten", "1e3", "10%%", "0.50EUR"])
def test_anything_else_is_no_tip(text: str) -> None:
    with pytest.raises(BledError) as caught:
        parse_tip(text, price=PRICE)
    assert caught.value.code is Code.USAGE


@given(price=integers(1, 2_100_000_000_000_000_000), share=integers(0, 100))
def test_a_share_is_cut_to_the_millisatoshi(price: int, share: int) -> None:
    assert parse_tip(f"{share}%", price=Msat(price)) == price * share // 100


@pytest.mark.parametrize(
    ("text", "most"), [(None, 0), ("none", 0), ("20%", 500_000), ("200%", PRICE), ("1000000", PRICE)]
)
def test_a_till_allows_at_most_the_price_again(text: str | None, most: int) -> None:
    assert most_tip(text, price=PRICE) == most
