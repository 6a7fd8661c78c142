"""Onion messages through the sandbox: peeled by each node, limited, answered, dropped in silence."""

import secrets
from typing import Any

import pytest

from bled.sandbox.offers_plugin import make_onion
from bled.sandbox.rate_limit import OnionRate
from bled.sandbox.rpc_error import HandlerCrashed, RpcError
from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path
from bled_codec.crypto import SecretKey
from bled_codec.invoice import Invoice
from bled_codec.onion_message import OnionPayload, Received
from bled_codec.units import Point

SECRET = b"\x5e" * 32


@pytest.fixture
def arrived(world: Any) -> list[Received]:
    """Collect the messages that reach home, where nothing else happens to them."""
    messages: list[Received] = []

    async def collect(received: Received) -> bool:
        messages.append(received)
        return True

    world.node("home").hook = collect
    return messages


def _path(nodes: list[Any], *data: EncryptedData) -> BlindedPath:
    """Return a path over `nodes`, each told the next one unless `data` says how."""
    ids = [node.node_id for node in nodes]
    usual = [EncryptedData(next_node_id=following) for following in ids[1:]] + [EncryptedData(path_id=SECRET)]
    clear = [part.encode() for part in data or usual]
    return create_blinded_path(ids, clear, session_key=SecretKey(secrets.token_bytes(32)))


def _nodes(world: Any, *aliases: str) -> list[Any]:
    return [world.node(alias) for alias in aliases]


def _send(world: Any, path: BlindedPath, payload: OnionPayload) -> None:
    world.node("merchant").inject_onion(path.first_path_key, make_onion(path, payload))


async def test_a_message_is_peeled_by_every_node_on_its_way(world: Any, arrived: list[Received]) -> None:
    _send(world, _path(_nodes(world, "merchant", "hop", "home")), OnionPayload(invoice=b"anything"))
    await world.network.quiet()
    assert [(message.payload.invoice, message.path_id) for message in arrived] == [(b"anything", SECRET)]


async def test_a_next_hop_may_be_named_by_its_channel(world: Any, arrived: list[Received]) -> None:
    scid = next(channel for channel in world.network.channels if channel.scid == "102x1x0").scid_bytes
    first = EncryptedData(next_node_id=world.node("hop").node_id)
    path = _path(_nodes(world, "merchant", "hop", "home"), first, EncryptedData(short_channel_id=scid), EncryptedData())
    _send(world, path, OnionPayload(invoice=b"anything"))
    await world.network.quiet()
    assert len(arrived) == 1


@pytest.mark.parametrize("scid", [bytes(8), (103 << 40 | 1 << 16).to_bytes(8, "big")])
async def test_a_channel_that_the_node_does_not_have_is_no_way_on(
    world: Any, arrived: list[Received], scid: bytes
) -> None:
    path = _path(_nodes(world, "home", "merchant"), EncryptedData(short_channel_id=scid), EncryptedData())
    with pytest.raises(RpcError, match="unknown next scid"):
        world.node("home").inject_onion(path.first_path_key, make_onion(path, OnionPayload()))


async def test_nobody_is_told_that_a_later_node_cannot_pass_a_message_on(world: Any, arrived: list[Received]) -> None:
    stranger = SecretKey(b"\x77" * 32).public_key
    merchant, hop = _nodes(world, "merchant", "hop")
    ids = [merchant.node_id, hop.node_id, stranger]
    data = [EncryptedData(next_node_id=hop.node_id), EncryptedData(next_node_id=stranger), EncryptedData()]
    path = create_blinded_path(ids, [part.encode() for part in data], session_key=SecretKey(secrets.token_bytes(32)))
    _send(world, path, OnionPayload(invoice=b"anything"))
    await world.network.quiet()
    assert arrived == []


async def test_a_dead_node_passes_nothing_on(world: Any, arrived: list[Received]) -> None:
    world.node("hop").books.die()
    _send(world, _path(_nodes(world, "merchant", "hop", "home")), OnionPayload(invoice=b"anything"))
    await world.network.quiet()
    assert arrived == []


async def test_a_path_key_that_is_no_point_breaks_the_handler(world: Any) -> None:
    with pytest.raises(HandlerCrashed):
        world.node("merchant").inject_onion(b"\x02" * 32, b"")


async def test_a_request_is_answered_over_its_reply_path(world: Any, till: Any, arrived: list[Received]) -> None:
    request = till.request(15_000)
    reply = _path(_nodes(world, "hop", "home"))
    _send(
        world,
        _path(_nodes(world, "merchant"), EncryptedData()),
        OnionPayload(invoice_request=request.encode(), reply_path=reply),
    )
    await world.network.quiet()
    (message,) = arrived
    assert message.path_id == SECRET
    assert Invoice.decode(message.payload.invoice or b"").invoice_amount == 15_000


