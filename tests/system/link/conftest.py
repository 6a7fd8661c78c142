"""How a till and a buyer get a link over virtual controllers."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bled.link.base import Central, MessageLink, Peripheral
from bled.progress import ignore_steps

Meet = Callable[..., Awaitable[tuple[MessageLink, MessageLink]]]


async def join(central: Central, peripheral: Peripheral, *, first: bytes = b"offer") -> tuple[MessageLink, MessageLink]:
    """Return the till's and the buyer's end of a new link, over which the till's `first` has passed."""
    async with asyncio.TaskGroup() as group:
        accepting = group.create_task(peripheral.accept(seconds=10, on_step=ignore_steps))
        till = await central.connect(seconds=10, on_step=ignore_steps)
        await till.send(first)
    buyer = accepting.result()
    assert await buyer.receive(seconds=5) == first
    return till, buyer


@pytest.fixture
def meet() -> Meet:
    """How a till and a buyer get a link."""
    return join
