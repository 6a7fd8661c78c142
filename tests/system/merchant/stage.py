"""A shop: a stock-like node behind real gRPC and TLS, a home that pays, and buyers that keep or break the protocol."""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import PeerError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import Meeting as WayToMeet
from bled.gatt.engagement import OpenMeeting
from bled.gatt.messages import (
    InvreqMessage,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    decode_message,
    encode_message,
)
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import SERVICE_UUID
from bled.link.base import LinkStats
from bled.link.handshaking import be_greeted
from bled.node.base import MerchantNode
from bled.node.opening import NodeFiles, open_node
from bled.progress import OnStep
from bled.sales.charge import SaleResult, charge
from bled.sales.ledger import Sale, SaleLedger
from bled.sales.times import TIMES, Times
from bled.sandbox.accounts import Accounts
from bled.sandbox.books import Books
from bled.sandbox.books_paths import PrivateChannel
from bled.sandbox.books_rows import InvoiceRow, InvoiceStatus
from bled.sandbox.books_store import BookStore
from bled.sandbox.channels import Channel
from bled.sandbox.grpc_server import GrpcServer
from bled.sandbox.lnd_books import LndBooks, LndError, LndInvoice
from bled.sandbox.lnd_server import LndServer
from bled.sandbox.network import Network
from bled.sandbox.node import SandboxNode
from bled.sandbox.rpc_error import NodeDied, RpcError
from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path, pad_to_one_length, unblind
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer
from bled_codec.onion_message import Received
from bled_codec.units import Msat, Point

AMOUNT = Msat(15_000)
KEYS = {alias: SecretKey(bytes([60 + number]) * 32) for number, alias in enumerate(("merchant", "hop", "home"))}
READER = X25519Key(b"\x52" * 32)
QUICK = replace(
    TIMES,
    node=0.4,
    node_retry=0.05,
    wait=0.2,
    resend=(0.1, 0.1, 0.2),
    push=0.3,
    resend_later=0.5,
    resume=0.6,
    pace=0.01,
    rejoin=2.0,
)
"""The waits shortened; what is promised to buyer and home stays as it is."""


class Line:
    """One end of an in-memory link: whole messages, in order."""

    att_mtu = 517
    peer = "in memory"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    def __init__(self) -> None:
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._channel: object = PlainChannel()
        self.other: Line = self
        self.open = True
        self.sent = -1
        self.drop_after: int | None = None
        """The link breaks once this many messages left from this end after its hello; 0: before the first."""

    def secure(self, channel: object, *, frame_limit: int) -> None:
        self._channel = channel

    async def send(self, message: bytes, *, answered: bool = False) -> None:
        if self.drop_after == self.sent:
            await self.close()
        if not self.open:
            raise Unavailable(Code.LINK_LOST)
        self.sent += 1
        self.other._inbox.put_nowait(self._channel.seal(message))

    async def receive(self, *, seconds: float) -> bytes:
        if not self.open and self._inbox.empty():
            raise Unavailable(Code.LINK_LOST)
        try:
            async with asyncio.timeout(seconds):
                message = await self._inbox.get()
        except TimeoutError:
            raise Unavailable(Code.PEER_TIMEOUT) from None
        if message is None:
            raise Unavailable(Code.LINK_LOST)
        return self._channel.open(message)

    async def close(self) -> None:
        if self.open:
            self.open = self.other.open = False
            self._inbox.put_nowait(None)
            self.other._inbox.put_nowait(None)


def line_pair() -> tuple[Line, Line]:
    """Return both ends."""
    till, buyer = Line(), Line()
    till.other, buyer.other = buyer, till
    return till, buyer


class Greeted:
    """A device's private link, on which the till's first message is still to be read."""

    def __init__(self, line: Line, opening: bytes) -> None:
        self._line = line
        self._opening: bytes | None = opening

    async def send(self, message: bytes) -> None:
        await self._line.send(message)

    async def receive(self, *, seconds: float) -> bytes:
        if self._opening is not None:
            opening, self._opening = self._opening, None
            return opening
        return await self._line.receive(seconds=seconds)

    async def close(self) -> None:
        await self._line.close()


