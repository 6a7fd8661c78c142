"""Both sessions, resumed ones too, against peers that say anything: named errors and limits, and the next is paid."""

import asyncio
import contextlib
import gc
import tracemalloc
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from bled.errors import BledError
from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import Meeting, OpenMeeting
from bled.gatt.messages import OfferMessage, encode_message
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import MAX_MESSAGE_BYTES, MAX_VALUE_BYTES, REORDER_WINDOW
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.link.handshaking import be_greeted, greet
from bled.link.inbox import MAX_UNREAD_MESSAGES
from bled.progress import ignore_steps

from . import hostile
from .hostile import NUISANCES, Nuisance

ROUNDS = 36
OBJECT_BYTES = 200
"""What Python adds to each thing that is kept."""
HELD_BYTES = (
    MAX_UNREAD_MESSAGES * (MAX_MESSAGE_BYTES + OBJECT_BYTES)
    + REORDER_WINDOW * (MAX_VALUE_BYTES + OBJECT_BYTES)
    + 2 * MAX_MESSAGE_BYTES
)
"""All that one connection may hold of what a peer sends: unread messages, waiting frames, and one message twice over
while it is put together."""
SENDERS_BYTES = 4 * MAX_MESSAGE_BYTES
"""What the sender has of a message that leaves: it, sealed, with its length, in frames."""


def peer(hall, sessions, room, random: Random, *, till: bool, nuisances: list[Nuisance]):
    """Return an attacker who plays one side: each connection that resumes the first brings the next nuisance."""

    class Peer(hall.Middle):
        def __init__(self) -> None:
            self.resumption = None
            self.left = list(nuisances)
            self.offer = sessions.false_offer(room.clock.now())

        def carry(self, connection, side, frame) -> None:
            super().carry(connection, side, frame)
            connection.written[side].clear()  # the air remembers nothing here

        def takes_device(self, uuid: UUID) -> bool:
            return till and bool(self.left)

        def takes_till(self, uuid: UUID) -> bool:
            return not till and bool(self.left)

        def meeting(self) -> Meeting:
            return self.resumption or OpenMeeting()

        async def be_till(self, link: FramedLink, uuid: UUID) -> None:
            nuisance, way = self.left.pop(0), self.meeting()
            opening = encode_message(OfferMessage(valid_for=300, offer=self.offer))
            secured = await greet(link, static=STATIC, meeting=way, message=opening, before_hs3=lambda _: None)
            self.resumption = secured.resumption
            await nuisance(link, random)

        async def be_device(self, link: FramedLink, uuid: UUID) -> None:
            nuisance = self.left.pop(0)
            _, secured = await be_greeted(link, meeting=self.meeting(), before_hs2=lambda: None)
            self.resumption = secured.resumption
            await nuisance(link, random)

    return Peer()


STATIC = X25519Key(b"\x33" * 32)


@pytest.mark.parametrize("till", [True, False], ids=["hostile till", "hostile device"])
def test_no_peer_gets_an_exception_or_a_false_word_out_of_a_session_and_the_next_one_is_paid(
    hall, sessions, tmp_path: Path, till: bool
) -> None:
    random = Random(f"hostile {till}")  # noqa: S311 - the same in every run
    resumed = 0
    with hall.new_vault(tmp_path / "vault", random, payments=3 * ROUNDS) as vault:

        async def all_of_them() -> None:
            nonlocal resumed
            room = hall.Hall(vault, random)
            for number in range(ROUNDS):
                first = NUISANCES[number % len(NUISANCES)]
                ways = [[first], [hostile.leave, first], [hostile.leave, hostile.leave, first]][number % 3]
                room.att_mtu = random.choice([23, 185, 517])
                room.think_seconds = random.choice([0.0, 5.0, 50.0])
                attacker = peer(hall, sessions, room, random, till=till, nuisances=ways)
                ends = await room.meet(attacker)
                resumed += len(ways) > 1 and attacker.left == []
                sessions.check(ends)
                assert till or not ends.signed
                await room.pause()
                room.think_seconds = 1.0
                honest = await room.meet()
                sessions.check(honest)
                assert honest.is_paid, (number, first.__name__)
                await room.pause()

        hall.run_fast(all_of_them())
    assert resumed >= ROUNDS // 4


def peak(hall, sessions, folder: Path, *, till: bool, words: int) -> int:
    """Return the most bytes that a meeting with a peer who sends so many long messages took."""

    async def long_words(link: FramedLink, random: Random) -> None:
        for _ in range(words):
            await link.send(b"\x71" + bytes(4000))

    random = Random(1)  # noqa: S311 - the same in every run
    with hall.new_vault(folder, random) as vault:

        async def meet() -> int:
            room = hall.Hall(vault, random)
            room.think_seconds = 50.0
            attacker = peer(hall, sessions, room, random, till=till, nuisances=[long_words])
            gc.collect()
            tracemalloc.start()
            try:
                await room.meet(attacker)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        return hall.run_fast(meet())


@pytest.mark.parametrize("till", [True, False], ids=["hostile till", "hostile device"])
def test_a_peer_that_sends_more_does_not_make_a_session_hold_more(hall, sessions, tmp_path: Path, till: bool) -> None:
    peak(hall, sessions, tmp_path / "warm", till=till, words=4)
    few = peak(hall, sessions, tmp_path / "few", till=till, words=40)
    many = peak(hall, sessions, tmp_path / "many", till=till, words=800)
    assert many - few < HELD_BYTES + SENDERS_BYTES
    assert HELD_BYTES + SENDERS_BYTES < 800 * 4000 / 30


class Nowhere:
    """A bearer that nobody is at the other end of."""

    att_mtu = 517
    peer = "nobody"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    async def write(self, frame: bytes, *, last: bool) -> None:
        """Nothing hears it."""

    async def close(self) -> None:
        """Nothing is held."""


def one_long_message(number: int) -> bytes:
    return b"\x80\x10\x00" + bytes(9) if number == 0 else bytes([number % 32]) + b"x"


def out_of_order(number: int) -> bytes:
    return bytes([0x80 | (number + 1) % 16]) + b"\x10\x00" + bytes(509)


def whole_messages(number: int) -> bytes:
    return bytes([0xC0 | number % 32]) + b"\x01\xfd" + bytes(509)


def too_long(number: int) -> bytes:
    return bytes([0xC0 | number % 32]) + bytes(600)


@pytest.mark.parametrize("frame", [one_long_message, out_of_order, whole_messages, too_long])
async def test_what_nobody_reads_is_held_up_to_the_named_limits_and_not_more(frame) -> None:
    link = FramedLink(Nowhere(), channel=PlainChannel(), on_step=ignore_steps)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(20_000):
            link.take_frame(frame(number))
            if number % 100 == 0:
                await asyncio.sleep(0)  # a loop that never runs would keep the timers that were taken back
        await asyncio.sleep(0)
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held < HELD_BYTES
    await link.close()
    for _ in range(MAX_UNREAD_MESSAGES + 1):
        with contextlib.suppress(BledError):
            await link.receive(seconds=0.1)
    with pytest.raises(BledError):
        await link.receive(seconds=0.1)
