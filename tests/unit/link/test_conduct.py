"""Who is left alone, for how long, and who is not."""

from bled.link.conduct import BAN_SECONDS, CALL_SECONDS, CALLS, MAX_REMEMBERED, OFFENCE_SECONDS, Conduct


def test_the_second_offence_is_a_ban_of_half_a_minute() -> None:
    conduct = Conduct()
    conduct.offend("a", now=0.0)
    assert not conduct.is_banned("a", now=0.0)
    conduct.offend("a", now=5.0)
    assert conduct.is_banned("a", now=5.0)
    assert not conduct.call("a", now=5.0 + BAN_SECONDS - 0.1)
    assert not conduct.is_banned("b", now=5.0)
    assert not conduct.is_banned("a", now=5.0 + BAN_SECONDS)
    assert conduct.call("a", now=5.0 + BAN_SECONDS)


def test_after_a_ban_and_after_ten_minutes_offences_are_counted_anew() -> None:
    conduct = Conduct()
    for now in (0.0, 1.0, 40.0):
        conduct.offend("a", now=now)
    assert not conduct.is_banned("a", now=40.0)
    conduct.offend("a", now=40.0 + OFFENCE_SECONDS)
    assert not conduct.is_banned("a", now=40.0 + OFFENCE_SECONDS)


def test_the_eleventh_silent_connection_in_a_minute_is_one_too_many() -> None:
    conduct = Conduct()
    assert all(conduct.call("a", now=float(second)) for second in range(CALLS))
    assert not conduct.call("a", now=20.0)
    assert conduct.call("b", now=20.0)
    assert conduct.call("a", now=CALL_SECONDS)
    assert not conduct.call("a", now=CALL_SECONDS)


def test_who_writes_may_connect_as_often_as_he_likes() -> None:
    conduct = Conduct()
    for _ in range(3 * CALLS):
        assert conduct.call("a", now=0.0)
        conduct.speak("a")


def test_a_refused_connection_does_not_make_the_wait_longer() -> None:
    conduct = Conduct()
    for _ in range(CALLS):
        conduct.call("a", now=0.0)
    for second in range(1, 60):
        assert not conduct.call("a", now=float(second))
    assert conduct.call("a", now=CALL_SECONDS)


def test_only_so_many_addresses_are_remembered() -> None:
    conduct = Conduct()
    for number in range(2 * MAX_REMEMBERED):
        conduct.call(str(number), now=0.0)
        conduct.offend(str(number), now=0.0)
        conduct.offend(f"{number} again", now=0.0)
        conduct.offend(f"{number} again", now=0.0)
    assert max(len(conduct._calls), len(conduct._offences), len(conduct._banned_until)) <= MAX_REMEMBERED
