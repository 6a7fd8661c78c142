"""A counter without a radio: what a virtual controller computes would be counted as time of the sale."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.channel import Channel, PlainChannel
from bled.gatt.profile import SERVICE_UUID
from bled.link.base import Central, LinkStats, MessageLink, Peripheral
from bled.progress import OnStep

_ATT_MTU = 517


@dataclass
class _Wire:
    """What is on its way in one direction; None: the link has ended."""

    messages: "asyncio.Queue[bytes | None]" = field(default_factory=asyncio.Queue)
    is_open: bool = True

    def end(self) -> None:
        if self.is_open:
            self.is_open = False
            self.messages.put_nowait(None)


class _Link(MessageLink):
    att_mtu = _ATT_MTU
    peer = "across the counter"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    def __init__(self, out: _Wire, into: _Wire) -> None:
        self._out, self._into = out, into
        self._channel: Channel = PlainChannel()

    def secure(self, channel: Channel, *, frame_limit: int) -> None:  # noqa: ARG002 (whole messages, no frames)
        self._channel = channel

    async def send(self, message: bytes, *, answered: bool = False) -> None:  # noqa: ARG002 (nothing is acknowledged)
        if not self._out.is_open:
            raise Unavailable(Code.LINK_LOST)
        self._out.messages.put_nowait(self._channel.seal(message))

    async def receive(self, *, seconds: float) -> bytes:
        if not self._into.is_open and self._into.messages.empty():
            raise Unavailable(Code.LINK_LOST)
        try:
            async with asyncio.timeout(seconds):
                message = await self._into.messages.get()
        except TimeoutError:
            raise Unavailable(Code.PEER_TIMEOUT) from None
        if message is None:
            raise Unavailable(Code.LINK_LOST)
        return self._channel.open(message)

    async def close(self) -> None:
        self._out.end()
        self._into.end()


class Counter(Central, Peripheral):
    """The radios of a till and of one device that stands before it."""

    def __init__(self) -> None:
        self._arriving: asyncio.Queue[MessageLink] = asyncio.Queue()

    async def connect(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> MessageLink:  # noqa: ARG002 (nobody else is here)
        """Return the till's end of a new link."""
        there, back = _Wire(), _Wire()
        self._arriving.put_nowait(_Link(back, there))
        return _Link(there, back)

    async def connect_any(
        self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]
    ) -> tuple[UUID, MessageLink]:
        """Return the till's end of a new link, and the first of the UUIDs."""
        return uuids[0], await self.connect(seconds=seconds, on_step=on_step)

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> MessageLink:  # noqa: ARG002 (nobody else is here)
        """Return the device's end of the next link."""
        try:
            async with asyncio.timeout(seconds):
                return await self._arriving.get()
        except TimeoutError:
            raise Unavailable(Code.NO_BUYER) from None

    async def close(self) -> None:
        """Both ends close their links themselves."""