async def be_met(line: Line, meeting: WayToMeet | None = None) -> Greeted:
    """Do the device's part of the handshake."""
    opening, _ = await be_greeted(line, meeting=meeting or OpenMeeting(), before_hs2=lambda: None)
    return Greeted(line, opening)


class Meeting:
    """A till's radio that finds `buyer` at once; `greet` is the device's part of the handshake.

    A device that does not have HS3 knows no name to come back under: it is there under its first one alone.
    """

    def __init__(
        self,
        buyer: Callable[[Greeted], Awaitable[None]],
        *,
        tune: Callable[[Line, Line], None] | None = None,
        greet: Callable[[Line], Awaitable[Greeted]] = be_met,
    ) -> None:
        self._buyer = buyer
        self._tune = tune
        self._greet = greet
        self.uuids: list[UUID] = []
        self._task: asyncio.Task[None] | None = None

    async def connect(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> Line:
        self.uuids.append(uuid)
        till, buyer = line_pair()
        if self._tune is not None:
            self._tune(till, buyer)
        self._task = asyncio.create_task(self._run(buyer))
        return till

    async def connect_any(self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]) -> tuple[UUID, Line]:
        name = self.uuids[0] if self.uuids else uuids[-1]
        if name not in uuids:
            await asyncio.sleep(seconds)
            raise Unavailable(Code.NO_BUYER)
        return name, await self.connect(seconds=seconds, on_step=on_step, uuid=name)

    async def _run(self, line: Line) -> None:
        try:
            await self._buyer(await self._greet(line))
        except (PeerError, Unavailable):
            pass
        finally:
            await line.close()

    async def close(self) -> None:
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=2)  # it reads what was said to it, then finds the link closed
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class Nowhere:
    """A till's radio that finds nobody."""

    async def connect(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> Line:
        raise Unavailable(Code.NO_BUYER)

    async def connect_any(self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]) -> tuple[UUID, Line]:
        raise Unavailable(Code.NO_BUYER)

    async def close(self) -> None:
        pass


@dataclass
class Buyer:
    """A buyer's device that keeps the protocol; `alter` makes it send something else than it should."""

    paths: tuple[BlindedPath, ...]
    key: SecretKey = field(default_factory=lambda: SecretKey(secrets.token_bytes(32)))
    amount: Msat | None = AMOUNT
    alter: Callable[[InvoiceRequest], bytes] = InvoiceRequest.encode
    repeat: int = 1
    offer: OfferMessage | None = None
    statuses: list[StatusMessage] = field(default_factory=list)
    other: list[object] = field(default_factory=list)

    async def __call__(self, line: Greeted) -> None:
        message = decode_message(await line.receive(seconds=20))
        assert isinstance(message, OfferMessage)
        self.offer = message
        request = self.alter(self.request(Offer.decode(message.offer)))
        for _ in range(self.repeat):
            await line.send(encode_message(InvreqMessage(request=request)))
        await self._listen(line)

    def request(self, offer: Offer) -> InvoiceRequest:
        unsigned = create_invoice_request(
            offer,
            metadata=b"\x01" * 24,
            payer_id=self.key.public_key,
            amount=self.amount,
            chain=REGTEST_CHAIN,
            paths=self.paths,
        )
        return unsigned.sign(self.key, aux=bytes(32))

    async def _listen(self, line: Greeted) -> None:
        while True:
            message = decode_message(await line.receive(seconds=20))
            if not isinstance(message, StatusMessage):
                self.other.append(message)
                continue
            self.statuses.append(message)
            if message.code not in (StatusCode.RECEIVED, StatusCode.INVOICE_SENT):
                await line.send(encode_message(StatusAck(code=message.code)))


