"""The home node's lightning-rpc, as a client sees it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bled import failpoint
from bled.sandbox.rpc_socket import RpcSocket
from bled.sandbox.world import Sandbox

pytestmark = pytest.mark.system


async def test_the_node_tells_about_itself_and_its_neighbours(sandbox: Sandbox, rpc: Any) -> None:
    info = await rpc.call("getinfo")
    assert (info["alias"], info["network"], info["id"]) == ("home", "regtest", sandbox.home.node_id.hex())
    assert "sandbox" in info["version"]
    hop, relay = (await rpc.call("listpeers"))["peers"]
    (peer,) = (await rpc.call("listpeers", {"id": hop["id"]}))["peers"]
    assert relay["num_channels"] == 1
    (channel,) = (await rpc.call("listpeerchannels", {"id": peer["id"]}))["channels"]
    assert (peer["id"], peer["num_channels"]) == (sandbox.hop.node_id.hex(), 1)
    assert (channel["peer_id"], channel["state"], channel["spendable_msat"]) == (peer["id"], "CHANNELD_NORMAL", 10**9)


async def test_the_node_knows_the_network_from_gossip(sandbox: Sandbox, rpc: Any) -> None:
    (hop,) = (await rpc.call("listnodes", {"id": sandbox.hop.node_id.hex()}))["nodes"]
    assert (hop["alias"], hop["addresses"][0]["type"]) == ("hop", "ipv4")
    assert int(hop["features"], 16) >> 39 & 1
    assert {node["alias"] for node in (await rpc.call("listnodes"))["nodes"]} == {"merchant", "hop", "home", "relay"}
    around = (await rpc.call("listchannels", {"source": hop["nodeid"]}))["channels"]
    assert {row["destination"] for row in around} == {sandbox.home.node_id.hex(), sandbox.merchant.node_id.hex()}


@pytest.mark.parametrize("message", ["zz", "00", 7])
async def test_an_onion_message_that_cannot_be_opened_is_refused(rpc: Any, message: object) -> None:
    point = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    refused = await rpc.call("injectonionmessage", {"path_key": point, "message": message})
    assert refused["code"] in (-1, -32602)


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
    number = row["created_index"]
    for start, limit, rows in ((number, 1, 1), (number, 0, 0), (number + 1, 5, 0)):
        page = {"index": "created", "start": start, "limit": limit}
        assert len((await rpc.call("listsendpays", page))["payments"]) == rows
    for alone in ({"start": 1}, {"limit": 1}, {"index": "amount"}):
        assert (await rpc.call("listsendpays", alone))["code"] == -32602
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


async def test_a_failure_of_the_sandbox_is_told_and_looked_up_later(
    sandbox: Sandbox, rpc: Any, make_bill: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = make_bill(sandbox.merchant)
    failpoint._hits.clear()
    monkeypatch.setenv("BLED_FAILPOINT", "sandbox.pay.settled=error")
    assert "failpoint" in (await rpc.call("xpay", [invoice.string]))["message"]
    (row,) = (await rpc.call("listsendpays"))["payments"]
    assert row["status"] == "pending"
    sandbox.payments.recover()
    (row,) = (await rpc.call("listsendpays"))["payments"]
    assert row["status"] == "complete"


async def test_a_defect_closes_the_connection_and_nothing_else(short_path: Path, caplog: Any, client_of: Any) -> None:
    class Broken:
        async def call(self, method: str, params: object, *, request_id: object) -> Any:
            raise ZeroDivisionError

    socket = RpcSocket(short_path / "rpc", Broken())
    await socket.start()
    async with client_of(short_path / "rpc") as client:
        await client.send("getinfo", {})
        assert await client.reader.read() == b""
    assert "a request failed" in caplog.text
    await socket.stop()


async def test_the_end_of_the_sandbox_ends_the_requests_under_way(short_path: Path, client_of: Any) -> None:
    asked = asyncio.Event()

    class Slow:
        async def call(self, method: str, params: object, *, request_id: object) -> Any:
            asked.set()
            await asyncio.Event().wait()

    socket = RpcSocket(short_path / "rpc", Slow())
    await socket.start()
    async with client_of(short_path / "rpc") as client:
        await client.send("xpay", {})
        await asked.wait()
        await socket.stop()
        assert await client.reader.read() == b""
