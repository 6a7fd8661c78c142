"""A node that is away, refuses TLS, or is something else: each is told apart before a sale exists."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.tls_probe import split_target
from bled.sandbox.certificates import ensure_certificates

from .stage import Nowhere, Shop

pytestmark = pytest.mark.system


def unused_target() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def refusal(target: str, credentials: Path) -> BledError:
    with pytest.raises(BledError) as caught:
        await ClnMerchantNode.connect(target, credentials)
    return caught.value


async def test_a_node_says_who_it_is(shop: Shop) -> None:
    async with shop.node() as node:
        info = await node.info()
        assert (info.node_id, info.network) == (shop.merchant.node_id, "regtest")
        assert await node.self_test() == []


async def test_a_closed_port_is_unreachable(shop: Shop) -> None:
    error = await refusal(unused_target(), shop.credentials)
    assert error.code is Code.NODE_UNREACHABLE
    assert error.detail.startswith("127.0.0.1:")
    assert "refused" in error.detail


async def test_a_name_that_does_not_resolve_is_unreachable(shop: Shop) -> None:
    error = await refusal("no-such-host.invalid:9736", shop.credentials)
    assert error.code is Code.NODE_UNREACHABLE


async def test_a_silent_host_is_unreachable(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bled.node.tls_probe.PROBE_SECONDS", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await refusal(f"127.0.0.1:{port}", shop.credentials)
    assert error.code is Code.NODE_UNREACHABLE


async def test_a_server_without_tls_is_a_tls_error(shop: Shop) -> None:
    async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(speak_http, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await refusal(f"127.0.0.1:{port}", shop.credentials)
    assert error.code is Code.NODE_TLS
    assert "does not speak TLS" in error.detail


async def test_another_nodes_certificate_is_a_tls_error(shop: Shop, tmp_path: Path) -> None:
    ensure_certificates(tmp_path / "other")
    error = await refusal(shop.target, tmp_path / "other")
    assert error.code is Code.NODE_TLS


async def test_a_client_certificate_that_the_node_refuses_is_a_tls_error(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    ensure_certificates(folder)
    shutil.copy(shop.credentials / "ca.pem", folder / "ca.pem")
    error = await refusal(shop.target, folder)
    assert error.code is Code.NODE_TLS


@pytest.mark.parametrize("name", ["ca.pem", "client.pem", "client-key.pem"])
async def test_a_missing_file_is_named(shop: Shop, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(shop.credentials, folder)
    (folder / name).unlink()
    error = await refusal(shop.target, folder)
    assert error.code is Code.CONFIG_BAD
    assert name in error.detail


@pytest.mark.parametrize("target", ["", "node", "node:", ":9736", "node:0", "node:65536", "node:x"])
def test_what_is_no_address_is_a_setting_to_mend(target: str) -> None:
    with pytest.raises(BledError) as caught:
        split_target(target)
    assert caught.value.code is Code.CONFIG_BAD


def test_addresses_of_both_kinds_are_split() -> None:
    assert split_target("node:9736") == ("node", 9736)
    assert split_target("[::1]:9736") == ("::1", 9736)


async def test_a_node_that_goes_away_before_the_sale_leaves_no_sale(shop: Shop) -> None:
    async with shop.node() as node:
        await node.info()  # what it said at `connect` is good once
        await shop.server.die()
        with pytest.raises(BledError) as caught:
            await node.info()
    assert caught.value.code is Code.NODE_UNREACHABLE
    with pytest.raises(BledError):
        await shop.sell(Nowhere())
    assert shop.sales() == ()


async def test_a_node_that_comes_back_as_another_is_refused(shop: Shop) -> None:
    async with shop.node() as node:
        await node.info()
        await shop.server.stop()
        await shop.server.start(shop.hop, folder=shop.credentials)
        with pytest.raises(BledError) as caught:
            await node.info()
    assert caught.value.code is Code.NODE_PROTOCOL
