"""A message of home's own that goes round: heard when it comes back, and not waited for for ever."""

import secrets

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import Unavailable
from bled.home.path_test import PathTest
from bled.node.home_base import PathPeer
from bled_codec.crypto import SecretKey, sha256
from bled_codec.onion_message import Received, open_onion_message

HOME, HOP = SecretKey(sha256(b"home")), SecretKey(sha256(b"hop"))
PEER = PathPeer(node_id=HOP.public_key, is_connected=True, alias="hop")


class Node:
    """A node whose peer passes on from the try `arrives_at` on."""

    def __init__(self, arrives_at: int) -> None:
        self.arrives_at = arrives_at
        self.injected = 0
        self.heard: list[bool] = []
        self.hear = None

    async def node_id(self):
        return HOME.public_key

    async def inject(self, path_key, onion) -> None:
        self.injected += 1
        if self.injected < self.arrives_at:
            return
        own = open_onion_message(onion, path_key, HOME)
        assert own.next_node_id == HOP.public_key
        passed = open_onion_message(own.onion, own.next_path_key, HOP)
        assert passed.next_node_id == HOME.public_key
        back = open_onion_message(passed.onion, passed.next_path_key, HOME)
        assert isinstance(back, Received)
        assert back.payload.invoice is back.payload.invoice_request is back.payload.reply_path is None
        self.heard.append(self.hear(back.path_id))


def round_trip(arrives_at: int) -> tuple[Node, PathTest]:
    node = Node(arrives_at)
    test = PathTest(node=node, clock=SystemClock(), waits=(0.01, 0.01, 0.01))
    node.hear = test.hear
    return node, test


@pytest.mark.parametrize("arrives_at", [1, 3])
async def test_a_message_that_comes_home_is_heard_also_when_the_first_was_dropped(arrives_at) -> None:
    node, test = round_trip(arrives_at)
    result = await test.run(PEER)
    assert (result.arrived, result.alias, result.introduction) == (True, "hop", HOP.public_key)
    assert result.milliseconds is not None
    assert node.heard == [True]
    assert node.injected == arrives_at


async def test_after_three_tries_it_is_lost() -> None:
    node, test = round_trip(99)
    result = await test.run(PEER)
    assert (result.arrived, node.injected) == (False, 3)
    assert "passed no message on" in result.reason


async def test_what_the_node_does_not_take_is_told_at_once() -> None:
    node, test = round_trip(1)

    async def refuse(path_key, onion) -> None:
        node.injected += 1
        raise Unavailable(Code.NODE_REFUSED, detail="unknown next peer")

    node.inject = refuse
    result = await test.run(PEER)
    assert (result.arrived, node.injected) == (False, 1)
    assert "unknown next peer" in result.reason


async def test_nobody_elses_secret_is_heard_and_none_for_long() -> None:
    _, test = round_trip(1)
    assert not test.hear(secrets.token_bytes(32))
    await test.run(PEER)
    assert not any(test._expected)
