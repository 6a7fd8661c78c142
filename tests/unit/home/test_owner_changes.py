"""More money and more time for a book that is out, and nothing less."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import PeerError, Refused
from bled.home.changes import extended, topped_up
from bled_codec.units import MAX_MSAT, Msat, UnixTime

DAY = 86_400


def test_more_money_leaves_every_other_limit(home) -> None:
    limits = replace(home.book_limits, per_day_msat=Msat(300_000))
    assert topped_up(limits, Msat(5)) == replace(limits, total_msat=Msat(1_000_005))


def test_a_day_that_may_spend_everything_still_may(home) -> None:
    changed = topped_up(home.book_limits, Msat(5))
    assert changed.per_day_msat == changed.total_msat == 1_000_005


def test_more_money_than_there_is_is_refused(home) -> None:
    with pytest.raises(PeerError):
        topped_up(home.book_limits, Msat(MAX_MSAT))


def test_more_time_moves_the_classes_that_end_with_the_book(home, shop) -> None:
    (whole,) = home.book_limits.classes
    short = replace(whole, first_index=5, not_after=UnixTime(shop.NOW + DAY))
    limits = replace(home.book_limits, classes=(whole, short))
    changed = extended(limits, 10 * DAY, now=shop.NOW)
    assert changed.not_after == changed.classes[0].not_after == shop.NOW + 40 * DAY
    assert changed.classes[1] == short


def test_a_book_that_has_ended_lives_again_from_now_on(home, shop) -> None:
    later = UnixTime(shop.NOW + 90 * DAY)
    assert extended(home.book_limits, DAY, now=later).not_after == later + DAY


def test_no_book_is_for_ever(home, shop) -> None:
    with pytest.raises(PeerError):
        extended(home.book_limits, 11 * 366 * DAY, now=shop.NOW)


def test_what_was_topped_up_can_be_spent(ledger, bought, shop) -> None:
    large = bought(0, amount=399_000)
    ledger.change_limits(1, lambda limits: replace(limits, total_msat=Msat(100_000)))
    with pytest.raises(Refused) as caught:
        ledger.claim(large, now=shop.NOW)
    assert caught.value.code is Code.OVER_BUDGET
    book = ledger.change_limits(1, lambda limits: topped_up(limits, Msat(900_000)))
    assert book == ledger.book(1)
    assert book.limits.total_msat == 1_000_000
    ledger.claim(large, now=shop.NOW)


@pytest.mark.parametrize("book_id", [1, 99])
def test_a_book_that_is_revoked_or_unknown_is_not_changed(ledger, shop, book_id) -> None:
    ledger.revoke_book(1, now=shop.NOW)
    with pytest.raises(Refused):
        ledger.change_limits(book_id, lambda limits: limits)


def test_all_books_of_a_device_are_revoked_together(ledger, home, shop) -> None:
    terms = {"home_label": "home", "issued_at": shop.NOW, "ids": 5, "limits": home.book_limits}
    for number, device in enumerate(("phone", "watch")):
        ledger.add_book(salt=bytes([number]) * 16, device=device, **terms)
    assert ledger.revoke_device("phone", now=shop.NOW).books == (1, 2)
    assert [book.revoked_at is None for book in ledger.books()] == [False, False, True]
    with pytest.raises(Refused):
        ledger.revoke_device("nobody", now=shop.NOW)


def test_payments_are_found_by_hash_and_page_by_page(ledger, bought, shop) -> None:
    claims = [ledger.claim(bought(index), now=shop.NOW + index).claim for index in range(3)]
    assert ledger.claim_for_hash(claims[1].payment_hash) == claims[1]
    assert ledger.claim_for_hash(bytes(32)) is None
    pages = [ledger.claims_from(offset, limit=2) for offset in (0, 2, 4)]
    assert pages == [(claims[2], claims[1]), (claims[0],), ()]


def test_that_home_paid_without_labels_is_never_forgotten(ledger) -> None:
    assert not ledger.paid_without_labels()
    for _ in range(2):
        ledger.pays_without_labels()
        assert ledger.paid_without_labels()
