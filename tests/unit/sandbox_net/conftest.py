"""A network of recorded nodes in memory, and a replay of what was recorded with them."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bled.sandbox.accounts import Accounts
from bled.sandbox.books import Books
from bled.sandbox.books_paths import Chance, PrivateChannel
from bled.sandbox.books_rows import InvoiceStatus, OfferArgs
from bled.sandbox.books_store import BookStore
from bled.sandbox.channels import Channel
from bled.sandbox.home_commands import HomeCommands
from bled.sandbox.network import Network
from bled.sandbox.node import SandboxNode
from bled.sandbox.payments import Payments
from bled.sandbox.plugin_hook import hook_params
from bled.sandbox.plugin_host import PluginHost
from bled.sandbox.rpc_error import HandlerCrashed, NodeDied, RpcError
from bled_codec.blinded_path import BlindedPath, create_blinded_path, decode_paths
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.fields import Field
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.onion_message import Received
from bled_codec.tlv import split_stream
from bled_codec.units import Msat, Point, UnixTime


class FakeClock:
    """A clock that stands still until it is set."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> UnixTime:
        return UnixTime(int(self.seconds))

    def monotonic(self) -> float:
        return self.seconds


class World:
    """Nodes, books and payments of a test; `gate` holds payments on their way while it is closed."""

    def __init__(self, network: Network, gate: asyncio.Event) -> None:
        self.network = network
        self.accounts = network.accounts
        self.clock = network.clock
        self.gate = gate
        self.payments = Payments(network, transit=self._transit)
        self.stores: dict[str, BookStore] = {}
        self.on_the_way: list[int] = []

    async def _transit(self, channels: int) -> None:
        self.on_the_way.append(channels)
        await self.gate.wait()

    def node(self, alias: str) -> SandboxNode:
        return next(node for node in self.network.nodes.values() if node.alias == alias)

    def add_node(self, alias: str, key: SecretKey, **books: Any) -> SandboxNode:
        store = self.stores[alias] = BookStore(None)
        own = Books(key=key, chain=REGTEST_CHAIN, store=store, clock=self.clock, **books)
        return SandboxNode(alias=alias, key=key, books=own, network=self.network)

    def add_channel(self, scid: str, shares: dict[str, int], *, private: bool = False) -> None:
        first, second = (self.node(alias).node_id for alias in shares)
        self.network.add_channel(Channel(scid=scid, ends=(first, second), private=private))
        for alias, share in shares.items():
            self.accounts.fund(scid, alias, Msat(share), at=self.clock.now())


@asynccontextmanager
async def _empty_world(seconds: float) -> AsyncIterator[World]:
    accounts = Accounts(None)
    gate = asyncio.Event()
    gate.set()
    async with Network(clock=FakeClock(seconds), accounts=accounts) as network:
        world = World(network, gate)
        yield world
    for store in world.stores.values():
        store.close()
    accounts.close()


