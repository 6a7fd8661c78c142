"""What each answer of a Core Lightning node means for money, those too that no recording has."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bled.errors import Unavailable
from bled.node.cln_home import ClnHomeNode
from bled.node.home_base import Failed, Paid, PartsStatus, PayAnswer, Unknown
from bled.node.lightning_rpc import LightningRpc
from bled_codec.units import MAX_MSAT, Msat

HASH = "a7cbbfdfe39c7df7502aa43b785e40940817b89fbff7834b364d2e343c80c25c"
PREIMAGE = (b"p" * 32).hex()
PEER = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
OTHER = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"


@asynccontextmanager
async def node_that_says(said: dict[str, Any] | None, **how: bool) -> AsyncIterator[ClnHomeNode]:
    """A node with one answer for every call; it hangs up without a word for None."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readuntil(b"\n\n"))
        if said is not None:
            writer.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **said}).encode() + b"\n\n")
        writer.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lightning-rpc"
        async with await asyncio.start_unix_server(serve, path):
            yield ClnHomeNode(LightningRpc(path), **how)


@pytest.fixture
def pay(shop, home):
    """Pay an invoice at a node that answers as given."""
    invoice = shop.invoice(shop.request(home.grant()))

    async def run(said: dict[str, Any] | None) -> PayAnswer:
        async with node_that_says(said) as node:
            return await node.pay(invoice, max_fee=Msat(5_150), retry_for=60, label="label")

    return run


@pytest.mark.parametrize("code", [*range(201, 220), -32_600, -32_601, -32_602])
async def test_errors_of_paying_say_that_the_attempts_are_over(pay, code) -> None:
    assert isinstance(await pay({"error": {"code": code, "message": "no"}}), Failed)


@pytest.mark.parametrize("code", [-1, -2, -3, -4, -5, 0, 1, 200, 220, None, "203", 203.0])
async def test_every_other_error_leaves_the_outcome_unknown(pay, code) -> None:
    assert isinstance(await pay({"error": {"code": code, "message": "no"}}), Unknown)


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"payment_preimage": PREIMAGE},
        {"payment_preimage": PREIMAGE, "amount_sent_msat": -1},
        {"payment_preimage": PREIMAGE, "amount_sent_msat": "15 sat"},
        {"payment_preimage": PREIMAGE, "amount_sent_msat": True},
        {"payment_preimage": (b"q" * 32).hex(), "amount_sent_msat": 15_001},
        {"payment_preimage": "zz", "amount_sent_msat": 15_001},
    ],
)
async def test_a_success_that_proves_nothing_is_looked_up(pay, result) -> None:
    assert isinstance(await pay({"result": result}), Unknown)


@pytest.mark.parametrize("amount", [15_001, "15001msat", "15001"])
async def test_a_success_is_paid_with_its_proof(pay, amount) -> None:
    answer = await pay({"result": {"payment_preimage": PREIMAGE, "amount_sent_msat": amount}})
    assert answer == Paid(preimage=b"p" * 32, amount_sent=Msat(15_001))


async def test_a_node_that_hangs_up_leaves_the_outcome_unknown(pay) -> None:
    assert isinstance(await pay(None), Unknown)


async def test_a_node_that_was_never_reached_has_not_begun(shop, home, tmp_path) -> None:
    node = ClnHomeNode(LightningRpc(tmp_path / "lightning-rpc"))
    invoice = shop.invoice(shop.request(home.grant()))
    assert isinstance(await node.pay(invoice, max_fee=Msat(0), retry_for=60, label=""), Failed)


def row(status: str, **changes: object) -> dict[str, object]:
    return {"payment_hash": HASH, "status": status, "amount_sent_msat": 10, "label": "ours"} | changes


@pytest.mark.parametrize(
    ("rows", "status", "sent"),
    [
        ([], PartsStatus.NOTHING, 0),
        ([row("failed"), row("failed")], PartsStatus.NOTHING, 0),
        ([row("failed"), row("pending")], PartsStatus.PENDING, 10),
        ([row("pending"), row("complete"), row("failed")], PartsStatus.COMPLETE, 20),
        ([row("a word of a later version")], PartsStatus.PENDING, 10),
    ],
)
async def test_the_strongest_part_decides(rows, status, sent) -> None:
    async with node_that_says({"result": {"payments": rows}}) as node:
        parts = await node.lookup(bytes.fromhex(HASH), label="ours")
    assert (parts.status, parts.amount_sent, parts.preimage) == (status, sent, None)


