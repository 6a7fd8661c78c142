"""An old copy of home's ledger: what it takes over from the node's records."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.home.ledger import Ledger
from bled.home.rows import ClaimState, Found


def refusal(act, *args: object, **how: object) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*args, **how)
    return caught.value


def reopened(ledger: Ledger, home, place) -> Ledger:
    ledger.close()
    return place.open(home)


@pytest.fixture
def now(shop) -> int:
    return shop.NOW


def found(claim, *, arrived: bool = True) -> Found:
    return Found(claim=claim, may_have_arrived=arrived)


def test_claims_of_a_later_state_are_added_once_and_revoke_every_book(ledger, bought, now) -> None:
    known = ledger.claim(bought(0), now=now).claim
    sent = ledger.begin_payment(known.payer_id, now=now)
    assert not ledger.adopt([found(sent)], now=now)
    other = bought(1).invoice
    lost = replace(
        sent, payer_id=other.invreq_payer_id, index=1, payment_hash=other.invoice_payment_hash, invoice=other.encode()
    )
    assert ledger.adopt([found(lost), found(lost)], now=now)
    assert len(ledger.open_claims()) == 2
    assert ledger.books()[0].revoked_at == now
    assert not ledger.adopt([found(lost)], now=now)


@pytest.mark.parametrize("dropped", [False, True])
def test_a_claim_that_the_node_was_asked_for_and_the_ledger_holds_for_idle_was_sent(
    ledger, bought, now, dropped
) -> None:
    """The copy was taken before SENT was on the disk."""
    claim = ledger.claim(bought(), now=now).claim
    if dropped:
        ledger.revoke_id(claim.payer_id, book_id=1, now=now)
    assert ledger.adopt([found(replace(claim, sent_at=now + 1, retry_for=60), arrived=False)], now=now + 9)
    (known,) = ledger.claims()
    assert (known.state, known.sent_at, known.retry_for) == (ClaimState.SENT, now + 1, 60)
    assert ledger.sums(1).reserved == 20_150
    assert ledger.books()[0].revoked_at == now + 9


@pytest.mark.parametrize(("arrived", "state"), [(True, ClaimState.SENT), (False, ClaimState.FAILED)])
def test_a_failure_that_the_node_does_not_confirm_is_looked_up_anew(ledger, bought, now, arrived, state) -> None:
    claim = ledger.claim(bought(), now=now).claim
    sent = ledger.begin_payment(claim.payer_id, now=now)
    ledger.record_failed(claim.payer_id, detail="no route", now=now)
    assert not ledger.adopt([found(sent, arrived=arrived)], now=now)
    assert ledger.claims()[0].state is state
    assert ledger.books()[0].revoked_at is None


def test_another_payment_for_a_payer_id_shows_an_old_copy(ledger, bought, now) -> None:
    claim = ledger.claim(bought(), now=now).claim
    other = replace(claim, payment_hash=b"o" * 32, sent_at=now, retry_for=60)
    assert ledger.adopt([found(other)], now=now)
    assert [each.state for each in ledger.claims()] == [ClaimState.DROPPED]
    assert refusal(ledger.claim, bought(1), now=now).code is Code.REVOKED


def test_how_far_the_nodes_records_were_read_is_kept(ledger, home, place) -> None:
    assert ledger.records_read() == 0
    ledger.note_records_read(7)
    ledger.keep_records_read()
    ledger.note_records_read(12)
    assert ledger.records_read() == 12
    ledger.keep_records_read()
    again = reopened(ledger, home, place)
    assert again.records_read() == 12
    again.close()


def test_what_was_noted_counts_no_more_in_a_copy_without_the_last_payment(ledger, bought, now, place) -> None:
    assert not ledger.begin_generation(kept=0, now=now)
    ledger.begin_payment(ledger.claim(bought(), now=now).claim.payer_id, now=now)
    ledger.note_records_read(7)
    assert ledger.records_read() == 7
    place.execute("UPDATE meta SET value = value - 1 WHERE name = 'generation'")
    assert ledger.records_read() == 0
    ledger.keep_records_read()
    assert ledger.records_read() == 0


def test_nothing_is_noted_any_more_once_it_is_kept(ledger, bought, now, place) -> None:
    """A copy that lacks no payment, only how far the records were read."""
    ledger.note_records_read(7)
    ledger.claim(bought(), now=now)
    place.execute("DELETE FROM meta WHERE name = 'records_read'")
    assert ledger.records_read() == 0
