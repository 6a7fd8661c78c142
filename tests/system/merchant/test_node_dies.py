"""The merchant's node dies between any two calls, or with an answer on its lips; the next run goes on from there."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from bled.clock import SystemClock
from bled.codes import OUTCOMES, Code, MoneyMoved
from bled.errors import BledError
from bled.node.grpc_connection import GrpcConnection
from bled.sales.charge import SaleResult, resume
from bled.sales.ledger import SaleLedger
from bled.sandbox.rpc_error import NodeDied

from .stage import QUICK, Meeting, Shop, open_shop

pytestmark = pytest.mark.system

IMPATIENT = replace(QUICK, node=0.1, wait=0.1)
CALLS = {
    "cln": ["Getinfo", "Offer", "CreateInvoice", "InjectOnionMessage", "WaitInvoice"],
    "lnd": ["GetInfo", "AddInvoice", "DecodePayReq", "SendOnionMessage", "SubscribeSingleInvoice"],
}
"""Of a sale that goes well, behind the one that asks the node who it is. The first test keeps these lists honest."""
INVOICE_SIGNED = {"cln": CALLS["cln"].index("CreateInvoice"), "lnd": CALLS["lnd"].index("DecodePayReq")}
"""The call after which the till has an invoice."""
MID_SALE = {Code.NODE_DIED, Code.OUTCOME_UNKNOWN, Code.NODE_UNREACHABLE}


class Calls:
    """Counts the calls of the till's node adapter and lets the node die at one of them."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.methods: list[str] = []
        self.dies_before = self.dies_after = -1
        self.died = asyncio.Event()
        unary, stream = GrpcConnection.unary, GrpcConnection.stream

        async def call(connection: GrpcConnection, path: str, *args: object, **options: object) -> object:
            number = await self._before(shop, path)
            answer = await unary(connection, path, *args, **options)
            if number == self.dies_after:
                await shop.server.die()
                self.died.set()
            return answer

        async def listen(connection: GrpcConnection, path: str, *args: object, **options: object) -> object:
            await self._before(shop, path)
            async with aclosing(stream(connection, path, *args, **options)) as answers:
                async for answer in answers:
                    yield answer

        monkeypatch.setattr(GrpcConnection, "unary", call)
        monkeypatch.setattr(GrpcConnection, "stream", listen)

    async def _before(self, shop: Shop, path: str) -> int:
        self.methods.append(path.rpartition("/")[2])
        if len(self.methods) - 1 == self.dies_before:
            await shop.server.die()
        return len(self.methods) - 1


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


@pytest.fixture
def calls(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(shop, monkeypatch)


async def go_on(shop: Shop) -> tuple[SaleResult, ...]:
    """Bring the node back, resume, check that books and ledger agree, and sell something else."""
    await shop.revive()
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            results = await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=shop.note, times=QUICK)
        assert ledger.open_sales() == ()
    sales = shop.sales()
    assert [sale.payment_hash for sale in sales if sale.is_paid] == shop.home.paid
    after = await shop.sell(Meeting(shop.buyer()), description="something else")
    assert after.code is Code.PAID
    assert len(shop.home.paid) == len(set(shop.home.paid)) == sum(sale.is_paid for sale in shop.sales())
    return results


async def test_the_calls_of_a_sale_are_these(shop: Shop, calls: Calls) -> None:
    await shop.sell(Meeting(shop.buyer()))
    assert calls.methods == CALLS[shop.kind]


@pytest.mark.parametrize("number", range(1, 5))
async def test_a_node_that_dies_before_a_call_leaves_a_sale_to_go_on_with(
    shop: Shop, calls: Calls, number: int
) -> None:
    calls.dies_before = number
    result = await shop.sell(Meeting(shop.buyer()), times=IMPATIENT)
    assert result.code in MID_SALE
    assert result.detail
    await go_on(shop)


@pytest.mark.parametrize("number", range(1, 4))
async def test_a_node_that_dies_after_a_call_leaves_a_sale_to_go_on_with(shop: Shop, calls: Calls, number: int) -> None:
    calls.dies_after = number
    shop.home.pays = False
    result = await shop.sell(Meeting(shop.buyer()), times=IMPATIENT)
    assert result.code in MID_SALE
    shop.home.pays = True
    await go_on(shop)


async def test_a_node_that_dies_before_the_sale_leaves_none(shop: Shop, calls: Calls) -> None:
    calls.dies_before = 0
    with pytest.raises(BledError) as caught:
        await shop.sell(Meeting(shop.buyer()))
    assert caught.value.code in (Code.NODE_UNREACHABLE, Code.NODE_DIED)
    assert shop.sales() == ()


@pytest.mark.parametrize("effect", ["offer", "create_invoice", "add_invoice"])
async def test_an_answer_that_the_node_took_to_its_grave_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, effect: str
) -> None:
    async with open_shop(tmp_path, kind="lnd" if effect == "add_invoice" else "cln") as shop:
        books = shop.merchant.books
        original: Callable[..., object] = getattr(books, effect)

        def die_afterwards(*args: object, **terms: object) -> object:
            original(*args, **terms)
            books.die()
            raise NodeDied

        monkeypatch.setattr(books, effect, die_afterwards)
        result = await shop.sell(Meeting(shop.buyer()), times=IMPATIENT)
        assert result.code is Code.NODE_DIED
        monkeypatch.undo()
        results = await go_on(shop)
        assert [result.code for result in results] == [Code.CANCELLED if effect == "offer" else Code.PAID]
        assert not shop.is_open()


async def test_a_node_that_dies_while_it_cancels_is_asked_again(
    cln_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = cln_shop.merchant.books
    disable = books.disable_offer

    def die_afterwards(offer_id: bytes) -> object:
        disable(offer_id)
        books.die()
        raise NodeDied

    monkeypatch.setattr(books, "disable_offer", die_afterwards)
    result = await cln_shop.sell(Meeting(cln_shop.buyer(paths=())), times=IMPATIENT)
    assert result.code is Code.NODE_DIED
    monkeypatch.undo()
    results = await go_on(cln_shop)
    assert [result.code for result in results] == [Code.CANCELLED]


async def test_a_node_that_comes_back_in_time_is_paid_in_the_same_run(shop: Shop, calls: Calls) -> None:
    calls.dies_after = INVOICE_SIGNED[shop.kind]

    async def repair() -> None:
        await calls.died.wait()
        await shop.revive()

    repairing = asyncio.create_task(repair())
    buyer = shop.buyer()
    result = await shop.sell(Meeting(buyer), times=replace(QUICK, node=10.0))
    await repairing
    assert (result.code, result.buyer_told) == (Code.PAID, True)
    assert len(shop.home.paid) == 1


async def test_the_result_of_a_dead_node_never_says_that_no_money_moved(shop: Shop, calls: Calls) -> None:
    calls.dies_after = 3
    buyer = shop.buyer()
    result = await shop.sell(Meeting(buyer), times=IMPATIENT)
    assert result.code is Code.NODE_DIED
    assert OUTCOMES[result.code].money_moved is MoneyMoved.UNKNOWN
    assert (result.invoice is not None, result.preimage) == (True, None)
    assert [getattr(message, "code", None) for message in buyer.other] == [0x000C]
