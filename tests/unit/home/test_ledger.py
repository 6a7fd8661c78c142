"""Claims, counters and revocation: what home's ledger holds to, also after a restart."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Refused, Unavailable
from bled.grants.limits import MaxFee
from bled.home.ledger import Ledger
from bled.home.rows import ClaimState
from bled_codec.units import Msat


def refusal(act, *args: object, **how: object) -> BledError:
    with pytest.raises(BledError) as caught:
        act(*args, **how)
    return caught.value


def reopened(ledger: Ledger, home, place) -> Ledger:
    ledger.close()
    return place.open(home)


@pytest.fixture
def now(shop) -> int:
    return shop.NOW


@pytest.fixture
def limit(ledger, shop, place):
    """Change limits of the book in the ledger."""

    def run(**changes: object) -> None:
        place.limit(shop.limits(**changes))

    return run


def test_a_claim_reserves_the_amount_and_the_largest_fee(ledger, bought, now) -> None:
    claimed = ledger.claim(bought(), now=now)
    assert claimed.is_new
    assert (claimed.claim.amount, claimed.claim.max_fee) == (15_000, 5_150)
    assert ledger.sums(1).reserved == 20_150


def test_a_claim_is_on_the_disk_before_it_is_returned(ledger, bought, now, place) -> None:
    claimed = ledger.claim(bought(), now=now).claim
    assert place.execute("SELECT payer_id, state FROM claims") == [(claimed.payer_id, "claimed")]


def test_the_same_invoice_again_is_the_same_claim(ledger, bought, now) -> None:
    verified = bought()
    first = ledger.claim(verified, now=now)
    again = ledger.claim(verified, now=now + 5)
    assert not again.is_new
    assert again.claim == first.claim
    assert ledger.claim_of_invoice(verified.invoice.encode(), payer_id=first.claim.payer_id) == first.claim


def test_a_second_invoice_for_a_payer_id_is_refused_for_ever(ledger, bought, now) -> None:
    claim = ledger.claim(bought(), now=now).claim
    second = bought(preimage=b"s" * 32)
    assert refusal(ledger.claim, second, now=now).code is Code.PAYER_ID_USED
    ledger.begin_payment(claim.payer_id, now=now)
    ledger.record_failed(claim.payer_id, detail="no route", now=now)
    assert refusal(ledger.claim, second, now=now).code is Code.PAYER_ID_USED


def test_a_payment_hash_is_paid_once_whoever_asks(ledger, bought, now) -> None:
    ledger.claim(bought(0, preimage=b"s" * 32), now=now)
    assert refusal(ledger.claim, bought(1, preimage=b"s" * 32), now=now).code is Code.PAYMENT_HASH_USED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"total_msat": Msat(20_149)}, Code.OVER_BUDGET),
        ({"per_day_msat": Msat(20_149)}, Code.OVER_DAILY_LIMIT),
        ({"per_payment_msat": Msat(14_999)}, Code.OVER_PAYMENT_LIMIT),
        ({"payments": 0}, Code.TOO_MANY_PAYMENTS),
        ({"not_before": 2_000_000_000, "not_after": 2_100_000_000}, Code.GRANT_NOT_YET_VALID),
        ({"not_after": 1_794_999_999, "not_before": 0}, Code.GRANT_EXPIRED),
        ({"classes": ()}, Code.PAYER_ID_NOT_ISSUED),
    ],
)
def test_the_limits_of_the_book_are_judged_by_the_claim_itself(ledger, bought, limit, changes, code) -> None:
    verified = bought()
    now = verified.pay_before - 300
    limit(**changes)
    assert refusal(ledger.claim, verified, now=now).code is code
    assert ledger.claims() == ()


def test_open_and_paid_claims_both_count_against_the_budget(ledger, bought, now) -> None:
    first = ledger.claim(bought(0, amount=400_000), now=now).claim
    ledger.begin_payment(first.payer_id, now=now)
    ledger.record_paid(first.payer_id, amount_sent=Msat(400_100), preimage=b"\x01" * 32, now=now)
    ledger.claim(bought(1, amount=400_000), now=now)
    refused = refusal(ledger.claim, bought(2, amount=400_000), now=now)
    assert refused.code is Code.OVER_BUDGET
    assert "190900 msat left" in refused.detail


def test_what_failed_is_free_again(ledger, bought, now) -> None:
    claim = ledger.claim(bought(0, amount=400_000), now=now).claim
    ledger.begin_payment(claim.payer_id, now=now)
    ledger.record_failed(claim.payer_id, detail="no route", now=now)
    sums = ledger.sums(1)
    assert (sums.reserved, sums.spent, sums.used) == (0, 0, 1)


def test_the_daily_limit_begins_anew_with_each_utc_day(ledger, bought, now, limit) -> None:
    limit(per_day_msat=Msat(30_000))
    ledger.claim(bought(0), now=now)
    assert refusal(ledger.claim, bought(1), now=now).code is Code.OVER_DAILY_LIMIT
    tomorrow = (now // 86_400 + 1) * 86_400
    ledger.claim(bought(1, now=tomorrow), now=tomorrow)


def test_counters_survive_a_restart(ledger, bought, now, home, place) -> None:
    ledger.claim(bought(0, amount=400_000), now=now)
    ledger.claim(bought(1, amount=400_000), now=now)
    again = reopened(ledger, home, place)
    assert again.sums(1).reserved == 818_000
    assert refusal(again.claim, bought(2, amount=400_000), now=now).code is Code.OVER_BUDGET
    assert refusal(again.claim, bought(1, preimage=b"s" * 32), now=now).code is Code.PAYER_ID_USED
    assert [claim.state for claim in again.open_claims()] == [ClaimState.CLAIMED] * 2
    again.close()


def test_time_that_ran_out_while_an_invoice_waited_is_noticed(ledger, bought, now) -> None:
    assert refusal(ledger.claim, bought(), now=now + 286).code is Code.TOO_LATE_TO_PAY


# Asking the node


def test_the_node_is_asked_once_for_each_claim(ledger, bought, now) -> None:
    claim = ledger.claim(bought(), now=now).claim
    sent = ledger.begin_payment(claim.payer_id, now=now + 1)
    assert (sent.state, sent.sent_at, sent.retry_for) == (ClaimState.SENT, now + 1, 60)
    assert isinstance(refusal(ledger.begin_payment, claim.payer_id, now=now + 1), Refused)


def test_a_claim_that_is_too_old_is_dropped_and_its_money_freed(ledger, bought, now) -> None:
    claim = ledger.claim(bought(), now=now).claim
    assert refusal(ledger.begin_payment, claim.payer_id, now=now + 286).code is Code.TOO_LATE_TO_PAY
    assert ledger.claims()[0].state is ClaimState.DROPPED
    assert ledger.sums(1).reserved == 0
    assert [decision.code for decision in ledger.decisions(since=0, limit=9)] == [Code.TOO_LATE_TO_PAY]


def test_an_outcome_is_recorded_once(ledger, bought, now) -> None:
    claim = ledger.claim(bought(), now=now).claim
    ledger.begin_payment(claim.payer_id, now=now)
    for _ in range(2):
        ledger.record_unknown(claim.payer_id, detail="pending", now=now)
    for _ in range(2):
        ledger.record_paid(claim.payer_id, amount_sent=Msat(15_001), preimage=b"\x01" * 32, now=now)
    ledger.record_failed(claim.payer_id, detail="too late to say so", now=now)
    ledger.record_unknown(claim.payer_id, detail="nor that", now=now)
    recorded = ledger.decisions(since=0, limit=9)
    assert [decision.code for decision in recorded] == [Code.OUTCOME_UNKNOWN, Code.PAID]
    assert recorded[-1].preimage == b"\x01" * 32
    assert ledger.claims()[0].state is ClaimState.PAID


def test_numbers_of_decisions_rise_over_restarts(ledger, bought, now, home, place) -> None:
    numbers = [ledger.next_seq() for _ in range(3)]
    again = reopened(ledger, home, place)
    numbers += [again.next_seq() for _ in range(3)]
    assert numbers == sorted(set(numbers))
    again.close()


# Revocation


def test_a_revoked_book_pays_nothing_more(ledger, bought, now) -> None:
    revoked = ledger.revoke_book(1, now=now)
    assert (revoked.books, revoked.in_flight, revoked.already_paid) == ((1,), (), ())
    assert refusal(ledger.claim, bought(), now=now).code is Code.REVOKED


def test_a_revoked_id_pays_nothing_and_the_others_do(ledger, bought, now, home) -> None:
    revoked = ledger.revoke_id(home.grant().payer_id, book_id=1, now=now)
    assert revoked.payer_ids == (home.grant().payer_id,)
    assert refusal(ledger.claim, bought(), now=now).code is Code.REVOKED
    ledger.claim(bought(1), now=now)
    assert ledger.revoked_ids(1) == 1


def test_revocation_says_what_it_came_too_late_for(ledger, bought, now) -> None:
    waiting, flying, paid = (ledger.claim(bought(index), now=now).claim for index in range(3))
    for claim in (flying, paid):
        ledger.begin_payment(claim.payer_id, now=now)
    ledger.record_paid(paid.payer_id, amount_sent=Msat(15_001), preimage=b"\x03" * 32, now=now)
    revoked = ledger.revoke_all(now=now)
    assert revoked.books == (1,)
    assert revoked.payer_ids == (waiting.payer_id,)
    assert [claim.payer_id for claim in revoked.in_flight] == [flying.payer_id]
    assert [claim.payer_id for claim in revoked.already_paid] == [paid.payer_id]
    assert refusal(ledger.begin_payment, waiting.payer_id, now=now).code is Code.REVOKED
    assert ledger.sums(1).reserved == 20_150


@pytest.mark.parametrize("paid", [False, True])
def test_an_id_in_use_is_not_called_revoked(ledger, bought, now, paid) -> None:
    claim = ledger.claim(bought(), now=now).claim
    ledger.begin_payment(claim.payer_id, now=now)
    if paid:
        ledger.record_paid(claim.payer_id, amount_sent=Msat(15_001), preimage=b"\x01" * 32, now=now)
    revoked = ledger.revoke_id(claim.payer_id, book_id=1, now=now)
    assert revoked.payer_ids == ()
    assert (len(revoked.in_flight), len(revoked.already_paid)) == (int(not paid), int(paid))


def test_revoking_again_changes_nothing(ledger, now, home) -> None:
    ledger.revoke_book(1, now=now)
    ledger.revoke_book(1, now=now + 9)
    book = ledger.book(1)
    assert book is not None
    assert book.revoked_at == now


def test_a_book_that_was_never_issued_cannot_be_revoked(ledger, now) -> None:
    assert refusal(ledger.revoke_book, 7, now=now).code is Code.USAGE


# Books and the file


def test_a_book_comes_back_as_it_was_issued(ledger, home, place) -> None:
    again = reopened(ledger, home, place)
    assert again.book(1) == home.row
    assert again.books() == (home.row,)
    assert again.book(2) is None
    again.close()


def test_numbers_of_books_are_never_given_twice(ledger, home, shop) -> None:
    values = {"device": "phone", "home_label": "home", "issued_at": shop.NOW, "ids": 1, "limits": home.row.limits}
    assert [ledger.add_book(salt=bytes([n]) * 16, **values).book_id for n in range(3)] == [2, 3, 4]


def test_limits_come_back_whole(ledger, shop) -> None:
    odd = shop.limits(max_fee=MaxFee(base_msat=Msat(0), ppm=1), payments=3)
    one = odd.classes[0]
    odd = replace(odd, classes=(one, replace(one, first_index=5, per_payment_msat=Msat(1))))
    book = ledger.add_book(salt=b"n" * 16, device="phone", home_label="home", issued_at=shop.NOW, ids=10, limits=odd)
    assert ledger.book(book.book_id).limits == odd


def test_the_ledger_of_another_home_is_not_opened(ledger, home, place) -> None:
    ledger.close()
    assert refusal(place.open, home, book_key=bytes(32)).code is Code.CONFIG_BAD
    place.open(home).close()


def test_a_ledger_of_a_later_version_is_not_touched(ledger, home, place) -> None:
    ledger.close()
    place.execute("UPDATE alembic_version SET version_num = '9999'")
    error = refusal(place.open, home)
    assert isinstance(error, ConfigurationError)
    assert error.code is Code.STORE_VERSION
    assert "newer bled" in error.detail
    assert place.execute("SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_ledger_that_a_stranger_holds_is_named_locked_and_nothing_is_claimed(ledger, bought, now, place) -> None:
    with place.held(ledger):
        error = refusal(ledger.claim, bought(), now=now)
    assert isinstance(error, Unavailable)
    assert error.code is Code.STORE_LOCKED
    assert ledger.claim(bought(), now=now).is_new


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM claims",
        "DELETE FROM books",
        "DELETE FROM events",
        "DELETE FROM revoked_ids",
        "UPDATE books SET revoked_at = NULL",
        "UPDATE claims SET state = 'failed', amount_sent = NULL WHERE state = 'paid'",
        "UPDATE claims SET amount_sent = 1 WHERE state = 'paid'",
        "UPDATE claims SET amount = 1",
        "UPDATE claims SET max_fee = 0",
        "UPDATE claims SET invoice = salt FROM books",
        "UPDATE claims SET payment_hash = book_key FROM identity",
        "UPDATE claims SET payer_id = payment_hash",
    ],
)
def test_what_was_decided_cannot_be_taken_back(ledger, bought, home, place, change) -> None:
    """A paid claim, one that is open, a revoked id and a revoked book."""
    paid, _ = (ledger.claim(bought(index), now=home.now).claim for index in range(2))
    ledger.begin_payment(paid.payer_id, now=home.now)
    ledger.record_paid(paid.payer_id, amount_sent=Msat(15_001), preimage=b"\x01" * 32, now=home.now)
    ledger.revoke_id(home.grant(2).payer_id, book_id=1, now=home.now)
    ledger.revoke_book(1, now=home.now)
    with pytest.raises(place.IntegrityError, match="sta"):
        place.execute(change)
