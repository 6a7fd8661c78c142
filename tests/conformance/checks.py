"""What every radio must do, whatever carries it: the same checks for each pair of backends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import pytest

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.gatt.engagement import session_uuid
from bled.gatt.frames import FramingError, Violation, split_message
from bled.gatt.profile import SERVICE_UUID
from bled.link.base import Central, MessageLink, Peripheral
from bled.progress import OnStep, ignore_steps


class Rig(Protocol):
    """A till's and a buyer's radio in one place.

    Attributes:
        patience: seconds that a step may take here which takes none in principle.
        brief: leave out repetitions, because each meeting takes seconds here.
        mtu_is_ours: whether the backends negotiate the ATT_MTU that they are given, or only cut frames by it.
    """

    patience: float
    brief: bool
    mtu_is_ours: bool

    async def central(self, att_mtu: int = 517) -> Central:
        """Return a till's radio."""
        ...

    async def peripheral(self, att_mtu: int = 517) -> Peripheral:
        """Return a buyer's radio."""
        ...

    async def write(self, link: MessageLink, frame: bytes, *, last: bool) -> None:
        """Put a frame on the air as it is, over a link of this rig."""
        ...

    async def cut(self) -> None:
        """Put the two out of each other's reach, and back."""
        ...


Check = Callable[[Rig], Awaitable[None]]

SECRET_UUID: Final = session_uuid(b"\x07" * 16)
MEET_SECONDS: Final = 60.0
SIZES: Final = (1, 12, 15, 16, 17, 239, 240, 492, 493, 494, 986, 987, 2500, 4095, 4096)
"""Around the ends of one, two and all frames at ATT_MTU 23, 247 and 517."""


