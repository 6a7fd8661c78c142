"""The limits of a book: every rule at its edge, in the documented order."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.grants.limits import (
    BookLimits,
    Counters,
    GrantClass,
    MaxFee,
    check_blinded_fees,
    check_consistent,
    check_limits,
    utc_day,
)
from bled_codec.units import Msat, UnixTime

NONE_USED = Counters(reserved_and_spent_msat=Msat(0), today_msat=Msat(0), payments=0)


def refused(limits: BookLimits, index: int, *, amount: int, now: int, used: Counters = NONE_USED) -> Code:
    with pytest.raises(Refused) as caught:
        check_limits(limits, index, used, amount=Msat(amount), now=UnixTime(now))
    return caught.value.code


def allowed(limits: BookLimits, index: int, *, amount: int, now: int, used: Counters = NONE_USED) -> Msat:
    return check_limits(limits, index, used, amount=Msat(amount), now=UnixTime(now))


def test_the_maximum_fee_is_base_and_millionths_rounded_down() -> None:
    assert MaxFee(base_msat=Msat(5_000), ppm=10_000).of(Msat(15_099)) == 5_150
    assert MaxFee(base_msat=Msat(0), ppm=0).of(Msat(10**15)) == 0


def test_an_id_outside_all_classes_pays_nothing(limits: BookLimits, now: UnixTime) -> None:
    for index in (3, 9, 12, 2**32 - 1):
        assert refused(limits, index, amount=1, now=now) is Code.PAYER_ID_NOT_ISSUED


def test_a_grant_begins_and_ends_to_the_second(limits: BookLimits) -> None:
    begin, end = limits.not_before, limits.not_after
    assert refused(limits, 0, amount=1, now=begin - 1) is Code.GRANT_NOT_YET_VALID
    assert allowed(limits, 0, amount=1, now=begin)
    assert allowed(limits, 0, amount=1, now=end - 1)
    assert refused(limits, 0, amount=1, now=end) is Code.GRANT_EXPIRED


def test_a_class_may_end_before_its_book(limits: BookLimits, now: UnixTime) -> None:
    short = replace(limits.classes[0], not_before=UnixTime(now + 10), not_after=UnixTime(now + 20))
    shorter = replace(limits, classes=(short,))
    assert refused(shorter, 0, amount=1, now=now + 9) is Code.GRANT_NOT_YET_VALID
    assert allowed(shorter, 0, amount=1, now=now + 19)
    assert refused(shorter, 0, amount=1, now=now + 20) is Code.GRANT_EXPIRED


def test_the_smaller_of_both_payment_limits_holds(limits: BookLimits, now: UnixTime) -> None:
    assert allowed(limits, 0, amount=100_000, now=now)
    assert refused(limits, 0, amount=100_001, now=now) is Code.OVER_PAYMENT_LIMIT
    tight = replace(limits, per_payment_msat=Msat(50_000))
    assert refused(tight, 0, amount=50_001, now=now) is Code.OVER_PAYMENT_LIMIT


def test_the_number_of_payments_is_kept(limits: BookLimits, now: UnixTime) -> None:
    assert allowed(limits, 0, amount=1, now=now, used=replace(NONE_USED, payments=3))
    assert refused(limits, 0, amount=1, now=now, used=replace(NONE_USED, payments=4)) is Code.TOO_MANY_PAYMENTS


def test_the_budget_covers_amount_and_fee(limits: BookLimits, now: UnixTime) -> None:
    with_fee = 100_000 + 6_000
    left = replace(NONE_USED, reserved_and_spent_msat=Msat(limits.total_msat - with_fee))
    assert allowed(limits, 0, amount=100_000, now=now, used=left) == 6_000
    less = replace(left, reserved_and_spent_msat=Msat(left.reserved_and_spent_msat + 1))
    assert refused(limits, 0, amount=100_000, now=now, used=less) is Code.OVER_BUDGET


def test_the_day_covers_amount_and_fee(limits: BookLimits, now: UnixTime) -> None:
    left = replace(NONE_USED, today_msat=Msat(limits.per_day_msat - 106_000))
    assert allowed(limits, 0, amount=100_000, now=now, used=left) == 6_000
    less = replace(left, today_msat=Msat(left.today_msat + 1))
    assert refused(limits, 0, amount=100_000, now=now, used=less) is Code.OVER_DAILY_LIMIT


def test_a_counter_above_its_limit_leaves_nothing_and_no_less(limits: BookLimits, now: UnixTime) -> None:
    over = replace(NONE_USED, reserved_and_spent_msat=Msat(limits.total_msat * 2))
    with pytest.raises(Refused, match="0 msat left"):
        check_limits(limits, 0, over, amount=Msat(1), now=now)


def test_a_day_is_a_utc_day() -> None:
    assert utc_day(UnixTime(86_399)) == 0
    assert utc_day(UnixTime(86_400)) == 1


def test_blinded_fees_take_at_most_half(limits: BookLimits) -> None:
    check_blinded_fees(limits, amount=Msat(100_000), blinded_fees=Msat(3_000))
    with pytest.raises(Refused) as caught:
        check_blinded_fees(limits, amount=Msat(100_000), blinded_fees=Msat(3_001))
    assert caught.value.code is Code.FEE_TOO_HIGH


def inconsistent(limits: BookLimits, first: GrantClass) -> dict[str, BookLimits]:
    return {
        "negative": replace(limits, total_msat=Msat(-1)),
        "ends before": replace(limits, not_after=limits.not_before),
        "1 to 32 classes": replace(limits, classes=()),
        "same payer id": replace(limits, classes=(first, replace(first, first_index=first.count - 1))),
        "class is empty": replace(limits, classes=(replace(first, count=0),)),
        "class ends": replace(limits, classes=(replace(first, not_after=first.not_before),)),
    }


@pytest.mark.parametrize(
    "why", ["negative", "ends before", "1 to 32 classes", "same payer id", "class is empty", "class ends"]
)
def test_limits_that_cannot_be_meant_are_named(limits: BookLimits, why: str) -> None:
    check_consistent(limits)
    with pytest.raises(ValueError, match=why):
        check_consistent(inconsistent(limits, limits.classes[0])[why])
