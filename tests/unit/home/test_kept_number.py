"""The number that home's node keeps: written with one call each time, and never over somebody else's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bled.node.cln_home import ClnHomeNode
from bled.node.json_stream import JsonObject
from bled.node.lightning_rpc import LightningRpc
from bled.sandbox.datastore import Datastore
from bled.sandbox.rpc_error import RpcError
from bled.sandbox.rpc_socket import RpcSocket

KEY = ["bled-home", "name", "generation"]


class Keeper:
    """A node of which nothing but its datastore is asked."""

    def __init__(self) -> None:
        self.kept = Datastore()
        self.asked: list[str] = []
        self.is_gone = False

    async def call(self, method: str, params: object, *, request_id: object) -> Any:
        self.asked.append(method)
        if self.is_gone and method == "datastore":
            self.is_gone, self.kept = False, Datastore()
            raise RpcError(1203, "Key does not exist")
        return await getattr(self.kept, method)(params)

    async def write(self, number: int) -> JsonObject:
        return await self.kept.datastore({"key": KEY, "string": str(number), "mode": "create-or-replace"})

    async def read(self) -> str:
        answer = await self.kept.listdatastore({"key": KEY})
        return answer["datastore"][0]["string"]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Keeper, ClnHomeNode]]:
    keeper = Keeper()
    socket = RpcSocket(folder / "rpc", keeper)
    await socket.start()
    try:
        yield keeper, ClnHomeNode(LightningRpc(folder / "rpc"))
    finally:
        await socket.stop()


async def test_what_this_process_wrote_last_is_not_read_again(tmp_path: Path) -> None:
    async with running(tmp_path) as (keeper, node):
        for number in (3, 4, 5):
            assert await node.keep_number("name", number) == number
        assert keeper.asked == ["listdatastore", *["datastore"] * 3]
        assert await keeper.read() == "5"


async def test_a_larger_number_of_another_worker_stays(tmp_path: Path) -> None:
    async with running(tmp_path) as (keeper, node):
        await node.keep_number("name", 3)
        await keeper.write(9)
        assert await node.keep_number("name", 4) == 9
        assert await keeper.read() == "9"


async def test_a_smaller_number_of_another_worker_is_replaced(tmp_path: Path) -> None:
    async with running(tmp_path) as (keeper, node):
        await node.keep_number("name", 3)
        await keeper.write(4)
        assert await node.keep_number("name", 5) == 5
        assert await keeper.read() == "5"


async def test_a_number_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    async with running(tmp_path) as (keeper, node):
        await node.keep_number("name", 3)
        keeper.is_gone = True
        assert await node.keep_number("name", 4) == 4
        assert await keeper.read() == "4"
