"""The registry of outcomes: complete, consistent, and worded for the person who reads it."""

import re

import pytest

from bled import codes
from bled.codes import OUTCOMES, Code, Failpoint, MoneyMoved, Outcome

_EXIT_CODES = {value for name, value in vars(codes).items() if name.startswith("EXIT_")}


@pytest.fixture(params=list(Code), ids=lambda code: code.value)
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """Each row in turn."""
    return OUTCOMES[request.param]


def test_every_code_has_exactly_one_row() -> None:
    assert sorted(row.code for row in codes._ROWS) == sorted(Code)


def test_a_code_is_lower_case_words_that_fit_an_urn(outcome: Outcome) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", outcome.code.value)
    assert outcome.problem_type == f"urn:bled:problem:{outcome.code.value}"


def test_exit_codes_are_those_of_sysexits_that_we_name(outcome: Outcome) -> None:
    assert outcome.exit_code in _EXIT_CODES


PAYMENTS = frozenset({Code.PAID, Code.REFUNDED})


def test_only_a_payment_ends_with_success(outcome: Outcome) -> None:
    assert (outcome.exit_code == codes.EXIT_OK) is (outcome.code in PAYMENTS)


def test_the_buyer_always_gets_a_whole_sentence(outcome: Outcome) -> None:
    assert re.fullmatch(r"[A-Z].*\.", outcome.buyer)


BUYERS_OWN = ("book-", "home-", "picture-", "engagement-not-seen", "engagements-differ")
"""What happens on the buyer's side alone."""


def test_the_cashier_gets_a_whole_sentence_or_is_not_concerned(outcome: Outcome) -> None:
    assert re.fullmatch(r"([A-Z].*\.)?", outcome.cashier)
    assert bool(outcome.cashier) is not outcome.code.value.startswith(BUYERS_OWN)


def test_nothing_is_safe_to_retry_unless_no_money_moved(outcome: Outcome) -> None:
    assert not outcome.safe_to_retry or outcome.money_moved is MoneyMoved.NO


def test_only_a_payment_says_that_money_moved(outcome: Outcome) -> None:
    assert (outcome.money_moved is MoneyMoved.YES) is (outcome.code in PAYMENTS)


def test_no_sentence_says_that_nothing_was_paid_when_that_is_not_known(outcome: Outcome) -> None:
    claims = re.search(r"^(Nothing was|.*\. Nothing was)|You (paid|signed) nothing", outcome.buyer)
    assert not claims or outcome.money_moved is MoneyMoved.NO


def test_codes_on_the_air_fit_two_bytes(outcome: Outcome) -> None:
    assert outcome.air is None or 0 < outcome.air <= 0xFFFF


def test_failpoints_are_named_by_role_and_step() -> None:
    for name in Failpoint:
        assert re.fullmatch(r"(buyer|merchant|proxy|home|sandbox)(\.[a-z]+)+", name.value)