@asynccontextmanager
async def _usual_world() -> AsyncIterator[World]:
    """merchant - hop - home, a million satoshi each, in memory."""
    async with _empty_world(1_795_000_000.0) as world:
        for number, alias in enumerate(("merchant", "hop", "home"), start=1):
            world.add_node(alias, SecretKey(number.to_bytes(32, "big")))
        world.add_channel("102x1x0", {"home": 1_000_000_000, "hop": 0})
        world.add_channel("103x1x0", {"hop": 1_000_000_000, "merchant": 1_000_000_000})
        yield world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A new sandbox in memory."""
    async with _usual_world() as world:
        yield world


class Replay:
    """One recording, done again in the sandbox step by step."""

    def __init__(self, recording: Any, world: World) -> None:
        self.steps: list[Any] = recording["steps"]
        self.network = recording["network"]
        self.world = world
        self.started_at = _started_at(self.steps)
        self.seen: list[tuple[str, Any]] = []
        self.mode = "resolve"
        self.running: list[tuple[Any, asyncio.Task[Any]]] = []
        self.compared = {"home-rpc": 0, "home-hook": 0, "InjectOnionMessage": 0}
        self.place = 0
        self.invented = b""
        self.commands: HomeCommands | None = None

    def build(self) -> None:
        """Make the recorded nodes with their recorded keys and secrets."""
        for alias, secret in self.network["node_secret_keys"].items():
            key = SecretKey(bytes.fromhex(secret))
            chance = Chance(preimage=self._preimage, make_path=self._path)
            secrets = self.network["make_secrets"].get(alias, {})
            channel = None
            if alias == "pm":
                hop = Point(bytes.fromhex(self.network["nodes"]["hop"]))
                channel = PrivateChannel(peer=hop, htlc_maximum=Msat(0x15F800000))
            derive = _derivation(secrets)
            self.world.add_node(alias, key, chance=chance, channel=channel, developer=True, derive_secret=derive)
        self.world.add_channel("118x3x0", {"home": 5_000_000_000, "hop": 0})
        self.world.add_channel("118x2x0", {"hop": 9_000_000_000, "merchant": 0})
        self.world.add_channel("130x1x0", {"hop": 9_000_000_000, "pm": 0}, private=True)
        nodes = list(self.world.network.nodes.values())
        for node in nodes:
            for other in nodes:
                if other is not node:
                    node.connect_peer(other.node_id)
        home = self.world.node("home")
        home.hook = self._hook
        plugin = PluginHost(("unused",), lightning_dir=Path(), log_file=Path("unused"))
        self.commands = HomeCommands(home, self.world.payments, plugin)

    async def run(self) -> None:
        """Do every step; compare what belongs to this half of the sandbox."""
        for place, step in enumerate(self.steps):
            self.place = place
            self.world.clock.seconds = self.started_at + step["at_ms"] / 1000  # type: ignore[attr-defined]
            await self._do(step)
            await self.world.network.quiet()
        self.world.gate.set()
        for step, task in self.running:
            _compare(step, await task)
        assert self.seen == []

    async def _do(self, step: Any) -> None:
        match step["actor"], step.get("method"):
            case "aid", _:
                if "hold" in step["note"]:
                    self.world.gate.clear()
                if "go on" in step["note"]:
                    self.world.gate.set()
                    await asyncio.sleep(0)
            case "home-rpc", ("xpay" | "listsendpays") as method:
                await self._home_rpc(step, method)
            case "home-hook", name:
                assert self.seen, f"nothing arrived for step {self.place}"
                got_name, got = self.seen.pop(0)
                assert got_name == name
                assert self._readable(got) == self._readable(step["request"])
                self.compared["home-hook"] += 1
            case "merchant-grpc", method:
                self._merchant(step, method)
            case _:
                pass

    async def _home_rpc(self, step: Any, method: str) -> None:
        assert self.commands is not None
        call = asyncio.ensure_future(_outcome(self.commands.call(method, step["request"], request_id="test")))
        self.compared["home-rpc"] += 1
        if step.get("concurrent"):
            self.running.append((step, call))
            await asyncio.sleep(0)
        else:
            _compare(step, await call)

    def _merchant(self, step: Any, method: str) -> None:
        node = self.world.node(step["node"])
        request = step["request"]
        match method:
            case "InjectOnionMessage":
                self._inject(node, step)
            case "ConnectPeer":
                with suppress(RpcError):
                    node.connect_peer(Point(bytes.fromhex(request["id"])), host=request.get("host"))
            case "Disconnect":
                with suppress(RpcError):
                    node.disconnect_peer(Point(bytes.fromhex(request["id"])), force=request.get("force", False))
            case _:
                with suppress(RpcError, NodeDied):
                    _change_books(node.books, method, request)

    def _inject(self, node: SandboxNode, step: Any) -> None:
        request = step["request"]
        details = None
        try:
            path_key = bytes.fromhex(request.get("path_key", ""))
            node.inject_onion(path_key, bytes.fromhex(request.get("message", "")))
        except RpcError as error:
            details = error.details("InjectOnionMessage")
        except HandlerCrashed:
            details = "Stream removed (RST_STREAM (Received RST_STREAM with error code 8))"
        assert details == step.get("error", {}).get("details")
        self.compared["InjectOnionMessage"] += 1

    async def _hook(self, received: Received) -> bool:
        name = "onion_message_recv" if received.path_id is None else "onion_message_recv_secret"
        self.seen.append((name, hook_params(received)))
        return self.mode == "resolve"

    def _readable(self, params: Any) -> Any:
        """Return a hook's parameters with the invoice by its records, but for what was new or is unknown."""
        message = dict(params["onion_message"])
        if len(message.get("invoice", "")) > 100:
            hidden = {Field.SIGNATURE} | ({Field.INVOICE_PAYMENT_HASH} if self.invented else set())
            records = split_stream(bytes.fromhex(message["invoice"]))
            message["invoice"] = {record.type: record.value.hex() for record in records if record.type not in hidden}
        return message

    def _preimage(self) -> bytes:
        """Return the preimage that the recorded node chose; of a node without a stream nobody knows it."""
        for step in self.steps[self.place :]:
            same_node = step.get("node") == self.steps[self.place]["node"]
            if same_node and step.get("method") == "SubscribeInvoiceCreation" and not step.get("taken"):
                step["taken"] = True
                return bytes.fromhex(step["response"]["preimage"])
        self.invented = bytes([self.place]) * 32
        return self.invented

    def _path(self, nodes: Any, data: Any) -> BlindedPath:
        """Return the path that the recorded node made here, or a fixed one when nobody saw it."""
        step = self.steps[self.place]
        for tlvs in self._later_tlvs(step):
            recorded = tlvs.get("16" if step["method"] == "Offer" else "160")
            if recorded is not None:
                return decode_paths(bytes.fromhex(recorded))[0]
        return create_blinded_path(nodes, data, session_key=SecretKey(bytes(31) + b"\x07"))

    def _later_tlvs(self, step: Any) -> Iterator[dict[str, str]]:
        """Return what was recorded of the messages that `step` made."""
        preimage = bytes.fromhex(step["request"].get("preimage", ""))
        for later in self.steps[self.place :]:
            if later is not step and later.get("method") == step["method"] == "InjectOnionMessage":
                return
            for tlvs in (later.get("tlvs") or {}).values():
                if not preimage or tlvs.get("168") == sha256(preimage).hex():
                    yield tlvs