@dataclass
class Home:
    """The buyer's node: pays every invoice that reaches it, once, while `pays`."""

    merchant: SandboxNode
    pays: bool = True
    invoices: list[Invoice] = field(default_factory=list)
    paid: list[bytes] = field(default_factory=list)

    async def take(self, received: Received) -> bool:
        if received.payload.invoice is None:
            return False
        invoice = Invoice.decode(received.payload.invoice)
        self.invoices.append(invoice)
        if self.pays and invoice.invoice_payment_hash not in self.paid:
            self.pay(invoice)
        return True

    def pay(self, invoice: Invoice) -> None:
        """Pay one invoice, if the merchant's node takes it."""
        try:
            if self.merchant.books.accept(*self._payment(invoice)):
                self.merchant.books.settle(invoice.invoice_payment_hash, invoice.invoice_amount)
                self.paid.append(invoice.invoice_payment_hash)
        except (RpcError, LndError, NodeDied):
            return

    def _payment(self, invoice: Invoice) -> tuple[bytes, Msat, bytes]:
        """Return what arrives at the merchant over the invoice's first path."""
        keys = {key.public_key: key for key in KEYS.values()}
        path = invoice.invoice_paths[0]
        node, path_key = Point(path.first_node_id), path.first_path_key
        for hop in path.hops:
            opened = unblind(keys[node], path_key, hop.encrypted_recipient_data)
            data = EncryptedData.decode(opened.data)
            channel = self.merchant.network.channel(data.short_channel_id or b"")
            following = node if channel is None else channel.other(node)
            node, path_key = data.next_node_id or following, opened.next_path_key
        assert node == self.merchant.node_id
        return invoice.invoice_payment_hash, invoice.invoice_amount, data.path_id or b""


@dataclass
class Shop:
    """Everything on the stage."""

    folder: Path
    target: str
    server: GrpcServer | LndServer
    merchant: SandboxNode
    hop: SandboxNode
    home_node: SandboxNode
    home: Home
    network: Network
    steps: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    awaited: dict[str, asyncio.Event] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """cln or lnd."""
        return "lnd" if isinstance(self.server, LndServer) else "cln"

    @property
    def address(self) -> str:
        return f"{self.kind}://{self.target}"

    @property
    def files(self) -> NodeFiles:
        return NodeFiles(folder=self.credentials, state=self.ledger_path.parent)

    @property
    def credentials(self) -> Path:
        return self.folder / "tls"

    @property
    def ledger_path(self) -> Path:
        return self.folder / "till" / "sales.sqlite"

    def note(self, name: str, facts: Mapping[str, object]) -> None:
        self.steps.append((name, facts))
        if name in self.awaited:
            self.awaited[name].set()

    async def reached(self, step: str) -> None:
        """Wait until the next time that `step` is told."""
        self.awaited[step] = asyncio.Event()
        await self.awaited[step].wait()

    @property
    def step_names(self) -> list[str]:
        return [name for name, _ in self.steps]

    def paths(self, count: int = 1) -> tuple[BlindedPath, ...]:
        """Return the buyer's reply paths: over hop to home."""
        data = pad_to_one_length(
            [EncryptedData(next_node_id=self.home_node.node_id), EncryptedData(path_id=b"\x05" * 32)]
        )
        nodes = (self.hop.node_id, self.home_node.node_id)
        return tuple(
            create_blinded_path(nodes, data, session_key=SecretKey(bytes([20 + number]) * 32))
            for number in range(count)
        )

    def buyer(self, **changes: object) -> Buyer:
        return Buyer(**{"paths": self.paths(), **changes})

    @asynccontextmanager
    async def node(self) -> AsyncIterator[MerchantNode]:
        node = await open_node(self.address, self.files)
        try:
            yield node
        finally:
            await node.close()

    async def revive(self) -> None:
        """Start the merchant's node again where it was."""
        await self.server.start(self.merchant, folder=self.credentials)

    async def sell(self, radio: object, *, times: Times = QUICK, clock: object = None, **changes: object) -> SaleResult:
        """Run one `charge` with everything opened and closed around it."""
        terms = {"amount": AMOUNT, "description": "coffee"} | changes
        try:
            with SaleLedger.open(self.ledger_path) as ledger:
                async with self.node() as node:
                    return await charge(
                        node=node,
                        ledger=ledger,
                        central=radio,
                        clock=clock or SystemClock(),
                        on_step=self.note,
                        reader=READER,
                        times=times,
                        **terms,
                    )
        finally:
            await radio.close()

    def invoices(self) -> Sequence[InvoiceRow | LndInvoice]:
        """Return what the merchant's node has, oldest first."""
        return self.merchant.books.list_invoices()

    def forget(self, row: InvoiceRow | LndInvoice) -> None:
        """Have the node lose an invoice."""
        if isinstance(self.merchant.books, LndBooks):
            self.merchant.books.forget(row.payment_hash)
        else:
            self.merchant.books.del_invoice(row.label, self.merchant.books.list_invoices(label=row.label)[0].status)

    def close_at_node(self) -> None:
        """Have the node's owner end what is open: Core Lightning's offers, LND's invoices."""
        if isinstance(self.merchant.books, LndBooks):
            for row in self.invoices():
                self.merchant.books.cancel(row.payment_hash)
        else:
            for offer in self.merchant.books.list_offers(active_only=True):
                self.merchant.books.disable_offer(offer.offer_id)

    def is_open(self) -> bool:
        """Say whether anything can still be asked of an offer of the till, or be paid."""
        if isinstance(self.merchant.books, LndBooks):
            return any(row.status is InvoiceStatus.UNPAID for row in self.invoices()) or bool(self._open_issued())
        return bool(self.merchant.books.list_offers(active_only=True))

    def _open_issued(self) -> list[object]:
        with contextlib.closing(sqlite3.connect(self.ledger_path.parent / "issuer.sqlite")) as db:
            open_offers = db.execute("SELECT offer_id FROM offers WHERE is_open = 1").fetchall()
            invoices = db.execute("SELECT offer_id, payment_hash FROM invoices").fetchall()
        paid = {row.payment_hash for row in self.invoices() if row.status is InvoiceStatus.PAID}
        used = {offer_id for offer_id, payment_hash in invoices if payment_hash in paid}
        return [offer_id for (offer_id,) in open_offers if offer_id not in used]

    def sales(self) -> tuple[Sale, ...]:
        with SaleLedger.open(self.ledger_path) as ledger:
            return ledger.sales()


