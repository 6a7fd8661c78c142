"""The home plugin: what it is told, and what becomes of the node when it dies."""

import os
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bled.sandbox.node import SandboxNode
from bled.sandbox.offers_plugin import make_onion
from bled.sandbox.plugin_child import PluginGone
from bled.sandbox.world import Sandbox
from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path
from bled_codec.crypto import SecretKey
from bled_codec.onion_message import OnionPayload

pytestmark = pytest.mark.system

SECRET = b"\x5e" * 32


def _to_home(sandbox: Sandbox, payload: OnionPayload) -> None:
    nodes = (sandbox.merchant.node_id, sandbox.hop.node_id, sandbox.home.node_id)
    data = [EncryptedData(next_node_id=node) for node in nodes[1:]] + [EncryptedData(path_id=SECRET)]
    clear = [part.encode() for part in data]
    path = create_blinded_path(nodes, clear, session_key=SecretKey(secrets.token_bytes(32)))
    sandbox.merchant.inject_onion(path.first_path_key, make_onion(path, payload))


def _back_to(node: SandboxNode) -> BlindedPath:
    clear = [EncryptedData(path_id=SECRET).encode()]
    return create_blinded_path([node.node_id], clear, session_key=SecretKey(secrets.token_bytes(32)))


async def test_the_plugin_sees_what_lightningd_would_show_it(
    sandbox: Sandbox, rpc: Any, make_bill: Callable[..., Any]
) -> None:
    invoice = make_bill(sandbox.merchant).encode()
    _to_home(sandbox, OnionPayload(invoice=invoice))
    await sandbox.home.network.quiet()
    seen = await rpc.call("echo-seen")
    assert seen["seen"] == [
        {"onion_message": {"pathsecret": SECRET.hex(), "invoice": invoice.hex(), "unknown_fields": []}}
    ]
    assert seen["lightningd"] == "1"
    assert seen["init"]["configuration"]["lightning-dir"] == str(sandbox.home.lightning_dir)
    assert seen["init"]["configuration"]["startup"] is True


async def test_what_the_plugin_leaves_is_the_nodes_own_business(
    sandbox: Sandbox, rpc: Any, make_bill: Callable[..., Any]
) -> None:
    await rpc.call("echo-mode", ["continue"])
    payload = OnionPayload(invoice=make_bill(sandbox.merchant).encode(), reply_path=_back_to(sandbox.home))
    _to_home(sandbox, payload)
    await sandbox.home.network.quiet()
    _, refusal = (await rpc.call("echo-seen"))["seen"]
    assert b"Wrong blinded path" in bytes.fromhex(refusal["onion_message"]["invoice_error"])


async def test_a_killed_plugin_is_started_again(sandbox: Sandbox, rpc: Any) -> None:
    before = (await rpc.call("echo-pid"))["pid"]
    assert before == sandbox.plugin_pid
    os.kill(before, signal.SIGKILL)
    assert (await rpc.call("echo-pid"))["code"] in (-4, -32601)
    await sandbox.plugin.ready()
    after = (await rpc.call("echo-pid"))["pid"]
    assert after == sandbox.plugin_pid != before
    assert (await rpc.call("echo-seen"))["init"]["configuration"]["startup"] is False


async def test_a_call_under_way_hears_that_the_plugin_died(sandbox: Sandbox, rpc: Any) -> None:
    gone = {"code": -4, "message": "Plugin terminated before replying to RPC call."}
    assert await rpc.call("echo-die") == gone
    assert (await rpc.call("getinfo"))["alias"] == "home"


async def test_a_message_that_kills_the_plugin_goes_to_the_node(
    sandbox: Sandbox, rpc: Any, make_bill: Callable[..., Any]
) -> None:
    await rpc.call("echo-mode", ["die"])
    payload = OnionPayload(invoice=make_bill(sandbox.merchant).encode(), reply_path=_back_to(sandbox.home))
    _to_home(sandbox, payload)
    await sandbox.home.network.quiet()
    await sandbox.plugin.ready()
    assert (await rpc.call("echo-seen"))["seen"] == []


async def test_what_the_plugin_says_is_kept(sandbox: Sandbox) -> None:
    assert "the plugin has begun\n" in (sandbox.home.lightning_dir / "plugin.log").read_text()


async def test_a_failpoint_works_in_the_first_child_only(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, short_path: Path
) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", "no.such.place=kill")
    script = short_path / "plugin.py"
    text = Path(__file__).with_name("echo_plugin.py").read_text()
    script.write_text(text.replace("LIGHTNINGD_PLUGIN", "BLED_FAILPOINT"))
    sandbox = await start(plugin=(sys.executable, str(script)))
    assert (await sandbox.plugin.call("echo-seen", {}))["lightningd"] == "no.such.place=kill"
    os.kill(sandbox.plugin_pid, signal.SIGKILL)
    with pytest.raises(PluginGone):
        await sandbox.plugin.call("echo-pid", {})
    await sandbox.plugin.ready()
    assert (await sandbox.plugin.call("echo-seen", {}))["lightningd"] is None
