"""Prices in a currency: what they are in millisatoshi by a rate that is fresh. Pure; decimal, never a float.

The till converts before it makes the offer, so that the offer's amount is in millisatoshi: a buyer's device without
internet could not check a rate (interfaces.md 8; BOLT 12, `offer_currency`).
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled_codec.units import MAX_MSAT, Msat, UnixTime

MSAT_PER_BITCOIN: Final = 100_000_000_000
RATE_SECONDS: Final = 300
"""Age in seconds at which a rate is no rate any more: an offer lives as long, and the price must not move much more."""
RATE_AHEAD_SECONDS: Final = 60
"""How far a source's clock may be ahead of the till's."""
_DIGITS: Final = 40
"""Of the arithmetic; the largest amount in millisatoshi has 19."""
_WITHOUT_DECIMALS: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_WITH_THREE: Final = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
"""Currencies (ISO 4217) that do not have two decimals."""
_PRICE: Final = re.compile(r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,3})?)\s*(?P<currency>[A-Z]{3})\Z")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount of a currency, above zero where it is charged, with no more decimals than the currency has.

    Attributes:
        amount: in units of the currency, such as 3.50.
        currency: three capital letters of ISO 4217.
    """

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one bitcoin costs.

    Attributes:
        per_bitcoin: units of the currency for one bitcoin, above zero.
        currency: three capital letters of ISO 4217.
        source: who says so, for people: "by hand" or an address.
        at: when it was so.
    """

    per_bitcoin: Decimal
    currency: str
    source: str
    at: UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A price, the rate it was converted by, and what it came to."""

    price: Price
    rate: Rate
    amount: Msat


def parse_price(text: str) -> Price | None:
    """Return the price that `text` names, such as `3.50 EUR` or `350JPY`; None when it names no currency.

    Raises `BledError` (`USAGE`) for zero and for more decimals than the currency has.
    """
    found = _PRICE.match(text.strip().upper())
    if found is None or found["currency"] == "SAT":
        return None
    amount, currency = Decimal(found["number"]), found["currency"]
    exponent = amount.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) else 0
    if decimals > _decimals_of(currency):
        raise BledError(Code.USAGE, detail=f"{text!r}: {currency} has fewer decimals")
    if amount == 0:
        raise BledError(Code.USAGE, detail=f"{text!r}: nothing to charge")
    return Price(amount=amount, currency=currency)


def _decimals_of(currency: str) -> int:
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _WITH_THREE else 2


def parse_rate(text: str) -> Decimal:
    """Return a rate in plain decimal digits, above zero. Raises `ValueError` for anything else."""
    if not _NUMBER.match(text) or Decimal(text) == 0:
        raise ValueError(text)
    return Decimal(text)


def convert(price: Price, rate: Rate, *, now: UnixTime, most_seconds: int = RATE_SECONDS) -> Converted:
    """Return what `price` is by `rate`, rounded to the next millisatoshi.

    Raises `Unavailable` (`NO_RATE`) for a rate of another currency, one that is older than `most_seconds` or from the
    future; `BledError` (`USAGE`) when it comes to less than 1 msat or more than there is.
    """
    check_fresh(rate, currency=price.currency, now=now, most_seconds=most_seconds)
    with localcontext(prec=_DIGITS):
        exact = price.amount * MSAT_PER_BITCOIN / rate.per_bitcoin
        amount = int(exact.to_integral_value(rounding=ROUND_HALF_UP))
    if not 0 < amount <= MAX_MSAT:
        raise BledError(Code.USAGE, detail=f"{price} comes to {amount} msat, which cannot be charged")
    return Converted(price=price, rate=rate, amount=Msat(amount))


def worth(amount: Msat, *, per_bitcoin: Decimal, currency: str) -> Price:
    """Return what `amount` is in a currency, rounded to its decimals: for people, never to charge by."""
    with localcontext(prec=_DIGITS):
        exact = amount * per_bitcoin / MSAT_PER_BITCOIN
        rounded = exact.quantize(Decimal(1).scaleb(-_decimals_of(currency)), rounding=ROUND_HALF_UP)
    return Price(amount=rounded, currency=currency)


def check_fresh(rate: Rate, *, currency: str, now: UnixTime, most_seconds: int) -> None:
    """Return when the rate may be used now. Raises `Unavailable` (`NO_RATE`)."""
    if rate.currency != currency:
        raise Unavailable(Code.NO_RATE, detail=f"{rate.source} has a rate for {rate.currency}, not {currency}")
    age = now - rate.at
    if age > most_seconds:
        raise Unavailable(Code.NO_RATE, detail=f"{rate.source}: the rate is {age} s old, more than {most_seconds} s")
    if age < -RATE_AHEAD_SECONDS:
        raise Unavailable(Code.NO_RATE, detail=f"{rate.source}: the rate is from {-age} s ahead; set the clock")
