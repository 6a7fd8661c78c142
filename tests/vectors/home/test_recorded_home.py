"""The home side against what real Core Lightning nodes said: `xpay` and its records, and the plugin's stdio."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bled.errors import Unavailable
from bled.home.hook_message import onion_invoice
from bled.home.plugin import MANIFEST, Plugin
from bled.node.cln_home import ClnHomeNode
from bled.node.home_base import Failed, Paid, PartsStatus, Unknown
from bled.node.json_stream import JsonStream
from bled.node.lightning_rpc import LightningRpc
from bled_codec.crypto import hmac_sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.request_signature import RequestSignature
from bled_codec.units import Msat


def steps(shared_vectors: Path, name: str) -> list[dict[str, Any]]:
    return json.loads((shared_vectors / "cln" / name).read_text())["steps"]


@asynccontextmanager
async def replaying(step: Mapping[str, Any]) -> AsyncIterator[ClnHomeNode]:
    """A node that answers every call as it did in a recorded step."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readuntil(b"\n\n"))
        said = {"result": step["response"]} if "response" in step else {"error": step["error"]}
        writer.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **said}).encode() + b"\n\n")
        writer.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lightning-rpc"
        async with await asyncio.start_unix_server(serve, path):
            yield ClnHomeNode(LightningRpc(path))


async def test_each_recorded_payment_is_judged_by_what_it_says_about_money(shared_vectors) -> None:
    judged: dict[int | str, type] = {}
    for step in steps(shared_vectors, "08-xpay-errors.json"):
        if step.get("method") != "xpay":
            continue
        try:
            invoice = Invoice.from_string(step["request"].get("invstring", ""))
        except CodecError:
            continue  # strings spoilt on purpose: they never come this far
        async with replaying(step) as node:
            answer = await node.pay(invoice, max_fee=Msat(0), retry_for=1, label="")
        judged[step["error"]["code"] if "error" in step else "paid"] = type(answer)
    ended = dict.fromkeys((203, 205, 206, 207, 209, 219, -32602), Failed)
    assert judged == {"paid": Paid, -3: Unknown, **ended}


async def test_each_recorded_look_up_is_read_by_its_strongest_part(shared_vectors) -> None:
    read: dict[str, set[PartsStatus]] = {}
    for name in ("02-direct.json", "05-cancel.json", "08-xpay-errors.json"):
        for step in steps(shared_vectors, name):
            if step.get("method") != "listsendpays" or "payment_hash" not in step["request"]:
                continue
            rows = step["response"]["payments"]
            for row in rows:
                row["label"] = "ours"  # most of the recorded payments have none
            async with replaying(step) as node:
                parts = await node.lookup(bytes.fromhex(step["request"]["payment_hash"]), label="ours")
            words = "+".join(sorted({row["status"] for row in rows})) or "none"
            read.setdefault(words, set()).add(parts.status)
            assert (parts.preimage is not None) is any(row["status"] == "complete" for row in rows)
            assert parts.amount_sent == sum(row["amount_sent_msat"] for row in rows if row["status"] != "failed")
    assert read["none"] == read["failed"] == {PartsStatus.NOTHING}
    assert read["pending"] == {PartsStatus.PENDING}
    assert read["complete"] == {PartsStatus.COMPLETE}


def test_real_nodes_keep_the_label_of_a_payment_with_every_state_of_its_parts(shared_vectors) -> None:
    """Home tells its own payments from others by it."""
    asked: dict[str, str] = {}
    kept: set[str] = set()
    for name in ("02-direct.json", "04-private.json", "08-xpay-errors.json"):
        for step in steps(shared_vectors, name):
            if step.get("method") == "xpay" and "label" in step["request"]:
                asked[step["request"]["invstring"]] = step["request"]["label"]
            if step.get("method") == "listsendpays":
                for row in step["response"]["payments"]:
                    if row["bolt12"] in asked and asked[row["bolt12"]] == row.get("label"):
                        kept.add(row["status"])
    assert kept == {"pending", "complete", "failed"}


async def test_a_record_of_another_payment_is_never_taken_for_an_answer(shared_vectors) -> None:
    complete = next(
        step
        for step in steps(shared_vectors, "08-xpay-errors.json")
        if step.get("method") == "listsendpays" and step["response"]["payments"]
    )
    async with replaying(complete) as node:
        with pytest.raises(Unavailable):
            await node.lookup(bytes(32), label="")


def test_all_that_lightningd_said_on_stdio_is_read_in_pieces_of_any_size(shared_vectors) -> None:
    said = [step for step in steps(shared_vectors, "09-plugin-stdio.json") if step["actor"] == "lightningd"]
    text = "".join(step["text"] + step["followed_by"] for step in said).encode()
    for size in (1000, 4096, len(text)):
        stream = JsonStream()
        heard = [message for start in range(0, len(text), size) for message in stream.feed(text[start : start + size])]
        assert heard == [step["sends"] for step in said]


class Listener:
    """What the plugin would do, written down."""

    def __init__(self, master: bytes) -> None:
        self.master = master
        self.invoices: list[Invoice] = []

    def start(self, configuration: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        self.configuration = configuration

    def receive(self, invoice: bytes, secret: bytes) -> bool:
        self.invoices.append(Invoice.decode(invoice))
        return secret == hmac_sha256(self.master, self.invoices[-1].invreq_payer_id)

    def hear(self, secret: bytes) -> bool:
        return False

    async def call(self, method: str, params: object) -> dict[str, Any]:
        return {"method": method, "params": params}


async def test_the_recorded_conversation_is_answered_in_kind(shared_vectors) -> None:
    recorded = json.loads((shared_vectors / "cln" / "09-plugin-stdio.json").read_text())
    listener = Listener(bytes.fromhex(recorded["network"]["path_id_master_secret"]))
    said: list[dict[str, Any]] = []
    plugin = Plugin(listener, said.append)
    reader = asyncio.StreamReader(limit=2**24)
    for step in recorded["steps"]:
        if step["actor"] == "lightningd" and step["sends"]["method"] != "shutdown":
            reader.feed_data((step["text"] + step["followed_by"]).encode())
    reader.feed_eof()
    await plugin.run(reader)
    answers = {answer["id"]: answer for answer in said}
    for step in recorded["steps"]:
        if step["actor"] != "lightningd" or "id" not in step["sends"]:
            continue
        answer = answers[step["sends"]["id"]]
        match step["sends"]["method"]:
            case "getmanifest":
                assert answer["result"] == MANIFEST
            case "init":
                assert answer["result"] == {}
            case "onion_message_recv_secret":
                carried = onion_invoice(step["sends"]["params"]) is not None
                assert answer["result"] == {"result": "resolve" if carried else "continue"}
            case _:
                assert answer["error"]["code"] == -32601  # hooks and methods of the recording's own plugin
    assert listener.configuration["network"] == "regtest"
    assert [each.request_signature for each in listener.invoices] == [RequestSignature.VALID] * len(listener.invoices)
    assert len(listener.invoices) >= 4
