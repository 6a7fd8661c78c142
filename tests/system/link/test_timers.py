"""Every wait of the link ends, on a clock that jumps."""

import asyncio
import itertools

import pytest
from bumble import device

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.frames import FramingError, Violation
from bled.gatt.profile import ADVERTISEMENT
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

pytestmark = pytest.mark.system


def now() -> float:
    """Return the time that the loop keeps, without what rounding takes away."""
    return round(asyncio.get_running_loop().time(), 4)


def test_silence_is_a_timeout_after_the_seconds_that_were_given(fast, meet) -> None:
    async def wait() -> None:
        async with VirtualAir() as air:
            till, buyer = await meet(await air.central(), await air.peripheral())
            start = now()
            with pytest.raises(Unavailable) as caught:
                await till.receive(seconds=75)
            assert caught.value.code is Code.PEER_TIMEOUT
            assert 75 <= now() - start < 75.1
            await buyer.send(b"late, but not lost")
            assert await till.receive(seconds=1) == b"late, but not lost"

    fast(wait())


@pytest.mark.parametrize("speaker", ["till", "buyer"])
def test_a_message_that_stops_in_the_middle_is_a_gap_after_two_seconds(fast, meet, speaker: str) -> None:
    async def stop() -> None:
        async with VirtualAir() as air:
            till, buyer = await meet(await air.central(), await air.peripheral())
            sender, receiver = (till, buyer) if speaker == "till" else (buyer, till)
            start = now()
            number = 1 if speaker == "till" else 0
            await sender._bearer.write(bytes([0x80 | number]) + b"\x00\x64half", last=False)
            with pytest.raises(FramingError) as caught:
                await receiver.receive(seconds=60)
            assert caught.value.violation is Violation.GAP
            assert 2 <= now() - start < 2.1

    fast(stop())


def test_a_message_that_drips_is_over_after_eight_seconds(fast, meet) -> None:
    async def drip() -> None:
        async with VirtualAir() as air:
            till, buyer = await meet(await air.central(), await air.peripheral())
            start = now()
            receiving = asyncio.ensure_future(till.receive(seconds=60))
            for number in range(8):
                await buyer._bearer.write(b"\x80\x00\x64a" if number == 0 else bytes([number, 0x61]), last=False)
                await asyncio.sleep(1)
            with pytest.raises(FramingError) as caught:
                await receiving
            assert caught.value.violation is Violation.TIMEOUT
            assert 8 <= now() - start < 8.1

    fast(drip())


def test_a_peer_that_takes_nothing_loses_the_link_after_eight_seconds(fast, meet) -> None:
    async def stall() -> None:
        async with VirtualAir() as air:
            central, peripheral = await air.central(), await air.peripheral()
            till, _buyer = await meet(central, peripheral)
            peripheral._radio.device.host.hci_sink.sink.host = None  # its host hears nothing any more
            start = now()
            with pytest.raises(Unavailable) as caught:
                await till.send(bytes(4096))
            assert caught.value.code is Code.LINK_LOST
            assert 8 <= now() - start < 8.1
            await till.close()
            assert now() - start < 12

    fast(stall())


def test_no_till_came_within_the_seconds_that_were_given(fast) -> None:
    async def wait() -> None:
        async with VirtualAir() as air:
            peripheral = await air.peripheral()
            start = now()
            with pytest.raises(Unavailable) as caught:
                await peripheral.accept(seconds=30, on_step=ignore_steps)
            assert caught.value.code is Code.NO_BUYER
            assert 30 <= now() - start < 31

    fast(wait())


def test_the_beacon_is_off_after_two_minutes_whatever_was_asked(fast) -> None:
    async def wait() -> None:
        async with VirtualAir() as air:
            peripheral = await air.peripheral()
            stack = (await air.radio()).device
            last_heard = 0.0

            def on_advertisement(_advertisement: device.Advertisement) -> None:
                nonlocal last_heard
                last_heard = now()

            stack.on("advertisement", on_advertisement)
            start = now()
            accepting = asyncio.ensure_future(peripheral.accept(seconds=3600, on_step=ignore_steps))
            await asyncio.sleep(118)
            await stack.start_scanning(active=False)
            with pytest.raises(Unavailable):
                await accepting
            await asyncio.sleep(5)
            assert 119 < last_heard - start < 121

    fast(wait())


def test_no_buyer_was_found_within_the_seconds_that_were_given(fast) -> None:
    async def wait() -> None:
        async with VirtualAir() as air:
            central = await air.central()
            start = now()
            with pytest.raises(Unavailable) as caught:
                await central.connect(seconds=120, on_step=ignore_steps)
            assert caught.value.code is Code.NO_BUYER
            assert 120 <= now() - start < 121

    fast(wait())


def test_a_beacon_that_cannot_be_connected_is_tried_three_times_four_seconds_and_then_left_alone(fast) -> None:
    async def wait() -> None:
        async with VirtualAir() as air:
            central = await air.central()
            stack = (await air.radio()).device
            await stack.start_advertising(advertising_data=ADVERTISEMENT)
            stack.host.hci_sink.sink.on_le_connect_ind = lambda _packet: None  # never answers
            tries: list[float] = []

            def on_step(name: str, _facts) -> None:
                if name == "advertisement seen":
                    tries.append(now())
                else:
                    assert name == "try failed"

            with pytest.raises(Unavailable) as caught:
                await central.connect(seconds=60, on_step=on_step)
            assert caught.value.code is Code.NO_BUYER
            assert len(tries) == 6  # three, a ban of 30 s, three more
            gaps = [round(later - earlier, 1) for earlier, later in itertools.pairwise(tries)]
            assert gaps[2] > 29

    fast(wait())


def test_a_buyer_comes_through_beside_a_beacon_that_fails(fast, meet) -> None:
    async def wait() -> None:
        async with VirtualAir() as air:
            central, peripheral = await air.central(), await air.peripheral()
            liar = (await air.radio()).device
            await liar.start_advertising(advertising_data=ADVERTISEMENT, auto_restart=True)
            till, buyer = await meet(central, peripheral)
            await buyer.send(b"true")
            assert await till.receive(seconds=1) == b"true"

    fast(wait())


def test_a_central_that_subscribes_and_stays_silent_is_dropped_after_75_seconds(fast) -> None:
    async def wait() -> None:
        async with VirtualAir() as air:
            central, peripheral = await air.central(), await air.peripheral()
            accepting = asyncio.ensure_future(peripheral.accept(seconds=110, on_step=ignore_steps))
            till = await central.connect(seconds=5, on_step=ignore_steps)
            start = now()
            with pytest.raises(Unavailable) as caught:
                await till.receive(seconds=110)
            assert caught.value.code is Code.LINK_LOST
            assert 74 < now() - start < 76
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)

    fast(wait())


def test_a_cancelled_search_leaves_a_radio_that_works(fast, meet) -> None:
    async def cancel(after: float) -> None:
        async with VirtualAir() as air:
            central, peripheral = await air.central(), await air.peripheral()
            accepting = asyncio.ensure_future(peripheral.accept(seconds=60, on_step=ignore_steps))
            await asyncio.sleep(0.1)
            connecting = asyncio.ensure_future(central.connect(seconds=60, on_step=ignore_steps))
            for _ in range(int(after)):
                await asyncio.sleep(0 if after < 60 else 0.001)
            for task in (connecting, accepting):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            till, buyer = await meet(central, peripheral)
            await buyer.send(b"works")
            assert await till.receive(seconds=1) == b"works"

    for after in (1, 3, 10, 30, 60, 65, 70, 75, 80, 90):
        fast(cancel(after))
