"""Who is asked first at the hook is found out by asking: an invoice that nobody asked for."""

import asyncio

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.home.hook_order import HookOrder, Order
from bled.sandbox.offers_plugin import make_onion
from bled_codec.crypto import SecretKey, sha256
from bled_codec.onion_message import OnionPayload, Received, open_onion_message

KEY = SecretKey(sha256(b"home"))


class Node:
    """A node that shows messages to its own plugin and to home, in either order, or loses them."""

    def __init__(self, *, refuses: bool, shows: bool = True) -> None:
        self.refuses, self.shows = refuses, shows
        self.order: HookOrder | None = None
        self.answers: list[bool] = []

    async def node_id(self):
        return KEY.public_key

    async def inject(self, path_key, onion) -> None:
        asyncio.get_running_loop().call_soon(self._deliver, path_key, onion)

    def _deliver(self, path_key, onion) -> None:
        opened = open_onion_message(onion, path_key, KEY)
        assert isinstance(opened, Received)
        assert opened.path_id is not None
        back = opened.payload.reply_path
        if self.refuses and opened.payload.invoice is not None and back is not None:
            self._deliver(back.first_path_key, make_onion(back, OnionPayload(invoice_error=b"\x05\x02no")))
        if self.shows:
            self.answers.append(self.order.hear(opened.path_id))


async def found(node: Node) -> Order:
    node.order = HookOrder(node=node, seconds=0.2, for_a_refusal=0.05)
    return (await node.order.find()).order


@pytest.mark.parametrize(
    ("node", "order"),
    [
        (Node(refuses=False), Order.HOME),
        (Node(refuses=True), Order.NODE),
        (Node(refuses=False, shows=False), Order.UNKNOWN),
    ],
)
async def test_who_is_asked_first_is_found_out(node, order) -> None:
    assert await found(node) is order
    assert all(node.answers), "home takes both messages for its own"
    assert not node.order.hear(bytes(32))


async def test_a_node_that_takes_no_message_leaves_it_unknown() -> None:
    node = Node(refuses=False)

    async def refuses(path_key, onion) -> None:
        raise Unavailable(Code.NODE_UNREACHABLE)

    node.inject = refuses
    assert await found(node) is Order.UNKNOWN
