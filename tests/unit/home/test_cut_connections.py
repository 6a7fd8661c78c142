"""PostgreSQL's connection is cut before any statement or during the commit: all or nothing, and a new try is safe."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
import pytest
from sqlalchemy import event

from bled.codes import Code
from bled.errors import BledError, Refused, Unavailable
from bled.home.ledger import Ledger
from bled.home.rows import ClaimState
from bled_codec.units import Msat

MOST_STATEMENTS = 40
HIDDEN = "SELECT pg_terminate_backend(%s)"


@pytest.fixture
def place(database):
    return database


@contextmanager
def cut(ledger: Ledger, place, *, before: int) -> Iterator[list[int]]:
    """Cut the connection before its statement with this number, from 0 on; say which statements there were."""
    numbers, seen = count(), list[int]()

    def hit(connection, *_: object) -> None:
        number = next(numbers)
        seen.append(number)
        if number == before:
            pid = connection.connection.driver_connection.info.backend_pid
            with psycopg.connect(place.url, autocommit=True) as other:
                other.execute(HIDDEN, [pid])

    event.listen(ledger.engine, "before_cursor_execute", hit)
    event.listen(ledger.engine, "commit", hit)
    try:
        yield seen
    finally:
        event.remove(ledger.engine, "before_cursor_execute", hit)
        event.remove(ledger.engine, "commit", hit)


def what_is_written(ledger: Ledger) -> tuple[object, ...]:
    return (
        [(claim.payer_id, claim.state, claim.amount_sent, claim.detail) for claim in ledger.claims()],
        [decision.code for decision in ledger.decisions(since=0, limit=99)],
        [book.revoked_at for book in ledger.books()],
        ledger.revoked_ids(1),
        ledger.sums(1),
    )


def ready(ledger: Ledger, bought, now: int):
    """Return a ledger's claim for which the node was asked, and an invoice that was not claimed yet."""
    sent = ledger.claim(bought(0), now=now).claim
    ledger.begin_payment(sent.payer_id, now=now)
    waiting = ledger.claim(bought(1), now=now).claim
    return sent, waiting, bought(2)


ACTIONS = {
    "claim": lambda ledger, made, now: ledger.claim(made[2], now=now),
    "begin": lambda ledger, made, now: ledger.begin_payment(made[1].payer_id, now=now),
    "paid": lambda ledger, made, now: ledger.record_paid(
        made[0].payer_id, amount_sent=Msat(15_001), preimage=b"\x01" * 32, now=now
    ),
    "failed": lambda ledger, made, now: ledger.record_failed(made[0].payer_id, detail="no route", now=now),
    "unknown": lambda ledger, made, now: ledger.record_unknown(made[0].payer_id, detail="who knows", now=now),
    "revoke an id": lambda ledger, made, now: ledger.revoke_id(made[1].payer_id, book_id=1, now=now),
    "revoke all": lambda ledger, made, now: ledger.revoke_all(now=now),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_connection_cut_at_any_step_leaves_all_or_nothing_and_the_next_try_works(
    ledger, place, bought, home, action
) -> None:
    act, now = ACTIONS[action], home.now
    made = ready(ledger, bought, now)
    before = what_is_written(ledger)
    for step in range(MOST_STATEMENTS):
        with cut(ledger, place, before=step) as seen:
            try:
                act(ledger, made, now)
            except Unavailable as error:
                assert error.code is Code.STORE_UNREACHABLE
                assert what_is_written(ledger) == before
            else:
                break
    assert len(seen) >= 3, "it was cut at every step before"
    after = what_is_written(ledger)
    assert after != before
    try:
        act(ledger, made, now)
    except Refused as refused:
        assert action == "begin"
        assert refused.code is Code.REVOKED
    assert what_is_written(ledger) == after


def test_a_commit_whose_answer_is_lost_is_found_done(ledger, place, bought, home) -> None:
    """The server has committed, and the client cannot know: what it claimed is its own when it looks again."""
    verified = bought()

    def lose(connection) -> None:
        driver = connection.connection.driver_connection
        driver.commit()
        driver.close()

    event.listen(ledger.engine, "commit", lose)
    try:
        with pytest.raises(BledError):
            ledger.claim(verified, now=home.now)
    finally:
        event.remove(ledger.engine, "commit", lose)
    again = ledger.claim(verified, now=home.now)
    assert (again.is_new, again.claim.state) == (False, ClaimState.CLAIMED)
    assert ledger.open_claims() == (again.claim,)
    assert ledger.begin_payment(again.claim.payer_id, now=home.now).state is ClaimState.SENT
