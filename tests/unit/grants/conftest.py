"""A home, its limits and a book, the same in every run."""

import random
from collections.abc import Callable

import pytest

from bled.grants.book import GrantBook, encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat, Point, UnixTime

NOW = UnixTime(1_800_000_000)
LATER = UnixTime(NOW + 2_592_000)


def node(number: int) -> Point:
    return SecretKey(bytes([number]) * 32).public_key


@pytest.fixture
def now() -> UnixTime:
    return NOW


@pytest.fixture
def keys() -> HomeKeys:
    return HomeKeys.from_master(bytes(range(32)))


@pytest.fixture
def entropy() -> Callable[[int], bytes]:
    return random.Random(12).randbytes  # noqa: S311 - the same in every run, and no secret


@pytest.fixture
def limits() -> BookLimits:
    return BookLimits(
        total_msat=Msat(10_000_000),
        per_payment_msat=Msat(2_000_000),
        per_day_msat=Msat(5_000_000),
        payments=4,
        not_before=NOW,
        not_after=LATER,
        max_fee=MaxFee(base_msat=Msat(5_000), ppm=10_000),
        classes=(
            GrantClass(first_index=0, count=3, per_payment_msat=Msat(100_000), not_before=NOW, not_after=LATER),
            GrantClass(first_index=10, count=2, per_payment_msat=Msat(2_000_000), not_before=NOW, not_after=LATER),
        ),
    )


@pytest.fixture
def routes() -> list[list[Point]]:
    return [[node(1), node(3)], [node(2), node(4), node(3)]]


@pytest.fixture
def book(keys: HomeKeys, limits: BookLimits, routes: list[list[Point]], entropy: Callable[[int], bytes]) -> GrantBook:
    return issue_book(
        keys,
        book_id=7,
        book_salt=b"\x5a" * 16,
        device="phone",
        chain=REGTEST_CHAIN,
        issued_at=NOW,
        limits=limits,
        home_label="home",
        routes=routes,
        entropy=entropy,
    )


@pytest.fixture
def book_bytes(book: GrantBook, keys: HomeKeys) -> bytes:
    return encode_book(book, book_key=keys.book_key, aux=bytes(32))
