"""Whatever breaks, in any combination: after the next run ledger and node agree, and nothing is left open."""

import asyncio
import contextlib
import random
from dataclasses import replace
from pathlib import Path

import pytest

from bled.clock import SystemClock
from bled.errors import BledError
from bled.node.grpc_connection import GrpcConnection
from bled.sales.charge import resume
from bled.sales.ledger import SaleLedger
from bled.sandbox.books_rows import InvoiceStatus

from .stage import QUICK, Line, Meeting, Shop, open_shop

pytestmark = pytest.mark.system

IMPATIENT = replace(QUICK, rejoin=1.0, node=0.1, wait=0.1, resume=0.4)
SHORT = replace(IMPATIENT, offer=2, offer_left=0, invoice_left=0, offer_spread=0)


class Chaos:
    """What goes wrong in one sale, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - the same in every run
        self.private = draw.random() < 0.4
        self.home_pays = draw.random() < 0.7
        self.paths = draw.choice([1, 2])
        self.till_drops = draw.choice([None, None, 0, 1, 2, 3])
        self.buyer_drops = draw.choice([None, None, 0, 1])
        self.node_dies_at = draw.choice([None, *range(2, 12)])
        self.node_back_after = draw.choice([None, 0.05, 0.3])
        self.till_stopped_after = draw.choice([None, None, 0.02, 0.1, 0.3])

    def tune(self, till: Line, buyer: Line) -> None:
        till.drop_after, buyer.drop_after = self.till_drops, self.buyer_drops


def let_node_die(shop: Shop, chaos: Chaos, patch: pytest.MonkeyPatch, repairs: asyncio.TaskGroup) -> None:
    original, count = GrpcConnection.unary, 0

    async def repair(after: float) -> None:
        await asyncio.sleep(after)
        await shop.revive()

    async def call(connection: GrpcConnection, path: str, *args: object, **options: object) -> object:
        nonlocal count
        count += 1
        if count == chaos.node_dies_at:
            await shop.server.die()
            if chaos.node_back_after is not None:
                repairs.create_task(repair(chaos.node_back_after))
        return await original(connection, path, *args, **options)

    patch.setattr(GrpcConnection, "unary", call)


@pytest.mark.parametrize(
    ("kind", "seed"), [*(("cln", seed) for seed in range(10)), *(("lnd", seed) for seed in range(8))]
)
async def test_ledger_and_node_agree_after_the_next_run(tmp_path: Path, kind: str, seed: int) -> None:
    chaos = Chaos(seed)
    async with open_shop(tmp_path, private=chaos.private, kind=kind) as shop:
        shop.home.pays = chaos.home_pays
        with pytest.MonkeyPatch.context() as patch:
            async with asyncio.TaskGroup() as repairs:
                let_node_die(shop, chaos, patch, repairs)
                radio = Meeting(shop.buyer(paths=shop.paths(chaos.paths)), tune=chaos.tune)
                selling = asyncio.create_task(shop.sell(radio, times=IMPATIENT if chaos.home_pays else SHORT))
                if chaos.till_stopped_after is not None:
                    await asyncio.sleep(chaos.till_stopped_after)
                    selling.cancel()
                with contextlib.suppress(BledError, asyncio.CancelledError):
                    await selling
        if shop.merchant.books.is_dead:
            await shop.revive()
        shop.home.pays = True
        with SaleLedger.open(shop.ledger_path) as ledger:
            async with shop.node() as node:
                await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=shop.note, times=QUICK)
            assert ledger.open_sales() == ()
        assert [sale.payment_hash for sale in shop.sales() if sale.is_paid] == shop.home.paid
        assert [row.payment_hash for row in shop.invoices() if row.status is InvoiceStatus.PAID] == shop.home.paid
        assert not shop.is_open()
