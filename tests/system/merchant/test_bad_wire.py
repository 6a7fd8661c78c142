"""gRPC that is slow, cut or refused in the middle of a sale, and TLS that expires: no sale is told wrong for it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bled.clock import SystemClock
from bled.codes import OUTCOMES, Code, MoneyMoved
from bled.errors import BledError
from bled.node.opening import NodeFiles, open_node
from bled.sales.charge import SaleResult, resume
from bled.sales.ledger import SaleLedger
from bled.sandbox.certificates import ensure_certificates, ensure_server_certificate

from .stage import QUICK, Meeting, Nowhere, Shop
from .wire import Wire

pytestmark = pytest.mark.system

LONG_AGO = datetime.now(UTC) - timedelta(days=4000)
PATIENT = replace(QUICK, node=10.0)
CALLED = ["offer created", "request verified", "invoice created", "invoice sent"]


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


@pytest.fixture
async def wire(shop: Shop) -> AsyncIterator[Wire]:
    """The till reaches its node through this."""
    async with Wire(shop.target).run() as wire:
        shop.target = wire.target
        yield wire


async def go_on(shop: Shop) -> tuple[SaleResult, ...]:
    """Resume, and check that ledger, node and home tell the same."""
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            results = await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=shop.note, times=QUICK)
        assert ledger.open_sales() == ()
    assert [sale.payment_hash for sale in shop.sales() if sale.is_paid] == shop.home.paid
    assert not shop.is_open()
    return results


async def test_a_sale_over_a_slow_wire_is_paid(shop: Shop, wire: Wire) -> None:
    wire.delay = 0.1
    result = await shop.sell(Meeting(shop.buyer()), times=PATIENT)
    assert (result.code, result.buyer_told) == (Code.PAID, True)
    assert len(shop.home.paid) == 1


async def test_a_wire_that_is_too_slow_in_the_middle_of_a_sale_leaves_it_open_and_tells_no_lie(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("cln_grpc", "lnd_invoices", "lnd_messages"):
        monkeypatch.setattr(f"bled.node.{module}.CHANGE_SECONDS", 1.0)
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer()), times=replace(QUICK, node=0.1)))
    await shop.reached("request verified")
    wire.delay = 2.0
    result = await selling
    assert OUTCOMES[result.code].money_moved is MoneyMoved.UNKNOWN
    monkeypatch.undo()
    wire.delay = 0.0
    wire.cut()
    (after,) = await go_on(shop)
    assert after.code is Code.PAID
    assert len(shop.invoices()) == 1


@pytest.mark.parametrize("step", CALLED)
async def test_a_wire_that_is_cut_once_costs_the_sale_nothing(shop: Shop, wire: Wire, step: str) -> None:
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer()), times=PATIENT))
    await shop.reached(step)
    wire.cut()
    result = await selling
    assert result.code is Code.PAID
    assert len(shop.home.paid) == len(shop.invoices()) == 1


async def test_a_wire_that_refuses_from_the_request_on_leaves_a_sale_to_go_on_with(shop: Shop, wire: Wire) -> None:
    buyer = shop.buyer()
    selling = asyncio.create_task(shop.sell(Meeting(buyer), times=replace(QUICK, node=0.1)))
    await shop.reached("request verified")
    wire.refuses = True
    wire.cut()
    result = await selling
    assert OUTCOMES[result.code].money_moved is MoneyMoved.UNKNOWN
    with pytest.raises(BledError) as caught:
        await shop.sell(Nowhere())
    assert caught.value.code in (Code.NODE_UNREACHABLE, Code.NODE_TLS)
    wire.refuses = False
    (after,) = await go_on(shop)
    assert after.code is Code.PAID


def expire(shop: Shop, folder: Path) -> None:
    """Make `folder` credentials that ended long ago."""
    make = ensure_certificates if shop.kind == "cln" else ensure_server_certificate
    make(folder, now=LONG_AGO)


async def test_a_node_whose_certificate_has_expired_is_named_and_no_sale_begins(shop: Shop, tmp_path: Path) -> None:
    old = tmp_path / "old"
    expire(shop, old)
    await shop.server.stop()
    await shop.server.start(shop.merchant, folder=old)
    for path in shop.credentials.iterdir():
        if not (old / path.name).exists():
            (old / path.name).write_bytes(path.read_bytes())
    with pytest.raises(BledError) as caught:
        await open_with(shop, old)
    assert caught.value.code is Code.NODE_TLS
    assert "expired" in caught.value.detail
    assert shop.sales() == ()


async def open_with(shop: Shop, credentials: Path) -> None:
    node = await open_node(shop.address, NodeFiles(folder=credentials, state=shop.ledger_path.parent))
    await node.close()


async def test_a_certificate_that_expires_in_the_middle_of_a_sale_leaves_it_to_go_on_with(
    shop: Shop, tmp_path: Path
) -> None:
    expire(shop, tmp_path / "old")
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer()), times=replace(QUICK, node=0.3)))
    await shop.reached("request verified")
    await shop.server.stop()
    await shop.server.start(shop.merchant, folder=tmp_path / "old")
    result = await selling
    assert OUTCOMES[result.code].money_moved is MoneyMoved.UNKNOWN
    await shop.server.stop()
    await shop.revive()
    (after,) = await go_on(shop)
    assert after.code is Code.PAID
