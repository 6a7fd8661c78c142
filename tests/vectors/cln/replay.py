"""Plays a transcript's calls to nodes of the sandbox and compares what they answer, field by field."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bled.sandbox.accounts import Accounts
from bled.sandbox.books import Books
from bled.sandbox.books_paths import PrivateChannel
from bled.sandbox.books_store import BookStore
from bled.sandbox.channels import Channel
from bled.sandbox.grpc_server import GrpcServer
from bled.sandbox.network import Network
from bled.sandbox.node import SandboxNode
from bled_codec.blinded_path import decode_paths
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.encrypted_data import EncryptedData
from bled_codec.fields import Field
from bled_codec.onion_message import Received
from bled_codec.units import Msat

from .transcript import RecordedClock, Transcript, records_of
from .wire import Client, Json, to_json

PATIENCE_SECONDS = 5.0
COUNTERS = (("created", "created_index"), ("paid", "pay_index"), ("updated", "updated_index"))
STREAMS = ("SubscribeInvoiceCreation", "SubscribeInvoicePayment")
MERCHANTS = ("merchant", "pm")
CHANNELS = (("129x1x0", "home", "hop"), ("129x2x0", "home", "hop"), ("131x1x0", "hop", "merchant"))
PRIVATE_CHANNEL = ("130x1x0", "hop", "pm")
FUNDS = Msat(5_000_000_000)

ARRIVES = {None: "paid", 203: "refused by the payee", 209: "refused within the blinded path"}
"""Outcomes of xpay, by error code, after which a payment has come to the payee."""

UNEQUAL = {
    ("Getinfo", "version"): "the sandbox does not pass itself off as a real node",
    ("Getinfo", "blockheight"): "no blocks are mined in the sandbox",
    ("Getinfo", "lightning_dir"): "a folder of the machine that made the recording",
    ("Getinfo", "address"): "ports of that machine",
    ("Getinfo", "binding"): "ports of that machine",
    ("ListPeers", "netaddr"): "ports of that machine",
    ("ListPeers", "features"): "cut out of the recording",
    ("ConnectPeer", "address"): "ports of that machine",
    ("ListPeerChannels", "spendable_msat"): "the recording had payments before it, and lightningd keeps a reserve back",
    ("ListPeerChannels", "receivable_msat"): "the same",
}
"""What cannot be the same here, by method and field, and why."""


@dataclass
class Merchant:
    """A node under test, its server and a client."""

    node: SandboxNode
    server: GrpcServer
    folder: Path
    client: Client
    streams: dict[str, Any] = field(default_factory=dict)
    waiting: list[tuple[Json, "asyncio.Task[Json]"]] = field(default_factory=list)


@dataclass
class Replay:
    """A transcript under way. `compared` counts what was found equal, by kind."""

    transcript: Transcript
    clock: RecordedClock
    network: Network
    merchants: dict[str, Merchant]
    arrived: "asyncio.Queue[Json]"
    held: list[Json] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Play every step; raise `AssertionError` at the first difference."""
        start, seconds = self.transcript.start(), self.transcript.seconds()
        for number, step in enumerate(self.transcript.steps):
            if "at_ms" in step:
                self.clock.time = max(self.clock.time, seconds.get(number, start + step["at_ms"] / 1000))
                await self._give_up_waits(step["at_ms"])
            try:
                await self._play(step)
            except AssertionError as error:
                error.add_note(f"step {number}: {step.get('node')} {step.get('method')} {step.get('note', '')}")
                raise
        await self._finish()

    async def _play(self, step: Json) -> None:
        match step["actor"]:
            case "merchant-grpc" if step.get("concurrent"):
                merchant = self.merchants[step["node"]]
                call = asyncio.create_task(merchant.client.call(step["method"], step["request"]))
                merchant.waiting.append((step, call))
                await asyncio.wait({call}, timeout=0.05)  # so that it runs before the next step, as it did
            case "merchant-grpc":
                await self._call(step)
            case "merchant-stream":
                await self._stream(step)
            case "home-hook":
                await self._hook(step)
            case "home-rpc" if step["method"] == "xpay" and step.get("concurrent"):
                self.held.append(step)
            case "home-rpc" if step["method"] == "xpay":
                self._xpay(step)
            case "aid" if "go on" in step["note"]:
                while self.held:
                    self._xpay(self.held.pop(0))
            case "aid" if "started again" in step["note"]:
                await self._start_again(step["note"].split()[1])

    async def _call(self, step: Json) -> None:
        merchant = self.merchants[step["node"]]
        self._set_clock_for_plugin(step)
        answer = await merchant.client.call(step["method"], step["request"])
        self._compare(step, answer, merchant.client.target)

    def _set_clock_for_plugin(self, step: Json) -> None:
        """The offers plugin may date its own invoice one second later than the call began."""
        if step["method"] == "InjectOnionMessage":
            later = self.transcript.steps[self.transcript.steps.index(step) + 1 :][:8]
            labels = [event["response"]["label"] for event in later if event.get("method") == STREAMS[0]]
            own = self.transcript.own_seconds(step["node"])
            self.clock.time = max([self.clock.time, *(own[label] for label in labels[:1] if label in own)])

    def _compare(self, step: Json, answer: Json, target: str) -> None:
        method = step["method"]
        if "error" in step:
            port = target.rpartition(":")[2]
            recorded = step["error"]["details"]
            if step["error"]["grpc_code"] == "UNAVAILABLE":
                recorded = recorded.replace("23024", port)  # the port is the machine's choice
            assert answer == {"error": {**step["error"], "details": recorded}}
        else:
            assert without_unequal(method, answer) == without_unequal(method, {"response": step["response"]})
        self.compared["call"] += 1

    async def _stream(self, step: Json) -> None:
        stream = self.merchants[step["node"]].streams[step["method"]]
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert to_json(await stream.read()) == step["response"]
        self.compared["event"] += 1

    async def _hook(self, step: Json) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await self.arrived.get() == step["request"]["onion_message"]
        self.compared["onion message"] += 1

    def _xpay(self, step: Json) -> None:
        """Bring a payment to the node that the recorded xpay brought one to."""
        if step.get("error", {}).get("code") not in ARRIVES:
            return
        records = records_of(step["request"]["invstring"])
        node, path_id = self._payee(records)
        if node not in self.merchants:
            return
        payment_hash = records[Field.INVOICE_PAYMENT_HASH]
        amount = int.from_bytes(records[Field.INVOICE_AMOUNT], "big")
        books = self.merchants[node].node.books
        assert books.accept(payment_hash, Msat(amount), path_id) == ("response" in step)
        if "response" in step:
            (row,) = books.list_invoices(payment_hash=payment_hash)
            preimage = self._pay(node, row.label, amount)
            assert preimage.hex() == step["response"]["payment_preimage"]
        self.compared["payment"] += 1

    def _payee(self, records: dict[int, bytes]) -> tuple[str, bytes]:
        (path, *_) = decode_paths(records[Field.INVOICE_PATHS])
        opened = self.transcript.open_path(path)
        assert opened is not None
        nodes, data = opened
        path_id = EncryptedData.decode(data[-1]).path_id
        assert path_id is not None
        return self.transcript.name_of(nodes[-1]), path_id

    def _pay(self, node: str, label: str, amount: int) -> bytes:
        """Settle an invoice in the recorded second."""
        books = self.merchants[node].node.books
        (row,) = books.list_invoices(label=label)
        self.clock.time = max(self.clock.time, self.transcript.payment_seconds(node).get(label, 0))
        return books.settle(row.payment_hash, Msat(amount))

    async def _start_again(self, node: str) -> None:
        merchant = self.merchants[node]
        await merchant.server.start(merchant.node, folder=merchant.folder)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await merchant.client.ready()

    async def _finish(self) -> None:
        await self._give_up_waits(math.inf)
        await self.network.quiet()
        assert self.arrived.empty(), "an onion message arrived that the recording does not have"
        for merchant in self.merchants.values():
            for step, call in merchant.waiting:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    self._compare(step, await call, merchant.client.target)

    async def _give_up_waits(self, at_ms: float) -> None:
        """Give up the calls that the recording gave up before `at_ms`; none may have been answered."""
        for merchant in self.merchants.values():
            for waiting in list(merchant.waiting):
                step, call = waiting
                if step["at_ms"] + step.get("no_answer_within_ms", math.inf) < at_ms:
                    merchant.waiting.remove(waiting)
                    assert not call.done()
                    call.cancel()
                    self.compared["call"] += 1


