"""A node's books over a file in memory."""

from collections.abc import Iterator

import pytest

from bled.sandbox.books import Books
from bled.sandbox.books_store import BookStore
from bled_codec.chains import REGTEST_CHAIN

from .messages import NODE, SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store() -> Iterator[BookStore]:
    store = BookStore(None)
    yield store
    store.close()


@pytest.fixture
def books(store: BookStore, clock: SetClock) -> Books:
    return Books(key=NODE, chain=REGTEST_CHAIN, store=store, clock=clock)
