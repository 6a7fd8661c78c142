"""The link breaks at any frame: the purchase ends with one approval and one payment, or both say that it did not."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from bled.buyer import arrival as arrival_module
from bled.buyer.approval import Answer, Question
from bled.buyer.arrival import Arrival
from bled.buyer.meeting import Meeting, Purchase
from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.profile import SERVICE_UUID
from bled.grants.book import encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.link.virtual import VirtualAir
from bled.progress import OnStep, ignore_steps
from bled.sales.charge import SaleResult
from bled.sales.greeting import Tap
from bled.sales.states import SaleState
from bled.sales.till import Till
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import Msat, UnixTime

from .stage import QUICK, Shop

pytestmark = pytest.mark.system

TILL, DEVICE = 0, 1
PATIENCE = 0.6
"""Seconds that the two look for each other here, in place of 60."""


class Wire:
    """One end of a connection; breaks it before a frame of its own when told so."""

    att_mtu = 247
    peer = "in memory"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    def __init__(self, air: "Air", side: int) -> None:
        self._air = air
        self._side = side
        self._frames = 0
        self._connection = air.connections
        self.ends: tuple[FramedLink, ...] = ()

    async def write(self, frame: bytes, *, last: bool) -> None:
        if (self._connection, self._side, self._frames) in self._air.breaks:
            for end in self.ends:
                end.lose("the other side is out of reach")
            raise Unavailable(Code.LINK_LOST)
        self._frames += 1
        self._air.written[self._side] = max(self._air.written[self._side], self._frames)
        self.ends[1 - self._side].take_frame(frame)

    async def close(self) -> None:
        for end in self.ends:
            end.lose("the other side closed the link")


class Air:
    """Where a till and a device find each other by UUID. `breaks`: a connection's number, a side, a frame of it."""

    def __init__(self, *breaks: tuple[int, int, int]) -> None:
        self.breaks = set(breaks)
        self.connections = 0
        self.written = [0, 0]
        self.uuids: list[UUID] = []
        self._waiting: dict[UUID, asyncio.Future[FramedLink]] = {}

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> FramedLink:
        self._waiting[uuid] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(self._waiting[uuid], seconds)
        except TimeoutError:
            raise Unavailable(Code.NO_BUYER) from None
        finally:
            self._waiting.pop(uuid, None)

    async def connect_any(self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]) -> tuple[UUID, FramedLink]:
        end = asyncio.get_running_loop().time() + seconds
        while not (there := [uuid for uuid in uuids if uuid in self._waiting and not self._waiting[uuid].done()]):
            if asyncio.get_running_loop().time() >= end:
                raise Unavailable(Code.NO_BUYER)
            await asyncio.sleep(0.002)
        uuid = there[0]
        self.uuids.append(uuid)
        self.connections += 1
        wires = Wire(self, TILL), Wire(self, DEVICE)
        ends = tuple(FramedLink(wire, channel=PlainChannel(), on_step=ignore_steps) for wire in wires)
        for wire in wires:
            wire.ends = ends
        self._waiting[uuid].set_result(ends[DEVICE])
        return uuid, ends[TILL]

    async def close(self) -> None:
        """Nothing is held."""


class Person:
    """Says yes each time, after a moment, and is counted."""

    def __init__(self, *, think: float = 0.01, answer: Answer = Answer.YES) -> None:
        self.asked: list[Question] = []
        self._think = think
        self._answer = answer

    async def __call__(self, question: Question) -> Answer:
        self.asked.append(question)
        await asyncio.sleep(self._think)
        return self._answer


