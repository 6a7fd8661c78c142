"""One bumble connection as the driver sees it, for either role."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from bumble import device

from bled.codes import Code
from bled.errors import Unavailable
from bled.link.base import LinkStats
from bled.link.bumble_radio import BumbleRadio, Lost, bounded

DRAIN_SECONDS: Final = 1.0
"""Longest wait at a close for what was written last to leave this host."""
MAX_PENDING_PACKETS: Final = 16
"""ACL packets that may wait for the controller before the next frame is written."""

Put = Callable[[bytes, bool], Awaitable[None]]
"""Hands one frame to bumble; True for a message's last."""


class BumbleBearer:
    """A connection. The role's own way to write is given; pace, loss and end are the same for both."""

    def __init__(self, radio: BumbleRadio, connection: device.Connection, *, lost: Lost, put: Put) -> None:
        """Take a connection that `radio` watches, and how its role writes a frame."""
        self._radio = radio
        self._connection = connection
        self._lost = lost
        self._put = put
        self._final_stats: LinkStats | None = None
        lost.add_done_callback(lambda _: self._keep_stats())

    @property
    def att_mtu(self) -> int:
        """The negotiated ATT_MTU."""
        return self._connection.att_mtu

    @property
    def peer(self) -> str:
        """The peer's address, without its type."""
        return self._connection.peer_address.to_string(with_type_qualifier=False)

    @property
    def stats(self) -> LinkStats:
        """What the connection has cost."""
        return self._final_stats or self._radio.meter.stats(self._connection.handle)

    async def write(self, frame: bytes, *, last: bool) -> None:
        """Send one frame; waits while the controller is busy, and after the last frame until it has everything."""
        if self._lost.done():
            raise Unavailable(Code.LINK_LOST, detail=self._lost.result())
        await bounded(self._write(frame, last), lost=self._lost, seconds=None)  # the driver bounds a message

    async def _write(self, frame: bytes, last: bool) -> None:
        await self._put(frame, last)
        await self._drain(0 if last else MAX_PENDING_PACKETS)

    async def _drain(self, allowed: int) -> None:
        """Wait until at most `allowed` packets wait for the controller."""
        queue = self._radio.device.host.get_data_packet_queue(self._connection.handle)
        while queue is not None and queue.pending > allowed:
            flow: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.once("flow", lambda flow=flow: flow.done() or flow.set_result(None))
            await flow

    async def close(self) -> None:
        """Let what was written leave, then disconnect."""
        if self._lost.done():
            return
        with contextlib.suppress(Unavailable):  # the disconnection is all that can still be done then
            await bounded(self._drain(0), lost=self._lost, seconds=DRAIN_SECONDS)
        await self._radio.disconnect(self._connection)

    def _keep_stats(self) -> None:
        """The handle is about to be given to another connection."""
        self._final_stats = self._radio.meter.stats(self._connection.handle)
