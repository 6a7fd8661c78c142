"""Money back to the buyer of a sale: once, within the sale, and looked up when nobody heard how it went."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bled.clock import SystemClock
from bled.codes import OUTCOMES, Code, Failpoint
from bled.errors import BledError, Unavailable
from bled.node.grpc_connection import GrpcConnection
from bled.sales.charge import resume
from bled.sales.ledger import SaleLedger
from bled.sales.refund import SETTLE_SECONDS, Refunds, refund_node
from bled.sales.refund_states import Refund, RefundState
from bled_codec.units import Msat

from .refunding import Later, received_at_home, refund_offer, sold
from .stage import AMOUNT, KEYS, QUICK, Meeting, Shop, open_shop

pytestmark = pytest.mark.system


async def give_back(shop: Shop, sale_id: str, *, clock: object = None, **terms: Any) -> Refund:
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            refunds = Refunds(
                refund_node(node), await node.info(), ledger, clock=clock or SystemClock(), on_step=shop.note
            )
            return await refunds.pay(sale_id, **terms)


def refunds_of(shop: Shop) -> tuple[Refund, ...]:
    with SaleLedger.open(shop.ledger_path) as ledger:
        return ledger.refunds.all()


async def test_a_sale_is_given_back_whole_and_once(shop: Shop) -> None:
    sale = await sold(shop)
    refund = await give_back(shop, sale)
    assert (refund.state, refund.amount, refund.preimage is not None) == (RefundState.REFUNDED, AMOUNT, True)
    assert received_at_home(shop) == [AMOUNT]
    with pytest.raises(BledError, match="given back already") as caught:
        await give_back(shop, sale)
    assert caught.value.code is Code.REFUND_REFUSED
    assert received_at_home(shop) == [AMOUNT]


async def test_parts_of_a_sale_are_given_back_until_nothing_is_left(shop: Shop) -> None:
    sale = await sold(shop)
    parts = [await give_back(shop, sale, amount=Msat(part)) for part in (4_000, 1_000)]
    parts.append(await give_back(shop, sale))
    assert [refund.amount for refund in parts] == received_at_home(shop) == [4_000, 1_000, 10_000]
    assert {refund.state for refund in parts} == {RefundState.REFUNDED}


async def test_no_more_than_the_sale_received_is_given_back(shop: Shop) -> None:
    sale = await sold(shop)
    await give_back(shop, sale, amount=Msat(4_000))
    with pytest.raises(BledError, match="11000 of 15000 msat are left") as caught:
        await give_back(shop, sale, amount=Msat(11_001))
    assert caught.value.code is Code.REFUND_REFUSED
    assert received_at_home(shop) == [4_000]


async def test_a_sale_that_was_not_paid_is_not_given_back(shop: Shop) -> None:
    result = await shop.sell(Meeting(shop.buyer(paths=())))
    with pytest.raises(BledError, match="nothing was received") as caught:
        await give_back(shop, result.sale_id)
    assert caught.value.code is Code.REFUND_REFUSED


async def test_a_sale_that_is_not_there_is_a_wrong_argument(shop: Shop) -> None:
    with pytest.raises(BledError) as caught:
        await give_back(shop, "00")
    assert caught.value.code is Code.USAGE


async def test_without_a_refund_offer_it_is_given_back_by_hand(shop: Shop) -> None:
    result = await shop.sell(Meeting(shop.buyer()))
    with pytest.raises(BledError, match="sent no refund offer") as caught:
        await give_back(shop, result.sale_id)
    assert caught.value.code is Code.REFUND_BY_HAND


async def test_lnd_gives_back_by_hand(tmp_path: Path) -> None:
    async with open_shop(tmp_path, kind="lnd") as shop:
        sale = await sold(shop)
        with pytest.raises(BledError, match="LND pays no BOLT 12 offer") as caught:
            await give_back(shop, sale)
        assert caught.value.code is Code.REFUND_BY_HAND
        assert shop.sales()[0].is_paid


@pytest.mark.parametrize(
    "terms", [{"amount": "1000msat"}, {"quantity_max": 3}, {"absolute_expiry": 1_700_000_000}], ids=str
)
async def test_a_refund_offer_that_cannot_be_used_leaves_it_to_the_hand(shop: Shop, terms: dict[str, Any]) -> None:
    sale = await sold(shop, refund_offer(shop, **terms))
    with pytest.raises(BledError) as caught:
        await give_back(shop, sale)
    assert caught.value.code is Code.REFUND_BY_HAND
    assert refunds_of(shop) == ()


async def test_a_home_that_gives_no_invoice_costs_nothing_and_may_be_asked_again(shop: Shop) -> None:
    offer = refund_offer(shop)
    sale = await sold(shop, offer)
    shop.home_node.books.disable_offer(offer.offer_id)
    with pytest.raises(BledError, match="no invoice from the buyer's node") as caught:
        await give_back(shop, sale)
    assert caught.value.code is Code.REFUND_FAILED
    assert refunds_of(shop) == ()
    shop.home_node.books.enable_offer(offer.offer_id)
    assert (await give_back(shop, sale)).state is RefundState.REFUNDED


async def test_a_refund_that_finds_no_way_failed_and_may_be_tried_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = await sold(shop)
    with monkeypatch.context() as patch:
        patch.setattr(shop.home_node.books, "accept", lambda *_: False)
        failed = await give_back(shop, sale)
    assert (failed.state, received_at_home(shop)) == (RefundState.FAILED, [])
    assert failed.detail.startswith("Xpay: ")
    assert (await give_back(shop, sale)).state is RefundState.REFUNDED
    assert received_at_home(shop) == [AMOUNT]


class Answers:
    """Counts the till's calls; of `Xpay` the answer is lost, or the call itself."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.lost = self.never_made = False
        self.held: asyncio.Event | None = None
        """Set when the call was made; nobody ever gets its answer then."""
        unary = GrpcConnection.unary

        async def call(connection: GrpcConnection, path: str, *args: Any, **options: Any) -> Any:
            name = path.rpartition("/")[2]
            self.calls.append(name)
            if name != "Xpay" or not (self.lost or self.never_made):
                return await unary(connection, path, *args, **options)
            if self.lost:
                await unary(connection, path, *args, **options)
            if self.held is not None:
                self.held.set()
                await asyncio.Event().wait()
            raise Unavailable(Code.NODE_DIED, detail="no answer in time")

        patch.setattr(GrpcConnection, "unary", call)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


