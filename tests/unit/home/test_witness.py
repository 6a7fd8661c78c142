"""The node keeps the ledger's generation, so that an old copy of the ledger is found out."""

import asyncio

import pytest

from bled.errors import Unavailable
from bled.home import witness as module
from bled.home.ledger import Ledger
from bled.home.witness import Witness


class Node:
    """Keeps one number; each writing waits until it is let go."""

    def __init__(self, kept: int = 0) -> None:
        self.kept, self.written = kept, list[int]()
        self.open = asyncio.Event()
        self.open.set()

    async def kept_number(self, name: str) -> int:
        return self.kept

    async def keep_number(self, name: str, number: int) -> int:
        await self.open.wait()
        if number > self.kept:
            self.written.append(number)
            self.kept = number
        return self.kept


def witness(node: Node, ledger: Ledger) -> Witness:
    return Witness(node=node, ledger=ledger, name="home")


def reopened(ledger: Ledger, home, place) -> Ledger:
    ledger.close()
    return place.open(home)


async def test_a_node_that_kept_nothing_tells_of_no_later_state(ledger, shop) -> None:
    node = Node()
    assert not await witness(node, ledger).compare(now=shop.NOW)
    assert ledger.books()[0].revoked_at is None


async def test_each_start_and_each_change_is_kept_once(ledger, home, shop, bought) -> None:
    node = Node()
    watching = witness(node, ledger)
    await watching.compare(now=shop.NOW)
    for _ in range(2):
        await watching.testify(now=shop.NOW)
    claim = ledger.claim(bought(), now=shop.NOW).claim
    await watching.testify(now=shop.NOW)
    ledger.begin_payment(claim.payer_id, now=shop.NOW)
    await watching.testify(now=shop.NOW)
    ledger.revoke_id(home.grant(1).payer_id, book_id=1, now=shop.NOW)
    await watching.testify(now=shop.NOW)
    assert node.written == [1, 2, 3]


async def test_an_older_ledger_revokes_every_book_and_numbers_new_ones_above_all(ledger, home, shop) -> None:
    assert await witness(Node(9), ledger).compare(now=shop.NOW)
    assert ledger.books()[0].revoked_at == shop.NOW
    book = home.row
    added = ledger.add_book(salt=b"n" * 16, device="d", home_label="h", issued_at=shop.NOW, ids=1, limits=book.limits)
    assert added.book_id == 10
    assert not await witness(Node(9), ledger).compare(now=shop.NOW)


async def test_an_old_copy_does_not_catch_up_before_it_was_compared(ledger, home, shop, place) -> None:
    for _ in range(9):
        ledger = reopened(ledger, home, place)
        ledger.revoke_id(home.grant(1).payer_id, book_id=1, now=shop.NOW)
    assert await witness(Node(1), ledger).compare(now=shop.NOW)
    ledger.close()


async def test_an_old_copy_is_found_out_by_its_own_node_after_another_went_on_with_it(ledger, home, shop) -> None:
    ledger.belong_to("another")
    await witness(Node(), ledger).compare(now=shop.NOW)
    for index in range(4):
        ledger.revoke_id(home.grant(index).payer_id, book_id=1, now=shop.NOW)
    ledger.belong_to("its own")
    assert await witness(Node(3), ledger).compare(now=shop.NOW)
    assert ledger.books()[0].revoked_at == shop.NOW


async def test_two_nodes_of_one_ledger_find_no_old_copy_where_there_is_none(ledger, home, shop) -> None:
    nodes = {"one": Node(), "other": Node()}
    for start in range(2):
        for name, node in nodes.items():
            ledger.belong_to(name)
            watching = witness(node, ledger)
            assert not await watching.compare(now=shop.NOW)
            ledger.revoke_id(home.grant(start).payer_id, book_id=1, now=shop.NOW)
            await watching.testify(now=shop.NOW)
    assert ledger.books()[0].revoked_at is None
    assert nodes["one"].kept != nodes["other"].kept


@pytest.mark.parametrize("kept_since", [0, 4])
async def test_commits_that_are_lost_at_work_are_found_out_before_the_next_payment(
    ledger, home, shop, place, kept_since
) -> None:
    """A standby without the last commits took over. `kept_since`: another worker of the node had them kept."""
    node = Node()
    watching = witness(node, ledger)
    await watching.compare(now=shop.NOW)
    for index in range(3):
        ledger.revoke_id(home.grant(index).payer_id, book_id=1, now=shop.NOW)
    await watching.testify(now=shop.NOW)
    node.kept += kept_since
    place.execute("UPDATE meta SET value = 2 WHERE name = 'generation'" if not kept_since else "SELECT 1")
    ledger.revoke_id(home.grant(4).payer_id, book_id=1, now=shop.NOW)
    with pytest.raises(Unavailable, match="lost"):
        await watching.testify(now=shop.NOW)
    assert ledger.books()[0].revoked_at == shop.NOW
    await watching.testify(now=shop.NOW)
    assert node.kept == ledger.generation()


@pytest.mark.parametrize("by_another", [False, True])
async def test_a_single_payment_that_was_lost_at_work_is_missed_before_the_next_claim(
    ledger, shop, place, bought, by_another
) -> None:
    """The next one would bring the ledger up to what the node has kept. Other processes share no file."""
    node = Node()
    other, watching = witness(node, ledger), witness(node, ledger)
    await watching.compare(now=shop.NOW)
    asking = other if by_another and ledger.is_shared else watching
    await other.compare(now=shop.NOW)
    await watching.testify(now=shop.NOW)
    await watching.confirm(now=shop.NOW)
    ledger.begin_payment(ledger.claim(bought(), now=shop.NOW).claim.payer_id, now=shop.NOW)
    await asking.testify(now=shop.NOW)
    await watching.confirm(now=shop.NOW)
    place.execute("UPDATE meta SET value = value - 1 WHERE name = 'generation'")
    with pytest.raises(Unavailable, match="lost"):
        await watching.confirm(now=shop.NOW)
    assert ledger.books()[0].revoked_at == shop.NOW


async def test_a_number_never_overtakes_a_larger_one(ledger, home, shop) -> None:
    node = Node()
    node.open.clear()
    watching = witness(node, ledger)
    await watching.compare(now=shop.NOW)
    calls = [asyncio.create_task(watching.testify(now=shop.NOW))]
    for index in range(3):
        await asyncio.sleep(0)
        ledger.revoke_id(home.grant(index).payer_id, book_id=1, now=shop.NOW)
        calls.append(asyncio.create_task(watching.testify(now=shop.NOW)))
    node.open.set()
    await asyncio.gather(*calls)
    assert node.written == [1, 4]


async def test_nothing_is_kept_before_the_comparison(ledger, shop, monkeypatch) -> None:
    """An old copy would make the node forget."""
    monkeypatch.setattr(module, "_SECONDS", 0.01)
    node = Node(9)
    with pytest.raises(Unavailable):
        await witness(node, ledger).testify(now=shop.NOW)
    assert node.written == []
