"""Where a till gets rates: from the cashier, or from an address that answers JSON over HTTPS."""

import asyncio
import json
from decimal import Decimal
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx

from bled.clock import Clock
from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable
from bled.sales.fiat import Rate, parse_rate
from bled_codec.units import UnixTime

_SECONDS: Final = 5.0
"""Longest wait for an answer; a customer stands at the till."""
_HEADERS: Final = {"accept": "application/json"}
_AGE_DIGITS: Final = 15
_LARGEST: Final = 64 * 1024
"""Bytes of an answer; a rate needs a hundred."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_CURRENCY: Final = "{currency}"


class RateSource(Protocol):
    """Says what one bitcoin costs."""

    async def rate(self, currency: str) -> Rate:
        """Return the rate for `currency` (three capital letters). Raises `Unavailable` (`NO_RATE`)."""
        ...


class ManualRate:
    """The rate that the cashier typed for this sale."""

    def __init__(self, per_bitcoin: Decimal, clock: Clock) -> None:
        """Take what one bitcoin costs in whatever currency the sale is in."""
        self._per_bitcoin = per_bitcoin
        self._clock = clock

    async def rate(self, currency: str) -> Rate:
        """Return it as of now."""
        return Rate(per_bitcoin=self._per_bitcoin, currency=currency, source="by hand", at=self._clock.now())


class HttpRate:
    """A rate from an address.

    `url` has `{currency}` where the three letters go. `field` is where in the answer the rate is: names of objects and
    numbers of list elements, with points between: `data.amount`. The rate is a number or text. How old it is follows
    from the answer's `Age`, which a cache adds.
    """

    def __init__(
        self, url: str, field: str, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Take the address. Raises `ConfigurationError` (`CONFIG_BAD`) unless it is HTTPS, or of this machine."""
        parts = urlsplit(url.replace(_CURRENCY, "EUR"))
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (parts.scheme == "https" or local) or not parts.hostname or parts.username is not None:
            raise ConfigurationError(Code.CONFIG_BAD, detail="rate_url must begin with https:// and hold no password")
        if _CURRENCY not in url:
            raise ConfigurationError(Code.CONFIG_BAD, detail="rate_url needs {currency} where the three letters go")
        self._url = url
        self._source = parts.hostname
        self._field = field
        self._clock = clock
        self._transport = transport

    async def rate(self, currency: str) -> Rate:
        """Ask the address once."""
        data, age = await self._get(self._url.replace(_CURRENCY, currency))
        return Rate(
            per_bitcoin=self._read(data),
            currency=currency,
            source=self._source,
            at=UnixTime(self._clock.now() - age),
        )

    async def _get(self, url: str) -> tuple[bytes, int]:
        """Return the answer's bytes and its age in seconds."""
        client = httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False, transport=self._transport)
        try:
            # The whole answer in that time: httpx by itself waits as long for each piece of it.
            async with asyncio.timeout(_SECONDS), client, client.stream("GET", url, headers=_HEADERS) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise self._none(f"answered {answer.status_code}")
                data = b""
                async for part in answer.aiter_bytes():
                    data += part
                    if len(data) > _LARGEST:
                        raise self._none("answered too much")
                return data, self._age(answer.headers.get("age", "0"))
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._none(f"{type(error).__name__}") from error

    def _age(self, text: str) -> int:
        """Return the seconds that a cache says; what cannot be read is no proof that the rate is fresh."""
        if not (text.isascii() and text.isdigit() and len(text) <= _AGE_DIGITS):
            raise self._none("does not say how old its answer is")
        return int(text)

    def _read(self, data: bytes) -> Decimal:
        try:
            value: Any = json.loads(data, parse_float=str, parse_int=str)
            for name in self._field.split("."):
                value = value[int(name)] if isinstance(value, list) else value[name]
            return parse_rate(value)
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise self._none(f"has no rate at {self._field}") from error

    def _none(self, why: str) -> Unavailable:
        return Unavailable(Code.NO_RATE, detail=f"{self._source} {why}")
