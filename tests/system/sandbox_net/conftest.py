"""Whole sandboxes with a small plugin in home's place."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.node import SandboxNode
from bled.sandbox.world import Sandbox
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import Offer
from bled_codec.units import Msat

PLUGIN = (sys.executable, str(Path(__file__).with_name("echo_plugin.py")))


class Rpc:
    """A client of `lightning-rpc`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, method: str, params: object, request_id: object = "test") -> None:
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self.writer.write(json.dumps(request).encode() + b"\n\n")
        await self.writer.drain()

    async def receive(self) -> Any:
        return json.loads(await self.reader.readuntil(b"\n\n"))

    async def call(self, method: str, params: object = None) -> Any:
        await self.send(method, params)
        response = await self.receive()
        assert response["id"] == "test"
        return response["result"] if "result" in response else response["error"]


@asynccontextmanager
async def connect(path: Path) -> AsyncIterator[Rpc]:
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 22)
    try:
        yield Rpc(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


def bill(merchant: SandboxNode, amount: int = 15_000) -> Invoice:
    """Return the node's own invoice for a new offer."""
    payer = SecretKey(secrets.token_bytes(32))
    args = OfferArgs(amount=f"{amount}msat", description=secrets.token_hex(8), single_use=True)
    offer = Offer.from_string(merchant.books.offer(args).bolt12)
    request = create_invoice_request(
        offer, metadata=bytes(16), payer_id=payer.public_key, amount=Msat(amount), chain=REGTEST_CHAIN
    )
    answer = merchant.books.answer(request.sign(payer, aux=bytes(32)).encode(), None)
    assert answer.invoice is not None
    return Invoice.decode(answer.invoice)


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path is short enough for a socket in it."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture
async def start(short_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Start a sandbox in the test's folder, or again after `stop`."""
    async with AsyncExitStack() as stack:

        async def run(**options: Any) -> Sandbox:
            running = Sandbox.run(short_path, **({"plugin": PLUGIN} | options))
            return await stack.enter_async_context(running)

        yield run


@pytest.fixture
async def sandbox(start: Callable[..., Any]) -> Sandbox:
    """A running sandbox."""
    running: Sandbox = await start()
    return running


@pytest.fixture
async def rpc(sandbox: Sandbox) -> AsyncIterator[Rpc]:
    """A client of home's `lightning-rpc`."""
    async with connect(sandbox.home_rpc) as client:
        yield client


@pytest.fixture
def make_bill() -> Callable[..., Invoice]:
    """Make an invoice at a node."""
    return bill


@pytest.fixture
def client_of() -> Callable[[Path], Any]:
    """Connect to a socket."""
    return connect