async def test_an_answer_that_got_lost_is_looked_up_and_not_paid_again(shop: Shop, answers: Answers) -> None:
    sale = await sold(shop)
    answers.lost = True
    refund = await give_back(shop, sale)
    assert (refund.state, refund.preimage is not None) == (RefundState.REFUNDED, True)
    assert answers.calls.count("Xpay") == 1
    assert received_at_home(shop) == [AMOUNT]


async def test_a_call_of_which_nobody_knows_is_looked_up_until_it_can_have_no_more_attempts(
    shop: Shop, answers: Answers
) -> None:
    sale = await sold(shop)
    answers.never_made = True
    assert (await give_back(shop, sale)).state is RefundState.UNKNOWN
    assert (await give_back(shop, sale)).state is RefundState.UNKNOWN
    assert answers.calls.count("Xpay") == 1
    ended = await give_back(shop, sale, clock=Later(SETTLE_SECONDS))
    assert (ended.state, answers.calls.count("Xpay")) == (RefundState.FAILED, 1)
    answers.never_made = False
    assert (await give_back(shop, sale)).state is RefundState.REFUNDED
    assert received_at_home(shop) == [AMOUNT]


async def test_a_refund_under_way_is_neither_paid_again_nor_called_failed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = await sold(shop)
    monkeypatch.setattr(shop.home_node.books, "accept", lambda *_: False)
    monkeypatch.setattr("bled.sandbox.accounts.Accounts.fail", lambda _self, payment, **_: payment)  # a hop holds it
    refund = await give_back(shop, sale)
    assert (refund.state, refund.detail) == (RefundState.UNKNOWN, "a part of it is under way")
    again = await give_back(shop, sale, clock=Later(SETTLE_SECONDS))
    assert again.state is RefundState.UNKNOWN
    assert len(refunds_of(shop)) == 1


