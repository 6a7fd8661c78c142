"""A side that vanishes at any frame is missed at once by the other, which can always close."""

import asyncio
import contextlib

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.link.air import Air
from bled.link.base import MessageLink
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

pytestmark = pytest.mark.system

MESSAGE = bytes(150)
FRAMES = 9
"""Frames of `MESSAGE` at ATT_MTU 23."""
AT_ONCE = 0.1
"""Seconds; every timer of the link is far above."""


class CutAir(Air):
    """Takes a controller out of the air when it has sent so many attribute values."""

    victim = None
    values_left = 0

    def send_acl_data(self, sender_controller, destination_address, transport, data) -> None:
        is_value = data[4] in (0x12, 0x52, 0x1B)  # write request, write command, notification
        if sender_controller is self.victim and is_value:
            if self.values_left == 0:
                self.leave(sender_controller)
            self.values_left -= 1
        super().send_acl_data(sender_controller, destination_address, transport, data)


class CutVirtualAir(VirtualAir):
    def __init__(self) -> None:
        super().__init__()
        self._air = CutAir()

    def cut(self, radio, *, after_values: int) -> None:
        """From now on, `radio` is gone after so many more values."""
        self._air.victim = radio._radio.device.host.hci_sink.sink
        self._air.values_left = after_values


async def misses(link: MessageLink) -> float:
    """Return how long `link` takes to notice, and to close."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    with pytest.raises(Unavailable) as caught:
        await link.receive(seconds=60)
    assert caught.value.code is Code.LINK_LOST
    with pytest.raises(Unavailable) as caught:
        await link.send(b"still there?")
    assert caught.value.code is Code.LINK_LOST
    await link.close()
    return loop.time() - start


@pytest.mark.parametrize("frame", range(FRAMES))
def test_a_buyer_that_vanishes_at_any_frame_is_missed_at_once(fast, meet, frame: int) -> None:
    async def vanish() -> None:
        async with CutVirtualAir() as air:
            central, peripheral = await air.central(23), await air.peripheral()
            till, buyer = await meet(central, peripheral)
            air.cut(peripheral, after_values=frame)
            sending = asyncio.ensure_future(buyer.send(MESSAGE))
            assert await misses(till) < AT_ONCE
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    fast(vanish())


@pytest.mark.parametrize("frame", range(FRAMES))
def test_a_till_that_vanishes_at_any_frame_is_missed_at_once(fast, meet, frame: int) -> None:
    async def vanish() -> None:
        async with CutVirtualAir() as air:
            central, peripheral = await air.central(23), await air.peripheral()
            till, buyer = await meet(central, peripheral)
            air.cut(central, after_values=frame)
            sending = asyncio.ensure_future(till.send(MESSAGE))
            assert await misses(buyer) < AT_ONCE
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    fast(vanish())


@pytest.mark.parametrize("frame", range(FRAMES))
@pytest.mark.parametrize("victim", ["till", "buyer"])
def test_a_side_that_vanishes_while_the_other_speaks_is_missed_at_once(fast, meet, frame: int, victim: str) -> None:
    async def vanish() -> None:
        async with CutVirtualAir() as air:
            central, peripheral = await air.central(23), await air.peripheral()
            till, buyer = await meet(central, peripheral)
            speaker, radio = (buyer, central) if victim == "till" else (till, peripheral)
            gone = radio._radio.device.host.hci_sink.sink
            frames = 0

            write = speaker._bearer.write

            async def count(data: bytes, *, last: bool) -> None:
                nonlocal frames
                if frames == frame:
                    air._air.leave(gone)
                frames += 1
                await write(data, last=last)

            speaker._bearer.write = count
            loop = asyncio.get_running_loop()
            start = loop.time()
            with contextlib.suppress(Unavailable):  # the last frames may have left before anybody can know
                await speaker.send(MESSAGE)
            assert await misses(speaker) < AT_ONCE
            assert loop.time() - start < AT_ONCE

    fast(vanish())


def test_a_buyer_that_vanishes_while_the_till_discovers_it_is_no_buyer(fast) -> None:
    async def vanish(pdus: int) -> None:
        async with CutVirtualAir() as air:
            central, peripheral = await air.central(), await air.peripheral()
            seen = 0
            original = CutAir.send_acl_data

            def count(sender_controller, destination_address, transport, data) -> None:
                nonlocal seen
                if seen == pdus:
                    air._air.leave(peripheral._radio.device.host.hci_sink.sink)
                seen += 1
                original(air._air, sender_controller, destination_address, transport, data)

            air._air.send_acl_data = count
            accepting = asyncio.ensure_future(peripheral.accept(seconds=3, on_step=ignore_steps))
            with pytest.raises(Unavailable) as caught:
                await central.connect(seconds=20, on_step=ignore_steps)
            assert caught.value.code is Code.NO_BUYER
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)

    for pdus in range(8):  # MTU, service, characteristics and subscription, a question and an answer each
        fast(vanish(pdus))


async def test_a_close_is_quick_when_the_other_side_is_gone(meet) -> None:
    async with VirtualAir() as air:
        central, peripheral = await air.central(), await air.peripheral()
        till, buyer = await meet(central, peripheral)
        await peripheral.close()
        async with asyncio.timeout(3):
            await till.close()
            await central.close()
            await buyer.close()


async def test_whoever_closes_ends_it_for_both_with_a_sentence(meet) -> None:
    async with VirtualAir() as air:
        till, buyer = await meet(await air.central(), await air.peripheral())
        waiting = asyncio.ensure_future(till.receive(seconds=60))
        await till.close()
        with pytest.raises(Unavailable, match="the link was closed here"):
            await waiting
        with pytest.raises(Unavailable, match="the other side closed the link"):
            await buyer.receive(seconds=60)


async def test_the_end_of_the_air_ends_every_link(meet) -> None:
    async with VirtualAir() as air:
        till, buyer = await meet(await air.central(), await air.peripheral())
    for link in (till, buyer):
        with pytest.raises(Unavailable) as caught:
            await link.receive(seconds=60)
        assert caught.value.code is Code.LINK_LOST
        await link.close()


async def test_a_message_that_was_cut_off_by_its_sender_ends_the_link(meet) -> None:
    async with VirtualAir() as air:
        till, _buyer = await meet(await air.central(23), await air.peripheral())
        sending = asyncio.ensure_future(till.send(bytes(4096)))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        with pytest.raises(Unavailable, match="a message was cut off"):
            await till.send(b"next")
