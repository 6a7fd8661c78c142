"""The till's process is killed at each of its failpoints, over the real virtual radio; the next process goes on."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bled.codes import Code, Failpoint
from bled.errors import BledError
from bled.link.air_server import serve_air
from bled.link.radio import open_peripheral
from bled.progress import ignore_steps
from bled.sales.states import SaleState

from .stage import Buyer, Shop, be_met, open_shop

pytestmark = pytest.mark.system

SCRIPT = Path(__file__).with_name("till_process.py")
REFUND = "merchant.refund."
MERCHANT = [point for point in Failpoint if point.value.startswith("merchant.") and not point.value.startswith(REFUND)]
UNSIGNED = {Failpoint.MERCHANT_SALE_OPENED, Failpoint.MERCHANT_OFFER_CREATED}


@pytest.fixture
async def air() -> AsyncIterator[str]:
    async with serve_air("127.0.0.1:0") as address:
        yield address


async def run_till(shop: Shop, air: str, *, failpoint: str | None = None) -> tuple[int, list[tuple[str, object]]]:
    """Run one till to its end; return how it exited and what it printed."""
    environment = dict(os.environ) | ({} if failpoint is None else {"BLED_FAILPOINT": failpoint})
    arguments = (shop.address, str(shop.credentials), str(shop.ledger_path), air)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), *arguments, stdout=asyncio.subprocess.PIPE, env=environment
    )
    output, _ = await process.communicate()
    return process.returncode or 0, [tuple(json.loads(line)) for line in output.splitlines()]


async def meet(buyer: Buyer, air: str) -> None:
    """Be at the counter with a device until the till is gone."""
    radio = await open_peripheral(f"virtual:{air}")
    try:
        await buyer(await be_met(await radio.accept(seconds=10, on_step=ignore_steps)))
    except BledError:
        pass
    finally:
        await radio.close()


async def sell(shop: Shop, air: str, buyer: Buyer, *, failpoint: str | None = None):
    waiting = asyncio.create_task(meet(buyer, air))
    try:
        return await run_till(shop, air, failpoint=failpoint)
    finally:
        await asyncio.wait({waiting}, timeout=1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_sale_over_the_radio_is_paid(shop: Shop, air: str) -> None:
    buyer = shop.buyer()
    code, printed = await sell(shop, air, buyer)
    assert (code, printed[-1]) == (0, ("result", "paid"))
    assert buyer.statuses[-1].preimage is not None


@pytest.mark.parametrize("point", MERCHANT, ids=[point.value for point in MERCHANT])
async def test_a_till_that_is_killed_finds_its_sale_again(shop: Shop, air: str, point: Failpoint) -> None:
    code, _ = await sell(shop, air, shop.buyer(), failpoint=f"{point.value}=kill")
    assert code == -signal.SIGKILL
    code, printed = await sell(shop, air, shop.buyer())
    assert (code, printed[-1]) == (0, ("result", "paid"))
    first, second = shop.sales()
    assert second.state is SaleState.PAID
    assert first.state is (SaleState.CANCELLED if point in UNSIGNED else SaleState.PAID)
    assert first.code is (Code.CANCELLED if point in UNSIGNED else Code.PAID)
    assert shop.home.paid == [sale.payment_hash for sale in (first, second) if sale.is_paid]
    assert not shop.is_open()
    names = [name for name, _ in printed]
    told = printed[names.index("sale resumed")][1]["earlier_sale"]
    assert names.index("sale resumed") < names.index("offer created")
    assert told.startswith("not paid" if point in UNSIGNED else "PAID")
    assert all(sale.cashier_told for sale in (first, second))


@pytest.mark.parametrize(
    "point", [Failpoint.MERCHANT_REQUEST_STORED, Failpoint.MERCHANT_INVOICE_CREATED, Failpoint.MERCHANT_DELIVERED]
)
async def test_a_till_with_lnd_that_is_killed_finds_its_sale_again(tmp_path: Path, air: str, point: Failpoint) -> None:
    async with open_shop(tmp_path, kind="lnd") as shop:
        code, _ = await sell(shop, air, shop.buyer(), failpoint=f"{point.value}=kill")
        assert code == -signal.SIGKILL
        code, printed = await sell(shop, air, shop.buyer())
        assert (code, printed[-1]) == (0, ("result", "paid"))
        assert [sale.state for sale in shop.sales()] == [SaleState.PAID, SaleState.PAID]
        assert shop.home.paid == [sale.payment_hash for sale in shop.sales()]
        assert not shop.is_open()


def test_every_step_between_two_effects_is_in_this_test() -> None:
    assert len(MERCHANT) == 8