@pytest.fixture
def vault(tmp_path: Path, shop: Shop):
    chance = random.Random(1)  # noqa: S311 - the same in every run
    now = SystemClock().now()
    end = UnixTime(now + 86_400)
    ids = GrantClass(first_index=0, count=4, per_payment_msat=Msat(100_000), not_before=now, not_after=end)
    limits = BookLimits(
        total_msat=Msat(1_000_000),
        per_payment_msat=Msat(100_000),
        per_day_msat=Msat(1_000_000),
        payments=4,
        not_before=now,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(1_000), ppm=0),
        classes=(ids,),
    )
    keys = HomeKeys.from_master(b"\x05" * 32)
    book = issue_book(
        keys,
        book_id=1,
        book_salt=chance.randbytes(16),
        device="phone",
        chain=REGTEST_CHAIN,
        issued_at=now,
        limits=limits,
        home_label="home",
        routes=[[shop.hop.node_id, shop.home_node.node_id]],
        entropy=chance.randbytes,
    )
    with Vault.open(tmp_path / "vault") as vault:
        data = encode_book(book, book_key=keys.book_key, aux=chance.randbytes(32))
        vault.import_book(data, passphrase=None, chain=REGTEST_CHAIN, now=now)
        yield vault


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_module, "RESUME_SECONDS", PATIENCE)


async def pay(air: Air, vault: Vault, person: Person) -> Purchase:
    clock = SystemClock()
    arrival = Arrival(peripheral=air, vault=vault, engagement=None, clock=clock, on_step=ignore_steps)
    try:
        met = await arrival.run(seconds=3)
    except BledError as error:
        return Purchase(code=error.code)
    return await Meeting(
        met=met, vault=vault, chain=REGTEST_CHAIN, clock=clock, approve=person, on_step=ignore_steps
    ).run()


async def purchase(
    shop: Shop, vault: Vault, air: Air, person: Person, *, tap: Tap | None = None
) -> tuple[SaleResult, Purchase]:
    times = replace(QUICK, rejoin=PATIENCE)
    paying = asyncio.create_task(pay(air, vault, person))
    sale = await shop.sell(air, times=times, buyer_seconds=3, tap=tap)
    return sale, await paying


class Cashier:
    """Says yes to another code, and is counted."""

    def __init__(self, *, after: float = 0.0) -> None:
        self.asked = 0
        self._after = after

    async def __call__(self) -> bool:
        self.asked += 1
        await asyncio.sleep(self._after)
        return True


def check_once(shop: Shop, vault: Vault, sale: SaleResult, bought: Purchase, person: Person) -> None:
    """One approval and one payment at most, and nobody says what is not so."""
    assert len(person.asked) <= 1
    assert len(shop.home.paid) == len([each for each in shop.sales() if each.is_paid]) <= 1
    assert len(vault.history()) <= 1
    if shop.home.paid:
        assert sale.code is Code.PAID
        assert bought.code in (Code.PAID, Code.OUTCOME_UNKNOWN)
    else:
        assert sale.code is not Code.PAID
        assert shop.sales()[0].state is SaleState.CANCELLED
        assert bought.code is not Code.PAID
        assert bought.reservation is None or bought.code in (Code.OUTCOME_UNKNOWN, Code.NOT_CONFIRMED)
    assert sale.buyer_told <= (bought.code is Code.PAID)


async def test_without_a_break_it_is_one_connection(shop: Shop, vault: Vault) -> None:
    air, person = Air(), Person()
    sale, bought = await purchase(shop, vault, air, person)
    assert (sale.code, sale.buyer_told, bought.code) == (Code.PAID, True, Code.PAID)
    assert (air.connections, air.written) == (1, [8, 5])


@pytest.mark.parametrize(
    ("side", "frame"),
    [(TILL, frame) for frame in range(2, 8)] + [(DEVICE, frame) for frame in range(1, 4)],
)
async def test_a_link_that_breaks_after_the_handshake_is_made_again_and_nothing_is_asked_or_paid_twice(
    shop: Shop, vault: Vault, side: int, frame: int
) -> None:
    air, person = Air((1, side, frame)), Person()
    sale, bought = await purchase(shop, vault, air, person)
    assert (sale.code, sale.buyer_told, bought.code) == (Code.PAID, True, Code.PAID)
    assert (len(person.asked), len(shop.home.paid), len(vault.history())) == (1, 1, 1)
    assert air.connections == 2
    assert air.uuids[0] == SERVICE_UUID != air.uuids[1]
    assert shop.step_names.count("compare code") == 1
    check_once(shop, vault, sale, bought, person)


