"""The one driver of every radio: messages through the channel, cut into frames, over a connection."""

import asyncio
import contextlib
from typing import Final, Protocol

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.channel import Channel
from bled.gatt.frames import is_last, split_message
from bled.gatt.profile import MAX_FRAGMENT_BYTES, MESSAGE_SECONDS
from bled.link.base import LinkStats
from bled.link.inbox import Inbox
from bled.progress import OnStep

LINGER_SECONDS: Final = 3.0
"""How long whoever spoke last lets the other side disconnect: BlueZ does so two seconds after it was asked."""


class Bearer(Protocol):
    """What a radio's backend gives the driver: one connection that carries attribute values.

    In the other direction the backend calls `FramedLink.take_frame` and `FramedLink.lose`.
    """

    @property
    def att_mtu(self) -> int:
        """The negotiated ATT_MTU."""
        ...

    @property
    def peer(self) -> str:
        """The peer's address as text."""
        ...

    @property
    def stats(self) -> LinkStats:
        """What the connection has cost; readable after its end."""
        ...

    async def write(self, frame: bytes, *, last: bool) -> None:
        """Send one frame, at the pace of the radio; `last` ends a message whose arrival is to be waited for.

        Raises `Unavailable` (`LINK_LOST`) as soon as the connection is known to be gone.
        """
        ...

    async def close(self) -> None:
        """Let what was written leave, then disconnect. Takes 2 s at most; raises nothing; idempotent."""
        ...


class FramedLink:
    """A `MessageLink` over a bearer."""

    def __init__(self, bearer: Bearer, *, channel: Channel, on_step: OnStep) -> None:
        """Take the connection; `on_step` hears of its end, once."""
        self._bearer = bearer
        self._channel = channel
        self._on_step = on_step
        self._inbox = Inbox(channel)
        self._frame_limit = MAX_FRAGMENT_BYTES
        self._sending = asyncio.Lock()
        self._frames_sent = 0
        self._end: Unavailable | None = None
        self._ended = asyncio.Event()
        self._closed = False
        self._spoke_last = False

    @property
    def att_mtu(self) -> int:
        """The negotiated ATT_MTU."""
        return self._bearer.att_mtu

    @property
    def peer(self) -> str:
        """The peer's address as text."""
        return self._bearer.peer

    @property
    def stats(self) -> LinkStats:
        """What the connection has cost so far."""
        return self._bearer.stats

    def take_frame(self, frame: bytes) -> None:
        """The radio brought a frame. Never raises: whoever receives next hears what is wrong with it."""
        self._inbox.take(frame)

    def lose(self, detail: str) -> None:
        """The connection is gone, or of no more use; `detail` says how. Idempotent."""
        if self._end is None:
            self._end = _lost("the link was closed here" if self._closed else detail)
            self._ended.set()
            self._inbox.fail(self._end)
            stats = self.stats
            self._on_step("link closed", {"att_pdus": stats.att_pdus, "bytes_on_air": stats.bytes_on_air})

    async def send(self, message: bytes, *, answered: bool = False) -> None:
        """Send one whole message, as `MessageLink.send` says."""
        async with self._sending:
            if self._end is not None:
                raise self._end
            sealed = self._channel.seal(message)
            frames = split_message(
                sealed, att_mtu=self.att_mtu, first_number=self._frames_sent, peer_limit=self._frame_limit
            )
            self._frames_sent += len(frames)
            await self._write(frames, answered=answered)

    async def _write(self, frames: tuple[bytes, ...], *, answered: bool) -> None:
        whole = False
        try:
            async with asyncio.timeout(MESSAGE_SECONDS):
                for frame in frames:
                    await self._bearer.write(frame, last=is_last(frame) and not answered)
            whole = self._spoke_last = True
        except TimeoutError:
            detail = f"the peer did not take a message within {MESSAGE_SECONDS:g} s"
            self.lose(detail)
            raise _lost(detail) from None
        finally:
            if not whole:  # another message would begin inside this one: the connection is of no more use
                self.lose("a message was cut off")

    def secure(self, channel: Channel, *, frame_limit: int) -> None:
        """Use another channel both ways from now on, as `MessageLink.secure` says."""
        self._channel = channel
        self._frame_limit = frame_limit
        self._inbox.secure(channel)

    async def receive(self, *, seconds: float) -> bytes:
        """Return the next whole message, as `MessageLink.receive` says."""
        self._spoke_last = False
        return await self._inbox.next(seconds=seconds)

    @property
    def violated_at(self) -> float | None:
        """When the peer broke the profile, in the loop's time; None when it did not, or was only slow."""
        return self._inbox.violated_at

    async def close(self) -> None:
        """Close the connection, as `MessageLink.close` says."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._let_them_leave()
        finally:
            await self._end_it()

    async def _let_them_leave(self) -> None:
        """After a last word, wait until it was heard: a host may drop what it has not read when the link ends."""
        if self._spoke_last and self._end is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._ended.wait()

    async def _end_it(self) -> None:
        try:
            await self._bearer.close()
        finally:
            self.lose("")


def _lost(detail: str) -> Unavailable:
    return Unavailable(Code.LINK_LOST, detail=detail)
