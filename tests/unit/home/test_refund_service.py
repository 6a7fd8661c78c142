"""Requests for refunds: which are answered, which are passed over in silence, and what the node has been told then."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.home.refund_policy import MAX_REQUEST_BYTES, REFUND_SECONDS, RefundRequest, judge_refund, payer_id_of
from bled.home.refund_ways import INVOICE_SECONDS
from bled.node.base import InvoiceStatus
from bled_codec.units import Msat


async def test_a_payment_gives_an_invoice_that_its_own_key_signed(desk, verify) -> None:
    desk.buy(verify)
    assert await desk.asks(desk.request())
    (invoice,) = desk.invoices()
    assert (invoice.invoice_amount, invoice.invoice_node_id) == (4_000, desk.offer.offer_issuer_id)
    assert invoice.expires_at == desk.clock.time + INVOICE_SECONDS
    assert len(desk.node.kept) == 1
    assert len(desk.node.sent) >= 1


async def test_the_same_request_gets_the_same_invoice_and_another_takes_its_place(desk, verify) -> None:
    desk.buy(verify)
    for _ in range(2):
        await desk.asks(desk.request())
    assert len(desk.invoices()) == 1
    await desk.asks(desk.request(5_000, number=2))
    assert (len(desk.invoices()), len(desk.node.kept)) == (2, 1)


async def test_what_was_paid_before_the_next_request_counts(desk, verify) -> None:
    desk.buy(verify)
    await desk.asks(desk.request(15_000))
    (label,) = desk.node.kept
    desk.node.kept[label] = replace(desk.node.kept[label], status=InvoiceStatus.PAID, amount_received=Msat(15_000))
    await desk.asks(desk.request(4_000, number=2))
    assert len(desk.invoices()) == 1
    (came,) = desk.ledger.refunds_among([desk.payer_id])
    assert came.received == 15_000


async def test_a_stranger_is_none_of_homes_business(desk, verify) -> None:
    desk.buy(verify)
    assert not await desk.asks(desk.request(), secret=bytes(32))
    assert not await desk.asks(b"\xff\x00")
    assert (desk.node.kept, desk.node.sent) == ({}, [])


async def test_without_a_way_back_or_with_a_node_that_is_away_nothing_is_written(desk, verify) -> None:
    desk.buy(verify)
    assert await desk.asks(desk.request(), back=False)
    desk.node.broken = True
    assert await desk.asks(desk.request())
    assert desk.invoices() == []


async def test_whoever_asks_often_is_not_heard(desk, verify) -> None:
    desk.buy(verify)
    for number in range(1, 9):
        assert await desk.asks(desk.request(number=number))
    assert len(desk.invoices()) == 4


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"paid": False}, "paid nothing"),
        ({"extra": ()}, "another offer"),
        ({"amount": 15_011}, "left of what was paid"),
        ({"late": REFUND_SECONDS}, "too long ago"),
        ({"request": b"\x00"}, "bigsize|truncated|tlv"),
        ({"request": bytes(MAX_REQUEST_BYTES + 1)}, "bytes, at most"),
        ({"chain": bytes(32)}, "another chain"),
    ],
    ids=str,
)
def test_each_rule_refuses_by_itself(desk, verify, how, why) -> None:
    desk.buy(verify, paid=how.get("paid", True), extra=how.get("extra"))
    request = how.get("request") or desk.request(how.get("amount", 4_000))
    message = RefundRequest(payer_id=desk.payer_id, request=request, reply_path=desk.back)
    claim = desk.ledger.claim_for(desk.payer_id)
    terms = {"keys": desk.home.keys, "chain": how.get("chain", desk.shop.REGTEST_CHAIN)}
    with pytest.raises(Refused, match=why) as caught:
        judge_refund(message, claim, (), **terms, now=desk.clock.time + how.get("late", 0))
    assert caught.value.code is Code.REFUND_REFUSED


def test_a_payment_that_home_does_not_know_gives_nothing(desk) -> None:
    message = RefundRequest(payer_id=desk.payer_id, request=desk.request(), reply_path=desk.back)
    with pytest.raises(Refused, match="paid nothing"):
        judge_refund(message, None, (), keys=desk.home.keys, chain=desk.shop.REGTEST_CHAIN, now=desk.clock.time)


def test_the_payer_id_is_read_out_of_the_offer(desk) -> None:
    assert payer_id_of(desk.request()) == desk.payer_id
    for end in range(40):
        payer_id_of(desk.request()[:end])
