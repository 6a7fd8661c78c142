"""The invoice on its way: lost onion messages, a home that is away, the second way, and the end of a sale's time."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bled.clock import ShiftedClock, SystemClock
from bled.codes import Code
from bled.gatt.messages import StatusCode
from bled.sales.charge import resume
from bled.sales.ledger import SaleLedger
from bled.sales.states import SaleState
from bled.sandbox.books_rows import Answer, InvoiceStatus
from bled.sandbox.grpc_calls import CALLS
from bled_codec.onion_message import Received
from bled_codec.units import UnixTime

from .stage import QUICK, Meeting, Nowhere, Shop, open_shop

pytestmark = pytest.mark.system


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def test_a_lost_message_is_sent_again_over_another_path(shop: Shop) -> None:
    lost = 0
    take = shop.home.take

    async def lose_two(received: Received) -> bool:
        nonlocal lost
        lost += 1
        return lost <= 2 or await take(received)

    shop.home_node.hook = lose_two
    result = await shop.sell(Meeting(shop.buyer(paths=shop.paths(2))))
    assert result.code is Code.PAID
    assert lost >= 3


async def test_a_node_that_does_not_answer_the_request_is_passed_by(
    cln_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cln_shop.merchant.books, "answer", lambda *_: Answer(invoice_error=b"\x05\x01x"))
    result = await cln_shop.sell(Meeting(cln_shop.buyer()))
    assert result.code is Code.PAID
    assert ("invoice sent again", {"way": "push"}) in cln_shop.steps


async def test_push_connects_to_the_introduction_first(cln_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cln_shop.merchant.books, "answer", lambda *_: Answer(invoice_error=b"\x05\x01x"))
    cln_shop.merchant.disconnect_peer(cln_shop.hop.node_id, force=True)
    result = await cln_shop.sell(Meeting(cln_shop.buyer()))
    assert result.code is Code.PAID


async def test_a_home_that_comes_back_pays(shop: Shop) -> None:
    take = shop.home.take
    away = asyncio.Event()

    async def be_away(received: Received) -> bool:
        away.set()
        return True

    async def come_back() -> None:
        await away.wait()
        shop.home_node.hook = take

    shop.home_node.hook = be_away
    coming = asyncio.create_task(come_back())
    result = await shop.sell(Meeting(shop.buyer()))
    await coming
    assert (result.code, result.buyer_told) == (Code.PAID, True)


async def test_every_invoice_that_reaches_home_is_the_same(shop: Shop) -> None:
    shop.home.pays = False
    selling = asyncio.create_task(shop.sell(Meeting(shop.buyer())))
    await shop.reached("invoice sent again")
    shop.home.pays = True
    await selling
    assert len(shop.home.invoices) >= 2
    assert len({invoice.encode() for invoice in shop.home.invoices}) == 1


async def test_a_sale_whose_time_runs_out_is_closed_and_the_buyer_is_told(shop: Shop) -> None:
    shop.home.pays = False
    buyer = shop.buyer()
    short = replace(QUICK, offer=2, offer_left=0, invoice_left=0, offer_spread=0)
    result = await shop.sell(Meeting(buyer), times=short)
    assert (result.code, result.buyer_told) == (Code.SALE_EXPIRED, True)
    assert shop.sales()[0].state is SaleState.EXPIRED
    assert buyer.statuses[-1].code is StatusCode.EXPIRED
    assert not shop.is_open()


async def test_no_invoice_is_made_with_too_little_time_left(shop: Shop) -> None:
    result = await shop.sell(Meeting(shop.buyer()), times=replace(QUICK, offer_left=0, invoice_left=500))
    assert result.code is Code.SALE_EXPIRED
    assert not shop.invoices()


async def test_an_offer_that_got_too_old_is_made_anew(cln_shop: Shop) -> None:
    class Slow(Meeting):
        async def connect(self, **arguments: object) -> object:
            clock.shift = 150
            return await super().connect(**arguments)

    class Moving:
        shift = 0

        def now(self) -> UnixTime:
            return ShiftedClock(self.shift).now()

        def monotonic(self) -> float:
            return SystemClock().monotonic()

    clock = Moving()
    buyer = cln_shop.buyer()
    result = await cln_shop.sell(Slow(buyer), clock=clock)
    assert result.code is Code.PAID
    assert cln_shop.step_names[:4] == ["offer created", "offer created", "compare code", "offer sent"]
    assert buyer.offer is not None
    assert buyer.offer.valid_for >= 299
    assert len(cln_shop.merchant.books.list_offers()) == 2


async def test_a_payment_that_is_found_after_the_end_is_paid_late(
    cln_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cln_shop.home.pays = False
    short = replace(QUICK, offer=2, offer_left=0, invoice_left=0, offer_spread=0)
    await cln_shop.sell(Meeting(cln_shop.buyer()), times=short)
    invoice = cln_shop.invoices()[0]
    paid = replace(
        invoice,
        status=InvoiceStatus.PAID,
        amount_received=invoice.amount,
        paid_at=UnixTime(invoice.expires_at + 1),
        pay_index=1,
    )
    monkeypatch.setattr(cln_shop.merchant.books, "list_invoices", lambda **_: [paid])
    with SaleLedger.open(cln_shop.ledger_path) as ledger:
        async with cln_shop.node() as node:
            results = await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=cln_shop.note)
            again = await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=cln_shop.note)
    assert [(result.code, result.preimage) for result in results] == [(Code.PAID, invoice.preimage)]
    assert again == ()
    assert cln_shop.sales()[0].state is SaleState.PAID_LATE


async def test_more_equal_sales_than_seconds_are_possible(shop: Shop) -> None:
    for _ in range(12):
        result = await shop.sell(Nowhere())
        assert result.code is Code.NO_BUYER


async def test_a_silent_introduction_is_not_taken_for_a_dead_node(
    cln_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait_for_ever(*_: object) -> object:
        return await asyncio.Event().wait()

    monkeypatch.setitem(CALLS, "ConnectPeer", replace(CALLS["ConnectPeer"], handler=wait_for_ever))
    monkeypatch.setattr("bled.node.cln_grpc.CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(cln_shop.merchant.books, "answer", lambda *_: Answer(invoice_error=b"\x05\x01x"))
    await cln_shop.server.stop()
    await cln_shop.revive()
    short = replace(QUICK, offer=3, offer_left=0, invoice_left=0, offer_spread=0)
    result = await cln_shop.sell(Meeting(cln_shop.buyer()), times=short)
    assert result.code is Code.SALE_EXPIRED
    refused = [facts for name, facts in cln_shop.steps if name == "invoice not sent"]
    assert refused[0] == {"way": "push", "detail": "the path's introduction does not answer"}


async def test_lnd_connects_to_the_introduction_when_it_has_to(tmp_path: Path) -> None:
    """The connection breaks once LND has made its invoice; without a channel there would be none."""
    async with open_shop(tmp_path, kind="lnd") as shop:
        make = shop.merchant.books.add_invoice

        def make_and_part(**terms: object) -> object:
            row = make(**terms)
            shop.merchant.disconnect_peer(shop.hop.node_id, force=True)
            return row

        shop.merchant.books.add_invoice = make_and_part
        result = await shop.sell(Meeting(shop.buyer()))
        assert result.code is Code.PAID
        assert shop.server.calls["ConnectPeer"] == 1


async def test_without_a_way_for_the_money_lnd_makes_no_invoice_and_the_sale_ends(tmp_path: Path) -> None:
    async with open_shop(tmp_path, kind="lnd") as shop:
        shop.merchant.disconnect_peer(shop.hop.node_id, force=True)
        result = await shop.sell(Meeting(shop.buyer()))
        assert result.code is Code.PAYMENT_FAILED
        assert "could not find any routes" in result.detail
        assert not shop.is_open()
