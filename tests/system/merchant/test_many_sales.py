"""Two hundred sales at once at one node, one at each till: each is paid once, and no till hears of another's."""

import asyncio
import resource
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.node.base import MerchantNode
from bled.node.opening import NodeFiles, open_node
from bled.sales.charge import charge
from bled.sales.ledger import SaleLedger
from bled.sales.result import SaleResult
from bled.sales.states import Sale
from bled.sales.times import TIMES
from bled.sandbox.books import Books
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.books_store import BookStore
from bled.sandbox.node import SandboxNode
from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice import Invoice
from bled_codec.onion_message import Received
from bled_codec.units import Msat

from .stage import AMOUNT, READER, Meeting, Shop

pytestmark = pytest.mark.system

SALES = 200
EACH = 4
"""Sales over one introduction: a peer takes four onion messages at once, and drops what comes sooner than 250 ms."""
MEETING = 8
"""How many tills hand over their offer at the same time: a handshake has ten seconds, also on a busy machine."""
TOGETHER = replace(TIMES, node=60.0, resend=(10.0, 20.0), push=20.0, wait=15.0)
"""Nothing gets lost here: what is sent again and asked again only keeps a busy machine from its work."""


@pytest.fixture(autouse=True)
def enough_files() -> None:
    """Some files a till: more than a process may open by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


@pytest.fixture
async def hops(any_shop: Shop) -> AsyncIterator[list[SandboxNode]]:
    """The introductions of all buyers, each connected to home."""
    stores = [BookStore(None) for _ in range(SALES // EACH)]
    nodes = []
    for number, store in enumerate(stores):
        key = SecretKey(bytes([100, number]) * 16)
        books = Books(key=key, chain=REGTEST_CHAIN, store=store, clock=any_shop.network.clock)
        nodes.append(SandboxNode(alias=f"hop{number}", key=key, books=books, network=any_shop.network))
        nodes[-1].connect_peer(any_shop.home_node.node_id)
    yield nodes
    for store in stores:
        store.close()


class PatientHome:
    """Pays when an invoice of every sale is there: until then all of them are in flight."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.invoices: dict[bytes, Invoice] = {}
        shop.home_node.hook = self.take

    async def take(self, received: Received) -> bool:
        if received.payload.invoice is None:  # a request that was sent again after its sale was paid
            return True
        invoice = Invoice.decode(received.payload.invoice)
        self.invoices[invoice.invoice_payment_hash] = invoice
        if len(self.invoices) == SALES and not self._shop.home.paid:
            for waiting in self.invoices.values():
                self._shop.home.pay(waiting)
        return True


def path_over(shop: Shop, hop: SandboxNode) -> BlindedPath:
    data = [EncryptedData(next_node_id=shop.home_node.node_id), EncryptedData(path_id=b"\x05" * 32)]
    nodes = (hop.node_id, shop.home_node.node_id)
    return create_blinded_path(nodes, [part.encode() for part in data], session_key=SecretKey(b"\x15" * 32))


def files_of(shop: Shop, number: int) -> NodeFiles:
    """Return what the till of this number has: a folder of its own."""
    return NodeFiles(folder=shop.credentials, state=shop.folder / f"till-{number}")


async def sell(
    shop: Shop, number: int, *, node: MerchantNode, hop: SandboxNode, meeting: asyncio.Semaphore
) -> tuple[SaleResult, Sale]:
    """Sell at a till of its own: own ledger, own connection, another amount."""
    amount = Msat(AMOUNT + number)
    radio = Meeting(shop.buyer(paths=(path_over(shop, hop),), amount=amount))
    offered = asyncio.Event()

    def on_step(name: str, _: Mapping[str, object]) -> None:
        if name == "offer sent":
            offered.set()

    with SaleLedger.open(files_of(shop, number).state / "sales.sqlite") as ledger:
        async with meeting:
            selling = asyncio.create_task(
                charge(
                    node=node,
                    ledger=ledger,
                    central=radio,
                    amount=amount,
                    description="coffee",
                    clock=SystemClock(),
                    on_step=on_step,
                    reader=READER,
                    times=TOGETHER,
                )
            )
            selling.add_done_callback(lambda _: offered.set())
            await offered.wait()
        try:
            result = await selling
        finally:
            await radio.close()
        (sale,) = ledger.sales()
    return result, sale


async def test_two_hundred_sales_at_once_are_each_paid_once(any_shop: Shop, hops: list[SandboxNode]) -> None:
    shop, meeting = any_shop, asyncio.Semaphore(MEETING)
    home = PatientHome(shop)
    async with AsyncExitStack() as stack:
        nodes = []
        for number in range(SALES):  # one by one: each has five seconds, also on a busy machine
            files_of(shop, number).state.mkdir()
            nodes.append(await open_node(shop.address, files_of(shop, number)))
            stack.push_async_callback(nodes[-1].close)
        sales = (
            sell(shop, number, node=nodes[number], hop=hops[number // EACH], meeting=meeting) for number in range(SALES)
        )
        ended = await asyncio.gather(*sales)
    assert {result.code for result, _ in ended} == {Code.PAID}
    assert all(result.buyer_told for result, _ in ended)
    assert [sale.amount_received for _, sale in ended] == [AMOUNT + number for number in range(SALES)]
    assert len(home.invoices) == len(shop.invoices()) == SALES
    assert {row.status for row in shop.invoices()} == {InvoiceStatus.PAID}
    assert sorted(shop.home.paid) == sorted(sale.payment_hash for _, sale in ended)
    assert not shop.merchant.books.is_dead
    if shop.kind == "cln":
        assert not shop.is_open()
