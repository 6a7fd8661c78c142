"""Calls over lightningd's socket: every way they end tells whether the call may have had an effect."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.cln_errors import RpcFailure
from bled.node.lightning_rpc import LightningRpc

Serve = Callable[[dict[str, object], asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def lightningd(serve: Serve) -> AsyncIterator[LightningRpc]:
    """Listen on a socket and do as told with each call."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(json.loads(await reader.readuntil(b"\n\n")), writer)
        finally:
            writer.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lightning-rpc"
        async with await asyncio.start_unix_server(connected, path):
            yield LightningRpc(path)


async def failure(serve: Serve, *, seconds: float | None = None) -> Unavailable:
    async with lightningd(serve) as rpc:
        with pytest.raises(Unavailable) as caught:
            await rpc.call("xpay", {}, seconds=seconds)
    return caught.value


def answer(asked: dict[str, object], **members: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": asked["id"], **members}).encode() + b"\n\n"


async def test_a_call_brings_its_result_past_notifications() -> None:
    async def serve(asked, writer) -> None:
        assert (asked["method"], asked["params"]) == ("getinfo", {"a": 1})
        writer.write(b'{"jsonrpc":"2.0","method":"message","params":{}}\n\n')
        writer.write(answer(asked, result={"id": "02"}))

    async with lightningd(serve) as rpc:
        assert await rpc.call("getinfo", {"a": 1}) == {"id": "02"}


async def test_two_calls_do_not_wait_for_each_other() -> None:
    release = asyncio.Event()

    async def serve(asked, writer) -> None:
        if asked["method"] == "slow":
            await release.wait()
        writer.write(answer(asked, result={"method": asked["method"]}))

    async with lightningd(serve) as rpc:
        slow = asyncio.create_task(rpc.call("slow"))
        assert (await rpc.call("fast"))["method"] == "fast"
        release.set()
        assert (await slow)["method"] == "slow"


async def test_an_error_of_the_node_keeps_its_number() -> None:
    async def serve(asked, writer) -> None:
        writer.write(answer(asked, error={"code": 205, "message": "no route"}))

    error = await failure(serve)
    assert isinstance(error, RpcFailure)
    assert (error.code, error.rpc_code, error.message) == (Code.NODE_REFUSED, 205, "no route")


async def test_a_connection_that_ends_promises_nothing() -> None:
    async def serve(asked, writer) -> None:
        pass

    assert (await failure(serve)).code is Code.NODE_DIED


async def test_silence_promises_nothing() -> None:
    async def serve(asked, writer) -> None:
        await asyncio.sleep(1)

    assert (await failure(serve, seconds=0.05)).code is Code.NODE_DIED


@pytest.mark.parametrize("result", [None, [], "text"])
async def test_an_answer_without_a_result_is_none(result) -> None:
    async def serve(asked, writer) -> None:
        writer.write(answer(asked, result=result))

    assert (await failure(serve)).code is Code.NODE_PROTOCOL


@pytest.mark.parametrize(
    "said", [b'{"result": [\xff]}', b"[1]", b'{"id": "x"]\n\n', b'{"n": ' + b"9" * 5_000 + b"}\n\n"]
)
async def test_what_is_no_json_rpc_promises_nothing(said) -> None:
    async def serve(asked, writer) -> None:
        writer.write(said + b"\n\n")

    assert (await failure(serve)).code is Code.NODE_PROTOCOL


async def test_words_that_no_file_takes_are_made_storable() -> None:
    async def serve(asked, writer) -> None:
        writer.write(answer(asked, error={"code": 205, "message": "no \ud800 route"}))

    assert (await failure(serve)).detail.encode() == b"xpay: no ? route (205)"


async def test_a_socket_that_is_not_there_was_never_called(tmp_path) -> None:
    with pytest.raises(Unavailable) as caught:
        await LightningRpc(tmp_path / "lightning-rpc").call("xpay")
    assert caught.value.code is Code.NODE_UNREACHABLE
