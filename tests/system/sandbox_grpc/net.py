"""Three sandbox nodes in one process, of which the merchant's serves gRPC; run as a program it can be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from bled.clock import SystemClock
from bled.node.stubs import cln_subset_pb2 as pb
from bled.node.stubs.cln_subset_pb2_grpc import NodeStub
from bled.sandbox.accounts import Accounts
from bled.sandbox.books import Books
from bled.sandbox.books_store import BookStore
from bled.sandbox.channels import Channel
from bled.sandbox.grpc_server import GrpcServer
from bled.sandbox.network import Network
from bled.sandbox.node import SandboxNode
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.onion_message import Received

KEYS = {name: SecretKey(bytes([number]) * 32) for number, name in enumerate(("merchant", "hop", "home"), start=1)}


@dataclass
class Net:
    """What a test sees. `arrived` holds the onion messages that came to home."""

    folder: Path
    target: str
    server: GrpcServer
    merchant: SandboxNode
    hop: SandboxNode
    home: SandboxNode
    arrived: "asyncio.Queue[Received]"

    async def start_again(self) -> str:
        """Bring the merchant's node back after it died."""
        return await self.server.start(self.merchant, folder=self.folder)

    def payment_path_id(self, payment_hash: bytes) -> bytes:
        return sha256(self.merchant.books.make_secret(string="bolt12-invoice-base") + payment_hash)


@asynccontextmanager
async def open_net(folder: Path, *, port: int = 0) -> AsyncIterator[Net]:
    """Run merchant - hop - home; the merchant's files are in `folder`."""
    async with AsyncExitStack() as stack:
        accounts = Accounts(None)
        stack.callback(accounts.close)
        network = await stack.enter_async_context(Network(clock=SystemClock(), accounts=accounts))
        merchant, hop, home = (_node(name, network, folder, stack) for name in KEYS)
        network.add_channel(Channel(scid="101x1x0", ends=(home.node_id, hop.node_id)))
        network.add_channel(Channel(scid="102x1x0", ends=(hop.node_id, merchant.node_id)))
        arrived: asyncio.Queue[Received] = asyncio.Queue()

        async def take(received: Received) -> bool:
            arrived.put_nowait(received)
            return True

        home.hook = take
        server = GrpcServer()
        stack.push_async_callback(server.stop)
        target = await server.start(merchant, folder=folder, port=port)
        yield Net(folder, target, server, merchant, hop, home, arrived)


def _node(name: str, network: Network, folder: Path, stack: AsyncExitStack) -> SandboxNode:
    store = BookStore(folder / f"{name}.sqlite")
    stack.callback(store.close)
    books = Books(key=KEYS[name], chain=REGTEST_CHAIN, store=store, clock=network.clock)
    return SandboxNode(alias=name, key=KEYS[name], books=books, network=network)


@asynccontextmanager
async def open_stub(target: str, folder: Path, *, name: str = "cln") -> AsyncIterator[Any]:
    """Connect as a client with the certificates in `folder`."""
    files = ("ca.pem", "client-key.pem", "client.pem")
    credentials = grpc.ssl_channel_credentials(*((folder / file).read_bytes() for file in files))
    options = (("grpc.ssl_target_name_override", name), ("grpc.initial_reconnect_backoff_ms", 50))
    async with grpc.aio.secure_channel(target, credentials, options=options) as channel:
        yield NodeStub(channel)


async def failure(call: Any) -> tuple[str, str]:
    """Return status and text of a call that must fail."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error.code().name, error.details() or ""
    raise AssertionError(f"answered: {answer}")


OFFER = pb.OfferRequest(amount="15000msat", description="tea", label="one", single_use=True)


async def _serve(folder: Path, port: int) -> None:
    async with open_net(folder, port=port) as net:
        sys.stdout.write(net.target + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
