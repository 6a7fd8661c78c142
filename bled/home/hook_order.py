"""Whether home is asked before the node's own offers plugin.

A running node that starts the plugin anew (`plugin start`) may put it behind: then the node answers a payee that it
never asked for this invoice, before home pays it.

Nothing tells the order of hooks, so it is tried: home sends the node an invoice that nobody asked for, over a path that
begins and ends at the node itself, with a way back of the same kind. A node that is asked first refuses that invoice,
and its refusal comes home.
"""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bled.errors import BledError
from bled.grants.metadata import PATH_SECRET_BYTES
from bled.node.cln_onions import invoice_onion
from bled.node.home_base import HomeNode
from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path
from bled_codec.crypto import SecretKey
from bled_codec.fields import Field
from bled_codec.tlv import make_record
from bled_codec.units import Point

_SECONDS: Final = 10.0
"""For a message to oneself, which takes milliseconds."""
_SECONDS_FOR_A_REFUSAL: Final = 2.0

REMEDY: Final = "name the plugin in lightningd's configuration (plugin=/path/to/bled-home) and restart lightningd"


class Order(StrEnum):
    """Who is asked first."""

    HOME = "home"
    NODE = "node"
    """The node's own plugin."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Home's place at the hook, and what to say about it."""

    order: Order
    detail: str


class HookOrder:
    """Tries the order, once at a time."""

    def __init__(self, *, node: HomeNode, seconds: float = _SECONDS, for_a_refusal: float = _SECONDS_FOR_A_REFUSAL):
        """Take the node; `seconds` is how long its message to itself may take, and then its refusal."""
        self._node = node
        self._seconds = seconds
        self._for_a_refusal = for_a_refusal
        self._expected: dict[bytes, asyncio.Event] = {}

    def hear(self, secret: bytes) -> bool:
        """Take the path secret of a message at the hook; say whether it was one of these. Raises nothing."""
        event = self._expected.get(secret)
        if event is None:
            return False
        event.set()
        return True

    async def find(self) -> Place:
        """Find out; takes two seconds. Raises nothing for a node that cannot be asked: the order is unknown then."""
        there, back = secrets.token_bytes(PATH_SECRET_BYTES), secrets.token_bytes(PATH_SECRET_BYTES)
        self._expected |= {there: asyncio.Event(), back: asyncio.Event()}
        try:
            await self._send(there, back)
            return await self._judge(self._expected[there], self._expected[back])
        except BledError as error:
            return Place(order=Order.UNKNOWN, detail=f"the node took no message to itself ({error})")
        finally:
            del self._expected[there], self._expected[back]

    async def _send(self, there: bytes, back: bytes) -> None:
        node_id = await self._node.node_id()
        onion = invoice_onion(
            node_id,
            make_record(Field.INVREQ_METADATA, b"").raw,
            path=_to(node_id, there),
            path_session=_fresh_key(),
            onion_session=_fresh_key(),
            reply_path=_to(node_id, back),
        )
        await self._node.inject(onion.path_key, onion.onion)

    async def _judge(self, arrived: asyncio.Event, refused: asyncio.Event) -> Place:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await arrived.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._for_a_refusal):
                await refused.wait()
        if refused.is_set():
            return Place(order=Order.NODE, detail=f"the node answers every invoice before home is asked: {REMEDY}")
        if arrived.is_set():
            return Place(order=Order.HOME, detail="home is asked before the node's own plugin")
        return Place(order=Order.UNKNOWN, detail="the node's message to itself did not come to home")


def _to(node_id: Point, secret: bytes) -> BlindedPath:
    return create_blinded_path([node_id], [EncryptedData(path_id=secret).encode()], session_key=_fresh_key())


def _fresh_key() -> SecretKey:
    return SecretKey(secrets.token_bytes(32))
