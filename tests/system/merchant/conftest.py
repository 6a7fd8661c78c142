"""The shop as fixtures: with Core Lightning, and with either kind of node."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .stage import Shop, open_shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop whose node is Core Lightning."""
    async with open_shop(tmp_path) as shop:
        yield shop


@pytest.fixture
async def cln_shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """The same, where the other tests of a file are about both kinds of node."""
    async with open_shop(tmp_path) as shop:
        yield shop


@pytest.fixture(params=["cln", "lnd"])
async def any_shop(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """A shop with each kind of node in turn: what is tested with it holds for all of them."""
    async with open_shop(tmp_path, kind=request.param) as shop:
        yield shop
