"""One ledger in PostgreSQL, several processes: what they share, and what each has for itself."""

import threading
from contextlib import ExitStack, closing, contextmanager

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Refused
from bled.home.decisions import Decisions
from bled.home.ledger import Ledger
from bled.home.policy import Glimpse
from bled.home.refund_rows import HomeRefund
from bled.home.rows import ClaimState
from bled_codec.units import Msat


@pytest.fixture
def place(database):
    return database


@pytest.fixture
def others(place, home):
    """Open the same ledger again, as another process would."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(place.open(home)))


@contextmanager
def at_work(ledger: Ledger):
    """Let a ledger be a worker's, as long as this lasts."""
    with ledger.engine.connect() as session:
        ledger.enlist(session)
        yield
        session.invalidate()


def at_once(*acts) -> list[object]:
    """Do all of these at the same time; return what each came to."""
    results: list[object] = [None] * len(acts)
    begin = threading.Barrier(len(acts))

    def run(number: int) -> None:
        begin.wait()
        try:
            results[number] = acts[number]()
        except BledError as error:
            results[number] = error.code

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_two_invoices_for_one_id_claimed_at_once_one_is_taken(ledger, others, bought, home) -> None:
    other = others()
    for index in range(5):
        one, two = (bought(index, preimage=bytes([2 * index + n + 1]) * 32, amount=1_000) for n in range(2))
        came = at_once(
            lambda one=one: ledger.claim(one, now=home.now).is_new,
            lambda two=two: other.claim(two, now=home.now).is_new,
        )
        assert sorted(map(str, came)) == sorted(["True", str(Code.PAYER_ID_USED)])


def test_one_hash_for_two_ids_claimed_at_once_is_taken_once(ledger, others, bought, home) -> None:
    other = others()
    one, two = bought(0, preimage=b"s" * 32), bought(1, preimage=b"s" * 32)
    came = at_once(lambda: ledger.claim(one, now=home.now).is_new, lambda: other.claim(two, now=home.now).is_new)
    assert sorted(map(str, came)) == sorted(["True", str(Code.PAYMENT_HASH_USED)])


def test_a_budget_for_one_is_not_given_to_two(ledger, others, bought, home) -> None:
    other = others()
    ledger.claim(bought(2, amount=400_000), now=home.now)
    one, two = bought(0, amount=400_000), bought(1, amount=400_000)
    came = at_once(lambda: ledger.claim(one, now=home.now).is_new, lambda: other.claim(two, now=home.now).is_new)
    assert sorted(map(str, came)) == sorted(["True", str(Code.OVER_BUDGET)])


def test_the_node_is_asked_by_one_of_two_who_want_to_ask(ledger, others, bought, home) -> None:
    other = others()
    for index in range(5):
        payer_id = ledger.claim(bought(index, amount=1_000), now=home.now).claim.payer_id
        came = at_once(
            lambda who=payer_id: ledger.begin_payment(who, now=home.now).state,
            lambda who=payer_id: other.begin_payment(who, now=home.now).state,
        )
        assert sorted(map(str, came)) == sorted([str(ClaimState.SENT), str(Code.REVOKED)])


def test_a_refund_that_is_kept_and_taken_back_at_once_is_one_of_both(ledger, others, bought, home) -> None:
    other = others()
    claim = ledger.claim(bought(), now=home.now).claim
    ledger.begin_payment(claim.payer_id, now=home.now)
    ledger.record_paid(claim.payer_id, amount_sent=claim.amount, preimage=bytes(32), now=home.now)
    for number in range(8):
        one = HomeRefund(
            payment_hash=bytes([number]) * 32, payer_id=claim.payer_id, node="", salt=bytes(32), request=bytes(32),
            amount=Msat(1), invoice=b"invoice", made_at=home.now, expires_at=home.now,
        )  # fmt: skip
        ledger.add_refund(one)
        kept, has_ended = at_once(lambda one=one: ledger.keep_refund(one).kept, lambda one=one: other.close_refund(one))
        assert (kept, has_ended) in {(True, False), (Code.REFUND_REFUSED, True)}
        ledger.close_refund(ledger.refund_with(one.payment_hash))


def test_of_two_refunds_of_a_payment_made_at_once_one_is_open(ledger, others, bought, home) -> None:
    other = others()
    claim = ledger.claim(bought(), now=home.now).claim
    ledger.begin_payment(claim.payer_id, now=home.now)
    ledger.record_paid(claim.payer_id, amount_sent=claim.amount, preimage=bytes(32), now=home.now)
    one, two = (
        HomeRefund(
            payment_hash=bytes([number]) * 32, payer_id=claim.payer_id, node="", salt=bytes(32), request=bytes(32),
            amount=Msat(1), invoice=b"invoice", made_at=home.now, expires_at=home.now,
        )
        for number in range(2)
    )  # fmt: skip
    came = at_once(lambda: ledger.add_refund(one), lambda: other.add_refund(two))
    assert sorted(map(str, came)) == sorted(["None", str(Code.REFUND_REFUSED)])


def test_a_revocation_and_a_payment_at_once_agree_on_who_was_first(ledger, others, bought, home) -> None:
    other = others()
    for index in range(5):
        claim = ledger.claim(bought(index, amount=1_000), now=home.now).claim
        asked, revoked = at_once(
            lambda claim=claim: ledger.begin_payment(claim.payer_id, now=home.now).state,
            lambda claim=claim: other.revoke_id(claim.payer_id, book_id=1, now=home.now),
        )
        was_asked = asked is ClaimState.SENT
        assert bool(revoked.in_flight) is was_asked
        assert (claim.payer_id in revoked.payer_ids) is not was_asked


