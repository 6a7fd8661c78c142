"""What a cashier reads says no more of a buyer's affairs than that it did not work; the buyer reads why."""

import re

import pytest

from bled.codes import OUTCOMES, Code

CODES = list(Code)
HOMES = CODES[CODES.index(Code.BAD_INVOICE) : CODES.index(Code.CLOCK_WRONG) + 1]
"""What the buyer's home refuses, or the device in its place."""
PRIVATE = re.compile(
    r"\b(budgets?|limits?|daily|per day|revoked|grants?|books?|payer ids?|passphrase|PIN|vault|left to pay|balance)\b",
    re.IGNORECASE,
)
"""What is between a buyer and the buyer's home."""


@pytest.mark.parametrize("code", HOMES)
def test_a_cashier_cannot_tell_one_refusal_of_home_from_another(code: Code) -> None:
    assert OUTCOMES[code].cashier == OUTCOMES[Code.OVER_BUDGET].cashier


@pytest.mark.parametrize("code", HOMES)
def test_the_buyer_is_told_which_it_was(code: Code) -> None:
    sentences = [OUTCOMES[other].buyer for other in HOMES]
    assert sentences.count(OUTCOMES[code].buyer) == 1
    assert len(OUTCOMES[code].buyer) > 20


@pytest.mark.parametrize("code", CODES)
def test_a_cashier_reads_nothing_about_the_buyers_means(code: Code) -> None:
    found = PRIVATE.search(OUTCOMES[code].cashier)
    assert found is None


@pytest.mark.parametrize("code", [code for code in CODES if OUTCOMES[code].air is not None])
def test_what_goes_over_the_air_has_a_sentence_for_both_screens(code: Code) -> None:
    assert OUTCOMES[code].cashier
    assert OUTCOMES[code].buyer


@pytest.mark.parametrize("code", HOMES)
def test_no_refusal_of_home_goes_over_the_air(code: Code) -> None:
    assert OUTCOMES[code].air is None