async def test_a_cashier_who_stops_the_till_while_it_pays_finds_the_refund_again(shop: Shop, answers: Answers) -> None:
    sale = await sold(shop)
    answers.lost = True
    answers.held = asyncio.Event()
    paying = asyncio.create_task(give_back(shop, sale))
    await answers.held.wait()
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    assert refunds_of(shop)[0].state is RefundState.REFUNDING
    assert (await give_back(shop, sale)).state is RefundState.REFUNDED
    assert answers.calls.count("Xpay") == 1
    assert received_at_home(shop) == [AMOUNT]


async def test_another_node_says_nothing_about_a_refund(shop: Shop, answers: Answers) -> None:
    sale = await sold(shop)
    answers.never_made = True
    refund = await give_back(shop, sale)
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            info = replace(await node.info(), node_id=KEYS["hop"].public_key)
            refunds = Refunds(refund_node(node), info, ledger, clock=Later(SETTLE_SECONDS), on_step=shop.note)
            with pytest.raises(BledError, match="at another node") as caught:
                await refunds.pay(sale)
    assert caught.value.code is Code.CONFIG_BAD
    assert refunds_of(shop) == (refund,)


async def test_the_next_run_of_the_till_looks_open_refunds_up(shop: Shop, answers: Answers) -> None:
    sale = await sold(shop)
    answers.never_made = True
    await give_back(shop, sale)
    with SaleLedger.open(shop.ledger_path) as ledger:
        async with shop.node() as node:
            clock = Later(SETTLE_SECONDS)
            await resume(node=node, ledger=ledger, clock=clock, on_step=shop.note, times=QUICK)
        assert ledger.refunds.open() == ()
    assert shop.steps[-1][0] == "refund looked up"
    assert shop.steps[-1][1]["code"] == "refund-failed"
    assert answers.calls.count("Xpay") == 1


async def run_command(shop: Shop, sale_id: str, *arguments: str, failpoint: str | None = None) -> tuple[int, Any]:
    """Run `bled merchant refund` in a process of its own; return how it exited and the object that it printed."""
    if not (shop.folder / "merchant").exists():
        (shop.folder / "merchant").symlink_to(shop.ledger_path.parent)
    command = ("merchant", "refund", sale_id, *arguments, "--json", "--node", shop.address, "--data", str(shop.folder))
    environment = dict(os.environ) | ({} if failpoint is None else {"BLED_FAILPOINT": failpoint})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from bled.cli.main import main; main()", *command, "--credentials", str(shop.credentials)),
        stdout=asyncio.subprocess.PIPE,
        env=environment,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, json.loads(output) if output else None


async def test_the_command_tells_and_exits_as_it_went(shop: Shop) -> None:
    sale = await sold(shop)
    code, told = await run_command(shop, sale, "--amount", "5sat")
    assert (code, told["outcome"], told["amount_msat"]) == (0, "refunded", 5_000)
    code, told = await run_command(shop, sale, "--amount", "11sat")
    assert (code, told["outcome"]) == (OUTCOMES[Code.REFUND_REFUSED].exit_code, "refund-refused")
    assert received_at_home(shop) == [5_000]


@pytest.mark.parametrize("point", [Failpoint.MERCHANT_REFUND_STORED, Failpoint.MERCHANT_REFUND_PAID])
async def test_a_till_that_is_killed_while_it_gives_back_pays_once(shop: Shop, point: Failpoint) -> None:
    sale = await sold(shop)
    code, _ = await run_command(shop, sale, failpoint=f"{point.value}=kill")
    assert code == -signal.SIGKILL
    was_paid = point is Failpoint.MERCHANT_REFUND_PAID
    assert received_at_home(shop) == ([AMOUNT] if was_paid else [])
    code, told = await run_command(shop, sale)
    assert told["outcome"] == ("refunded" if was_paid else "refund-unknown")
    assert code == OUTCOMES[Code(told["outcome"])].exit_code
    assert received_at_home(shop) == ([AMOUNT] if was_paid else [])
    after = await give_back(shop, sale, clock=Later(SETTLE_SECONDS)) if not was_paid else refunds_of(shop)[0]
    assert after.state is (RefundState.REFUNDED if was_paid else RefundState.FAILED)
