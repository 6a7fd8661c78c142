"""What the cashier typed as a price, in satoshi or in a currency."""

import asyncio
from typing import TYPE_CHECKING

from bled.cli.amount import parse_amount
from bled.clock import SystemClock
from bled.codes import Code
from bled.config import Settings
from bled.errors import BledError, Unavailable
from bled.sales.fiat import Converted, Price, convert, parse_price, parse_rate
from bled_codec.units import Msat

if TYPE_CHECKING:
    from bled.sales.rate_sources import RateSource


def amount_of(text: str, *, rate: str | None, settings: Settings) -> tuple[Msat, Converted | None]:
    """Return the amount to charge, and for a price in a currency how it came about.

    `rate` is what the cashier says that one bitcoin costs; without it the till's source is asked, if it has one.
    Raises `BledError` (`USAGE`) for what is neither, `Unavailable` (`NO_RATE`), `ConfigurationError` (`CONFIG_BAD`).
    """
    price = parse_price(text)
    if price is None:
        if rate is not None:
            raise BledError(Code.USAGE, detail="--rate goes with a price in a currency, as 3.50EUR")
        return parse_amount(text), None
    converted = asyncio.run(_converted(price, _source(rate, settings), settings))
    return converted.amount, converted


async def _converted(price: Price, source: "RateSource", settings: Settings) -> Converted:
    rate = await source.rate(price.currency)
    return convert(price, rate, now=SystemClock().now(), most_seconds=settings.rate_max_age_seconds)


def _source(rate: str | None, settings: Settings) -> "RateSource":
    from bled.sales.rate_sources import HttpRate, ManualRate

    if rate is not None:
        try:
            return ManualRate(parse_rate(rate), SystemClock())
        except ValueError as error:
            raise BledError(Code.USAGE, detail=f"--rate {rate!r} is no rate; write 58000 or 58000.50") from error
    if settings.rate_url is None:
        raise Unavailable(Code.NO_RATE, detail="the till has no rate_url; give --rate with the price of one bitcoin")
    return HttpRate(settings.rate_url, settings.rate_field, SystemClock())
