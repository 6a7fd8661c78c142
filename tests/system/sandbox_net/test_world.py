"""A sandbox from its start to its end, and once more."""

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.sandbox.world import Sandbox
from bled.sandbox.xpay_args import XpayArgs

pytestmark = pytest.mark.system

PLUGIN = (sys.executable, str(Path(__file__).with_name("echo_plugin.py")))


async def _fails(folder: Path, **options: Any) -> BledError:
    with pytest.raises(BledError) as caught:
        async with Sandbox.run(folder, **({"plugin": PLUGIN} | options)):
            pytest.fail("the sandbox started")
    return caught.value


async def test_a_sandbox_started_again_knows_everything(short_path: Path, make_bill: Callable[..., Any]) -> None:
    async with Sandbox.run(short_path, plugin=PLUGIN) as first:
        ids = [node.node_id for node in (first.merchant, first.hop, first.home)]
        invoice = make_bill(first.merchant)
        paid = await first.payments.xpay(first.home, XpayArgs.read([invoice.string]))
        balances = first.balances()
    async with Sandbox.run(short_path, plugin=PLUGIN) as again:
        assert [node.node_id for node in (again.merchant, again.hop, again.home)] == ids
        assert again.balances() == balances == {"home": 999_984_999, "hop": 1_000_000_001, "merchant": 1_000_015_000}
        (row,) = again.payments.sendpays(again.home)
        assert row.as_json()["payment_preimage"] == paid["payment_preimage"]
        assert again.merchant.books.list_invoices(payment_hash=invoice.invoice_payment_hash)


async def test_secrets_and_the_socket_are_the_owners_alone(sandbox: Sandbox) -> None:
    private = [sandbox.home_rpc, *sandbox.folder.glob("*/node.secret"), sandbox.home.lightning_dir / "plugin.log"]
    assert len(private) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert stat.S_IMODE(sandbox.home.lightning_dir.stat().st_mode) == 0o700


async def test_the_end_leaves_no_socket_and_no_plugin(short_path: Path) -> None:
    async with Sandbox.run(short_path, plugin=PLUGIN) as sandbox:
        pid, socket = sandbox.plugin_pid, sandbox.home_rpc
    assert not socket.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_an_error_of_the_caller_comes_through_as_it_is(short_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Sandbox.run(short_path, plugin=PLUGIN):
            raise ZeroDivisionError


async def test_one_folder_has_one_sandbox(sandbox: Sandbox) -> None:
    assert (await _fails(sandbox.folder)).code is Code.STORE_LOCKED
    assert sandbox.home_rpc.exists()


async def test_a_path_too_long_for_a_socket_is_a_bad_setting(short_path: Path) -> None:
    error = await _fails(short_path / ("x" * 100))
    assert error.code is Code.CONFIG_BAD
    assert "107" in error.detail


async def test_a_file_in_the_folders_place_is_a_bad_setting(short_path: Path) -> None:
    (short_path / "file").touch()
    assert (await _fails(short_path / "file")).code is Code.CONFIG_BAD


async def test_a_key_file_without_a_key_is_a_bad_setting(short_path: Path) -> None:
    (short_path / "hop").mkdir()
    (short_path / "hop" / "node.secret").write_bytes(bytes(32))
    assert (await _fails(short_path)).code is Code.CONFIG_BAD


async def test_a_port_in_use_is_a_bad_setting(short_path: Path) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        error = await _fails(short_path, grpc_port=server.sockets[0].getsockname()[1])
    assert error.code is Code.CONFIG_BAD


@pytest.mark.parametrize(
    "command", [("/nonexistent/plugin",), (sys.executable, "-c", "raise SystemExit(3)"), ("/bin/echo", "hello")]
)
async def test_a_plugin_that_does_not_start_is_a_bad_setting(short_path: Path, command: tuple[str, ...]) -> None:
    error = await _fails(short_path, plugin=command)
    assert error.code is Code.CONFIG_BAD
    assert "plugin.log" in error.detail


async def test_a_relative_folder_will_do(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(short_path)
    async with Sandbox.run(Path("here"), plugin=PLUGIN) as sandbox:
        assert sandbox.folder == short_path / "here"
        assert sandbox.home_rpc.is_socket()


async def test_the_default_plugin_is_the_projects_own(start: Callable[..., Any], client_of: Callable[..., Any]) -> None:
    sandbox = await start(plugin=None)
    async with client_of(sandbox.home_rpc) as client:
        assert await client.call("bled-list") == {"books": []}
