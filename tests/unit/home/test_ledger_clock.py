"""What home's ledger makes of a clock that goes back."""

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.home.ledger import Ledger
from bled.home.rows import ClaimState


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


def test_a_clock_that_went_back_pays_nothing(ledger, bought, now) -> None:
    later = now + 1_000
    ledger.claim(bought(0, now=later), now=later)
    ledger.claim(bought(1, now=later - 120), now=later - 120)
    refused = refusal(ledger.claim, bought(2, now=later - 121), now=later - 121)
    assert refused.code is Code.CLOCK_WRONG


def test_a_clock_that_went_back_over_a_restart_pays_nothing(ledger, bought, now, home, place) -> None:
    ledger.see_time(now + 2 * 86_400)
    again = reopened(ledger, home, place)
    assert refusal(again.claim, bought(), now=now).code is Code.CLOCK_WRONG
    again.close()


def test_a_claim_of_an_earlier_run_is_not_paid_by_a_clock_that_went_back(ledger, bought, now) -> None:
    claim = ledger.claim(bought(), now=now).claim
    ledger.see_time(now + 2 * 86_400)
    assert refusal(ledger.begin_payment, claim.payer_id, now=now + 60).code is Code.CLOCK_WRONG
    assert ledger.claims()[0].state is ClaimState.DROPPED
    assert [decision.code for decision in ledger.decisions(since=0, limit=9)] == [Code.CLOCK_WRONG]


def test_an_owner_whose_clock_was_ahead_can_say_that_it_is_right_now(ledger, bought, now) -> None:
    ledger.see_time(now + 2 * 86_400)
    ledger.trust_time(now)
    assert ledger.claim(bought(), now=now).is_new
