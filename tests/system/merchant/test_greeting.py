"""How a sale gets its buyer: strangers with one code, engaged devices without, and those who disturb."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.engagement import Engagement, OpenMeeting
from bled.gatt.messages import Abort, AbortReason, encode_message
from bled.gatt.profile import SERVICE_UUID
from bled.link.base import Peripheral
from bled.link.handshaking import be_greeted
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps
from bled.sales.states import SaleState

from .stage import QUICK, READER, Greeted, Line, Meeting, Shop, be_met

pytestmark = pytest.mark.system


def code_of(shop: Shop) -> Engagement:
    """Return what the till's screen shows for the buyer to read."""
    return Engagement.parse(str(next(facts["text"] for name, facts in shop.steps if name == "engagement")))


def engaged(shop: Shop) -> Callable[[Line], object]:
    """Return a device that read the till's code."""

    async def greet(line: Line) -> Greeted:
        return await be_met(line, code_of(shop))

    return greet


async def test_the_engaged_device_pays_and_no_code_is_shown(shop: Shop) -> None:
    radio = Meeting(shop.buyer(), greet=engaged(shop))
    result = await shop.sell(radio, engage=True)
    assert (result.code, result.buyer_told) == (Code.PAID, True)
    assert "compare code" not in shop.step_names
    assert radio.uuids == [code_of(shop).uuid]
    assert code_of(shop).is_of(READER.public)


async def test_each_sale_shows_another_code(shop: Shop) -> None:
    texts = set()
    for _ in range(2):
        await shop.sell(Meeting(shop.buyer(), greet=engaged(shop)), engage=True)
        texts.add(code_of(shop).format())
        shop.steps.clear()
    assert len(texts) == 2


async def test_over_the_radio_the_engaged_device_is_found_and_the_stranger_beside_it_is_not(shop: Shop) -> None:
    async with VirtualAir() as air:
        stranger, device = await air.peripheral(), await air.peripheral()
        buyer, started = shop.buyer(), asyncio.Event()

        async def wait_in_vain(radio: Peripheral) -> None:
            await radio.accept(seconds=30, on_step=ignore_steps)

        async def come() -> None:
            await shop.reached("engagement")
            started.set()
            engagement = code_of(shop)
            link = await device.accept(seconds=10, on_step=ignore_steps, uuid=engagement.uuid)
            await buyer(await be_met(link, engagement))

        lonely, coming = asyncio.create_task(wait_in_vain(stranger)), asyncio.create_task(come())
        await asyncio.sleep(0)
        result = await shop.sell(await air.central(), engage=True)
        assert not lonely.done()
        for task in (lonely, coming):
            task.cancel()
        await asyncio.gather(lonely, coming, return_exceptions=True)
        for radio in (stranger, device):
            await radio.close()
    assert (result.code, result.buyer_told) == (Code.PAID, True)


async def test_a_device_that_was_engaged_can_be_met_by_strangers_the_next_time(shop: Shop) -> None:
    async with VirtualAir() as air:
        device = await air.peripheral()
        for engage in (True, False):
            buyer = shop.buyer()

            async def come(buyer=buyer, engage=engage) -> None:
                way = None
                if engage:
                    await shop.reached("engagement")
                    way = code_of(shop)
                uuid = SERVICE_UUID if way is None else way.uuid
                await buyer(await be_met(await device.accept(seconds=10, on_step=ignore_steps, uuid=uuid), way))

            coming = asyncio.create_task(come())
            await asyncio.sleep(0)
            result = await shop.sell(await air.central(), engage=engage, description=f"tea {engage}")
            assert (result.code, result.buyer_told) == (Code.PAID, True)
            await asyncio.gather(coming, return_exceptions=True)
        await device.close()


async def test_a_stranger_under_the_uuid_of_an_engagement_gets_nothing(shop: Shop) -> None:
    radio = Meeting(shop.buyer())  # it knows the UUID from the air, not the secret
    result = await shop.sell(radio, engage=True, buyer_seconds=0.5)
    assert result.code is Code.BUYER_LEFT
    assert len(radio.uuids) >= 3
    assert shop.sales()[0].state is SaleState.CANCELLED
    assert "offer sent" not in shop.step_names


