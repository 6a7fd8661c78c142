"""A rate from an address: read as it is written, or there is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.sales import rate_sources
from bled.sales.fiat import RATE_SECONDS, check_fresh
from bled.sales.rate_sources import HttpRate, ManualRate

GOOD = b'{"data": {"amount": "58000.50", "currency": "EUR"}}'


@asynccontextmanager
async def answering(body: bytes, *, head: str = "200 OK", headers: str = "") -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer every request on a real port with `body`; yields the address and what was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        length = "" if "Length" in headers else f"Content-Length: {len(body)}\r\n"
        writer.write(f"HTTP/1.1 {head}\r\n{length}{headers}Connection: close\r\n\r\n".encode() + body)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/BTC-{{currency}}/spot", asked


async def none(url: str, field: str = "data.amount") -> str:
    with pytest.raises(BledError) as caught:
        await HttpRate(url, field, SystemClock()).rate("EUR")
    assert caught.value.code is Code.NO_RATE
    return caught.value.detail


async def test_the_currency_goes_into_the_address_and_the_rate_comes_back() -> None:
    async with answering(GOOD) as (url, asked):
        rate = await HttpRate(url, "data.amount", SystemClock()).rate("EUR")
    assert (rate.per_bitcoin, rate.currency, rate.source) == (Decimal("58000.50"), "EUR", "127.0.0.1")
    assert asked[0].startswith(b"GET /BTC-EUR/spot HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("body", "field"),
    [(b'{"EUR": 58000.50}', "EUR"), (b'[{"p": 1}, {"p": 58000.50}]', "1.p"), (b'{"a": {"b": "58000.50"}}', "a.b")],
)
async def test_a_rate_is_found_where_the_field_says_without_a_float(body: bytes, field: str) -> None:
    async with answering(body) as (url, _):
        assert (await HttpRate(url, field, SystemClock()).rate("EUR")).per_bitcoin == Decimal("58000.50")


async def test_a_rate_from_a_cache_is_as_old_as_the_cache_says() -> None:
    clock = SystemClock()
    async with answering(GOOD, headers="Age: 900\r\n") as (url, _):
        rate = await HttpRate(url, "data.amount", clock).rate("EUR")
    assert clock.now() - 902 <= rate.at <= clock.now() - 900


@pytest.mark.parametrize("age", ["9999999999", "86400, 0", "-1", "soon", "1e9", "9" * 5000])
async def test_a_rate_of_an_age_that_cannot_be_used_is_not_taken_for_fresh(age: str) -> None:
    clock = SystemClock()
    async with answering(GOOD, headers=f"Age: {age}\r\n") as (url, _):
        try:
            rate = await HttpRate(url, "data.amount", clock).rate("EUR")
        except BledError as error:
            assert error.code is Code.NO_RATE
            return
    with pytest.raises(BledError, match="old"):
        check_fresh(rate, currency="EUR", now=clock.now(), most_seconds=RATE_SECONDS)


async def test_an_answer_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_sources, "_SECONDS", 0.3)
    gone = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b" ")
            with suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(1000), 0.05)
        writer.close()
        gone.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server, asyncio.timeout(20):
        port = server.sockets[0].getsockname()[1]
        assert "TimeoutError" in await none(f"http://127.0.0.1:{port}/{{currency}}")
        await gone.wait()


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b'{"data": 1}', b'{"data": {"amount": null}}', b'{"data": {"amount": "-1"}}',
     b'{"data": {"amount": 1e9}}', b'{"data": {"amount": true}}', b'{"data": {"amount": NaN}}', b"\xff", b"[" * 5000],
)  # fmt: skip
async def test_an_answer_without_a_rate_is_none(body: bytes) -> None:
    async with answering(body) as (url, _):
        assert "has no rate" in await none(url)


@pytest.mark.parametrize("head", ["404 Not Found", "500 Oh", "302 Found\r\nLocation: http://127.0.0.1:1/"])
async def test_an_answer_that_is_not_ok_is_none(head: str) -> None:
    async with answering(GOOD, head=head) as (url, asked):
        assert "answered" in await none(url)
    assert len(asked) == 1


async def test_an_endless_answer_is_cut() -> None:
    async with answering(b" " * 70_000) as (url, _):
        assert "too much" in await none(url)


async def test_nobody_there_is_none() -> None:
    async with answering(GOOD) as (url, _):
        pass
    assert "ConnectError" in await none(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/{currency}",
        "ftp://x/{currency}",
        "https://example.com/",
        "https://u:p@example.com/{currency}",
        "x",
    ],
)
def test_an_address_must_be_private_and_take_a_currency(url: str) -> None:
    with pytest.raises(BledError) as caught:
        HttpRate(url, "a", SystemClock())
    assert caught.value.code is Code.CONFIG_BAD


async def test_the_cashiers_rate_is_of_now() -> None:
    clock = SystemClock()
    rate = await ManualRate(Decimal(5), clock).rate("EUR")
    assert (rate.per_bitcoin, rate.source) == (Decimal(5), "by hand")
    assert clock.now() - rate.at <= 1
