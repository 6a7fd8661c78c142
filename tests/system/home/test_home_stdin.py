"""The plugin's process and what may come in on its stdin: it lives on, answers what it can, and stays small."""

import asyncio
import json
import re
import resource
import sqlite3
from pathlib import Path

import pytest

pytestmark = pytest.mark.system


async def say(house, data: bytes) -> None:
    house.node._plugin.stdin.write(data)
    await house.node._plugin.stdin.drain()


def resident_bytes(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


async def test_nonsense_between_requests_is_skipped_and_logged(house) -> None:
    invoice = house.invoice(house.request()).encode()
    for nonsense in (
        b"\n\nhello\n\n",
        b'{"jsonrpc":"2.0","id":"cut","method":"bled-li\n\n',
        b"\xff\xfe\n\n",
        b"[" * 50_000 + b"\n\n",
        b'{"id":{},"method":"bled-list"}\n\n',
        b'{"jsonrpc":"2.0","method":"notified"}\n\n{}\n\n[]\n\n',
    ):
        await say(house, nonsense)
        assert await house.node.hook(invoice, house.secret()) == "resolve"
        assert await house.node.hook(invoice, bytes(32)) == "continue"
    await house.node.logged("no JSON-RPC")
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1


async def test_requests_in_any_order_are_each_answered_once(house) -> None:
    invoice = house.invoice(house.request()).encode()
    hook = {"onion_message": {"pathsecret": house.secret().hex(), "invoice": invoice.hex()}}
    asked = [
        ("getmanifest", {}),
        ("init", {"options": {}, "configuration": {}}),
        ("onion_message_recv_secret", hook),
        ("bled-list", {}),
        ("nobody-knows-it", None),
        ("init", None),
        ("onion_message_recv_secret", None),
    ]
    answers = await asyncio.gather(*[await house.node.send(*each) for each in asked * 3])
    for (method, _), answer in zip(asked * 3, answers, strict=True):
        assert ("error" in answer) == (method == "nobody-knows-it"), answer
    assert {json.dumps(each["result"]) for each in answers[1::7]} == {"{}"}, "init again changes nothing"
    await house.node.decision("paid")


async def test_a_message_that_never_ends_costs_no_memory(house) -> None:
    pid = house.node.plugin_pid
    before = resident_bytes(pid)
    await say(house, b'{"jsonrpc":"2.0","id":"endless","method":"bled-list","params":"')
    for _ in range(64):
        await say(house, b"x" * 1_000_000)
    await say(house, b'"}\n\n')
    assert (await house.node.ask("bled-list", {}))["books"]
    assert resident_bytes(pid) - before < 24_000_000


async def test_the_hook_is_answered_as_ever_when_the_ledger_is_broken(house) -> None:
    """Nothing of its answer comes from the ledger; what cannot be claimed is not paid."""
    invoice = house.invoice(house.request()).encode()
    await house.node.hook(invoice + b"\x00", house.secret())
    await house.node.decision("bad-invoice")  # it has read the node's records and is at work
    resource.prlimit(house.node.plugin_pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    stranger = sqlite3.connect(house.node.folder / "bled-home" / "ledger.sqlite", isolation_level=None)
    stranger.execute("BEGIN EXCLUSIVE")
    for _ in range(3):
        assert await house.node.hook(invoice, house.secret()) == "resolve"
        assert await house.node.hook(invoice, house.secret(1)) == "continue"
    stranger.execute("ROLLBACK")
    stranger.close()
    assert await house.node.hook(invoice, house.secret()) == "resolve"
    await house.node.decision("store-broken")
    assert house.node.xpay_calls == []
