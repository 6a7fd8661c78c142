"""Ways through channels and along blinded paths."""

import secrets
from typing import Any

import pytest

from bled.sandbox.route_choice import usable_routes, way
from bled.sandbox.routes import PathFailed, walk
from bled.sandbox.rpc_error import RpcError
from bled_codec.blinded_path import BlindedPath, BlindedPayinfo, EncryptedData, create_blinded_path
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.units import Msat

RELAY = (6).to_bytes(2, "big") + (10).to_bytes(4, "big") + b"\x01"
DEAR = (6).to_bytes(2, "big") + (100_000).to_bytes(4, "big") + b"\x01"


def _path(world: Any, *aliases: str, relay: bytes | None = RELAY, **first: Any) -> BlindedPath:
    ids = [world.node(alias).node_id for alias in aliases]
    data = [EncryptedData(next_node_id=node, payment_relay=relay, **first) for node in ids[1:]]
    clear = [part.encode() for part in (*data, EncryptedData(path_id=b"\x01" * 32))]
    return create_blinded_path(ids, clear, session_key=SecretKey(secrets.token_bytes(32)))


def _payinfo(base: int = 1, ppm: int = 10, **limits: Any) -> BlindedPayinfo:
    usual: dict[str, Any] = {"htlc_minimum_msat": Msat(0), "htlc_maximum_msat": Msat(10**12)}
    return BlindedPayinfo(fee_base_msat=base, fee_proportional_millionths=ppm, cltv_expiry_delta=16, **(usual | limits))


def _invoice(till: Any, world: Any, paths: list[BlindedPath], payinfos: list[BlindedPayinfo]) -> Invoice:
    merchant = world.node("merchant")
    unsigned = create_invoice(
        till.request(15_000),
        payment_hash=sha256(b"preimage"),
        created_at=world.clock.now(),
        node_id=merchant.node_id,
        amount=Msat(15_000),
        paths=paths,
        blindedpay=payinfos,
    )
    return unsigned.sign(merchant.key, aux=bytes(32))


def _routes(world: Any, invoice: Invoice, payer: str = "home", max_fee: int = 10_000) -> Any:
    return usable_routes(world.network, world.node(payer), invoice, max_fee=Msat(max_fee), max_delay=2016)


async def test_a_path_through_a_hop_costs_what_its_payinfo_says(world: Any, till: Any) -> None:
    invoice = _invoice(till, world, [_path(world, "hop", "merchant")], [_payinfo(7, 1000)])
    (route,) = _routes(world, invoice)
    assert (route.amount_sent, route.amount, way(route)) == (15_022, 15_022, "102x1x0->0x0x0")


async def test_the_cheapest_path_comes_first_and_each_path_once(world: Any, till: Any) -> None:
    paths = [_path(world, "hop", "merchant"), _path(world, "merchant")]
    routes = _routes(world, _invoice(till, world, paths, [_payinfo(7), _payinfo(0, 0)]))
    assert [(route.path, route.amount_sent) for route in routes] == [(1, 15_001), (0, 15_007)]


async def test_a_path_that_does_not_take_the_amount_is_not_used(world: Any, till: Any) -> None:
    limits = [{"htlc_maximum_msat": Msat(14_999)}, {"htlc_minimum_msat": Msat(15_001)}, {"features": b"\x01"}]
    paths = [_path(world, "hop", "merchant") for _ in range(4)]
    payinfos = [*(_payinfo(**limit) for limit in limits), _payinfo(3)]
    assert [route.path for route in _routes(world, _invoice(till, world, paths, payinfos))] == [3]
    with pytest.raises(RpcError, match="no connection between source and destination"):
        _routes(world, _invoice(till, world, paths[:1], payinfos[:1]))


async def test_a_stranger_as_introduction_is_no_connection(world: Any, till: Any) -> None:
    stranger = SecretKey(b"\x77" * 32).public_key
    path = create_blinded_path([stranger], [b""], session_key=SecretKey(b"\x01" * 32))
    with pytest.raises(RpcError) as caught:
        _routes(world, _invoice(till, world, [path], [_payinfo()]))
    assert caught.value.code == 205


async def test_others_do_not_know_of_a_private_channel(world: Any, till: Any) -> None:
    world.add_node("shop", SecretKey(b"\x55" * 32))
    world.add_channel("104x1x0", {"hop": 1_000_000, "shop": 1_000_000}, private=True)
    behind = _invoice(till, world, [_path(world, "shop")], [_payinfo()])
    with pytest.raises(RpcError, match="no connection"):
        _routes(world, behind)
    assert len(_routes(world, behind, payer="hop")) == 1
    assert len(_routes(world, _invoice(till, world, [_path(world, "merchant")], [_payinfo()]), payer="shop")) == 1


async def test_a_hop_inside_keeps_its_fee(world: Any) -> None:
    steps, arrival = walk(world.network, _path(world, "hop", "merchant"), Msat(15_001))
    assert [(step.channel.scid, step.amount) for step in steps] == [("103x1x0", 15_000)]
    assert (arrival.node.alias, arrival.amount, arrival.path_id) == ("merchant", 15_000, b"\x01" * 32)


@pytest.mark.parametrize("relay", [None, b"\x00", (6).to_bytes(2, "big") + bytes(4) + (20_000).to_bytes(2, "big")])
async def test_a_hop_that_cannot_take_its_fee_fails_the_path(world: Any, relay: bytes | None) -> None:
    with pytest.raises(PathFailed):
        walk(world.network, _path(world, "hop", "merchant", relay=relay), Msat(15_001))


async def test_a_hop_keeps_to_the_smallest_payment(world: Any) -> None:
    constraint = bytes(4) + (15_000).to_bytes(2, "big")
    path = _path(world, "hop", "merchant", payment_constraints=constraint)
    assert walk(world.network, path, Msat(15_001))[1].amount == 15_000
    with pytest.raises(PathFailed):
        walk(world.network, path, Msat(14_999))


async def test_a_payment_needs_a_channel_where_the_path_goes_on(world: Any) -> None:
    with pytest.raises(PathFailed):
        walk(world.network, _path(world, "home", "merchant"), Msat(15_001))


async def test_a_path_made_for_another_node_cannot_be_opened(world: Any) -> None:
    path = _path(world, "hop", "merchant")
    elsewhere = BlindedPath(
        first_node_id=world.node("home").node_id, first_path_key=path.first_path_key, hops=path.hops
    )
    with pytest.raises(PathFailed):
        walk(world.network, elsewhere, Msat(15_001))


async def test_a_hop_that_takes_more_than_was_said_makes_the_payee_refuse(world: Any, till: Any) -> None:
    _, arrival = walk(world.network, _path(world, "hop", "merchant", relay=DEAR), Msat(15_001))
    assert arrival.amount < 15_000
