"""Tips: the till takes the price and what it allows above it, and nothing else; all that follows counts the whole."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.gatt.messages import ErrorMessage, InvreqMessage, decode_message, encode_message
from bled.sales.charge import resume
from bled.sales.ledger import SaleLedger
from bled.sales.refund import Refunds, refund_node
from bled.sales.states import SaleState
from bled_codec.crypto import SecretKey
from bled_codec.offer import Offer
from bled_codec.units import Msat

from .refunding import buyer_with, received_at_home, refund_offer
from .stage import AMOUNT, QUICK, Greeted, Meeting, Shop

pytestmark = pytest.mark.system

MOST = Msat(3_000)


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


def received(shop: Shop) -> list[Msat]:
    return [invoice.invoice_amount for invoice in shop.home.invoices if invoice.invoice_payment_hash in shop.home.paid]


@pytest.mark.parametrize("tip", [0, 1, MOST])
async def test_price_and_tip_are_paid_kept_and_told_together(shop: Shop, tip: int) -> None:
    total = Msat(AMOUNT + tip)
    buyer = shop.buyer(amount=total)
    result = await shop.sell(Meeting(buyer), tip_max=MOST)
    assert buyer.offer is not None
    assert buyer.offer.tip_max == MOST
    assert (result.code, result.amount, result.tip, result.buyer_told) == (Code.PAID, total, tip, True)
    (sale,) = shop.sales()
    assert (sale.amount, sale.tip, sale.total, sale.amount_received) == (AMOUNT, tip, total, total)
    assert received(shop) == [total]
    assert buyer.statuses[-1].text is not None
    assert buyer.statuses[-1].text.startswith(f"{total} msat")
    verified = dict(shop.steps)["request verified"]
    assert (verified["price_msat"], verified["tip_msat"], verified["amount_msat"]) == (AMOUNT, tip, total)


@pytest.mark.parametrize("amount", [AMOUNT + MOST + 1, 2 * AMOUNT, 5 * AMOUNT])
async def test_more_than_the_till_allows_is_refused_before_the_node_hears_of_it(shop: Shop, amount: int) -> None:
    """The node itself takes up to five times the price."""
    buyer = shop.buyer(amount=Msat(amount))
    result = await shop.sell(Meeting(buyer), tip_max=MOST)
    assert (result.code, [type(message) for message in buyer.other]) == (Code.REQUEST_MISMATCH, [ErrorMessage])
    assert shop.sales()[-1].state is SaleState.CANCELLED
    assert not shop.invoices()


async def test_a_till_that_allows_no_tip_says_nothing_of_one_and_takes_none(shop: Shop) -> None:
    buyer = shop.buyer(amount=Msat(AMOUNT + 1))
    result = await shop.sell(Meeting(buyer))
    assert buyer.offer is not None
    assert (buyer.offer.tip_max, result.code) == (None, Code.REQUEST_MISMATCH)


async def test_an_old_payer_id_with_another_tip_gets_nothing(shop: Shop) -> None:
    key = SecretKey(b"\x0c" * 32)
    assert (await shop.sell(Meeting(shop.buyer(key=key)), tip_max=MOST)).code is Code.PAID
    again = await shop.sell(Meeting(shop.buyer(key=key, amount=Msat(AMOUNT + 1))), tip_max=MOST)
    assert again.code is Code.REQUEST_BAD
    assert received(shop) == [AMOUNT]


async def test_a_second_request_with_another_tip_changes_nothing(shop: Shop) -> None:
    async def undecided(line: Greeted) -> None:
        message = decode_message(await line.receive(seconds=20))
        offer = Offer.decode(message.offer)
        for amount in (AMOUNT + 1_000, AMOUNT + 2_000):
            request = replace(buyer, amount=Msat(amount)).request(offer)
            await line.send(encode_message(InvreqMessage(request=request.encode())))

    buyer = shop.buyer()
    result = await shop.sell(Meeting(undecided), tip_max=MOST)
    assert (result.code, result.tip) == (Code.PAID, 1_000)
    assert received(shop) == [AMOUNT + 1_000]


async def test_a_tip_is_in_what_a_stopped_till_finds_paid(shop: Shop) -> None:
    """The till was gone while the money came: the node's record counts for the whole of what was signed."""
    shop.home.pays = False
    buyer = shop.buyer(amount=Msat(AMOUNT + 500))
    selling = asyncio.create_task(shop.sell(Meeting(buyer), tip_max=MOST))
    await shop.reached("invoice sent")
    selling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await selling
    (made,) = {invoice.invoice_payment_hash: invoice for invoice in shop.home.invoices}.values()
    shop.home.pay(made)
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            (result,) = await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=shop.note, times=QUICK)
        (sale,) = ledger.sales()
    assert (result.code, result.amount, result.tip) == (Code.PAID, AMOUNT + 500, 500)
    assert (sale.is_paid, sale.amount_received) == (True, AMOUNT + 500)


async def test_a_refund_gives_the_tip_back_as_well_and_no_more(cln_shop: Shop) -> None:
    buyer = buyer_with(cln_shop, refund_offer(cln_shop))
    buyer.amount = Msat(AMOUNT + MOST)
    result = await cln_shop.sell(Meeting(buyer), tip_max=MOST)
    assert result.tip == MOST
    with SaleLedger.open(cln_shop.ledger_path) as ledger:
        async with cln_shop.node() as node:
            refunds = Refunds(refund_node(node), await node.info(), ledger, clock=SystemClock(), on_step=cln_shop.note)
            with pytest.raises(BledError, match="18000 of 18000 msat are left"):
                await refunds.pay(result.sale_id, amount=Msat(AMOUNT + MOST + 1))
            refund = await refunds.pay(result.sale_id)
    assert refund.amount == AMOUNT + MOST
    assert received_at_home(cln_shop) == [AMOUNT + MOST]


@pytest.mark.parametrize("tip_max", [-1, AMOUNT + 1])
async def test_a_till_does_not_offer_more_than_the_price_again(cln_shop: Shop, tip_max: int, tmp_path: Path) -> None:
    with pytest.raises(BledError) as caught:
        await cln_shop.sell(Meeting(cln_shop.buyer()), tip_max=Msat(tip_max))
    assert caught.value.code is Code.USAGE
    assert cln_shop.sales() == ()
