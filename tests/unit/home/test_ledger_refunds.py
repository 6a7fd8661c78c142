"""Money that comes back, in the ledger: one invoice at a time, within what left home, and no budget grows."""

import pytest

from bled.codes import Code
from bled.errors import Refused, Unavailable
from bled.home.ledger_refunds import MOST_OF_PAYMENT
from bled.home.refund_rows import HomeRefund, HomeRefundState
from bled_codec.crypto import sha256
from bled_codec.units import Msat, UnixTime


@pytest.fixture
def paid(ledger, home, bought):
    """A payment of 15,000 msat that cost 10 more."""
    claim = ledger.claim(bought(), now=home.now).claim
    ledger.begin_payment(claim.payer_id, now=home.now)
    ledger.record_paid(claim.payer_id, amount_sent=Msat(15_010), preimage=bytes(32), now=home.now)
    return ledger.claim_for(claim.payer_id)


def refund(claim, number: int = 1, *, amount: int = 4_000) -> HomeRefund:
    return HomeRefund(
        payment_hash=sha256(bytes([number])),
        payer_id=claim.payer_id,
        node="",
        salt=bytes(32),
        request=sha256(b"request" + bytes([number])),
        amount=Msat(amount),
        invoice=b"invoice",
        made_at=claim.claimed_at,
        expires_at=UnixTime(claim.claimed_at + 300),
    )


def receive(ledger, claim, number: int, amount: int) -> None:
    each = refund(claim, number, amount=amount)
    ledger.add_refund(each)
    ledger.record_refund(each, received=each.amount, received_at=each.made_at, now=each.made_at)


def refused(ledger, each: HomeRefund) -> str:
    with pytest.raises(Refused) as caught:
        ledger.add_refund(each)
    assert caught.value.code is Code.REFUND_REFUSED
    return caught.value.detail


def test_one_invoice_of_a_payment_can_be_paid_at_a_time(ledger, paid) -> None:
    ledger.add_refund(refund(paid, 1))
    assert "another invoice" in refused(ledger, refund(paid, 2))
    ledger.close_refund(refund(paid, 1))
    ledger.add_refund(refund(paid, 2))
    assert [each.state for each in ledger.refunds_of(paid.payer_id)].count(HomeRefundState.CLOSED) == 1
    assert ledger.open_refunds() == (refund(paid, 2),)


def test_no_more_comes_back_than_left_home(ledger, paid) -> None:
    receive(ledger, paid, 1, 4_000)
    assert "more than is left" in refused(ledger, refund(paid, 2, amount=11_011))
    receive(ledger, paid, 2, 11_010)
    assert "more than is left" in refused(ledger, refund(paid, 3, amount=1))


def test_what_the_node_received_is_what_came_back_also_when_more_was_paid_than_asked_for(ledger, paid) -> None:
    ledger.add_refund(refund(paid, 1, amount=4_000))
    ledger.record_refund(refund(paid, 1), received=Msat(8_000), received_at=paid.claimed_at, now=paid.claimed_at)
    assert "more than is left" in refused(ledger, refund(paid, 2, amount=7_011))
    receive(ledger, paid, 3, 7_010)


def test_an_invoice_that_was_taken_back_is_told_to_nobody(ledger, paid) -> None:
    ledger.add_refund(refund(paid))
    assert ledger.close_refund(refund(paid))
    with pytest.raises(Refused) as caught:
        ledger.keep_refund(refund(paid))
    assert caught.value.code is Code.REFUND_REFUSED
    assert ledger.refund_with(refund(paid).payment_hash).state is HomeRefundState.CLOSED


def test_an_invoice_that_the_node_has_come_to_keep_is_not_closed_by_what_was_seen_before(ledger, paid) -> None:
    ledger.add_refund(refund(paid))
    kept = ledger.keep_refund(refund(paid))
    assert ledger.keep_refund(refund(paid)) == kept == ledger.refund_with(kept.payment_hash)
    assert not ledger.close_refund(refund(paid))
    assert ledger.open_refunds() == (kept,)
    assert ledger.close_refund(kept)
    assert ledger.close_refund(kept)


def test_an_invoice_that_the_ledger_has_lost_is_looked_for_again_and_again(ledger, paid) -> None:
    with pytest.raises(Unavailable, match="old copy"):
        ledger.refund_with(refund(paid).payment_hash)


def test_what_came_back_is_told_once_and_widens_no_budget(ledger, home, paid) -> None:
    before = ledger.sums(1)
    receive(ledger, paid, 1, 4_000)
    ledger.record_refund(refund(paid, 1), received=Msat(9_999), received_at=home.now, now=home.now)
    ledger.close_refund(refund(paid, 1))
    (came,) = ledger.refunds_among([paid.payer_id])
    assert (came.state, came.received) == (HomeRefundState.PAID, 4_000)
    assert ledger.sums(1) == before
    told = [each for each in ledger.decisions(since=0, limit=9) if each.code is Code.REFUNDED]
    assert [(each.payer_id, each.amount) for each in told] == [(paid.payer_id, 4_000)]


def test_what_was_not_paid_gives_nothing_back(ledger, home, bought) -> None:
    claim = ledger.claim(bought(), now=home.now).claim
    assert "paid nothing" in refused(ledger, refund(claim))


def test_whoever_has_a_refund_offer_cannot_fill_the_ledger(ledger, paid) -> None:
    for number in range(MOST_OF_PAYMENT):
        ledger.add_refund(refund(paid, number))
        ledger.close_refund(refund(paid, number))
    assert "invoices were made" in refused(ledger, refund(paid, 99))


def test_what_ended_stays_so_whoever_writes(ledger, place, paid) -> None:
    receive(ledger, paid, 1, 4_000)
    closed = "UPDATE refunds SET state = 'closed', received = NULL, received_at = NULL"
    for statement in (closed, "DELETE FROM refunds"):
        with pytest.raises(place.IntegrityError):
            place.execute(statement)
    assert [each.state for each in ledger.refunds_of(paid.payer_id)] == [HomeRefundState.PAID]
