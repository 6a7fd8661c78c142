"""What the cashier hears of earlier sales before the next one begins: nobody is to be charged twice."""

import asyncio

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.sales.charge import SaleResult, resume
from bled.sales.ledger import SaleLedger

from .stage import AMOUNT, QUICK, Meeting, Shop

pytestmark = pytest.mark.system


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def leave_open(shop: Shop) -> None:
    """Leave a sale behind that a buyer has signed for and nobody has paid."""
    shop.home.pays = False
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer()), description="flat white"))
    await shop.reached("invoice sent")
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    shop.home.pays = True


async def resumed(shop: Shop) -> tuple[SaleResult, ...]:
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            return await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=shop.note, times=QUICK)


def told(shop: Shop) -> list[str]:
    """Return what was said of earlier sales."""
    return [str(facts["earlier_sale"]) for name, facts in shop.steps if name == "sale resumed"]


def settle(shop: Shop) -> object:
    """Pay the invoice of the sale that was left behind; return the node's row."""
    (row,) = (row for row in shop.invoices() if row.payment_hash == shop.sales()[0].payment_hash)
    shop.merchant.books.settle(row.payment_hash, row.amount)
    return row


async def test_a_sale_that_was_paid_meanwhile_is_told_before_the_next_offer(shop: Shop) -> None:
    await leave_open(shop)
    settle(shop)
    shop.steps.clear()
    result = await shop.sell(Meeting(shop.buyer()), description="tea")
    names = shop.step_names
    assert names.index("sale resumed") < names.index("offer created")
    facts = dict(shop.steps)["sale resumed"]
    assert facts["earlier_sale"] == "PAID, do not charge for it again"
    assert (facts["amount_msat"], facts["description"]) == (AMOUNT, "flat white")
    assert facts["seconds_ago"] < 60
    assert "" not in facts.values()
    assert [earlier.sale_id for earlier in result.earlier] == [facts["sale_id"]]
    assert result.sale_id != facts["sale_id"]


async def test_a_sale_that_may_have_been_paid_is_told_as_such(shop: Shop) -> None:
    await leave_open(shop)
    shop.forget(settle(shop))
    await shop.sell(Meeting(shop.buyer()))
    assert told(shop) == ["PERHAPS PAID, look before charging for it again"]


async def test_a_sale_that_nobody_paid_is_told_as_such(shop: Shop) -> None:
    await leave_open(shop)
    shop.home.pays = False
    await resumed(shop)
    assert told(shop) == ["not paid, and it cannot be paid any more"]


async def test_what_is_told_fits_a_cashiers_line(cln_shop: Shop) -> None:
    cln_shop.home.pays = False
    selling = asyncio.create_task(cln_shop.sell(Meeting(cln_shop.buyer()), description="x" * 500))
    await cln_shop.reached("invoice sent")
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    settle(cln_shop)
    await resumed(cln_shop)
    facts = dict(cln_shop.steps)["sale resumed"]
    assert max(len(str(value)) for value in facts.values()) < 80


async def test_a_paid_sale_is_told_although_the_next_look_fails(
    cln_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older sale cannot be looked up: by then the newer one has been told already."""
    await leave_open(cln_shop)
    cln_shop.home.pays = False
    await resumed(cln_shop)
    (older,) = cln_shop.sales()
    selling = asyncio.create_task(cln_shop.sell(Meeting(cln_shop.buyer()), description="tea"))
    await cln_shop.reached("invoice sent")
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    cln_shop.steps.clear()
    newer = cln_shop.sales()[1]
    cln_shop.merchant.books.settle(newer.payment_hash, AMOUNT)
    listing = cln_shop.merchant.books.list_invoices

    def die_at_the_older(**conditions: object) -> object:
        if str(conditions.get("label")).startswith(older.offer_id.hex()):
            cln_shop.merchant.books.die()
        return listing(**conditions)

    monkeypatch.setattr(cln_shop.merchant.books, "list_invoices", die_at_the_older)
    with pytest.raises(BledError):
        await resumed(cln_shop)
    assert told(cln_shop) == ["PAID, do not charge for it again"]


async def test_a_result_that_was_never_given_is_told_by_the_next_run_once(shop: Shop) -> None:
    """The till is stopped while it waits for the buyer's last word: the money is here, the cashier saw no result."""
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer())))
    await shop.reached("paid")
    selling.cancel()
    await asyncio.gather(selling, return_exceptions=True)
    assert [result.code for result in await resumed(shop)] == [Code.PAID]
    assert told(shop) == ["PAID, do not charge for it again"]
    assert await resumed(shop) == ()


async def test_a_result_that_was_given_is_not_told_again(shop: Shop) -> None:
    await shop.sell(Meeting(shop.buyer()))
    await shop.sell(Meeting(shop.buyer()), description="tea")
    assert told(shop) == []
