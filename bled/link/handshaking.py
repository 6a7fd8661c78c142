"""The three messages of the handshake over a link: within ten seconds, or the link is closed without a word."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import Entropy, Meeting
from bled.gatt.frames import fragment_size
from bled.gatt.handshake import Beacon, Reader, Secured, VersionRefused
from bled.gatt.primitives import X25519Key
from bled.link.base import MessageLink

HANDSHAKE_SECONDS: Final = 10.0
"""Longest time for the three messages, on either side; slow stacks need half a second."""

_PLAIN: Final = PlainChannel()
RESUME_SECONDS: Final = 60.0
"""How long the two sides look for each other after a link broke."""


async def greet(
    link: MessageLink,
    *,
    static: X25519Key,
    meeting: Meeting,
    message: bytes,
    before_hs3: Callable[[Secured], None],
    entropy: Entropy = os.urandom,
) -> Secured:
    """Make the till's new `link` private; its first `message` has left in HS3 when this returns.

    Once HS3 is on its way the device may have all of it, whatever becomes of the link: this returns also when the link
    is lost then, and whoever listens next hears of that.

    `before_hs3` is told what the till will have once HS3 has left: it counts and shows the compare code, and what it
    raises keeps HS3 from leaving. On any error before that the link is closed. Raises what `Reader.finish` and
    `before_hs3` raise, and `Unavailable` (`LINK_LOST`, `PEER_TIMEOUT`).
    """
    async with _in_time(link):
        reader = Reader(
            static=static,
            meeting=meeting,
            message=message,
            rx_frag_max=fragment_size(link.att_mtu),
        )
        await link.send(reader.start(entropy=entropy), answered=True)
        hs3, secured = reader.finish(await link.receive(seconds=HANDSHAKE_SECONDS))
        before_hs3(secured)
    link.secure(_PLAIN, frame_limit=secured.frame_limit)
    with contextlib.suppress(Unavailable):
        await link.send(hs3)
    link.secure(secured.channel, frame_limit=secured.frame_limit)
    return secured


async def be_greeted(
    link: MessageLink,
    *,
    meeting: Meeting,
    before_hs2: Callable[[], None],
    entropy: Entropy = os.urandom,
) -> tuple[bytes, Secured]:
    """Make the device's new `link` private; return the till's first message and what the device has from now on.

    `before_hs2` is called when HS2 is about to leave: it counts the try, and what it raises keeps HS2 from leaving. On
    any error the link is closed, without a word unless the till speaks no version of ours. Raises what `Beacon.answer`,
    `Beacon.finish` and `before_hs2` raise, and `Unavailable` (`LINK_LOST`, `PEER_TIMEOUT`).
    """
    async with _in_time(link):
        beacon = Beacon(meeting=meeting)  # not every host of a peripheral tells the ATT_MTU
        hs1 = await link.receive(seconds=HANDSHAKE_SECONDS)
        refused: VersionRefused | None = None
        try:
            hs2 = beacon.answer(hs1, entropy=entropy)
        except VersionRefused as error:
            refused, hs2 = error, error.hs2
        before_hs2()
        link.secure(_PLAIN, frame_limit=beacon.frame_limit)
        await link.send(hs2)
        if refused is not None:
            raise refused
        message, secured = beacon.finish(await link.receive(seconds=HANDSHAKE_SECONDS))
        link.secure(secured.channel, frame_limit=secured.frame_limit)
        return message, secured


@asynccontextmanager
async def _in_time(link: MessageLink) -> AsyncIterator[None]:
    """Run a handshake: it ends well within its time, or the link ends with it."""
    done = False
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            yield
        done = True
    except TimeoutError:
        raise Unavailable(Code.PEER_TIMEOUT, detail=f"no handshake within {HANDSHAKE_SECONDS:g} s") from None
    finally:
        if not done:
            await link.close()
