"""Who says yes."""

from dataclasses import replace

import pytest

from bled.buyer.approval import Answer, Question, approve_below
from bled.gatt.compare_code import CompareCode
from bled.session.offer_policy import AcceptableOffer
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

_NOW = UnixTime(1_800_000_000)
_OFFER = create_offer(
    description="tea",
    amount=Msat(1_000_000),
    issuer="shop",
    issuer_id=SecretKey(b"\x02" * 32).public_key,
    absolute_expiry=UnixTime(_NOW + 300),
)


def _question(
    *, amount: int = 1_000_000, fee: int = 5_000, trusted: bool = True, code: str | None = None, paid_before: int = 0
) -> Question:
    accepted = AcceptableOffer(offer=_OFFER, amount=Msat(amount), now=_NOW, clock_trusted=trusted)
    return Question(
        accepted=accepted,
        max_fee=Msat(fee),
        code=None if code is None else CompareCode(code),
        paid_before=paid_before,
    )


class _Person:
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked = 0

    async def __call__(self, question: Question) -> Answer:
        self.asked += 1
        return self.answer


def test_a_question_says_what_will_be_signed_and_what_it_can_cost() -> None:
    question = _question()
    assert (question.amount, question.max_fee, question.most) == (1_000_000, 5_000, 1_005_000)
    assert (question.description, question.issuer) == ("tea", "shop")
    assert question.till_time == _NOW


@pytest.mark.parametrize("fee", [0, 4_999])
async def test_an_amount_that_stays_below_the_limit_with_its_fees_needs_no_person(fee: int) -> None:
    person = _Person(answer=Answer.NO)
    assert await approve_below(Msat(1_005_000), person)(_question(fee=fee)) is Answer.YES
    assert person.asked == 0


@pytest.mark.parametrize("limit", [None, 0, 1_000_000, 1_004_999, 1_005_000])
async def test_anything_that_can_reach_the_limit_is_asked(limit: int | None) -> None:
    person = _Person(answer=Answer.NO)
    approve = approve_below(None if limit is None else Msat(limit), person)
    assert await approve(_question()) is Answer.NO
    assert person.asked == 1


@pytest.mark.parametrize("paid_before", [0, 1000])
@pytest.mark.parametrize("answer", Answer)
async def test_where_a_code_is_compared_only_a_person_decides_however_well_the_till_is_known(
    answer: Answer, paid_before: int
) -> None:
    person = _Person(answer=answer)
    question = _question(code="811364", paid_before=paid_before)
    assert await approve_below(Msat(10**12), person)(question) is answer
    assert person.asked == 1


@pytest.mark.parametrize("answer", Answer)
async def test_without_a_trusted_clock_only_a_person_decides(answer: Answer) -> None:
    person = _Person(answer=answer)
    assert await approve_below(Msat(10**12), person)(_question(trusted=False)) is answer
    assert person.asked == 1


async def test_automatic_approval_never_tips() -> None:
    person = _Person(answer=Answer.NO)
    approve = approve_below(Msat(10**12), person)
    allowed = replace(_question(), accepted=replace(_question().accepted, tip_max=Msat(1_000_000)))
    assert await approve(allowed) is Answer.YES
    assert allowed.amount == allowed.price
    assert await approve(replace(allowed, tip=Msat(1))) is Answer.NO
    assert person.asked == 1


def test_a_question_with_a_tip_is_about_price_and_tip() -> None:
    question = replace(_question(), tip=Msat(200_000))
    assert (question.price, question.amount, question.most) == (1_000_000, 1_200_000, 1_205_000)