async def test_somebody_who_breaks_the_handshake_keeps_no_buyer_out(shop: Shop) -> None:
    count = 0

    async def greet(line: Line) -> Greeted:
        nonlocal count
        count += 1
        if count == 1:
            raise Unavailable(Code.LINK_LOST)
        if count == 2:
            await line.receive(seconds=5)
            await line.send(b"\x10" * 73)
            await line.receive(seconds=5)
        return await be_met(line)

    result = await shop.sell(Meeting(shop.buyer(), greet=greet))
    assert (result.code, result.buyer_told) == (Code.PAID, True)
    assert shop.step_names.count("no private connection") == 2
    assert shop.step_names.count("compare code") == 1


async def test_a_till_that_loses_every_race_keeps_searching_and_serves_the_buyer_who_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another till was faster five times: each device is gone before it has answered HS1."""
    monkeypatch.setattr("bled.sales.greeting.RACE_SECONDS", 0.01)
    lost = 0

    async def greet(line: Line) -> Greeted:
        nonlocal lost
        lost += 1
        if lost <= 5:
            raise Unavailable(Code.LINK_LOST)
        return await be_met(line)

    result = await shop.sell(Meeting(shop.buyer(), greet=greet))
    assert (result.code, result.buyer_told, lost) == (Code.PAID, True, 6)
    assert shop.step_names.count("compare code") == 1


async def test_a_till_that_loses_every_race_gives_up_when_its_time_is_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bled.sales.greeting.RACE_SECONDS", 0.05)

    async def greet(line: Line) -> Greeted:
        raise Unavailable(Code.LINK_LOST)

    radio = Meeting(shop.buyer(), greet=greet)
    result = await shop.sell(radio, buyer_seconds=0.4)
    assert (result.code, shop.sales()[0].state) == (Code.BUYER_LEFT, SaleState.CANCELLED)
    assert 3 < len(radio.uuids) < 12


async def test_three_devices_that_answer_wrong_end_the_search(shop: Shop) -> None:
    async def greet(line: Line) -> Greeted:
        await line.receive(seconds=5)
        await line.send(b"\x10" * 73)
        await line.receive(seconds=5)
        raise Unavailable(Code.LINK_LOST)

    radio = Meeting(shop.buyer(), greet=greet)
    result = await shop.sell(radio)
    assert (result.code, len(radio.uuids)) == (Code.HANDSHAKE_FAILED, 3)


async def test_a_device_that_dislikes_its_code_gets_no_other_in_this_sale(shop: Shop) -> None:
    """Whoever drops the link at a code that does not suit him must not draw again."""

    def tune(till: Line, buyer: Line) -> None:
        till.drop_after = 0  # the code is shown, and the link breaks before HS3 is through

    radio = Meeting(shop.buyer(), tune=tune)
    result = await shop.sell(radio)
    assert (result.code, len(radio.uuids)) == (Code.BUYER_LEFT, 1)
    assert shop.step_names.count("compare code") == 1
    assert shop.sales()[0].state is SaleState.CANCELLED


def dropped_codes(count: int) -> Callable[[Line, Line], None]:
    """Return what breaks the link at the code, `count` times: a device that dislikes its codes."""
    left = count

    def tune(till: Line, buyer: Line) -> None:
        nonlocal left
        if left:
            left -= 1
            till.drop_after = 0

    return tune


def cashier(*answers: bool) -> tuple[Callable[[], Awaitable[bool]], list[bool]]:
    """Return a cashier who answers so, and what is left to answer."""
    left = list(answers)

    async def tap() -> bool:
        return left.pop(0)

    return tap, left


@pytest.mark.parametrize("dropped", [1, 2])
async def test_each_tap_of_the_cashier_allows_one_more_code(shop: Shop, dropped: int) -> None:
    tap, left = cashier(*[True] * dropped)
    result = await shop.sell(Meeting(shop.buyer(), tune=dropped_codes(dropped)), tap=tap)
    assert (result.code, result.buyer_told, left) == (Code.PAID, True, [])
    codes = [facts["code"] for name, facts in shop.steps if name == "compare code"]
    assert len(set(codes)) == dropped + 1


async def test_an_engaged_device_that_did_not_get_hs3_is_met_anew_under_the_same_code(shop: Shop) -> None:
    tap, left = cashier(True)
    radio = Meeting(shop.buyer(), greet=engaged(shop), tune=dropped_codes(2))
    result = await shop.sell(radio, engage=True, tap=tap)
    assert (result.code, result.buyer_told, left) == (Code.PAID, True, [True])
    assert radio.uuids == [code_of(shop).uuid] * 3
    assert "compare code" not in shop.step_names


async def test_a_code_that_is_too_old_meets_nobody_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def tune(till: Line, buyer: Line) -> None:
        till.drop_after = 0

    note = shop.note

    def grow_old(name: str, facts: Mapping[str, object]) -> None:
        note(name, facts)
        if name == "link lost":
            monkeypatch.setattr("bled.gatt.code_limits.ENGAGEMENT_SECONDS", 0)

    monkeypatch.setattr(shop, "note", grow_old)
    radio = Meeting(shop.buyer(), greet=engaged(shop), tune=tune)
    result = await shop.sell(radio, engage=True, times=replace(QUICK, rejoin=0.4))
    assert (result.code, len(radio.uuids)) == (Code.BUYER_LEFT, 1)
    assert shop.sales()[0].state is SaleState.CANCELLED


async def test_no_tap_allows_a_fourth_code(shop: Shop) -> None:
    tap, left = cashier(True, True, True, True)
    radio = Meeting(shop.buyer(), tune=dropped_codes(9))
    result = await shop.sell(radio, tap=tap)
    assert (result.code, len(radio.uuids), len(left)) == (Code.BUYER_LEFT, 3, 2)
    assert shop.step_names.count("compare code") == 3
    assert shop.sales()[0].state is SaleState.CANCELLED


async def test_a_cashier_who_does_not_allow_another_code_ends_the_sale(shop: Shop) -> None:
    tap, _ = cashier(False)
    radio = Meeting(shop.buyer(), tune=dropped_codes(1))
    result = await shop.sell(radio, tap=tap)
    assert (result.code, len(radio.uuids)) == (Code.BUYER_LEFT, 1)
    assert shop.sales()[0].state is SaleState.CANCELLED


async def test_a_cashier_who_is_away_does_not_hold_the_sale_open(shop: Shop) -> None:
    async def away() -> bool:
        await asyncio.Event().wait()
        raise AssertionError("nobody taps")

    result = await shop.sell(Meeting(shop.buyer(), tune=dropped_codes(1)), tap=away, buyer_seconds=0.3)
    assert result.code is Code.BUYER_LEFT
    assert shop.sales()[0].state is SaleState.CANCELLED


async def test_failures_before_a_code_was_shown_ask_no_cashier(shop: Shop) -> None:
    async def greet(line: Line) -> Greeted:
        raise Unavailable(Code.LINK_LOST)

    tap, left = cashier(True)
    await shop.sell(Meeting(shop.buyer(), greet=greet), tap=tap, buyer_seconds=0.3)
    assert left == [True]
    assert "compare code" not in shop.step_names


async def test_codes_that_differ_end_the_sale_and_no_tap_brings_another(shop: Shop) -> None:
    async def differs(line: Line) -> None:
        await line.receive(seconds=5)
        await line.send(encode_message(Abort(reason=AbortReason.CODE_MISMATCH)))

    tap, left = cashier(True)
    result = await shop.sell(Meeting(differs), tap=tap)
    assert (result.code, left) == (Code.CODES_DIFFER, [True])
    assert shop.step_names.count("compare code") == 1


async def test_codes_that_differ_end_the_sale(shop: Shop) -> None:
    async def differs(line: Line) -> None:
        await line.receive(seconds=5)
        await line.send(encode_message(Abort(reason=AbortReason.CODE_MISMATCH)))

    result = await shop.sell(Meeting(differs))
    assert result.code is Code.CODES_DIFFER
    assert shop.sales()[0].state is SaleState.CANCELLED
    assert not shop.merchant.books.list_offers(active_only=True)


async def test_both_screens_show_one_code(shop: Shop) -> None:
    seen: list[str | None] = []

    async def greet(line: Line) -> Greeted:
        opening, secured = await be_greeted(line, meeting=OpenMeeting(), before_hs2=lambda: None)
        seen.append(secured.code)
        return Greeted(line, opening)

    await shop.sell(Meeting(shop.buyer(), greet=greet))
    assert [facts["code"].replace(" ", "") for name, facts in shop.steps if name == "compare code"] == seen


async def test_an_engagement_that_nobody_reads_ends_after_its_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bled.sales.greeting.ENGAGEMENT_SECONDS", 0.2)
    async with VirtualAir() as air:
        result = await shop.sell(await air.central(), engage=True, buyer_seconds=60)
    assert result.code is Code.NO_BUYER
