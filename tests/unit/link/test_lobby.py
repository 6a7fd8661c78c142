"""Who is let in, and who is shown out."""

from bled.link.lobby import MAX_GUESTS, OFFER_SECONDS, SUBSCRIBE_SECONDS, TURN_AWAY_SECONDS, Lobby


def test_only_a_guest_that_has_subscribed_may_write() -> None:
    lobby: Lobby[str] = Lobby()
    assert not lobby.may_write("a")
    lobby.enter("a", now=0.0)
    assert not lobby.may_write("a")
    lobby.subscribe("a", on=True, now=1.0)
    assert lobby.may_write("a")
    lobby.subscribe("a", on=False, now=2.0)
    assert not lobby.may_write("a")


def test_a_guest_has_ten_seconds_to_subscribe_and_then_seventy_five_to_write() -> None:
    lobby: Lobby[str] = Lobby()
    assert lobby.deadline() is None
    lobby.enter("a", now=100.0)
    assert lobby.deadline() == 100.0 + SUBSCRIBE_SECONDS == 110.0
    assert lobby.to_drop(now=109.9) == ()
    assert lobby.to_drop(now=110.0) == ("a",)
    lobby.subscribe("a", on=True, now=105.0)
    assert lobby.deadline() == 105.0 + OFFER_SECONDS == 180.0


def test_the_oldest_gives_way_when_too_many_are_here() -> None:
    lobby: Lobby[int] = Lobby()
    for number in range(MAX_GUESTS):
        lobby.enter(number, now=float(number))
    assert lobby.to_drop(now=5.0) == ()
    lobby.enter(MAX_GUESTS, now=5.0)
    assert lobby.to_drop(now=5.0) == (0,)
    lobby.leave(0)
    assert lobby.to_drop(now=5.0) == ()


def test_who_is_overdue_does_not_push_another_out() -> None:
    lobby: Lobby[int] = Lobby()
    for number in range(MAX_GUESTS + 1):
        lobby.enter(number, now=0.0)
    lobby.condemn(3, now=1.0)
    assert lobby.to_drop(now=1.0) == (3,)


def test_a_stranger_is_ignored() -> None:
    lobby: Lobby[int] = Lobby()
    lobby.subscribe(1, on=True, now=0.0)
    lobby.condemn(1, now=0.0)
    lobby.leave(1)
    assert not lobby.may_write(1)
    assert lobby.to_drop(now=1e9) == ()


def test_one_that_is_not_welcome_stays_until_its_link_is_set_up_and_cannot_write() -> None:
    lobby: Lobby[str] = Lobby()
    lobby.enter("a", now=10.0)
    lobby.turn_away("a", now=10.0)
    lobby.subscribe("a", on=True, now=10.5)
    assert not lobby.may_write("a")
    assert lobby.deadline() == 10.0 + TURN_AWAY_SECONDS == 11.0
    assert lobby.to_drop(now=10.9) == ()
    assert lobby.to_drop(now=11.0) == ("a",)


def test_nobody_is_disconnected_in_the_first_second_for_what_others_do() -> None:
    lobby: Lobby[str] = Lobby()
    lobby.enter("a", now=10.0)
    assert lobby.settles_in("a", now=10.25) == TURN_AWAY_SECONDS - 0.25
    assert lobby.settles_in("a", now=11.0) == lobby.settles_in("a", now=99.0) == 0.0
    assert lobby.settles_in("b", now=10.0) == 0.0


def test_a_condemned_guest_cannot_win_time_by_subscribing() -> None:
    lobby: Lobby[str] = Lobby()
    lobby.enter("a", now=0.0)
    lobby.condemn("a", now=1.0)
    lobby.subscribe("a", on=True, now=1.0)
    assert lobby.is_condemned("a")
    assert not lobby.may_write("a")
    assert lobby.to_drop(now=1.0) == ("a",)
    assert not lobby.is_condemned("b")