async def test_a_refused_request_is_answered_with_an_error(world: Any, till: Any, arrived: list[Received]) -> None:
    request = till.request(15_000).encode()[:-1] + b"\x00"
    reply = _path(_nodes(world, "hop", "home"))
    _send(
        world,
        _path(_nodes(world, "merchant"), EncryptedData()),
        OnionPayload(invoice_request=request, reply_path=reply),
    )
    await world.network.quiet()
    assert b"bad signature" in (arrived[0].payload.invoice_error or b"")


async def test_an_introduction_without_a_connection_is_connected_to_and_stays_so(
    world: Any, till: Any, arrived: list[Received]
) -> None:
    merchant, home = _nodes(world, "merchant", "home")
    assert home.node_id not in merchant.peers
    payload = OnionPayload(invoice_request=till.request(15_000).encode(), reply_path=_path([home]))
    _send(world, _path([merchant], EncryptedData()), payload)
    await world.network.quiet()
    assert len(arrived) == 1
    assert home.node_id in merchant.peers
    assert merchant.node_id in home.peers


async def test_an_introduction_may_be_named_by_its_channel(world: Any, till: Any, arrived: list[Received]) -> None:
    whole = _path(_nodes(world, "hop", "home"))
    channel = next(channel for channel in world.network.channels if channel.scid == "102x1x0")
    direction = channel.direction(world.node("hop").node_id)
    reply = BlindedPath(
        first_node_id=bytes([direction]) + channel.scid_bytes, first_path_key=whole.first_path_key, hops=whole.hops
    )
    payload = OnionPayload(invoice_request=till.request(15_000).encode(), reply_path=reply)
    _send(world, _path(_nodes(world, "merchant"), EncryptedData()), payload)
    await world.network.quiet()
    assert len(arrived) == 1


async def test_an_answer_to_nowhere_is_forgotten(world: Any, till: Any) -> None:
    nowhere = create_blinded_path([SecretKey(b"\x77" * 32).public_key], [b""], session_key=SecretKey(b"\x01" * 32))
    payload = OnionPayload(invoice_request=till.request(15_000).encode(), reply_path=nowhere)
    _send(world, _path(_nodes(world, "merchant"), EncryptedData()), payload)
    await world.network.quiet()
    assert len(world.node("merchant").books.list_invoices()) == 1


async def test_a_request_without_a_reply_path_still_makes_the_invoice(world: Any, till: Any) -> None:
    payload = OnionPayload(invoice_request=till.request(15_000).encode())
    _send(world, _path(_nodes(world, "merchant"), EncryptedData()), payload)
    await world.network.quiet()
    assert len(world.node("merchant").books.list_invoices()) == 1


async def test_an_answer_too_large_for_a_small_onion_takes_a_large_one(
    world: Any, till: Any, arrived: list[Received]
) -> None:
    paths = [_path(_nodes(world, "hop", "home")) for _ in range(5)]
    payload = OnionPayload(
        invoice_request=till.request(15_000, paths=paths).encode(), reply_path=_path(_nodes(world, "hop", "home"))
    )
    _send(world, _path(_nodes(world, "merchant"), EncryptedData()), payload)
    await world.network.quiet()
    assert len(arrived[0].payload.invoice or b"") > 1300


def test_four_messages_pass_at_once_and_one_more_every_quarter_of_a_second() -> None:
    rate = OnionRate(100.0)
    assert [rate.allows(100.0) for _ in range(5)] == [True] * 4 + [False]
    assert [rate.allows(100.2), rate.allows(100.25), rate.allows(100.3), rate.allows(100.5)] == [
        False,
        True,
        False,
        True,
    ]
    assert [rate.allows(200.0) for _ in range(5)] == [True] * 4 + [False]


@pytest.mark.parametrize(("every", "passed"), [(0.1, 11), (0.2, 19), (0.26, 20)])
def test_of_twenty_messages_as_many_pass_as_were_measured(every: float, passed: int) -> None:
    rate = OnionRate(0.0)
    assert sum(rate.allows(number * every) for number in range(20)) == passed


async def test_messages_of_ones_own_are_not_counted(world: Any, till: Any) -> None:
    for _ in range(8):
        payload = OnionPayload(invoice_request=till.request(15_000).encode())
        _send(world, _path(_nodes(world, "merchant"), EncryptedData()), payload)
    await world.network.quiet()
    assert len(world.node("merchant").books.list_invoices()) == 8


async def test_connecting_again_changes_nothing_and_a_stranger_has_no_address(world: Any) -> None:
    merchant, hop = _nodes(world, "merchant", "hop")
    before = merchant.connect_peer(hop.node_id)
    assert merchant.connect_peer(hop.node_id) == before
    with pytest.raises(RpcError, match="no address known"):
        merchant.connect_peer(Point(SecretKey(b"\x77" * 32).public_key))


async def test_a_connection_with_a_channel_is_closed_by_force_only(world: Any) -> None:
    merchant, hop = _nodes(world, "merchant", "hop")
    with pytest.raises(RpcError, match="channel in state"):
        merchant.disconnect_peer(hop.node_id)
    merchant.disconnect_peer(hop.node_id, force=True)
    assert hop.node_id not in merchant.peers
    (peer,) = merchant.list_peers()
    assert (peer.connected, peer.num_channels) == (False, 1)