async def _outcome(call: Any) -> Any:
    try:
        return {"response": await call}
    except RpcError as error:
        return {"error": {"code": error.code, "message": error.message}}


def _compare(step: Any, got: Any) -> None:
    expected = {name: step[name] for name in ("response", "error") if name in step}
    assert _plain(got) == _plain(expected)


_OFFER_SECONDS = 900
_CHOSEN = ("created_index", "id", "groupid", "updated_index", "created_at", "completed_at")


def _plain(value: Any) -> Any:
    """Blank out what a node chooses itself, and the time; keep the order of members."""
    if isinstance(value, dict):
        members = {name: type(v).__name__ if name in _CHOSEN else _plain(v) for name, v in value.items()}
        if "erroronion" in members:
            members["erroronion"] = len(value["erroronion"])
        return list(members.items())
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"groupid=\d+|xpay-\d+", "chosen", value)
    return value


def _started_at(steps: list[Any]) -> float:
    """Return the time of step zero: offers were made to end a fixed number of whole seconds later."""
    offers = [step for step in steps if step.get("method") == "Offer" and "absolute_expiry" in step["request"]]
    ends = [int(step["request"]["absolute_expiry"]) - step["at_ms"] / 1000 for step in offers]
    usual = sorted(ends)[len(ends) // 2]
    near = [end for end in ends if abs(end - usual) < 1]
    return (max(near) + min(near) + 1) / 2 - _OFFER_SECONDS


def _derivation(secrets: dict[str, str]) -> Callable[[bytes], bytes]:
    return lambda label: bytes.fromhex(secrets[label.decode()]) if label.decode() in secrets else bytes(32)


def _change_books(books: Books, method: str, request: Any) -> None:
    match method:
        case "Offer":
            books.offer(
                OfferArgs(
                    amount=request["amount"],
                    description=request.get("description"),
                    label=request.get("label"),
                    issuer=request.get("issuer"),
                    absolute_expiry=UnixTime(int(request["absolute_expiry"])) if "absolute_expiry" in request else None,
                    single_use=request.get("single_use"),
                    quantity_max=int(request["quantity_max"]) if "quantity_max" in request else None,
                )
            )
        case "CreateInvoice":
            books.create_invoice(
                request.get("invstring", ""), request.get("label", ""), bytes.fromhex(request.get("preimage", ""))
            )
        case "DisableOffer":
            books.disable_offer(bytes.fromhex(request["offer_id"]))
        case "EnableOffer":
            books.enable_offer(bytes.fromhex(request["offer_id"]))
        case "DelInvoice":
            books.del_invoice(request["label"], InvoiceStatus(request.get("status", "paid").lower()))
        case _:
            pass


@pytest.fixture
async def replay(shared_vectors: Path) -> AsyncIterator[Callable[[str], Any]]:
    """Load a recording by the beginning of its name into a sandbox of its nodes."""
    async with AsyncExitStack() as stack:

        async def load(name: str) -> Replay:
            file = next((shared_vectors / "cln").glob(f"{name}*.json"))
            recording = json.loads(file.read_text())
            world = await stack.enter_async_context(_empty_world(0.0))
            loaded = Replay(recording, world)
            world.clock.seconds = loaded.started_at  # type: ignore[attr-defined]
            loaded.build()
            return loaded

        yield load


class Till:
    """Makes invoices in the way of a stock node: an offer, a request for it, and the node's own answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.number = 0

    def request(self, amount: int, *, issuer: str = "merchant", **fields: Any) -> InvoiceRequest:
        """Return a signed request for a new offer that can be paid once."""
        self.number += 1
        payer = SecretKey((1000 + self.number).to_bytes(32, "big"))
        args = OfferArgs(amount=f"{amount}msat", description=f"sale {self.number}", single_use=True)
        offer = Offer.from_string(self.world.node(issuer).books.offer(args).bolt12)
        unsigned = create_invoice_request(
            offer,
            metadata=bytes(16),
            payer_id=payer.public_key,
            amount=Msat(amount),
            **({"chain": REGTEST_CHAIN} | fields),
        )
        return unsigned.sign(payer, aux=bytes(32))

    def request_on(self, chain: bytes, amount: int) -> InvoiceRequest:
        """Return a signed request for an offer of the merchant's that is good on `chain` alone."""
        issuer = self.world.node("merchant").node_id
        offer = create_offer(description="elsewhere", chains=[chain], issuer_id=issuer)
        payer = SecretKey(b"\x0a" * 32)
        unsigned = create_invoice_request(
            offer, metadata=bytes(16), payer_id=payer.public_key, amount=Msat(amount), chain=chain
        )
        return unsigned.sign(payer, aux=bytes(32))

    def invoice(self, amount: int, *, issuer: str = "merchant") -> Invoice:
        """Return the issuer's invoice for a new sale."""
        request = self.request(amount, issuer=issuer)
        answer = self.world.node(issuer).books.answer(request.encode(), None)
        assert answer.invoice is not None
        return Invoice.decode(answer.invoice)


@pytest.fixture
def till(world: World) -> Till:
    """Sells in `world`."""
    return Till(world)


@pytest.fixture
def new_world() -> Callable[[], Any]:
    """Open any number of sandboxes in memory, each with a till."""

    @asynccontextmanager
    async def open_world() -> AsyncIterator[tuple[World, Till]]:
        async with _usual_world() as world:
            yield world, Till(world)

    return open_world
