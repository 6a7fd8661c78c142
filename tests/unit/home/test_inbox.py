"""The inbox in PostgreSQL: bounded for each path and each book, and handed out once."""

from dataclasses import dataclass, replace

import pytest

from bled.home.intake import Arrived
from bled.home.policy import Glimpse
from bled.home.serve_inbox import MOST_OF_BOOK, MOST_OF_ID, MOST_WAITING, Inbox, remove, take


@dataclass
class Waiting:
    """One database, the inbox of one node in it, and as many sessions as a test opens."""

    ledger: object
    inbox: Inbox

    def put(self, number: int, *, book: int = 1, inbox: Inbox | None = None) -> int:
        seen = Glimpse(payer_id=b"\x02" + number.to_bytes(32, "big"))
        arrived = Arrived(invoice=number.to_bytes(4, "big"), secret=bytes(32), seen=seen, is_ours=True)
        return (inbox or self.inbox).put([(arrived, book)])

    def session(self):
        return self.ledger.engine.connect()


@pytest.fixture
def waiting(database, home) -> Waiting:
    ledger = database.open(home)
    yield Waiting(ledger, Inbox(ledger.engine, node="node"))
    ledger.close()


def test_what_was_put_comes_out_in_order_and_once(waiting) -> None:
    for number in range(3):
        assert waiting.put(number) == 0
    with waiting.session() as session:
        for number in range(3):
            arrival, arrived = take(session, "node")
            assert arrived.invoice == number.to_bytes(4, "big")
            remove(session, arrival)
        assert take(session, "node") is None


def test_two_workers_never_have_the_same(waiting) -> None:
    for number in range(2):
        waiting.put(number)
    with waiting.session() as one, waiting.session() as other:
        first, second = take(one, "node"), take(other, "node")
        assert first[0] != second[0]
        with waiting.session() as third:
            assert take(third, "node") is None


def test_a_worker_that_goes_gives_back_what_it_held(waiting) -> None:
    waiting.put(1)
    with waiting.session() as dies:
        held = take(dies, "node")
        dies.invalidate()
    with waiting.session() as other:
        assert take(other, "node") == held


def test_each_node_has_its_own(waiting) -> None:
    waiting.put(1, inbox=Inbox(waiting.ledger.engine, node="other"))
    with waiting.session() as session:
        assert take(session, "node") is None
        assert take(session, "other") is not None


def test_junk_on_one_path_takes_a_few_places_and_no_more(waiting) -> None:
    assert sum(waiting.put(1) for _ in range(50)) == 50 - MOST_OF_ID
    assert waiting.put(2) == 0


def test_junk_for_one_book_leaves_room_for_the_others(waiting) -> None:
    assert sum(waiting.put(number) for number in range(MOST_OF_BOOK + 5)) == 5
    assert waiting.put(1_000, book=2) == 0


def test_the_whole_is_bounded(waiting) -> None:
    seen = Glimpse(payer_id=b"\x02" + bytes(32))
    arrived = Arrived(invoice=b"", secret=bytes(32), seen=seen, is_ours=True)
    many = [
        (replace(arrived, seen=replace(seen, payer_id=b"\x02" + number.to_bytes(32, "big"))), number)
        for number in range(MOST_WAITING + 7)
    ]
    assert waiting.inbox.put(many) == 7
