"""Prices in a currency become millisatoshi by a fresh rate, exactly, or nothing is charged."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bled.codes import Code
from bled.errors import BledError
from bled.sales.fiat import MSAT_PER_BITCOIN, RATE_SECONDS, Price, Rate, convert, parse_price, parse_rate, worth
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)


def rate(per_bitcoin: str = "58000", *, currency: str = "EUR", at: int = NOW) -> Rate:
    return Rate(per_bitcoin=Decimal(per_bitcoin), currency=currency, source="by hand", at=UnixTime(at))


def euros(amount: str) -> Price:
    return Price(amount=Decimal(amount), currency="EUR")


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [("3.50EUR", "3.50", "EUR"), ("3.5 eur", "3.5", "EUR"), ("350JPY", "350", "JPY"), ("1.234 KWD", "1.234", "KWD")],
)
def test_a_price_is_read(text: str, amount: str, currency: str) -> None:
    assert parse_price(text) == Price(amount=Decimal(amount), currency=currency)


@pytest.mark.parametrize(
    "text", ["2500", "2500sat", "2500msat", "3,50EUR", "-3EUR", "1e3EUR", "EUR3", "3.EUR", "", "٣EUR"]
)
def test_what_names_no_currency_is_no_price(text: str) -> None:
    assert parse_price(text) is None


@pytest.mark.parametrize("text", ["0EUR", "0.00EUR", "1.234EUR", "1.5JPY"])
def test_what_a_currency_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(BledError) as caught:
        parse_price(text)
    assert caught.value.code is Code.USAGE


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.0", "-1", "1e5", "NaN", "Infinity", "1,5", "1" * 16, "1.", ".5", "\N{ARABIC-INDIC DIGIT THREE}"],
)
def test_what_is_no_plain_number_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match=r"\A"):
        parse_rate(text)


def test_a_price_is_converted_exactly() -> None:
    assert convert(euros("5.80"), rate("58000"), now=NOW).amount == 10_000_000
    assert convert(euros("1"), rate("58000"), now=NOW).amount == 1_724_138  # 1724137.93...
    assert convert(euros("0.01"), rate("200000000"), now=NOW).amount == 5


@given(
    amount=st.decimals(min_value="0.01", max_value="1000000", places=2),
    per_bitcoin=st.decimals(min_value="0.01", max_value="10000000", places=4),
)
def test_a_conversion_is_off_by_half_a_millisatoshi_at_most(amount: Decimal, per_bitcoin: Decimal) -> None:
    exact = Fraction(amount) * MSAT_PER_BITCOIN / Fraction(per_bitcoin)
    try:
        converted = convert(Price(amount=amount, currency="EUR"), rate(str(per_bitcoin)), now=NOW).amount
    except BledError as error:
        assert error.code is Code.USAGE
        return
    assert abs(converted - exact) <= Fraction(1, 2)


@pytest.mark.parametrize("at", [NOW - RATE_SECONDS, NOW, NOW + 60])
def test_a_fresh_rate_is_used(at: int) -> None:
    assert convert(euros("1"), rate(at=at), now=NOW).rate.at == at


@pytest.mark.parametrize("bad", [rate(at=NOW - RATE_SECONDS - 1), rate(at=NOW + 61), rate(currency="USD")])
def test_without_a_fresh_rate_of_the_currency_nothing_is_charged(bad: Rate) -> None:
    with pytest.raises(BledError) as caught:
        convert(euros("1"), bad, now=NOW)
    assert caught.value.code is Code.NO_RATE


@pytest.mark.parametrize(("amount", "per_bitcoin"), [("999999999999", "1"), ("0.01", "999999999999999")])
def test_what_comes_to_nothing_or_too_much_is_refused(amount: str, per_bitcoin: str) -> None:
    with pytest.raises(BledError) as caught:
        convert(euros(amount), rate(per_bitcoin), now=NOW)
    assert caught.value.code is Code.USAGE


@pytest.mark.parametrize(
    ("currency", "amount", "words"),
    [
        ("EUR", 1_000_000, "0.58 EUR"),
        ("JPY", 1_000_000, "1 JPY"),
        ("KWD", 1_000_000, "0.580 KWD"),
        ("EUR", 0, "0.00 EUR"),
    ],
)
def test_an_amount_is_told_in_the_decimals_of_a_currency(currency: str, amount: int, words: str) -> None:
    assert str(worth(Msat(amount), per_bitcoin=Decimal(58_000), currency=currency)) == words
