"""Ten thousand onions with junk over one path, and the honest invoice over another."""

import pytest

from bled.home.intake import QUEUE_LENGTH, Intake
from bled.home.rates import BOOK_BURST, BOOK_PER_SECOND, PATH_BURST, PATH_PER_SECOND

JUNK = 10_000


class Clock:
    """A clock that a test moves."""

    time = 0.0

    def now(self) -> int:
        return int(self.time)

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logs() -> list[str]:
    return []


@pytest.fixture
def intake(home, clock, logs) -> Intake:
    return Intake(keys=home.keys, clock=clock, log=lambda level, line: logs.append(line))


def junk(shop, home, index: int = 0) -> bytes:
    """Return what a till can make of the request that it got: an invoice that costs home its most and is broken."""
    data = shop.invoice(shop.request(home.grant(index))).encode()
    return data[:-1] + bytes([data[-1] ^ 1])


async def taken(intake: Intake) -> list[bytes]:
    """Take everything that waits."""
    found = []
    while not intake._queue.empty():
        async with intake.next() as arrived:
            found.append(arrived.invoice)
    return found


async def test_junk_that_comes_at_once_leaves_the_honest_invoice_its_place(intake, shop, home, logs) -> None:
    broken, honest = junk(shop, home), shop.invoice(shop.request(home.grant(1))).encode()
    for _ in range(JUNK):
        assert intake.receive(broken, home.secret()), "it is ours, so the node must not answer it"
    assert intake.receive(honest, home.secret(1))
    waiting = await taken(intake)
    assert honest in waiting
    assert len(waiting) <= 5
    assert len(logs) == 1, "nor does junk fill the log"


async def test_junk_that_goes_on_for_minutes_is_looked_at_as_often_as_a_path_may(intake, shop, home, clock) -> None:
    broken, honest = junk(shop, home), shop.invoice(shop.request(home.grant(1))).encode()
    looked_at = paid = 0
    for number in range(JUNK):
        clock.time = number / 100
        intake.receive(broken, home.secret())
        if number % 1_000 == 999:
            intake.receive(honest, home.secret(1))
        for data in await taken(intake):
            looked_at += data == broken
            paid += data == honest
    assert paid == JUNK / 1_000
    assert looked_at <= PATH_BURST + PATH_PER_SECOND * JUNK / 100 + 1


async def test_a_thief_with_a_whole_book_leaves_other_books_their_place(intake, shop, home, clock) -> None:
    other = shop.Purchases(book_id=2, salt=b"another salt, 16")
    honest = shop.invoice(shop.request(other.grant())).encode()
    broken = [junk(shop, home, index) for index in range(home.ids)]
    looked_at = paid = 0
    for number in range(JUNK):
        clock.time = number / 100
        intake.receive(broken[number % home.ids], home.secret(number % home.ids))
        if number % 1_000 == 999:
            intake.receive(honest, other.secret())
        for data in await taken(intake):
            looked_at += data in broken
            paid += data == honest
    assert paid == JUNK / 1_000
    assert looked_at <= BOOK_BURST + BOOK_PER_SECOND * JUNK / 100 + 1


async def test_what_waits_is_bounded_whoever_sends_it(intake, shop, home) -> None:
    invoice = shop.invoice(shop.request(home.grant())).encode()
    for number in range(JUNK):
        named = bytearray(invoice)
        place = invoice.index(home.grant().payer_id) + 5
        named[place : place + 2] = number.to_bytes(2, "big")
        assert not intake.receive(bytes(named), bytes(32))
    assert intake._queue.qsize() < QUEUE_LENGTH
    assert intake.receive(invoice, home.secret())
    assert invoice in await taken(intake)
