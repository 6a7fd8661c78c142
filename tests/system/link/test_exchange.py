"""Whole messages both ways, on real GATT over virtual controllers."""

import asyncio

import pytest

from bled.gatt.profile import MAX_ATT_MTU, MIN_ATT_MTU
from bled.link.base import MessageLink
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

pytestmark = pytest.mark.system

SIZES = (1, 12, 15, 16, 17, 492, 493, 494, 495, 986, 987, 3900, 4095, 4096)
"""Around the ends of one, two and all frames at ATT_MTU 23 and 517."""


async def pair(air: VirtualAir, *, till_mtu: int, buyer_mtu: int, first: bytes) -> tuple[MessageLink, MessageLink]:
    """Return the till's and the buyer's end of a link, over which `first` was sent."""
    central, peripheral = await air.central(till_mtu), await air.peripheral(buyer_mtu)
    async with asyncio.TaskGroup() as group:
        accepting = group.create_task(peripheral.accept(seconds=5, on_step=ignore_steps))
        till = await central.connect(seconds=5, on_step=ignore_steps)
        await till.send(first)
    return till, accepting.result()


@pytest.mark.parametrize(
    ("till_mtu", "buyer_mtu"),
    [(23, 517), (517, 23), (23, 23), (24, 517), (185, 517), (517, 247), (500, 517), (517, 517)],
)
async def test_messages_of_every_size_pass_both_ways_at_the_smaller_mtu(till_mtu: int, buyer_mtu: int) -> None:
    async with VirtualAir() as air:
        till, buyer = await pair(air, till_mtu=till_mtu, buyer_mtu=buyer_mtu, first=b"offer")
        assert till.att_mtu == buyer.att_mtu == max(MIN_ATT_MTU, min(till_mtu, buyer_mtu, MAX_ATT_MTU))
        assert await buyer.receive(seconds=2) == b"offer"
        for size in SIZES:
            message = bytes(index % 251 for index in range(size))
            await buyer.send(message)
            assert await till.receive(seconds=2) == message
            await till.send(message)
            assert await buyer.receive(seconds=2) == message
