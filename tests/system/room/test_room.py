"""Twenty buyers and five readers in one room, and those who mean them harm."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

import pytest

from bled.codes import Code

from .hostile import FalseBuyer, sit_everywhere, spoil_everything, squat
from .stage import Phone, Room, Till, open_vault

pytestmark = pytest.mark.system

BUYERS = 20
READERS = 5
DECIDES_SECONDS = (2.0, 8.0)
"""A person reads what the screen says."""


class Evening:
    """One room with everybody in it. People take their time, the same in every run."""

    def __init__(self, air: Room, folder: Path, *, seed: int) -> None:
        self.air = air
        self.folder = folder
        self.chance = random.Random(seed)  # noqa: S311 - the same in every run
        self.phones: list[Phone] = []
        self.tills: list[Till] = []

    async def fill(self, *, buyers: int = BUYERS, readers: int = READERS) -> None:
        for number in range(1, buyers + 1):
            vault = open_vault(self.folder / str(number), number)
            self.phones.append(Phone(f"phone {number}", vault, await self.air.peripheral()))
            self.phones[-1].think = self._decide
            self.phones[-1].trusts = lambda issuer: issuer.startswith("till ")
        self.tills = [Till(f"till {number}", await self.air.central()) for number in range(readers)]
        self.desk = Till("till with a code", await self.air.central())

    async def _decide(self) -> None:
        await asyncio.sleep(self.chance.uniform(*DECIDES_SECONDS))

    async def run(self, *, over_seconds: float, tries: int = 1) -> list[float]:
        """Let buyers come over so many seconds; return how long each held out the phone, longest last."""
        async with asyncio.TaskGroup() as group:
            selling = [group.create_task(till.sell_until_nobody_is_left(seconds=600)) for till in self.tills]
            waits = await asyncio.gather(*(self._come(phone, over_seconds, tries) for phone in self.phones))
            for task in selling:
                task.cancel()
        return sorted(waits)

    async def _come(self, phone: Phone, over_seconds: float, tries: int) -> float:
        await asyncio.sleep(self.chance.uniform(0, over_seconds))
        began = asyncio.get_running_loop().time()
        await phone.pay(tries=tries)
        return asyncio.get_running_loop().time() - began

    def check_everybody_paid_once(self) -> None:
        assert [phone.ends[-1].code for phone in self.phones] == [Code.PAID] * len(self.phones)
        by_till = {till.name: list(till.sold) for till in (*self.tills, self.desk)}
        for phone in self.phones:
            signed = [end.reservation.payer_id for end in phone.ends if end.reservation is not None]
            assert len(signed) == 1
            assert [name for name, sold in by_till.items() for payer in sold if payer == signed[0]] == [phone.shown[-1]]
        assert sum(len(sold) for sold in by_till.values()) == len(self.phones)

    def let_tills_show_codes(self) -> None:
        """From now on a person whose device has no tries left goes where the till shows a code to be read."""
        for phone in self.phones:
            phone.desk = self.desk


@contextlib.asynccontextmanager
async def evening(folder: Path, *, seed: int = 1, **people: int) -> AsyncIterator[Evening]:
    async with Room() as air:
        found = Evening(air, folder, seed=seed)
        try:
            await found.fill(**people)
            yield found
        finally:
            for phone in found.phones:
                phone.vault.close()


@contextlib.asynccontextmanager
async def meanwhile(*works: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Let others do their work until the block ends. What they raise is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [end for end in ends if not isinstance(end, asyncio.CancelledError)] == []


@pytest.mark.parametrize("over_seconds", [0, 20])
def test_everybody_meets_one_till_and_pays_once(fast, tmp_path: Path, over_seconds: int) -> None:
    async def evening_of_honest_people() -> None:
        async with evening(tmp_path) as room:
            waits = await room.run(over_seconds=over_seconds)
            room.check_everybody_paid_once()
            assert all(len(phone.shown) == len(phone.ends) == 1 for phone in room.phones)
            assert min(len(till.sold) for till in room.tills) > 0
            assert waits[-1] < 45

    fast(evening_of_honest_people())


def test_false_buyers_cost_time_and_change_nothing(fast, tmp_path: Path) -> None:
    async def evening_with_false_buyers() -> None:
        async with evening(tmp_path) as room:
            false = [FalseBuyer(()), FalseBuyer((b"\xe0\x00\x04junk",)), FalseBuyer((b"\xc0\x00\x02\x18\x00",) * 40)]
            for each in false:
                await each.show(room.air)
            nothing = FalseBuyer(())
            await nothing.show(room.air, table=False)
            waits = await room.run(over_seconds=20)
            room.check_everybody_paid_once()
            assert all(each.tills for each in (*false, nothing))
            assert min(len(till.sold) for till in room.tills) > 0
            assert waits[-1] < 90

    fast(evening_with_false_buyers())


def test_false_readers_sell_nothing_and_keep_nobody(fast, tmp_path: Path) -> None:
    async def evening_with_false_readers() -> None:
        async with evening(tmp_path) as room:
            rogue = Till("rogue", await room.air.central())
            room.let_tills_show_codes()
            works = (
                rogue.sell_until_nobody_is_left(seconds=600),
                sit_everywhere(room.air),
                spoil_everything(await room.air.central(), pause=5.0),
            )
            async with meanwhile(*works):
                waits = await room.run(over_seconds=20, tries=200)
            room.check_everybody_paid_once()
            assert rogue.sold == []
            assert any("rogue" in phone.shown for phone in room.phones)
            assert min(len(till.sold) for till in room.tills) > 0
            assert waits[-1] < 120

    fast(evening_with_false_readers())


def test_the_cashier_steps_from_one_buyer_to_the_next(fast, tmp_path: Path) -> None:
    async def wrong_customers_first() -> None:
        async with evening(tmp_path, buyers=3, readers=1) as room:
            (till,) = room.tills
            paying = [asyncio.ensure_future(phone.pay()) for phone in room.phones]
            await till.show_offer_and_step_on(seconds=10)
            await till.show_offer_and_step_on(seconds=10)
            assert await till.sell(seconds=10)
            ends = await asyncio.gather(*paying)
            assert sorted(end.code for end in ends) == [Code.CANCELLED, Code.CANCELLED, Code.PAID]
            assert [end.reservation for end in ends if end.code is Code.CANCELLED] == [None, None]
            assert len(till.sold) == 1

    fast(wrong_customers_first())


def test_a_buyer_who_was_stepped_over_waits_on_and_is_served_later(fast, tmp_path: Path) -> None:
    async def one_is_stepped_over() -> None:
        async with evening(tmp_path, buyers=3, readers=1) as room:
            (till,) = room.tills
            paying = [asyncio.ensure_future(phone.wait_on()) for phone in room.phones]
            await till.show_offer_and_step_on(seconds=10)
            for _ in room.phones:
                assert await till.sell(seconds=10)
            ends = await asyncio.gather(*paying)
            assert [end.code for end in ends] == [Code.PAID] * 3
            assert sorted(till.sold) == sorted(end.reservation.payer_id for end in ends if end.reservation is not None)
            assert sorted(len(phone.shown) for phone in room.phones) == [1, 1, 2]
            assert [len(phone.vault.history()) for phone in room.phones] == [1, 1, 1]

    fast(one_is_stepped_over())


def test_who_squats_the_name_of_an_engaged_buyer_changes_nothing(fast, tmp_path: Path) -> None:
    async def squatted_evening() -> None:
        async with evening(tmp_path, buyers=6, readers=1) as room:
            (till,) = room.tills
            squatters: list[FalseBuyer] = []
            async with meanwhile(squat(room.air, squatters)):
                for _ in range(4):  # whom a till takes of two that are equally near is chance
                    for phone in room.phones:
                        await till.sell_by_code(phone)
                    if any(squatter.tills for squatter in squatters):
                        break
            bought = [end.code for phone in room.phones for end in phone.ends]
            assert bought == [Code.PAID] * len(squatters)
            assert len(till.sold) == len(set(till.sold)) == len(squatters)
            assert sum(squatter.tills for squatter in squatters) > 0

    fast(squatted_evening())


def test_who_stays_on_the_air_after_a_step_is_behind_everybody_else(fast, tmp_path: Path) -> None:
    async def false_customers_first() -> None:
        async with evening(tmp_path, buyers=1, readers=1) as room:
            (till,), (phone,) = room.tills, room.phones
            strangers = [FalseBuyer(()) for _ in range(3)]
            for stranger in strangers:
                await stranger.show(room.air)
            for _ in strangers:
                await till.show_offer_and_step_on(seconds=10)
            assert [stranger.tills for stranger in strangers] == [1, 1, 1]
            paying = asyncio.ensure_future(phone.pay())
            await asyncio.sleep(1)
            assert await till.sell(seconds=10)
            assert (await paying).code is Code.PAID

    fast(false_customers_first())


def test_every_buyer_meets_the_reader_it_engaged_with_whoever_else_is_there(fast, tmp_path: Path) -> None:
    async def engaged_evening() -> None:
        async with evening(tmp_path) as room:
            false = FalseBuyer(())
            await false.show(room.air)
            works = (
                sit_everywhere(room.air),
                spoil_everything(await room.air.central(), pause=5.0),
            )
            async with meanwhile(*works):
                waits = await asyncio.gather(
                    *(engage(room, phone, room.tills[n % READERS]) for n, phone in enumerate(room.phones))
                )
            for number, phone in enumerate(room.phones):
                till = room.tills[number % READERS]
                assert (phone.ends[-1].code, set(phone.shown)) == (Code.PAID, {till.name})
                signed = [end.reservation.payer_id for end in phone.ends if end.reservation is not None]
                assert len(signed) == 1
                assert till.sold.count(signed[0]) == 1
            assert [len(till.sold) for till in room.tills] == [BUYERS // READERS] * READERS
            assert max(waits) < 120

    async def engage(room: Evening, phone: Phone, till: Till) -> float:
        began = asyncio.get_running_loop().time()
        while not phone.ends or phone.ends[-1].code is not Code.PAID:
            await till.sell_to(phone)
            assert len(phone.ends) <= 3
        return asyncio.get_running_loop().time() - began

    fast(engaged_evening())
