"""The home node's lightning-rpc, as a client sees it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from bled.sandbox.world import Sandbox

pytestmark = pytest.mark.system


async def test_the_node_tells_about_itself_and_its_neighbours(sandbox: Sandbox, rpc: Any) -> None:
    info = await rpc.call("getinfo")
    assert (info["alias"], info["network"], info["id"]) == ("home", "regtest", sandbox.home.node_id.hex())
    assert "sandbox" in info["version"]
    (peer,) = (await rpc.call("listpeers"))["peers"]
    (channel,) = (await rpc.call("listpeerchannels", {"id": peer["id"]}))["channels"]
    assert (peer["id"], peer["num_channels"]) == (sandbox.hop.node_id.hex(), 1)
    assert (channel["peer_id"], channel["state"], channel["spendable_msat"]) == (peer["id"], "CHANNELD_NORMAL", 10**9)


async def test_a_payment_through_the_socket_shows_in_listsendpays(
    sandbox: Sandbox, rpc: Any, make_bill: Callable[..., Any]
) -> None:
    invoice = make_bill(sandbox.merchant)
    paid = await rpc.call("xpay", {"invstring": invoice.string, "maxfee": 100, "label": "mine"})
    for query in (
        {"payment_hash": invoice.invoice_payment_hash.hex()},
        {"bolt11": invoice.string},
        {"status": "complete"},
    ):
        (row,) = (await rpc.call("listsendpays", query))["payments"]
        assert (row["label"], row["status"]) == ("mine", "complete")
        assert row["payment_preimage"] == paid["payment_preimage"]
    assert (await rpc.call("listsendpays", {"status": "failed"}))["payments"] == []
    assert (await rpc.call("listsendpays", {"status": "lost"}))["code"] == -32602


async def test_the_plugins_methods_are_reached_by_name_and_by_place(rpc: Any) -> None:
    assert await rpc.call("echo-mode", {"mode": "continue"}) == {"mode": "continue"}
    assert await rpc.call("echo-mode", ["resolve"]) == {"mode": "resolve"}
    assert {"command": "echo-mode mode"} in (await rpc.call("help"))["help"]


async def test_an_error_of_the_plugin_comes_through_whole(rpc: Any) -> None:
    assert await rpc.call("echo-fail") == {"code": -42, "message": "told to fail", "data": {"why": ["told"]}}


async def test_a_command_that_nobody_knows_is_refused(rpc: Any) -> None:
    unknown = {"code": -32601, "message": "Unknown command 'withdraw'"}
    assert await rpc.call("withdraw") == unknown
    assert await rpc.call("help", ["withdraw"]) == unknown


async def test_every_answer_has_the_id_of_its_question(rpc: Any) -> None:
    ids = [1, "two", 3]
    for request_id in ids:
        await rpc.send("getinfo", {}, request_id)
    assert {json.dumps((await rpc.receive())["id"]) for _ in ids} == {json.dumps(request_id) for request_id in ids}


async def test_a_question_without_id_or_method_is_refused(rpc: Any) -> None:
    rpc.writer.write(b'{"method":"getinfo"}{"id":1}')
    answers = [await rpc.receive(), await rpc.receive()]
    assert [(answer["id"], answer["error"]["code"]) for answer in answers] == [(None, -32600), (1, -32600)]


async def test_a_client_that_does_not_speak_json_is_told_and_left(rpc: Any) -> None:
    rpc.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await rpc.receive())["error"]["code"] == -32600
    assert await rpc.reader.read() == b""


async def test_a_payment_goes_on_when_its_caller_goes_away(
    sandbox: Sandbox, rpc: Any, make_bill: Callable[..., Any]
) -> None:
    invoice = make_bill(sandbox.merchant)
    waiting = asyncio.create_task(sandbox.merchant.books.wait_invoice(sandbox.merchant.books.list_invoices()[0].label))
    await rpc.send("xpay", {"invstring": invoice.string})
    rpc.writer.close()
    row = await waiting
    assert row.amount_received == 15_000
    assert sandbox.balances()["merchant"] == 1_000_015_000
