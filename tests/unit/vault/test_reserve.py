"""Reserving: the right id, the right bytes, on the disk, and never twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bled.codes import Code, Failpoint
from bled.errors import BledError
from bled.gatt.profile import MAX_REQUEST_BYTES
from bled.grants.limits import GrantClass
from bled.grants.refund_offer import create_refund_offer, refund_offer_of
from bled.vault.vault import Reservation, Vault
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN
from bled_codec.checks import check_request_for_offer
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, UnixTime

DAY = 86_400
MakeOffer = Callable[..., Offer]


def refused(vault: Vault, offer: Offer, now: int) -> Code:
    """Return why a reservation is refused, after seeing that it left nothing behind."""
    before = vault.history()
    with pytest.raises(BledError) as caught:
        vault.reserve(offer, amount=Msat(offer.offer_amount or 0), now=UnixTime(now))
    assert vault.history() == before
    return caught.value.code


def pay(vault: Vault, offer: Offer, now: int) -> Reservation:
    return vault.reserve(offer, amount=Msat(offer.offer_amount or 0), now=UnixTime(now))


def one_class(now: int, *, count: int = 10, limit: int = 1_000_000, ends_in: int = 30 * DAY) -> list[GrantClass]:
    end = UnixTime(now + ends_in)
    first = UnixTime(now)
    return [GrantClass(first_index=0, count=count, per_payment_msat=Msat(limit), not_before=first, not_after=end)]


@pytest.fixture
def vault_with(folder: Path, home: Any, now: UnixTime) -> Any:
    """A vault with the books given, each by its number and the arguments of `Home.book`."""
    opened: list[Vault] = []

    def make(*books: dict[str, Any]) -> Vault:
        vault = Vault.open(folder)
        opened.append(vault)
        for number, arguments in enumerate(books, start=1):
            chain = arguments.get("chain", REGTEST_CHAIN)
            vault.import_book(home.signed(home.book(number, **arguments)), passphrase=None, chain=chain, now=now)
        return vault

    yield make
    for vault in opened:
        vault.close()


def indices(vault: Vault) -> list[tuple[int, int]]:
    return [(entry.book_id, entry.index) for entry in vault.history()]


# The request


def test_the_request_answers_the_offer_by_every_rule(vault: Vault, offer: Offer, now: UnixTime) -> None:
    reservation = pay(vault, offer, now)
    request = InvoiceRequest.decode(reservation.request)
    check_request_for_offer(request, offer, chain=REGTEST_CHAIN, now=now)
    assert request.invreq_payer_id == reservation.payer_id
    assert (request.invreq_amount, request.invreq_chain) == (15_000, REGTEST_CHAIN)
    assert len(request.invreq_paths or ()) == 2
    assert len(request.invreq_metadata) == 24


def test_the_request_names_metadata_and_paths_of_its_id(vault: Vault, home: Any, offer: Offer, now: UnixTime) -> None:
    home.chance.seed(5)
    grants = {grant.payer_id: grant for grant in home.book().grants}
    request = InvoiceRequest.decode(pay(vault, offer, now).request)
    grant = grants[request.invreq_payer_id]
    assert request.invreq_metadata == grant.metadata
    assert tuple(path.encode() for path in request.invreq_paths or ()) == grant.paths


def test_the_amount_is_named_although_the_offer_has_it(vault: Vault, offer: Offer, now: UnixTime) -> None:
    assert offer.offer_amount == 15_000
    assert InvoiceRequest.decode(pay(vault, offer, now).request).invreq_amount == 15_000


def test_bitcoin_is_the_chain_that_is_not_named(vault_with: Any, make_offer: MakeOffer, now: UnixTime) -> None:
    vault = vault_with({"chain": BITCOIN_CHAIN})
    offer = make_offer(chain=BITCOIN_CHAIN)
    request = InvoiceRequest.decode(pay(vault, offer, now).request)
    assert request.invreq_chain is None
    check_request_for_offer(request, offer, chain=BITCOIN_CHAIN, now=now)


def test_every_request_is_by_another_id_and_looks_alike(vault: Vault, offer: Offer, now: UnixTime) -> None:
    made = [pay(vault, offer, now) for _ in range(4)]
    assert len({reservation.payer_id for reservation in made}) == 4
    assert len({len(reservation.request) for reservation in made}) == 1


# Which id


def test_the_class_with_the_smallest_limit_that_fits_is_taken(vault: Vault, make_offer: MakeOffer, now: int) -> None:
    pay(vault, make_offer(20_000), now)
    pay(vault, make_offer(20_001), now)
    pay(vault, make_offer(1), now)
    assert indices(vault) == [(1, 2), (1, 0), (1, 3)]


def test_a_larger_class_serves_when_the_smaller_is_used_up(vault: Vault, make_offer: MakeOffer, now: int) -> None:
    for _ in range(4):
        pay(vault, make_offer(10_000), now)
    assert indices(vault) == [(1, 2), (1, 3), (1, 0), (1, 1)]


def test_the_book_that_ends_first_is_used_first(vault_with: Any, offer: Offer, now: int) -> None:
    vault = vault_with({"classes": one_class(now, count=1)}, {"classes": one_class(now, count=1, ends_in=DAY)})
    assert pay(vault, offer, now) != pay(vault, offer, now)
    assert indices(vault) == [(2, 0), (1, 0)]


def test_another_book_serves_when_one_has_ended(vault_with: Any, make_offer: MakeOffer, now: int) -> None:
    vault = vault_with({"ends_in": DAY}, {})
    later = now + 2 * DAY
    pay(vault, make_offer(expires_at=later + 300), later)
    assert indices(vault) == [(2, 2)]


def test_the_fee_shown_is_the_fee_reserved(vault: Vault, make_offer: MakeOffer, now: UnixTime) -> None:
    for amount in (1, 15_000, 900_000):
        shown = vault.max_fee(Msat(amount), now=now)
        assert pay(vault, make_offer(amount), now).max_fee == shown == 1_000 + amount // 100


# Refusals


def test_without_a_book_there_is_nothing_to_pay_with(folder: Path, offer: Offer, now: UnixTime) -> None:
    with Vault.open(folder) as vault:
        assert refused(vault, offer, now) is Code.NO_GRANT_LEFT
        with pytest.raises(BledError) as caught:
            vault.max_fee(Msat(1), now=now)
    assert caught.value.code is Code.NO_GRANT_LEFT


def test_used_up_ids_are_named_even_if_smaller_ones_are_left(vault: Vault, make_offer: MakeOffer, now: int) -> None:
    pay(vault, make_offer(500_000), now)
    pay(vault, make_offer(500_000), now)
    assert refused(vault, make_offer(500_000), now) is Code.NO_GRANT_LEFT
    assert pay(vault, make_offer(10_000), now)


def test_an_amount_above_every_class_is_refused(vault: Vault, make_offer: MakeOffer, now: int) -> None:
    assert refused(vault, make_offer(1_000_001), now) is Code.OVER_PAYMENT_LIMIT


def test_the_budget_counts_reservations_with_their_fees(vault_with: Any, make_offer: MakeOffer, now: int) -> None:
    vault = vault_with({"classes": one_class(now), "total": 2 * (100_000 + 2_000)})
    pay(vault, make_offer(100_000), now)
    assert refused(vault, make_offer(100_001), now) is Code.OVER_BUDGET
    pay(vault, make_offer(100_000), now)
    assert refused(vault, make_offer(1), now) is Code.OVER_BUDGET


def test_the_daily_limit_starts_anew_with_the_utc_day(vault_with: Any, make_offer: MakeOffer, now: int) -> None:
    vault = vault_with({"classes": one_class(now), "per_day": 102_000})
    midnight = (now // DAY + 1) * DAY
    pay(vault, make_offer(100_000, expires_at=midnight + 300), midnight - 1)
    assert refused(vault, make_offer(1, expires_at=midnight + 300), midnight - 1) is Code.OVER_DAILY_LIMIT
    assert pay(vault, make_offer(100_000, expires_at=midnight + 300), midnight)


def test_the_number_of_payments_is_kept(vault_with: Any, make_offer: MakeOffer, now: int) -> None:
    vault = vault_with({"classes": one_class(now), "payments": 1})
    pay(vault, make_offer(1), now)
    assert refused(vault, make_offer(1), now) is Code.TOO_MANY_PAYMENTS


def test_counters_of_one_book_do_not_touch_another(vault_with: Any, make_offer: MakeOffer, now: int) -> None:
    vault = vault_with({"payments": 1}, {"payments": 1})
    pay(vault, make_offer(1), now)
    pay(vault, make_offer(1), now)
    assert indices(vault) == [(1, 2), (2, 2)]


@pytest.mark.parametrize(("moment", "code"), [(-1, Code.GRANT_NOT_YET_VALID), (30 * DAY, Code.GRANT_EXPIRED)])
def test_a_book_pays_in_its_time_only(vault: Vault, make_offer: MakeOffer, now: int, moment: int, code: Code) -> None:
    assert refused(vault, make_offer(expires_at=now + moment + 300), now + moment) is code


def test_an_offer_that_never_ends_is_not_signed(vault: Vault, make_offer: MakeOffer, now: int) -> None:
    assert refused(vault, make_offer(expires_at=None), now) is Code.OFFER_WITHOUT_EXPIRY


def test_an_offer_that_has_ended_is_not_signed(vault: Vault, make_offer: MakeOffer, now: int) -> None:
    assert refused(vault, make_offer(expires_at=now), now) is Code.OFFER_EXPIRES_TOO_SOON


def test_an_offer_of_another_chain_is_not_signed(vault: Vault, make_offer: MakeOffer, now: int) -> None:
    assert refused(vault, make_offer(chain=BITCOIN_CHAIN), now) is Code.WRONG_CHAIN


def test_less_than_the_offer_asks_is_not_signed(vault: Vault, offer: Offer, now: UnixTime) -> None:
    with pytest.raises(BledError) as caught:
        vault.reserve(offer, amount=Msat(14_999), now=now)
    assert caught.value.code is Code.OFFER_BAD
    assert vault.history() == ()


def test_a_request_that_no_message_carries_is_not_signed(vault: Vault, merchant: SecretKey, now: UnixTime) -> None:
    long = create_offer(
        description="x" * 3_500,
        amount=1,
        chains=[REGTEST_CHAIN],
        issuer_id=merchant.public_key,
        absolute_expiry=UnixTime(now + 300),
    )
    assert refused(vault, long, now) is Code.OFFER_BAD


# For ever


def test_a_reservation_survives_the_vault(vault: Vault, folder: Path, offer: Offer, now: UnixTime) -> None:
    reservation = pay(vault, offer, now)
    vault.close()
    with Vault.open(folder) as reopened:
        (entry,) = reopened.history()
        following = pay(reopened, offer, now)
    assert (entry.request, entry.code) == (reservation.request, Code.OUTCOME_UNKNOWN)
    assert (entry.amount, entry.max_fee, entry.at, entry.description) == (15_000, 1_150, now, "coffee")
    assert following.payer_id != reservation.payer_id


def test_an_id_stays_burnt_when_the_step_after_the_commit_fails(
    vault: Vault, offer: Offer, now: UnixTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", f"{Failpoint.BUYER_RESERVED.value}:1=error")
    monkeypatch.setattr("bled.failpoint._hits", {})
    with pytest.raises(BledError) as caught:
        pay(vault, offer, now)
    assert caught.value.code is Code.FAILPOINT
    assert indices(vault) == [(1, 2)]
    pay(vault, offer, now)
    assert indices(vault) == [(1, 2), (1, 3)]


@pytest.mark.parametrize("change", ["DELETE FROM reservations", "UPDATE reservations SET payer_id = x'00'"])
def test_the_file_itself_keeps_reservations(vault: Vault, offer: Offer, now: UnixTime, change: str) -> None:
    pay(vault, offer, now)
    with pytest.raises(BledError, match="for ever"):
        vault._store.run(change)
    assert len(vault.history()) == 1


@pytest.mark.parametrize(
    "code", [Code.NOT_CONFIRMED, Code.OUTCOME_UNKNOWN, Code.PAYMENT_FAILED, Code.CANCELLED, Code.PAID]
)
def test_no_word_of_a_till_gives_anything_back(vault: Vault, offer: Offer, now: UnixTime, code: Code) -> None:
    reservation = pay(vault, offer, now)
    before = vault.books(now=now)
    vault.record_outcome(reservation.payer_id, code, invoice=None, preimage=None, now=now)
    assert vault.books(now=now) == before
    assert pay(vault, offer, now).payer_id != reservation.payer_id


# What is left


def test_the_summary_counts_ids_and_money(vault: Vault, offer: Offer, now: UnixTime) -> None:
    pay(vault, offer, now)
    (book,) = vault.books(now=now)
    assert (book.book_id, book.device, book.home_label) == (1, "phone", "home")
    assert (book.ids_left, book.ids_total) == (3, 4)
    assert (book.spent_msat, book.remaining_msat) == (16_150, 10_000_000 - 16_150)


def test_an_ended_book_has_nothing_left(vault: Vault, now: int) -> None:
    (book,) = vault.books(now=UnixTime(now + 30 * DAY))
    assert (book.ids_left, book.ids_total, book.remaining_msat) == (0, 4, 0)


# The clock


def test_a_clock_before_the_issue_or_the_last_use_is_not_trusted(vault: Vault, offer: Offer, now: int) -> None:
    assert not vault.clock_trusted(UnixTime(now - 1))
    assert vault.clock_trusted(UnixTime(now))
    reservation = pay(vault, offer, now + 100)
    assert not vault.clock_trusted(UnixTime(now + 99))
    vault.record_outcome(reservation.payer_id, Code.NOT_CONFIRMED, invoice=None, preimage=None, now=UnixTime(now + 150))
    assert not vault.clock_trusted(UnixTime(now + 149))
    assert vault.clock_trusted(UnixTime(now + 150))


def test_a_clock_set_back_does_not_lower_the_bound(vault: Vault, offer: Offer, now: int) -> None:
    pay(vault, offer, now + 100)
    pay(vault, offer, now)
    assert not vault.clock_trusted(UnixTime(now + 99))


def test_the_last_use_is_remembered(vault: Vault, folder: Path, offer: Offer, now: int) -> None:
    pay(vault, offer, now + 100)
    vault.close()
    with Vault.open(folder) as reopened:
        assert not reopened.clock_trusted(UnixTime(now + 99))


@pytest.fixture
def carrying(folder: Path, home: Any, now: UnixTime) -> Any:
    """A vault with a book whose ids have refund offers, each of a key of its own."""
    book = home.book(1)
    offers = [
        create_refund_offer(
            grant.payer_id,
            issuer_id=SecretKey(bytes([grant.index + 1]) * 32).public_key,
            paths=grant.paths,
            chain=REGTEST_CHAIN,
        ).encode()
        for grant in book.grants
    ]
    pairs = zip(book.grants, offers, strict=True)
    signed = home.signed(replace(book, grants=tuple(replace(grant, refund_offer=offer) for grant, offer in pairs)))
    with Vault.open(folder) as vault:
        vault.import_book(signed, passphrase=None, chain=REGTEST_CHAIN, now=now)
        yield vault


def carried(reservation: Reservation) -> Offer | None:
    return refund_offer_of(InvoiceRequest.decode(reservation.request))


def test_a_refund_offer_goes_along_only_when_that_is_wanted(carrying: Vault, make_offer: MakeOffer, now: int) -> None:
    offer, terms = make_offer(), {"amount": Msat(15_000), "now": UnixTime(now)}
    assert carried(carrying.reserve(offer, **terms)) is None
    wanted = carrying.reserve(offer, **terms, allows_refund=True)
    found = carried(wanted)
    assert found is not None
    assert found.offer_metadata == wanted.payer_id
    assert found.offer_paths == InvoiceRequest.decode(wanted.request).invreq_paths


def test_no_two_requests_carry_the_same_one(carrying: Vault, make_offer: MakeOffer, now: int) -> None:
    terms = {"amount": Msat(15_000), "now": UnixTime(now), "allows_refund": True}
    first, second = (carried(carrying.reserve(make_offer(), **terms)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.offer_issuer_id != second.offer_issuer_id
    shared = {record.value for record in first.records} & {record.value for record in second.records}
    assert shared <= {REGTEST_CHAIN}


def test_a_till_with_an_offer_that_leaves_no_room_gets_none(carrying: Vault, now: int) -> None:
    till = SecretKey(bytes([9]) * 32).public_key
    large = create_offer(
        description="x" * 2_700,
        amount=15_000,
        chains=(REGTEST_CHAIN,),
        issuer_id=till,
        absolute_expiry=UnixTime(now + 300),
    )
    made = carrying.reserve(large, amount=Msat(15_000), now=UnixTime(now), allows_refund=True)
    assert carried(made) is None
    assert len(made.request) <= MAX_REQUEST_BYTES
