"""Two hundred sales at once at one node, one at each till: each is paid once, and no till hears of another's."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.sales.charge import charge
from bled.sales.ledger import SaleLedger
from bled.sales.result import SaleResult
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

from .stage import AMOUNT, READER, Meeting, Shop

pytestmark = pytest.mark.system

SALES = 200
EACH = 4
"""Sales over one introduction: a peer takes four onion messages at once, and drops what comes sooner than 250 ms."""
CONNECTIONS = 20


@pytest.fixture(autouse=True)
def enough_files() -> None:
    """Five files a till: more than a process may open by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


@pytest.fixture
async def hops(shop: Shop) -> AsyncIterator[list[SandboxNode]]:
    """The introductions of all buyers, each connected to home."""
    stores = [BookStore(None) for _ in range(SALES // EACH)]
    nodes = []
    for number, store in enumerate(stores):
        key = SecretKey(bytes([100, number]) * 16)
        books = Books(key=key, chain=REGTEST_CHAIN, store=store, clock=shop.network.clock)
        nodes.append(SandboxNode(alias=f"hop{number}", key=key, books=books, network=shop.network))
        nodes[-1].connect_peer(shop.home_node.node_id)
    yield nodes
    for store in stores:
        store.close()


class PatientHome:
    """Pays when an invoice of every sale is there."""

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


async def test_two_hundred_sales_at_once_are_each_paid_once(shop: Shop, hops: list[SandboxNode]) -> None:
    home = PatientHome(shop)
    async with AsyncExitStack() as stack:
        ledgers = [
            stack.enter_context(SaleLedger.open(shop.folder / f"till{number}" / "sales.sqlite"))
            for number in range(SALES)
        ]
        nodes = [await stack.enter_async_context(shop.node()) for _ in range(CONNECTIONS)]

        async def sell(number: int) -> SaleResult:
            radio = Meeting(shop.buyer(paths=(path_over(shop, hops[number // EACH]),)))
            try:
                return await charge(
                    node=nodes[number % CONNECTIONS],
                    ledger=ledgers[number],
                    central=radio,
                    amount=AMOUNT,
                    description=f"coffee at till {number}",
                    clock=SystemClock(),
                    on_step=shop.note,
                    reader=READER,
                    times=TIMES,
                )
            finally:
                await radio.close()

        results = await asyncio.gather(*(sell(number) for number in range(SALES)))
        sales = [sale for ledger in ledgers for sale in ledger.sales()]
    assert {result.code for result in results} == {Code.PAID}
    assert all(result.buyer_told for result in results)
    assert len(home.invoices) == len(shop.merchant.books.list_invoices()) == len(sales) == SALES
    assert {row.status for row in shop.merchant.books.list_invoices()} == {InvoiceStatus.PAID}
    assert sorted(shop.home.paid) == sorted(sale.payment_hash for sale in sales)
    assert not shop.is_open()