@pytest.mark.parametrize("label", [None, "theirs"])
async def test_a_payment_of_the_same_hash_by_another_wallet_is_no_part_of_ours(label) -> None:
    foreign = row("complete", label=label, amount_sent_msat=5_000_000_000, payment_preimage=PREIMAGE)
    async with node_that_says({"result": {"payments": [foreign, row("failed")]}}) as node:
        parts = await node.lookup(bytes.fromhex(HASH), label="ours")
    assert (parts.status, parts.amount_sent, parts.preimage) == (PartsStatus.NOTHING, 0, None)
    assert parts.hash_is_used


async def test_a_proof_is_taken_from_the_records_when_it_proves() -> None:
    rows = [row("complete", payment_preimage="00"), row("complete", payment_preimage=PREIMAGE)]
    async with node_that_says({"result": {"payments": rows}}) as node:
        assert (await node.lookup(bytes.fromhex(HASH), label="ours")).preimage == b"p" * 32


@pytest.mark.parametrize(
    "payments",
    [
        None,
        {},
        [7],
        [row("complete", payment_hash="00" * 32)],
        [row("pending", amount_sent_msat=None)],
        [row("pending", amount_sent_msat="9" * 5_000 + "msat")],
        [row("pending", amount_sent_msat=MAX_MSAT)] * 2,
    ],
)
async def test_records_that_cannot_be_read_are_no_answer(payments) -> None:
    async with node_that_says({"result": {"payments": payments}}) as node:
        with pytest.raises(Unavailable):
            await node.lookup(bytes.fromhex(HASH), label="ours")


async def test_only_peers_with_a_usable_channel_are_told_of() -> None:
    usable = {"peer_id": PEER, "peer_connected": True, "state": "CHANNELD_NORMAL"}
    channels = [
        usable | {"peer_connected": False},
        usable,
        usable | {"peer_id": OTHER, "state": "ONCHAIN"},
    ]
    async with node_that_says({"result": {"channels": channels}}) as node:
        (peer,) = await node.path_peers()
    assert (peer.node_id, peer.is_connected, peer.features) == (bytes.fromhex(PEER), True, None)


async def test_a_node_without_a_name_is_not_believed() -> None:
    async with node_that_says({"result": {"id": "02"}}) as node:
        with pytest.raises(Unavailable):
            await node.node_id()


@pytest.mark.parametrize(
    ("rows", "is_there"),
    [
        ([], False),
        ([{"payment_hash": HASH, "direction": "out", "state": "RCVD_REMOVE_ACK_REVOCATION"}], False),
        ([{"payment_hash": HASH, "direction": "in", "state": "RCVD_ADD_ACK_REVOCATION"}], False),
        ([{"payment_hash": "00" * 32, "direction": "out", "state": "SENT_ADD_HTLC"}], False),
        ([{"payment_hash": HASH, "direction": "out", "state": "SENT_ADD_HTLC"}], True),
        ([{"payment_hash": HASH, "direction": "out", "state": "RCVD_REMOVE_COMMIT"}], True),
        ([{"payment_hash": HASH}], True),
    ],
)
async def test_an_htlc_is_there_until_both_sides_have_removed_it(rows, is_there) -> None:
    async with node_that_says({"result": {"htlcs": rows}}) as node:
        assert await node.has_htlc(bytes.fromhex(HASH)) is is_there


@pytest.mark.parametrize("said", [{}, {"htlcs": None}, {"htlcs": {}}, {"htlcs": ["out"]}])
async def test_htlcs_that_cannot_be_read_are_no_answer(said) -> None:
    async with node_that_says({"result": said}) as node:
        with pytest.raises(Unavailable):
            await node.has_htlc(bytes.fromhex(HASH))


async def test_parts_come_by_their_number() -> None:
    sent = {"created_index": 5, "created_at": 9, "amount_sent_msat": 1}
    rows = [sent | {"created_index": 9, "label": "l", "bolt12": "lni1"}, sent, sent | {"created_index": 4}]
    async with node_that_says({"result": {"payments": rows}}) as node:
        page = await node.sent_since(5)
    assert [(part.number, part.label, part.invoice) for part in page.parts] == [(5, None, None), (9, "l", "lni1")]
    assert page.is_last