def text_of(size: int) -> bytes:
    """Return a message of `size` bytes in which no two places look alike for long."""
    return bytes((index * 7 + index // 251) % 256 for index in range(size))


async def meet(
    central: Central, peripheral: Peripheral, *, till_step: OnStep = ignore_steps, buyer_step: OnStep = ignore_steps
) -> tuple[MessageLink, MessageLink]:
    """Return the till's and the buyer's end of a new link, over which one message has passed."""
    async with asyncio.TaskGroup() as group:
        accepting = group.create_task(peripheral.accept(seconds=MEET_SECONDS, on_step=buyer_step))
        till = await central.connect(seconds=MEET_SECONDS, on_step=till_step)
        await till.send(b"first")
    buyer = accepting.result()
    assert await buyer.receive(seconds=10) == b"first"
    return till, buyer


@contextlib.asynccontextmanager
async def pair(rig: Rig, *, till_mtu: int = 517, buyer_mtu: int = 517):
    """Give both radios, and take them back."""
    central, peripheral = await rig.central(till_mtu), await rig.peripheral(buyer_mtu)
    try:
        yield central, peripheral
    finally:
        await asyncio.gather(central.close(), peripheral.close())


async def is_lost(link: MessageLink, *, within: float) -> None:
    """Hold that a link is noticed to be lost, for good, within so many seconds."""
    with pytest.raises(Unavailable) as caught:
        await link.receive(seconds=within)
    assert caught.value.code is Code.LINK_LOST
    with pytest.raises(Unavailable) as caught:
        await link.send(b"anybody there?")
    assert caught.value.code is Code.LINK_LOST


async def messages_of_every_size_pass_both_ways(rig: Rig) -> None:
    """Each size there and back; then both at once; then what nobody reads yet waits in its order."""
    async with pair(rig) as (central, peripheral):
        till, buyer = await meet(central, peripheral)
        for size in SIZES:
            await till.send(text_of(size))
            assert await buyer.receive(seconds=rig.patience) == text_of(size)
            await buyer.send(text_of(size))
            assert await till.receive(seconds=rig.patience) == text_of(size)
        await asyncio.gather(till.send(text_of(2000)), buyer.send(text_of(1500)))
        assert await buyer.receive(seconds=rig.patience) == text_of(2000)
        assert await till.receive(seconds=rig.patience) == text_of(1500)
        for number in range(16):
            await buyer.send(bytes([number + 1]) * 100)
        assert [(await till.receive(seconds=rig.patience))[0] for _ in range(16)] == list(range(1, 17))


async def a_message_that_is_none_is_refused_and_the_link_goes_on(rig: Rig) -> None:
    """4097 bytes are too many, none are too few."""
    async with pair(rig) as (central, peripheral):
        till, buyer = await meet(central, peripheral)
        for sender, receiver in ((till, buyer), (buyer, till)):
            with pytest.raises(BledError) as caught:
                await sender.send(bytes(4097))
            assert caught.value.code is Code.MESSAGE_TOO_LARGE
            with pytest.raises(ValueError, match="at least one byte"):
                await sender.send(b"")
            await sender.send(b"fine")
            assert await receiver.receive(seconds=rig.patience) == b"fine"


async def frames_are_cut_by_the_smaller_limit(rig: Rig) -> None:
    """At 23 and at 185, whoever asks for it."""
    for till_mtu, buyer_mtu in ((23, 517), (517, 185)):
        async with pair(rig, till_mtu=till_mtu, buyer_mtu=buyer_mtu) as (central, peripheral):
            till, buyer = await meet(central, peripheral)
            assert till.att_mtu <= till_mtu
            assert buyer.att_mtu <= buyer_mtu
            if rig.mtu_is_ours:
                assert till.att_mtu == buyer.att_mtu == min(till_mtu, buyer_mtu)
            for size in (15, 16, 180, 1000):
                await till.send(text_of(size))
                assert await buyer.receive(seconds=rig.patience) == text_of(size)
                await buyer.send(text_of(size))
                assert await till.receive(seconds=rig.patience) == text_of(size)


async def what_was_sent_before_a_close_arrives_and_the_radios_meet_again(rig: Rig) -> None:
    """Each side has the last word and closes; the other hears it whole and closes. Closing twice is closing once."""
    async with pair(rig) as (central, peripheral):
        for closes in ("buyer", "till"):
            till, buyer = await meet(central, peripheral)
            one, other = (till, buyer) if closes == "till" else (buyer, till)
            await one.send(text_of(3900))
            await asyncio.gather(one.close(), _hear_and_close(rig, other))
            await one.close()
            await is_lost(other, within=rig.patience)


async def _hear_and_close(rig: Rig, link: MessageLink) -> None:
    assert await link.receive(seconds=rig.patience) == text_of(3900)
    await link.close()


async def steps_are_told_in_their_order_and_the_end_once(rig: Rig) -> None:
    """What each side tells of a meeting; a try that failed is told too and is no part of this order."""
    told: dict[str, list[str]] = {"till": [], "buyer": []}

    def teller(side: str) -> OnStep:
        return lambda name, _facts: told[side].append(name)

    async with pair(rig) as (central, peripheral):
        till, buyer = await meet(central, peripheral, till_step=teller("till"), buyer_step=teller("buyer"))
        await till.close()
        await is_lost(buyer, within=rig.patience)
        await buyer.close()
    if "try failed" not in told["till"]:
        assert told["till"] == ["advertisement seen", "connected", "subscribed", "link closed"]
        assert told["buyer"][0] == "advertising"
        assert sorted(told["buyer"][1:]) == ["connected", "link closed", "subscribed"]
        assert told["buyer"][-1] == "link closed"


HOSTILE: Final = (
    (b"", Violation.HEADER),
    (b"\xa1\x00\x01x", Violation.RESERVED),
    (b"\x01x", Violation.NO_FIRST),
    (b"\xc1\x00\x00", Violation.LENGTH),
    (b"\xc1\x10\x01x", Violation.TOO_LARGE),
    (b"\xc1\x00\x01xx", Violation.OVERRUN),
    (b"\xc1\x00\x03xx", Violation.SHORT),
    (b"\x81\x00\x01x", Violation.LAST_MISSING),
    (b"\xd2\x00\x01x", Violation.NUMBER),
)
"""Frames in the place of a till's second, whose number is 1, and how the receiver calls what is wrong with them."""


def _as_first(frame: bytes) -> bytes:
    """Return the frame with the number before: the buyer has sent none yet, the till has sent one."""
    return bytes([frame[0] - 1]) + frame[1:] if frame else frame


async def hostile_frames_end_the_link_and_nothing_else(rig: Rig) -> None:
    """The receiver names the violation, whichever side it is, and the radios meet again: once may be an accident."""
    for frame, violation in HOSTILE[1:2] if rig.brief else HOSTILE:
        async with pair(rig) as (central, peripheral):
            for hostile in ("till", "buyer"):
                till, buyer = await meet(central, peripheral)
                await _break_the_profile(rig, till, buyer, hostile=hostile, frame=frame, violation=violation)
            till, buyer = await meet(central, peripheral)
            await buyer.send(b"honest")
            assert await till.receive(seconds=rig.patience) == b"honest"


async def _break_the_profile(
    rig: Rig, till: MessageLink, buyer: MessageLink, *, hostile: str, frame: bytes, violation: Violation
) -> None:
    sender, receiver = (till, buyer) if hostile == "till" else (buyer, till)
    await rig.write(sender, frame if hostile == "till" else _as_first(frame), last=True)
    with pytest.raises(FramingError) as caught:
        await receiver.receive(seconds=rig.patience)
    assert caught.value.violation is violation
    await asyncio.gather(till.close(), buyer.close())


async def a_till_that_breaks_the_profile_twice_is_kept_out(rig: Rig) -> None:
    """For half a minute; a buyer does not hear its third first frame."""
    frame, violation = HOSTILE[1]
    async with pair(rig) as (central, peripheral):
        for _ in range(2):
            till, buyer = await meet(central, peripheral)
            await _break_the_profile(rig, till, buyer, hostile="till", frame=frame, violation=violation)
        seconds = 10.0 if rig.brief else 2.0
        accepting = asyncio.ensure_future(peripheral.accept(seconds=seconds, on_step=ignore_steps))
        with contextlib.suppress(BledError):  # sooner or later it is disconnected
            till = await central.connect(seconds=seconds, on_step=ignore_steps)
            await till.send(b"and again")
        with pytest.raises(Unavailable) as caught:
            await accepting
        assert caught.value.code is Code.NO_BUYER


async def frames_out_of_order_are_put_in_order(rig: Rig) -> None:
    """What several bearers below may do to the frames of a message."""
    async with pair(rig) as (central, peripheral):
        till, buyer = await meet(central, peripheral)
        message = text_of(1000)
        frames = list(split_message(message, att_mtu=100))
        frames[2:6] = [frames[4], frames[3], frames[5], frames[2]]
        for frame in frames:
            await rig.write(buyer, frame, last=False)
        assert await till.receive(seconds=rig.patience) == message


async def every_wait_ends(rig: Rig) -> None:
    """Nobody there, nothing said, and a message that stops in the middle, at either side."""
    loop = asyncio.get_running_loop()
    async with pair(rig) as (central, peripheral):
        for wait in (central.connect, peripheral.accept):
            start, seconds = loop.time(), 8.0 if rig.brief else 2.0
            with pytest.raises(Unavailable) as caught:
                await wait(seconds=seconds, on_step=ignore_steps)
            assert caught.value.code is Code.NO_BUYER
            assert seconds <= loop.time() - start < seconds + rig.patience
        for speaker in ("till", "buyer"):
            till, buyer = await meet(central, peripheral)
            sender, receiver = (till, buyer) if speaker == "till" else (buyer, till)
            start = loop.time()
            with pytest.raises(Unavailable) as caught:
                await receiver.receive(seconds=1.0)
            assert caught.value.code is Code.PEER_TIMEOUT
            assert 1 <= loop.time() - start < 1 + rig.patience
            number = 1 if speaker == "till" else 0
            await rig.write(sender, bytes([0x80 | number]) + b"\x00\x64half", last=False)
            with pytest.raises(FramingError) as framing:
                await receiver.receive(seconds=8 + rig.patience)
            assert framing.value.violation is Violation.GAP
            await asyncio.gather(till.close(), buyer.close())


async def a_link_that_is_cut_is_missed_by_both_and_the_radios_meet_again(rig: Rig) -> None:
    """Idle, and in the middle of a message."""
    async with pair(rig) as (central, peripheral):
        for busy in (False, True):
            till, buyer = await meet(central, peripheral)
            if busy:
                await rig.write(buyer, b"\x80\x00\x64half", last=False)
            await rig.cut()
            await asyncio.gather(is_lost(till, within=rig.patience), is_lost(buyer, within=rig.patience))
            await asyncio.gather(till.close(), buyer.close())
        till, buyer = await meet(central, peripheral)
        await till.send(b"back")
        assert await buyer.receive(seconds=rig.patience) == b"back"


async def a_wait_that_is_given_up_leaves_a_radio_that_works(rig: Rig) -> None:
    """Cancelled at some points on the way to a link."""
    async with pair(rig) as (central, peripheral):
        for after in (0.05, 0.6) if rig.brief else (0.0, 0.01, 0.02, 0.05, 0.1, 0.2):
            tasks = [
                asyncio.ensure_future(peripheral.accept(seconds=MEET_SECONDS, on_step=ignore_steps)),
                asyncio.ensure_future(central.connect(seconds=MEET_SECONDS, on_step=ignore_steps)),
            ]
            await asyncio.wait(tasks, timeout=after)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        till, buyer = await meet(central, peripheral)
        await buyer.send(b"works")
        assert await till.receive(seconds=rig.patience) == b"works"


async def a_till_that_looks_for_two_names_meets_a_device_under_either(rig: Rig) -> None:
    """As it does when nobody knows whether the device has the offer."""
    async with pair(rig) as (central, peripheral):
        for name in (SERVICE_UUID,) if rig.brief else (SECRET_UUID, SERVICE_UUID):
            async with asyncio.TaskGroup() as group:
                work = peripheral.accept(seconds=MEET_SECONDS, on_step=ignore_steps, uuid=name)
                accepting = group.create_task(work)
                found, till = await central.connect_any(
                    seconds=MEET_SECONDS, on_step=ignore_steps, uuids=(SECRET_UUID, SERVICE_UUID)
                )
                await till.send(b"first")
            assert found == name
            buyer = accepting.result()
            assert await buyer.receive(seconds=rig.patience + 10) == b"first"
            await asyncio.gather(till.close(), buyer.close())


CHECKS: Final[tuple[Check, ...]] = (
    messages_of_every_size_pass_both_ways,
    a_message_that_is_none_is_refused_and_the_link_goes_on,
    frames_are_cut_by_the_smaller_limit,
    what_was_sent_before_a_close_arrives_and_the_radios_meet_again,
    steps_are_told_in_their_order_and_the_end_once,
    hostile_frames_end_the_link_and_nothing_else,
    a_till_that_breaks_the_profile_twice_is_kept_out,
    frames_out_of_order_are_put_in_order,
    every_wait_ends,
    a_link_that_is_cut_is_missed_by_both_and_the_radios_meet_again,
    a_wait_that_is_given_up_leaves_a_radio_that_works,
    a_till_that_looks_for_two_names_meets_a_device_under_either,
)
