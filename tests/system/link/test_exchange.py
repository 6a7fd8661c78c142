"""Whole messages both ways, on real GATT over virtual controllers."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis.strategies import booleans, integers, lists, tuples

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.gatt.profile import MAX_ATT_MTU, MIN_ATT_MTU
from bled.link.framed import LINGER_SECONDS
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

pytestmark = pytest.mark.system

SIZES = (1, 12, 15, 16, 17, 492, 493, 494, 495, 986, 987, 3900, 4095, 4096)
"""Around the ends of one, two and all frames at ATT_MTU 23 and 517."""

MTUS = [(23, 517), (517, 23), (23, 23), (24, 517), (185, 517), (517, 247), (500, 517), (517, 517)]


def text_of(size: int) -> bytes:
    return bytes(index % 251 for index in range(size))


@pytest.mark.parametrize(("till_mtu", "buyer_mtu"), MTUS)
def test_messages_of_every_size_pass_both_ways_at_the_smaller_mtu(fast, meet, till_mtu: int, buyer_mtu: int) -> None:
    async def exchange() -> None:
        async with VirtualAir() as air:
            till, buyer = await meet(await air.central(till_mtu), await air.peripheral(buyer_mtu))
            assert till.att_mtu == buyer.att_mtu == max(MIN_ATT_MTU, min(till_mtu, buyer_mtu, MAX_ATT_MTU))
            for size in SIZES:
                await buyer.send(text_of(size))
                assert await till.receive(seconds=5) == text_of(size)
                await till.send(text_of(size))
                assert await buyer.receive(seconds=5) == text_of(size)

    fast(exchange())


@settings(max_examples=25, deadline=None)
@given(mtu=integers(23, 517), sent=lists(tuples(booleans(), integers(1, 4096)), min_size=1, max_size=6))
def test_any_conversation_passes_at_any_mtu(mtu: int, sent: list[tuple[bool, int]]) -> None:
    async def talk() -> None:
        async with VirtualAir() as air, asyncio.TaskGroup() as group:
            central, peripheral = await air.central(mtu), await air.peripheral()
            accepting = group.create_task(peripheral.accept(seconds=10, on_step=ignore_steps))
            till = await central.connect(seconds=10, on_step=ignore_steps)
            await till.send(b"first")
            buyer = await accepting
            assert await buyer.receive(seconds=5) == b"first"
            for from_till, size in sent:
                sender, receiver = (till, buyer) if from_till else (buyer, till)
                await sender.send(text_of(size))
                assert await receiver.receive(seconds=5) == text_of(size)

    asyncio.run(talk())


async def test_both_sides_may_speak_at_once(meet) -> None:
    async with VirtualAir() as air:
        till, buyer = await meet(await air.central(23), await air.peripheral())
        await asyncio.gather(till.send(text_of(2000)), buyer.send(text_of(1500)))
        assert await buyer.receive(seconds=5) == text_of(2000)
        assert await till.receive(seconds=5) == text_of(1500)


async def test_messages_that_nobody_reads_yet_wait_in_their_order(meet) -> None:
    async with VirtualAir() as air:
        till, buyer = await meet(await air.central(185), await air.peripheral())
        for number in range(16):
            await buyer.send(bytes([number + 1]) * 100)
        await buyer.close()
        assert [(await till.receive(seconds=5))[0] for _ in range(16)] == list(range(1, 17))
        with pytest.raises(Unavailable) as caught:
            await till.receive(seconds=5)
        assert caught.value.code is Code.LINK_LOST


async def test_a_message_that_is_too_long_or_empty_is_refused_and_the_link_goes_on(meet) -> None:
    async with VirtualAir() as air:
        till, buyer = await meet(await air.central(), await air.peripheral())
        with pytest.raises(BledError) as caught:
            await till.send(bytes(4097))
        assert caught.value.code is Code.MESSAGE_TOO_LARGE
        with pytest.raises(ValueError, match="at least one byte"):
            await till.send(b"")
        await till.send(b"fine")
        assert await buyer.receive(seconds=5) == b"fine"


def test_what_was_sent_just_before_a_close_still_arrives_and_a_side_that_stays_is_not_waited_for(fast, meet) -> None:
    async def close_first() -> None:
        async with VirtualAir() as air:
            central, peripheral = await air.central(23), await air.peripheral()
            till, buyer = await meet(central, peripheral)
            await buyer.send(text_of(3900))
            await buyer.close()
            assert await till.receive(seconds=5) == text_of(3900)
            till, buyer = await meet(central, peripheral)
            await till.send(text_of(4096))
            await till.close()
            assert await buyer.receive(seconds=5) == text_of(4096)

    fast(close_first())


async def test_whoever_spoke_last_is_done_as_soon_as_the_other_has_heard_it_and_left(meet) -> None:
    async with VirtualAir() as air:
        central, peripheral = await air.central(), await air.peripheral()
        till, buyer = await meet(central, peripheral)
        await buyer.send(b"the last word")
        closing = asyncio.ensure_future(buyer.close())
        assert await till.receive(seconds=5) == b"the last word"
        assert not closing.done()
        await till.close()
        async with asyncio.timeout(LINGER_SECONDS / 2):
            await closing


async def test_the_same_radios_meet_again_at_new_addresses(meet) -> None:
    async with VirtualAir() as air:
        central, peripheral = await air.central(), await air.peripheral()
        peers = set()
        for _ in range(3):
            till, buyer = await meet(central, peripheral)
            peers.add(till.peer)
            await buyer.send(b"again")
            assert await till.receive(seconds=5) == b"again"
            await till.close()
        assert len(peers) == 3


async def test_a_new_meeting_ends_the_one_before(meet) -> None:
    async with VirtualAir() as air:
        central, peripheral = await air.central(), await air.peripheral()
        till, buyer = await meet(central, peripheral)
        await meet(central, peripheral)
        for old in (till, buyer):
            with pytest.raises(Unavailable) as caught:
                await old.send(b"anybody there?")
            assert caught.value.code is Code.LINK_LOST


async def test_steps_are_told_in_their_order_and_the_end_once() -> None:
    told: dict[str, list[str]] = {"till": [], "buyer": []}
    facts: dict[str, dict[str, object]] = {}

    def teller(side: str):
        def on_step(name: str, values) -> None:
            told[side].append(name)
            facts[f"{side}: {name}"] = dict(values)

        return on_step

    async with VirtualAir() as air, asyncio.TaskGroup() as group:
        central, peripheral = await air.central(185), await air.peripheral()
        accepting = group.create_task(peripheral.accept(seconds=5, on_step=teller("buyer")))
        till = await central.connect(seconds=5, on_step=teller("till"))
        await till.send(b"offer")
        buyer = await accepting
        await till.close()
        await till.close()
        await buyer.close()
        await central.close()
        await central.close()
        await peripheral.close()
    assert told["till"] == ["advertisement seen", "connected", "subscribed", "link closed"]
    assert told["buyer"] == ["advertising", "connected", "subscribed", "link closed"]
    assert facts["till: connected"] == facts["buyer: connected"] == {"att_mtu": 185}
    assert facts["till: link closed"] == {"att_pdus": till.stats.att_pdus, "bytes_on_air": till.stats.bytes_on_air}


async def test_both_sides_count_the_same_and_what_the_model_says(meet) -> None:
    async with VirtualAir() as air:
        till, buyer = await meet(await air.central(517), await air.peripheral())
        before = till.stats
        assert before == buyer.stats
        await till.send(bytes(300))
        await buyer.receive(seconds=5)
        await buyer.send(bytes(800))
        await till.receive(seconds=5)
        # write request 306, its response 1, notifications of 498 and 312 octets, each L2CAP header 4
        cost = (306 + 4 + 2 * 20) + (1 + 4 + 20) + (498 + 4 + 2 * 20) + (312 + 4 + 2 * 20)
        assert till.stats == buyer.stats
        assert till.stats.att_pdus - before.att_pdus == 4
        assert till.stats.bytes_on_air - before.bytes_on_air == cost
