"""How often codes may be formed, whatever happened to the handshakes."""

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.gatt.code_limits import EngagementLife, OpenTries, SaleCodes
from bled_codec.units import UnixTime

NOW = UnixTime(1_800_000_000)


def _refused(code: Code) -> pytest.RaisesExc:
    return pytest.RaisesExc(Refused, check=lambda error: error.code is code)


def _at(seconds: int) -> UnixTime:
    return UnixTime(NOW + seconds)


def test_a_device_has_three_tries_in_ten_minutes() -> None:
    tries = OpenTries()
    for second in (0, 1, 2):
        assert tries.left(now=_at(second)) == 3 - second
        tries = tries.take(now=_at(second))
    for second in (2, 300, 599):
        assert tries.left(now=_at(second)) == 0
        with _refused(Code.OPEN_TRIES_SPENT):
            tries.take(now=_at(second))


def test_each_try_comes_back_ten_minutes_after_it_was_made() -> None:
    tries = OpenTries().take(now=_at(0)).take(now=_at(100)).take(now=_at(200))
    assert [tries.left(now=_at(second)) for second in (599, 600, 699, 700, 800)] == [0, 1, 1, 2, 3]
    assert tries.take(now=_at(600)).left(now=_at(600)) == 0


def test_tries_outlive_the_pay_screen_because_they_are_a_value() -> None:
    kept = OpenTries().take(now=NOW).take(now=NOW).times
    assert OpenTries(times=kept).left(now=NOW) == 1


def test_a_clock_that_goes_back_gives_no_tries() -> None:
    tries = OpenTries().take(now=NOW).take(now=NOW).take(now=NOW)
    with _refused(Code.OPEN_TRIES_SPENT):
        tries.take(now=_at(-86_400))


def test_a_clock_that_was_wrong_takes_no_try_for_longer_than_ten_minutes() -> None:
    tries = OpenTries().take(now=_at(86_400)).take(now=NOW)
    assert tries.left(now=_at(599)) == 1
    assert tries.left(now=_at(600)) == 3


def test_codes_that_differ_spend_all_tries() -> None:
    tries = OpenTries().end(now=NOW)
    assert tries.left(now=_at(599)) == 0
    assert tries.left(now=_at(600)) == 3


def test_a_sale_shows_one_code_and_another_for_each_tap_but_three_in_all() -> None:
    codes = SaleCodes().take()
    for _ in range(2):
        with _refused(Code.CODE_NEEDS_TAP):
            codes.take()
        codes = codes.tap().take()
    for action in (codes.take, codes.tap):
        with _refused(Code.SALE_CODES_SPENT):
            action()


def test_a_tap_gives_one_code_however_often_it_is_tapped() -> None:
    codes = SaleCodes().take().tap().tap().tap().take()
    with _refused(Code.CODE_NEEDS_TAP):
        codes.take()


def test_a_tap_before_the_first_code_gives_none() -> None:
    codes = SaleCodes().tap().take()
    with _refused(Code.CODE_NEEDS_TAP):
        codes.take()


def test_codes_that_differ_end_open_mode_for_the_sale() -> None:
    for codes in (SaleCodes().take().end(), SaleCodes().end(), SaleCodes().take().tap().end()):
        for action in (codes.take, codes.tap):
            with _refused(Code.CODES_DIFFER):
                action()


def test_an_engagement_is_good_for_two_minutes() -> None:
    life = EngagementLife(since=100.0)
    life.check(now=100.0)
    life.check(now=219.9)
    for now in (220.0, 99.9):
        with _refused(Code.ENGAGEMENT_EXPIRED):
            life.check(now=now)


def test_an_engagement_is_good_for_one_meeting() -> None:
    used = EngagementLife(since=100.0).use(now=110.0)
    for action in (used.check, used.use):
        with _refused(Code.ENGAGEMENT_EXPIRED):
            action(now=111.0)