def without_unequal(method: str, value: Any) -> Any:
    """Return an answer without what cannot be equal."""
    if isinstance(value, list):
        return [without_unequal(method, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: without_unequal(method, item) for name, item in value.items() if (method, name) not in UNEQUAL}


@asynccontextmanager
async def open_replay(transcript: Transcript, folder: Path) -> AsyncIterator[Replay]:
    """Build the recorded network out of sandbox nodes and serve the merchants' over gRPC."""
    clock = RecordedClock()
    clock.time = transcript.start()
    async with AsyncExitStack() as stack:
        accounts = Accounts(None)
        stack.callback(accounts.close)
        network = await stack.enter_async_context(Network(clock=clock, accounts=accounts))
        nodes = {name: _node(name, transcript, network, stack) for name in transcript.keys}
        _connect(network, nodes)
        arrived: asyncio.Queue[Json] = asyncio.Queue()
        nodes["home"].hook = _recorder(arrived)
        used = {step.get("node") for step in transcript.steps}
        merchants = {name: await _serve(nodes[name], folder / name, stack) for name in MERCHANTS if name in used}
        yield Replay(transcript=transcript, clock=clock, network=network, merchants=merchants, arrived=arrived)


def _node(name: str, transcript: Transcript, network: Network, stack: AsyncExitStack) -> SandboxNode:
    store = BookStore(None)
    stack.callback(store.close)
    for counter, field_name in COUNTERS:
        for _ in range(transcript.last_number(name, field_name)):
            store.next_index(counter)
    secrets = transcript.network["make_secrets"].get(name, {})
    books = Books(
        key=transcript.keys[name],
        chain=REGTEST_CHAIN,
        store=store,
        clock=network.clock,
        chance=transcript.chance(name),
        channel=_private_channel(transcript) if name == "pm" else None,
        developer=True,
        derive_secret=lambda label: bytes.fromhex(secrets[label.decode()]),
    )
    return SandboxNode(alias=name, key=transcript.keys[name], books=books, network=network)


def _private_channel(transcript: Transcript) -> PrivateChannel:
    """The private node's channel as it was at the recorded height 135, with what it could receive then."""
    peer = transcript.keys["hop"].public_key
    return PrivateChannel(peer=peer, max_cltv_expiry=135 + 1036, htlc_maximum=Msat(0x15F800000))


def _connect(network: Network, nodes: dict[str, SandboxNode]) -> None:
    for scid, first, second in CHANNELS:
        network.add_channel(Channel(scid=scid, ends=(nodes[first].node_id, nodes[second].node_id)))
    scid, first, second = PRIVATE_CHANNEL
    network.add_channel(Channel(scid=scid, ends=(nodes[first].node_id, nodes[second].node_id), private=True))
    nodes["merchant"].connect_peer(nodes["home"].node_id)
    nodes["pm"].connect_peer(nodes["merchant"].node_id)
    nodes["pm"].connect_peer(nodes["home"].node_id)


def _recorder(arrived: "asyncio.Queue[Json]") -> Any:
    async def hook(received: Received) -> bool:
        payload = received.payload
        message = {
            "pathsecret": None if received.path_id is None else received.path_id.hex(),
            "reply_blindedpath": payload.reply_path,
            "invoice": None if payload.invoice is None else payload.invoice.hex(),
            "invoice_error": None if payload.invoice_error is None else payload.invoice_error.hex(),
        }
        present = {name: value for name, value in message.items() if value is not None}
        arrived.put_nowait(present | {"unknown_fields": list(payload.unknown)})
        return True

    return hook


async def _serve(node: SandboxNode, folder: Path, stack: AsyncExitStack) -> Merchant:
    server = GrpcServer()
    target = await server.start(node, folder=folder)
    stack.push_async_callback(server.stop)
    client = Client(target, folder)
    stack.push_async_callback(client.close)
    merchant = Merchant(node=node, server=server, folder=folder, client=client)
    for method in STREAMS:
        merchant.streams[method] = await client.listen(method)
    return merchant