def test_books_of_two_plugins_never_have_one_number(ledger, others, home, shop) -> None:
    other = others()
    values = {"device": "d", "home_label": "h", "issued_at": home.now, "ids": 1, "limits": home.row.limits}
    came = at_once(
        *(
            lambda number=number, who=who: who.add_book(salt=bytes([number]) * 16, **values).book_id
            for number, who in enumerate([ledger, other] * 4)
        )
    )
    assert sorted(came) == list(range(2, 10))


def test_decisions_of_all_processes_are_numbered_in_one_order(ledger, others, bought, home) -> None:
    other = others()
    for number, who in enumerate([ledger, other, ledger, other]):
        claim = who.claim(bought(number, amount=1_000), now=home.now).claim
        who.begin_payment(claim.payer_id, now=home.now)
        who.record_failed(claim.payer_id, detail=str(number), now=home.now)
        Decisions(who).refuse(Refused(Code.BAD_INVOICE, detail=str(number)), Glimpse(), now=home.now)
    told = Decisions(others()).since(0, limit=99)
    assert [decision.detail for decision in told] == ["0", "0", "1", "1", "2", "2", "3", "3"]
    assert [decision.seq for decision in told] == list(range(1, 9))


def test_only_the_newest_refusals_are_kept(ledger, home, place) -> None:
    place.execute(
        "INSERT INTO refusals (seq, at, code, detail) SELECT n, 0, 'bad-invoice', '' FROM generate_series(1, 1200) n"
    )
    place.execute("INSERT INTO meta VALUES ('decisions', 1200)")
    Decisions(ledger).refuse(Refused(Code.BAD_INVOICE), Glimpse(), now=home.now)
    assert place.execute("SELECT count(*), min(seq), max(seq) FROM refusals") == [(1000, 202, 1201)]


def test_a_refusal_is_told_even_when_it_cannot_be_written(ledger, home, place) -> None:
    decisions = Decisions(ledger)
    place.break_writing(ledger)
    decisions.refuse(Refused(Code.BAD_INVOICE), Glimpse(), now=home.now)
    place.mend_writing(ledger)
    assert [decision.code for decision in decisions.since(0, limit=9)] == [Code.BAD_INVOICE]


# Whose work a claim is


def test_a_claim_is_its_workers_while_that_lives_and_anothers_afterwards(ledger, others, bought, home) -> None:
    other = others()
    with at_work(other):
        with at_work(ledger):
            claim = ledger.claim(bought(), now=home.now).claim
            other.take_over()
            assert (ledger.open_claims(), other.open_claims()) == ((claim,), ())
        other.take_over()
        assert (ledger.open_claims(), other.open_claims()) == ((), (claim,))


def test_a_claim_of_another_node_is_left_to_that_nodes_workers(ledger, others, bought, home) -> None:
    ledger.belong_to("one")
    other, third = others(), others()
    other.belong_to("other")
    third.belong_to("one")
    with at_work(ledger):
        claim = ledger.claim(bought(), now=home.now).claim
    with at_work(other), at_work(third):
        other.take_over()
        assert other.open_claims() == ()
        third.take_over()
        assert third.open_claims() == (claim,)


def test_two_who_take_over_at_once_do_not_both_get_it(ledger, others, bought, home) -> None:
    one, two = others(), others()
    with at_work(ledger):
        ledger.claim(bought(), now=home.now)
    with at_work(one), at_work(two):
        at_once(one.take_over, two.take_over)
        assert len(one.open_claims()) + len(two.open_claims()) == 1


def test_each_node_counts_its_records_by_itself_and_never_back(ledger, others) -> None:
    ledger.belong_to("one")
    other = others()
    other.belong_to("other")
    for number in (9, 4):
        ledger.note_records_read(number)
        ledger.keep_records_read()
    other.note_records_read(2)
    assert (ledger.records_read(), other.records_read()) == (9, 2)
    ledger.belong_to("other")
    assert ledger.records_read() == 0


def test_what_a_worker_noted_counts_no_more_once_another_has_kept_something(ledger, others) -> None:
    other = others()
    ledger.note_records_read(9)
    other.note_records_read(5)
    other.keep_records_read()
    assert ledger.records_read() == 5
    ledger.keep_records_read()
    assert (ledger.records_read(), other.records_read()) == (5, 5)


def test_a_claim_keeps_how_far_the_records_were_read(ledger, others, bought, home) -> None:
    ledger.note_records_read(9)
    assert (ledger.records_read(), others().records_read()) == (9, 0)
    ledger.claim(bought(), now=home.now)
    assert (ledger.records_read(), others().records_read()) == (9, 9)


# The server


def test_a_server_that_may_lose_commits_is_refused(place, home) -> None:
    place.execute("ALTER SYSTEM SET fsync = off")
    place.execute("SELECT pg_reload_conf()")
    try:
        while place.execute("SHOW fsync") != [("off",)]:
            pass
        with pytest.raises(ConfigurationError) as caught:
            place.open(home)
    finally:
        place.execute("ALTER SYSTEM RESET fsync")
        place.execute("SELECT pg_reload_conf()")
        while place.execute("SHOW fsync") != [("on",)]:
            pass
    assert "fsync" in caught.value.detail


def test_a_commit_is_on_the_servers_disk_whatever_its_default_is(ledger) -> None:
    with ledger.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"


def test_a_ledger_made_by_several_at_once_is_made_once(place, home) -> None:
    for table in ("refunds", "inbox", "refusals", "events", "revoked_ids", "claims", "books", "identity", "meta"):
        place.execute(f"DROP TABLE {table}")
    place.execute("DROP TABLE alembic_version")
    place.execute("DROP FUNCTION bled_stays, bled_stands")
    opened = at_once(*[lambda: place.open(home)] * 4)
    assert all(isinstance(each, Ledger) for each in opened), opened
    for each in opened:
        each.close()