@asynccontextmanager
async def open_shop(folder: Path, *, private: bool = False, kind: str = "cln") -> AsyncIterator[Shop]:
    """Set the stage: merchant - hop - home, the merchant's node served over gRPC.

    A `private` merchant's only channel is known to its ends alone. `kind` is the merchant's node: cln or lnd.
    """
    clock = SystemClock()
    accounts = Accounts(None)
    stores = {alias: BookStore(folder / f"{alias}.sqlite") for alias in ("merchant", "hop", "home")}
    lnd = LndBooks(folder / "lnd.sqlite", clock=clock)
    server = LndServer() if kind == "lnd" else GrpcServer()
    try:
        async with Network(clock=clock, accounts=accounts) as network:
            way = PrivateChannel(peer=KEYS["hop"].public_key) if private else None
            nodes = [
                _node(alias, store, network, way if alias == "merchant" else None) for alias, store in stores.items()
            ]
            if kind == "lnd":
                nodes[0] = SandboxNode(alias="merchant", key=KEYS["merchant"], books=lnd, network=network)
            merchant, hop, home_node = nodes
            for scid, ends in {"101x1x0": (merchant, hop), "102x1x0": (hop, home_node)}.items():
                channel = Channel(
                    scid=scid, ends=(ends[0].node_id, ends[1].node_id), private=private and merchant in ends
                )
                network.add_channel(channel)
                for end in ends:
                    accounts.fund(scid, end.alias, Msat(1_000_000), at=clock.now())
            home = Home(merchant)
            home_node.hook = home.take
            target = await server.start(merchant, folder=folder / "tls")
            try:
                yield Shop(folder, target, server, merchant, hop, home_node, home, network)
            finally:
                await server.stop()
    finally:
        accounts.close()
        lnd.close()
        for store in stores.values():
            store.close()


def _node(alias: str, store: BookStore, network: Network, way: PrivateChannel | None) -> SandboxNode:
    books = Books(key=KEYS[alias], chain=REGTEST_CHAIN, store=store, clock=network.clock, channel=way)
    return SandboxNode(alias=alias, key=KEYS[alias], books=books, network=network)