@pytest.mark.parametrize(("rows", "last"), [(499, True), (500, False), (501, False)])
async def test_a_page_that_is_not_full_is_the_last(rows: int, last: bool) -> None:
    """A node that does not know `limit` gives all it has."""
    payments = [{"created_index": number, "created_at": 9, "amount_sent_msat": 1} for number in range(1, rows + 1)]
    async with node_that_says({"result": {"payments": payments}}) as node:
        assert (await node.sent_since(1)).is_last is last
        assert (await node.sent_since(600)).is_last


@pytest.mark.parametrize(("told", "read"), [(HASH, bytes.fromhex(HASH)), (HASH[2:], None), ("zz", None), (7, None)])
async def test_a_part_has_the_hash_that_the_node_tells(told: object, read: bytes | None) -> None:
    row = {"created_index": 5, "created_at": 9, "amount_sent_msat": 1, "payment_hash": told}
    async with node_that_says({"result": {"payments": [row]}}) as node:
        (part,) = (await node.sent_since(1)).parts
    assert part.payment_hash == read


@pytest.mark.parametrize(
    "payments",
    [
        None,
        [{"created_index": "5"}],
        [{"created_index": 5, "created_at": None}],
        [{"created_index": 2**63, "created_at": 9, "amount_sent_msat": 1}],
        [{"created_index": 5, "created_at": 2**63, "amount_sent_msat": 1}],
        [{"created_index": 5, "created_at": -1, "amount_sent_msat": 1}],
    ],
)
async def test_parts_without_number_or_time_are_no_answer(payments) -> None:
    async with node_that_says({"result": {"payments": payments}}) as node:
        with pytest.raises(Unavailable):
            await node.sent_since(1)


def entry(**changes: object) -> dict[str, object]:
    return {"key": ["bled-home", "name", "generation"], "generation": 3, "hex": "3132", "string": "12"} | changes


@pytest.mark.parametrize(
    ("entries", "number"), [([], 0), ([entry()], 12), ([entry(key=["bled-home", "other", "generation"])], 0)]
)
async def test_the_number_that_the_node_keeps_is_read_by_its_whole_key(entries, number) -> None:
    async with node_that_says({"result": {"datastore": entries}}) as node:
        assert await node.kept_number("name") == number


@pytest.mark.parametrize(
    "entries", [None, [entry(string="x")], [entry(string=None)], [entry(string="9" * 20)], [entry(string="-1")]]
)
async def test_what_is_no_number_is_no_answer(entries) -> None:
    async with node_that_says({"result": {"datastore": entries}}) as node:
        with pytest.raises(Unavailable):
            await node.kept_number("name")


@pytest.mark.parametrize("kept", [2**62 + 1, 2**63 - 1])
async def test_a_number_that_home_never_wrote_is_refused_by_the_name_of_its_key(kept: int) -> None:
    async with node_that_says({"result": {"datastore": [entry(string=str(kept))]}}) as node:
        for ask in (lambda: node.kept_number("name"), lambda: node.keep_number("name", 5)):
            with pytest.raises(Unavailable, match=f"bled-home/name/generation holds {kept}"):
                await ask()


async def test_parts_are_told_apart_by_the_nodes_numbers() -> None:
    rows = [row("failed", created_index=3), row("pending", created_index=4), row("pending"), row("failed")]
    async with node_that_says({"result": {"payments": rows}}) as node:
        parts = await node.lookup(bytes.fromhex(HASH), label="ours")
    assert (parts.failed, parts.under_way) == ({3}, {4, -1}), "a part without a number never counts as failed"


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({}, PartsStatus.NOTHING),
        ({"has_labels": False}, PartsStatus.COMPLETE),
        ({"counts_unlabelled": True}, PartsStatus.COMPLETE),
    ],
)
async def test_parts_without_a_label_count_where_home_paid_without_labels(how, status) -> None:
    """And a hash with such a part is used, for a claim that is still to be made."""
    part = {"payment_hash": HASH, "status": "complete", "payment_preimage": PREIMAGE, "amount_sent_msat": 5}
    others = part | {"label": "theirs"}
    for rows, found in ([part], status), ([others], PartsStatus.NOTHING):
        async with node_that_says({"result": {"payments": rows}}, **how) as node:
            parts = await node.lookup(bytes.fromhex(HASH), label="ours")
        assert (parts.status, parts.hash_is_used) == (found, True)
