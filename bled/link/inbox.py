"""Frames come in as the radio delivers them; messages go out as the program asks for them."""

import asyncio
from collections import deque
from typing import Final

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.gatt.channel import Channel
from bled.gatt.frames import FramingError, Reassembler, Violation

MAX_UNREAD_MESSAGES: Final = 16
"""Half duplex needs one, and a WAIT every 10 s beside it; a peer that sends more unread is flooding."""


class Inbox:
    """One direction of one connection. Frames are put together on arrival, so that deadlines hold while nobody reads.

    Messages are opened when they are read: one that follows the handshake closely meets the channel that the handshake
    has made. Holds at most 16 of them and what `Reassembler` holds. The first error ends it; frames after that are
    dropped.

    Attributes:
        violated_at: when the peer broke the profile, in the loop's time; None when it did not, or was only slow.
    """

    def __init__(self, channel: Channel) -> None:
        """Take the channel that opens what was put together."""
        self._channel = channel
        self._reassembler = Reassembler()
        self._messages: deque[bytes] = deque()
        self._error: BledError | None = None
        self.violated_at: float | None = None
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def take(self, frame: bytes) -> None:
        """Take one frame off the air; an error waits for the reader."""
        if self._error is not None:
            return
        try:
            for data in self._reassembler.receive(frame, now=_now()):
                self._add(data)
        except BledError as error:
            self.violated_at = _now()
            self.fail(error)
        self._watch()

    def secure(self, channel: Channel) -> None:
        """Open what is read from now on with `channel`."""
        self._channel = channel

    def fail(self, error: BledError) -> None:
        """End with `error`, once the messages before it have been read. Only the first counts."""
        if self._error is None:
            self._error = error
        self._watch()
        self._changed.set()

    async def next(self, *, seconds: float) -> bytes:
        """Return the next message.

        Raises what the channel raises when it does not open it, which ends the inbox; the error that ended the inbox;
        or `Unavailable` (`PEER_TIMEOUT`) after `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                return self._open(await self._next())
        except TimeoutError:
            raise Unavailable(Code.PEER_TIMEOUT, detail=f"no message came within {seconds:g} s") from None

    async def _next(self) -> bytes:
        while not self._messages:
            if self._error is not None:
                raise self._error
            self._changed.clear()
            await self._changed.wait()
        return self._messages.popleft()

    def _open(self, data: bytes) -> bytes:
        try:
            return self._channel.open(data)
        except BledError as error:
            self._messages.clear()
            self.violated_at = _now()
            self._error = error  # what was to be heard after this one does not matter any more
            self._watch()
            raise

    def _add(self, message: bytes) -> None:
        if len(self._messages) == MAX_UNREAD_MESSAGES:
            raise FramingError(Violation.FLOOD)
        self._messages.append(message)
        self._changed.set()

    def _watch(self) -> None:
        """Set the timer for the frame that is due next, or none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._reassembler.deadline
        if deadline is not None and self._error is None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._overdue)

    def _overdue(self) -> None:
        self.fail(self._reassembler.overdue())


def _now() -> float:
    return asyncio.get_running_loop().time()