@pytest.mark.parametrize(("side", "frame"), [(TILL, 0), (TILL, 1), (DEVICE, 0), (DEVICE, 4)])
async def test_a_break_in_the_handshake_or_at_the_last_word_ends_truthfully(
    shop: Shop, vault: Vault, side: int, frame: int
) -> None:
    air, person = Air((1, side, frame)), Person()
    sale, bought = await purchase(shop, vault, air, person)
    check_once(shop, vault, sale, bought, person)
    if (side, frame) == (TILL, 1):  # a code was shown, and its till shows no other in this sale
        assert (sale.code, bought.code) == (Code.BUYER_LEFT, Code.NO_BUYER)
    elif (side, frame) == (DEVICE, 4):  # the device knows that it paid, the till does not know that it knows
        assert (sale.code, sale.buyer_told, bought.code) == (Code.PAID, False, Code.PAID)
    else:  # no code was shown yet: the two simply meet anew
        assert (sale.code, sale.buyer_told, bought.code) == (Code.PAID, True, Code.PAID)


async def test_where_hs3_got_lost_the_two_meet_anew_after_a_tap_with_another_code(shop: Shop, vault: Vault) -> None:
    air, person, cashier = Air((1, TILL, 1)), Person(), Cashier(after=0.05)
    sale, bought = await purchase(shop, vault, air, person, tap=cashier)
    check_once(shop, vault, sale, bought, person)
    assert (sale.code, sale.buyer_told, bought.code) == (Code.PAID, True, Code.PAID)
    assert (cashier.asked, air.uuids) == (1, [SERVICE_UUID, SERVICE_UUID])
    first, second = (facts["code"] for name, facts in shop.steps if name == "compare code")
    assert first != second


async def test_where_hs3_came_the_device_comes_back_under_its_secret_name_and_no_code_is_formed(
    shop: Shop, vault: Vault
) -> None:
    """The till does not know whether HS3 came; the cashier is slower than the device."""
    air, person, cashier = Air((1, DEVICE, 1)), Person(think=0.0), Cashier(after=0.3)
    sale, bought = await purchase(shop, vault, air, person, tap=cashier)
    check_once(shop, vault, sale, bought, person)
    assert (sale.code, bought.code, len(person.asked)) == (Code.PAID, Code.PAID, 1)
    assert SERVICE_UUID not in air.uuids[1:]
    assert shop.step_names.count("compare code") == 1


async def test_a_device_that_was_heard_is_looked_for_under_its_secret_name_alone(shop: Shop, vault: Vault) -> None:
    air, person, cashier = Air((1, TILL, 2)), Person(), Cashier()
    looked: list[tuple[UUID, ...]] = []
    connect = air.connect_any

    async def look(**more: object) -> tuple[UUID, FramedLink]:
        looked.append(more["uuids"])
        return await connect(**more)

    air.connect_any = look
    sale, _ = await purchase(shop, vault, air, person, tap=cashier)
    assert (sale.code, cashier.asked) == (Code.PAID, 0)
    assert [len(uuids) for uuids in looked] == [1, 1]
    assert SERVICE_UUID not in looked[1]


