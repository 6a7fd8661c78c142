"""Peers that shake hands as they should and then say anything: each way of being a nuisance is one function."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from bled.gatt.channel import PlainChannel
from bled.gatt.messages import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    Wait,
    WaitReason,
    encode_message,
)
from bled.link.framed import FramedLink

WORDS = [
    encode_message(message)
    for message in (
        OfferMessage(valid_for=300, offer=b"\x0a\x01a"),
        OfferMessage(valid_for=0, offer=bytes(2048)),
        InvreqMessage(request=bytes(3900)),
        InvreqMessage(request=b"\x00\x01b"),
        *(StatusMessage(code=code) for code in StatusCode),
        StatusMessage(code=StatusCode.PAID, preimage=bytes(32), invoice=bytes(3000)),
        *(StatusAck(code=code) for code in StatusCode),
        *(Wait(reason=reason) for reason in WaitReason),
        ErrorMessage(code=0xFFFF, text="x" * 64),
        *(Abort(reason=reason) for reason in AbortReason),
    )
] + [b"\x71future", b"\x72future"]

Nuisance = Callable[[FramedLink, Random], Awaitable[None]]


async def any_words(link: FramedLink, random: Random) -> None:
    """Whole messages in any order, most of them at the wrong time."""
    for _ in range(30):
        await link.send(random.choice(WORDS))
        await asyncio.sleep(random.choice([0.0, 0.0, 1.0, 9.0]))


async def changed_words(link: FramedLink, random: Random) -> None:
    """Messages with a few octets changed, cut or added."""
    for _ in range(30):
        word = bytearray(random.choice(WORDS))
        for _ in range(random.randrange(1, 4)):
            word[random.randrange(len(word))] = random.randrange(256)
        await link.send(bytes(word[: random.randrange(1, len(word) + 1)]) + random.randbytes(random.randrange(4)))
        await asyncio.sleep(random.choice([0.0, 0.5]))


async def noise(link: FramedLink, random: Random) -> None:
    """Sealed noise."""
    for _ in range(20):
        await link.send(random.randbytes(random.randrange(1, 900)))


async def raw_frames(link: FramedLink, random: Random) -> None:
    """Attribute values that are no frames, or frames of nothing."""
    for number in range(200):
        data = random.randbytes(random.randrange(1, 60))
        await link._bearer.write(random.choice([data, bytes([0xC0 | number % 32]) + b"\x00\x05" + data]), last=True)


async def unsealed(link: FramedLink, random: Random) -> None:
    """Messages in the clear, as if there had been no handshake."""
    link.secure(PlainChannel(), frame_limit=495)
    for _ in range(5):
        await link.send(random.choice(WORDS))


async def for_ever(link: FramedLink, random: Random) -> None:
    """WAIT, and nothing else, for as long as it is listened to."""
    while True:
        await link.send(encode_message(Wait(reason=WaitReason.WAITING_FOR_PAYMENT)))
        await asyncio.sleep(1)


async def ignored_for_ever(link: FramedLink, random: Random) -> None:
    """Messages that every receiver passes over."""
    while True:
        await link.send(b"\x71" + random.randbytes(200))
        await asyncio.sleep(0.5)


async def flood(link: FramedLink, random: Random) -> None:
    """As many messages as go out."""
    for _ in range(2000):
        await link.send(random.choice(WORDS[4:10]))


async def slow_drip(link: FramedLink, random: Random) -> None:
    """One long message, a few octets every second and more."""
    await link._bearer.write(b"\x80\x10\x00" + bytes(10), last=False)
    for number in range(1, 400):
        await asyncio.sleep(random.uniform(1.0, 2.1))
        await link._bearer.write(bytes([number % 32]) + bytes(10), last=False)


async def silence(link: FramedLink, random: Random) -> None:
    """Nothing at all."""
    await asyncio.sleep(10_000)


async def leave(link: FramedLink, random: Random) -> None:
    """Gone at once."""


NUISANCES: tuple[Nuisance, ...] = (
    any_words, any_words, changed_words, noise, raw_frames, unsealed, for_ever, ignored_for_ever, flood, slow_drip,
    silence, leave,
)  # fmt: skip
