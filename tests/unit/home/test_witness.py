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

    async def keep_number(self, name: str, number: int) -> None:
        await self.open.wait()
        self.written.append(number)
        self.kept = number


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
        await watching.testify()
    claim = ledger.claim(bought(), now=shop.NOW).claim
    await watching.testify()
    ledger.begin_payment(claim.payer_id, now=shop.NOW)
    await watching.testify()
    ledger.revoke_id(home.grant(1).payer_id, book_id=1, now=shop.NOW)
    await watching.testify()
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


async def test_a_number_never_overtakes_a_larger_one(ledger, home, shop) -> None:
    node = Node()
    node.open.clear()
    watching = witness(node, ledger)
    await watching.compare(now=shop.NOW)
    calls = [asyncio.create_task(watching.testify())]
    for index in range(3):
        await asyncio.sleep(0)
        ledger.revoke_id(home.grant(index).payer_id, book_id=1, now=shop.NOW)
        calls.append(asyncio.create_task(watching.testify()))
    node.open.set()
    await asyncio.gather(*calls)
    assert node.written == [1, 4]


async def test_nothing_is_kept_before_the_comparison(ledger, monkeypatch) -> None:
    """An old copy would make the node forget."""
    monkeypatch.setattr(module, "_SECONDS", 0.01)
    node = Node(9)
    with pytest.raises(Unavailable):
        await witness(node, ledger).testify()
    assert node.written == []