async def test_an_offer_that_is_too_old_when_the_two_meet_anew_is_made_anew(
    shop: Shop, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    air, person = Air((1, TILL, 1)), Person()

    async def tap() -> bool:
        monkeypatch.setattr(Till, "seconds_left", lambda _, sale: 0 if sale.offer == before[0] else 300)
        return True

    before: list[str] = []
    reached = asyncio.create_task(shop.reached("offer created"))
    paying = asyncio.create_task(purchase(shop, vault, air, person, tap=tap))
    await reached
    before.append(next(str(facts["offer"]) for name, facts in shop.steps if name == "offer created"))
    sale, bought = await paying
    check_once(shop, vault, sale, bought, person)
    assert (sale.code, bought.code, shop.step_names.count("offer created")) == (Code.PAID, Code.PAID, 2)


@pytest.mark.parametrize("second", [(2, side, frame) for side in (TILL, DEVICE) for frame in range(5)])
@pytest.mark.parametrize("first", [(1, TILL, 2), (1, DEVICE, 1), (1, TILL, 4)])
async def test_a_link_that_breaks_again_while_it_is_made_again_ends_truthfully(
    shop: Shop, vault: Vault, first: tuple[int, int, int], second: tuple[int, int, int]
) -> None:
    air, person = Air(first, second), Person()
    sale, bought = await purchase(shop, vault, air, person)
    check_once(shop, vault, sale, bought, person)
    assert sale.code is bought.code is Code.PAID


async def test_a_device_that_does_not_come_back_is_not_told_and_the_sale_is_paid_all_the_same(
    shop: Shop, vault: Vault
) -> None:
    air, person = Air((1, TILL, 3)), Person()
    air.accept = _once(air.accept)
    sale, bought = await purchase(shop, vault, air, person)
    check_once(shop, vault, sale, bought, person)
    assert (sale.code, sale.buyer_told, bought.code) == (Code.PAID, False, Code.OUTCOME_UNKNOWN)


async def test_a_till_that_does_not_come_back_while_the_person_thinks_gets_no_signature(
    shop: Shop, vault: Vault
) -> None:
    air, person = Air(), Person(think=2.0)

    async def vanish() -> None:
        await shop.reached("offer sent")
        air.connect_any = _never
        for end in air.last:
            end.lose("out of reach")

    connect = air.connect_any

    async def remember(**more: object) -> tuple[UUID, FramedLink]:
        uuid, link = await connect(**more)
        air.last = link._bearer.ends
        return uuid, link

    air.connect_any = remember
    vanishing = asyncio.create_task(vanish())
    sale, bought = await purchase(shop, vault, air, person)
    await vanishing
    check_once(shop, vault, sale, bought, person)
    assert (sale.code, bought.code, vault.history()) == (Code.BUYER_LEFT, Code.LINK_LOST, ())


@pytest.mark.parametrize(
    ("answer", "code"), [(Answer.NO, Code.BUYER_DECLINED), (Answer.CODE_DIFFERS, Code.CODES_DIFFER)]
)
async def test_a_no_that_was_said_while_the_link_was_away_reaches_the_till(
    shop: Shop, vault: Vault, answer: Answer, code: Code
) -> None:
    air, person = Air(), Person(think=0.1, answer=answer)
    connect = air.connect_any

    async def break_at_once(**more: object) -> tuple[UUID, FramedLink]:
        uuid, link = await connect(**more)
        air.last = link._bearer.ends
        return uuid, link

    async def cut() -> None:
        await shop.reached("offer sent")
        for end in air.last:
            end.lose("out of reach")

    air.connect_any = break_at_once
    cutting = asyncio.create_task(cut())
    sale, bought = await purchase(shop, vault, air, person)
    await cutting
    assert (sale.code, bought.code, air.connections, len(person.asked)) == (code, code, 2, 1)


async def test_over_the_radio_a_link_that_is_cut_is_made_again_under_another_name(
    shop: Shop, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrival_module, "RESUME_SECONDS", 5.0)
    async with VirtualAir() as air:
        central, peripheral, person = await air.central(), await air.peripheral(), Person(think=0.3)
        heard: set[bytes] = set()
        listener = (await air.radio()).device
        listener.on("advertisement", lambda seen: heard.add(seen.data_bytes))
        await listener.start_scanning(active=False)

        async def cut() -> None:
            for step in ("offer sent", "invoice sent"):
                await shop.reached(step)
                await central._radio.disconnect_all()

        cutting = asyncio.create_task(cut())
        paying = asyncio.create_task(pay(peripheral, vault, person))
        sale = await shop.sell(central, times=replace(QUICK, rejoin=5.0), buyer_seconds=5)
        bought = await paying
        cutting.cancel()
        await asyncio.gather(cutting, return_exceptions=True)
        await peripheral.close()
    assert (sale.code, sale.buyer_told, bought.code, len(person.asked)) == (Code.PAID, True, Code.PAID, 1)
    assert shop.step_names.count("link lost") >= 1
    assert len(heard) == 2  # the public beacon, and one that nobody else can know


def _once(accept: Callable[..., object]) -> Callable[..., object]:
    used = False

    async def accept_once(**more: object) -> object:
        nonlocal used
        if used:
            raise Unavailable(Code.NO_BUYER)
        used = True
        return await accept(**more)

    return accept_once


async def _never(**_: object) -> FramedLink:
    raise Unavailable(Code.NO_BUYER)
