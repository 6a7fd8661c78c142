"""Whether a message over a reply path comes home: one is sent round, through the peer and back to the hook.

It is injected into the node, goes to the introduction as a till's would, and comes back over a path made exactly as
those of a book, with a secret that is drawn for this one message.
"""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from bled.clock import Clock
from bled.errors import BledError
from bled.grants.issue import create_reply_paths
from bled.grants.metadata import PATH_SECRET_BYTES
from bled.home.paths import PathResult
from bled.node.cln_onions import empty_onion
from bled.node.home_base import HomeNode, PathPeer
from bled_codec.blinded_path import decode_paths
from bled_codec.crypto import SecretKey
from bled_codec.units import Point

WAITS: Final = (1.0, 1.5, 1.5)
"""Seconds after each of three tries. A peer takes four messages at once and then one in 250 ms, and drops the rest
without a word; a try that was dropped is made again."""


class PathTest:
    """Sends messages round and hears of those that come home. One path is tested at a time, so that none is dropped
    for coming too fast.
    """

    def __init__(self, *, node: HomeNode, clock: Clock, waits: Sequence[float] = WAITS) -> None:
        """Take the node and the clock; `waits` are the seconds after each try."""
        self._node = node
        self._clock = clock
        self._waits = waits
        self._expected: dict[bytes, asyncio.Event] = {}
        self._turn = asyncio.Lock()

    def hear(self, secret: bytes) -> bool:
        """Take the path secret of a message at the hook; say whether it was one of these. Raises nothing."""
        event = self._expected.get(secret)
        if event is None:
            return False
        event.set()
        return True

    async def run(self, peer: PathPeer) -> PathResult:
        """Send a message over a path that begins at `peer`; takes four seconds when it does not arrive.

        Raises `Unavailable` when the node does not say who it is.
        """
        home = await self._node.node_id()
        secret, event = secrets.token_bytes(PATH_SECRET_BYTES), asyncio.Event()
        self._expected[secret] = event
        try:
            async with self._turn:
                return await self._run(peer, home, secret, event)
        finally:
            del self._expected[secret]

    async def _run(self, peer: PathPeer, home: Point, secret: bytes, event: asyncio.Event) -> PathResult:
        began = self._clock.monotonic()
        for wait in self._waits:
            try:
                await self._send(peer.node_id, home, secret)
            except BledError as error:
                return _lost(peer, f"was sent no message ({error.detail or error.code.value})")
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await event.wait()
                taken = int((self._clock.monotonic() - began) * 1000)
                return PathResult(introduction=peer.node_id, alias=peer.alias, arrived=True, milliseconds=taken)
        return _lost(peer, "passed no message on to home")

    async def _send(self, introduction: Point, home: Point, secret: bytes) -> None:
        (path,) = decode_paths(create_reply_paths([(introduction, home)], secret, entropy=secrets.token_bytes)[0])
        onion = empty_onion(home, path=path, path_session=_fresh_key(), onion_session=_fresh_key())
        await self._node.inject(onion.path_key, onion.onion)


def _lost(peer: PathPeer, reason: str) -> PathResult:
    return PathResult(introduction=peer.node_id, alias=peer.alias, arrived=False, reason=reason)


def _fresh_key() -> SecretKey:
    return SecretKey(secrets.token_bytes(32))
