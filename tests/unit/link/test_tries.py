"""Who may be tried again, and when."""

from bled.link.tries import BAN_SECONDS, MAX_REMEMBERED, MET_SECONDS, Tries


def test_back_off_grows_and_the_third_failure_is_a_ban_of_half_a_minute() -> None:
    tries = Tries()
    assert tries.may_try("a", now=0.0)
    assert [tries.failed("a", now=float(second)) for second in range(2)] == [0.2, 0.5]
    assert tries.may_try("a", now=2.0)
    assert tries.failed("a", now=2.0) == 1.0
    assert not tries.may_try("a", now=2.0)
    assert not tries.may_try("a", now=2.0 + BAN_SECONDS - 0.1)
    assert tries.may_try("a", now=2.0 + BAN_SECONDS)


def test_after_a_ban_a_device_has_three_tries_again() -> None:
    tries = Tries()
    for _ in range(3):
        tries.failed("a", now=0.0)
    assert [tries.failed("a", now=40.0) for _ in range(3)] == [0.2, 0.5, 1.0]
    assert not tries.may_try("a", now=41.0)


def test_devices_are_counted_apart() -> None:
    tries = Tries()
    for _ in range(3):
        tries.failed("a", now=0.0)
    assert tries.may_try("b", now=0.0)
    assert (tries.failures("a"), tries.failures("b")) == (3, 0)


def test_only_so_many_addresses_are_remembered() -> None:
    tries = Tries()
    for number in range(3 * MAX_REMEMBERED):
        tries.failed(str(number), now=0.0)
    assert len(tries._failures) == MAX_REMEMBERED
    assert tries.failures("0") == 0


def test_whoever_was_met_goes_behind_everybody_else_for_two_minutes() -> None:
    tries = Tries()
    tries.met("a", now=0.0)
    tries.failed("b", now=0.0)
    tries.failed("b", now=0.0)
    assert tries.rank("c", now=1.0) > tries.rank("b", now=1.0) > tries.rank("a", now=1.0)
    assert tries.may_try("a", now=1.0)
    assert tries.rank("a", now=MET_SECONDS) == tries.rank("c", now=1.0)


def test_whoever_is_met_again_is_remembered_anew_and_only_so_many_are() -> None:
    tries = Tries()
    for number in range(MAX_REMEMBERED):
        tries.met(str(number), now=0.0)
    tries.met("0", now=100.0)
    tries.met("one more", now=100.0)
    assert tries.rank("0", now=MET_SECONDS) < tries.rank("1", now=0.0) == (True, 0)
    assert len(tries._met) == MAX_REMEMBERED


def test_the_strongest_of_those_that_rank_highest_goes_first_and_equals_are_equal() -> None:
    tries = Tries()
    tries.met("met", now=0.0)
    tries.failed("failed", now=0.0)
    heard = {"met": -20, "failed": -30, "far": -90, "near": -50, "near too": -50}
    assert tries.foremost(heard, now=1.0) == ("near", "near too")
    assert tries.foremost({"met": -20, "failed": -90}, now=1.0) == ("failed",)
    assert tries.foremost({"met": -20}, now=1.0) == ("met",)
