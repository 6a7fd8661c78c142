"""Whoever works on refunds at the same time, or dies half way: what the node is paid, the ledger knows, once."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import replace

import pytest

from bled.home.refund_rows import HomeRefundState
from bled.home.refund_service import HomeRefunds
from bled.node.base import InvoiceStatus
from bled_codec.units import Msat

SECONDS = 10


@pytest.fixture
def slow(desks, desk, shop):
    """A node whose calls take as long as a test says."""

    class Slow(desks.Node):
        def __init__(self) -> None:
            super().__init__(shop)
            self.holds, self.reached, self.paid = [], [], asyncio.Event()

        def hold(self, call: str) -> asyncio.Event:
            """Have the next such call wait for the event that this returns."""
            event = asyncio.Event()
            self.holds.append((call, event))
            return event

        async def passes(self, call: str) -> None:
            held = next((each for each in self.holds if each[0] == call), None)
            self.reached.append(call)
            if held is not None:
                self.holds.remove(held)
                self.reached.append(f"{call}, held")
                await held[1].wait()

        async def keep_invoice(self, draft, *, label: str, preimage: bytes) -> None:
            await self.passes("keep")
            await super().keep_invoice(draft, label=label, preimage=preimage)
            await self.passes("kept")

        async def look(self, label: str):
            found = await super().look(label)
            await self.passes("look")
            return found

        async def forget_unpaid(self, label: str) -> None:
            if label in self.kept:
                await super().forget_unpaid(label)

        async def wait(self, label: str, *, seconds: float) -> None:
            if label in self.kept and self.kept[label].status is InvoiceStatus.UNPAID:
                await self.paid.wait()

        def pay_all(self) -> None:
            """Have everything paid that can be paid."""
            for label, each in self.kept.items():
                self.kept[label] = replace(each, status=InvoiceStatus.PAID, amount_received=Msat(4_000))
            self.paid.set()

    desk.node = Slow()
    return desk.node


@pytest.fixture
async def homes(desk, slow, shop):
    """Start homes that work on one ledger and for one node, as processes of their own would."""
    async with AsyncExitStack() as stack:

        @asynccontextmanager
        async def alive(home):
            running = asyncio.create_task(home.run())
            yield
            while tasks := {task for task in (running, *home._tasks) if not task.done()}:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

        async def start(ledger=None) -> tuple[HomeRefunds, AsyncExitStack]:
            home = HomeRefunds(
                keys=desk.home.keys, chain=shop.REGTEST_CHAIN, node=slow, ledger=ledger or desk.ledger,
                clock=desk.clock, log=lambda _, line: desk.logs.append(line),
            )  # fmt: skip
            life = await stack.enter_async_context(AsyncExitStack())
            await life.enter_async_context(alive(home))
            return home, life

        yield start


@pytest.fixture
def second(place, home, ledger):
    """The ledger as a second process has it open: a file has one process at a time."""
    if not ledger.is_shared:
        yield ledger
        return
    with closing(place.open(home)) as other:
        other.belong_to(ledger.node)
        yield other


async def until(is_so) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


def ask(desk, home: HomeRefunds, number: int = 1, amount: int = 4_000) -> None:
    assert home.receive(desk.request(amount, number=number), desk.home.secret(), desk.back)


def states(desk) -> list[HomeRefundState]:
    return [each.state for each in desk.ledger.refunds_of(desk.payer_id)]


async def known(desk) -> None:
    """Have everything paid that the node takes, and wait until home knows all of it: no less, no more."""
    desk.node.pay_all()
    labels = set(desk.node.kept)
    with suppress(AssertionError):
        await until(lambda: {each.label for each in desk.ledger.refunds_among([desk.payer_id])} == labels)
    assert {each.label for each in desk.ledger.refunds_among([desk.payer_id])} == labels
    assert labels


async def test_a_late_word_of_the_node_closes_nothing_that_was_answered_since(desk, verify, homes, slow) -> None:
    desk.buy(verify)
    slow.hold("keep")
    first, life = await homes()
    ask(desk, first)
    await until(lambda: "keep, held" in slow.reached)
    await life.aclose()  # killed before the node had it
    late = slow.hold("look")
    home, _ = await homes()
    await until(lambda: "look, held" in slow.reached)
    ask(desk, home)
    await until(lambda: slow.sent)
    late.set()
    await known(desk)


async def test_an_invoice_that_the_node_has_forgotten_is_never_given_to_it_again(desk, verify, homes, slow) -> None:
    desk.buy(verify)
    first, life = await homes()
    ask(desk, first)
    await until(lambda: slow.sent)
    await life.aclose()
    (told,) = slow.kept
    slow.kept.clear()  # taken back by a home that was killed before it wrote that down
    late = slow.hold("look")
    home, _ = await homes()
    await until(lambda: "look, held" in slow.reached)
    ask(desk, home)
    await until(lambda: slow.kept)
    late.set()
    assert told not in slow.kept
    await known(desk)


async def test_who_was_slow_to_have_an_invoice_kept_tells_nobody_of_it(desk, verify, homes, slow, second) -> None:
    desk.buy(verify)
    late = slow.hold("keep")
    one, _ = await homes()
    ask(desk, one)
    await until(lambda: "keep, held" in slow.reached)
    two, _ = await homes(second)
    await until(lambda: HomeRefundState.CLOSED in states(desk))
    ask(desk, two, number=2)
    await until(lambda: slow.sent)
    late.set()
    await until(lambda: any("taken back" in line for line in desk.logs))
    assert len(slow.kept) == 1
    await known(desk)


async def test_who_was_slow_to_take_an_invoice_back_leaves_it_once_it_is_kept(
    desk, verify, homes, slow, second
) -> None:
    desk.buy(verify)
    two, _ = await homes(second)
    ask(desk, two, number=9, amount=1_000_000)
    await until(lambda: any("left of what was paid" in line for line in desk.logs))  # it has begun, and follows nothing
    late_keep = slow.hold("keep")
    one, _ = await homes()
    ask(desk, one)
    await until(lambda: "keep, held" in slow.reached)
    late_look = slow.hold("look")
    ask(desk, two, number=2)
    await until(lambda: "look, held" in slow.reached)
    late_keep.set()
    await until(lambda: slow.sent)
    late_look.set()
    await until(lambda: not two._tasks)  # it has given up
    assert states(desk) == [HomeRefundState.OPEN]
    await known(desk)


async def test_what_another_node_may_be_paid_is_left_to_it(desk, desks, verify, homes, slow) -> None:
    desk.buy(verify)

    async def other_id() -> bytes:
        return desks.TILL.public_key

    desk.ledger.belong_to("one")
    home, life = await homes()
    ask(desk, home)
    await until(lambda: slow.sent)
    await life.aclose()
    desk.ledger.belong_to("two")
    elsewhere, slow.kept = slow.kept, {}
    other = HomeRefunds(
        keys=desk.home.keys, chain=desk.shop.REGTEST_CHAIN, node=slow, ledger=desk.ledger, clock=desk.clock,
        log=lambda _, line: desk.logs.append(line),
    )  # fmt: skip
    desk.refunds, slow.node_id = other, other_id
    await desk.asks(desk.request(number=2))
    assert states(desk) == [HomeRefundState.OPEN]
    assert (len(elsewhere), slow.kept) == (1, {})
    assert any("another node" in line for line in desk.logs)
