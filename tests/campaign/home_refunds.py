"""What is played against refunds. The till asks and pays; home dies at any step of it, and its node as well."""

import time

from home_round import Bought, Round

from bled.codes import Failpoint

STEPS = [step for step in Failpoint if step.value.startswith("home.refund")]


async def give_back_at_a_step(town: Round) -> None:
    """Kill home at a named step of a refund; perhaps the same is asked for once more, and home killed there again."""
    paid = await _something_paid(town)
    step, name = town.random.choice(STEPS), town.random.choice((None, 0, 1, 2))
    for _ in range(town.random.randrange(1, 4)):
        town.totals.killed_at[step.value] += 1
        await town.start_home(f"{step.value}:{town.random.choice((1, 1, 2))}=kill")
        await _give_back(town, paid, seconds=0.5, name=name)
        town.totals.refund_kills += town.has_plugin_died
        await town.kill_home()
    await town.start_home()
    await _give_back(town, paid, seconds=2, name=name)
    await town.kill_home()


async def give_back_what_was_left_behind(town: Round) -> None:
    """Kill home before its node keeps an invoice, and ask for the very same as soon as home begins to look that up."""
    paid, name = await _something_paid(town), town.random.randrange(3)
    await town.start_home(f"{Failpoint.HOME_REFUND_STORED.value}=kill")
    await _give_back(town, paid, seconds=0.5, name=name)
    town.totals.refund_kills += town.has_plugin_died
    await town.kill_home()
    await town.start_home()
    await _give_back(town, paid, seconds=1, name=name)
    await town.kill_home()


async def give_back_at_any_moment(town: Round) -> None:
    """Kill home whenever it may be, while it is asked and paid, and while it begins again."""
    paid = await _something_paid(town)
    for _ in range(town.random.randrange(1, 4)):
        await town.start_home(kill_after=town.random.choice((None, 0.1 * town.random.random())))
        await town.ask_refund(paid)
        await town.any_moment(of=town.typical_refund)
        await town.kill_home()


async def give_back_for_many(town: Round) -> None:
    """Ask for the same and for other amounts at once, and pay every answer, twice and late."""
    paid = await _something_paid(town)
    await town.start_home()
    for _ in range(town.random.randrange(2, 5)):
        await town.ask_refund(paid, times=town.random.randrange(1, 4), pays=2)
        if town.random.random() < 0.3:
            await town.any_moment(of=town.typical_refund)
    await town.until_refunded(paid, seconds=0.5)
    await town.ask("town-repay")
    await town.any_moment(of=town.typical_refund)
    await town.kill_home()
    if town.random.random() < 0.5:
        await town.ask("town-repay")
        await town.start_home()
        await town.until_refunded(paid, seconds=1)
        await town.kill_home()


async def give_back_until_nothing_is_left(town: Round) -> None:
    """Ask for one part after the other, each after the one before has come, and for more than the whole in all."""
    paid = await _something_paid(town)
    await town.start_home()
    for part in (2, 3, 1):
        await town.ask_refund(paid, amount=None if paid is None else paid.amount // part)
        await town.until_refunded(paid, seconds=1.5 if part == 2 else 0.6)
        if town.random.random() < 0.2:
            await town.kill_home()
            await town.start_home()
    await town.kill_home()


async def give_back_to_a_node_that_dies(town: Round) -> None:
    """Kill the node while it is paid, at a step of its own or at any moment, and start all again."""
    paid = await _something_paid(town)
    await town.start_home()
    step = town.random.choice([None, *(step for step in Failpoint if step.value.startswith("sandbox."))])
    if step is not None:
        town.totals.killed_at[step.value] += 1
        await town.ask("town-arm", failpoint=f"{step.value}=kill")
    await town.ask_refund(paid)
    if step is None:
        await town.any_moment(of=town.typical_refund)
    else:
        await town.until_refunded(paid, seconds=1)
    await town.kill_node()
    await town.start_node()
    await town.start_home(startup=True)
    await _give_back(town, paid, seconds=1)
    await town.kill_home()


async def _something_paid(town: Round) -> Bought | None:
    """Return a purchase that can be given back, most often a fresh one; home runs no more."""
    if town.refundable and town.random.random() < 0.3:
        return town.random.choice(town.refundable)
    await town.start_home()
    bought = await town.buy(allows_refund=True)
    if bought is not None:
        await town.bring(bought)
        await town.until_decided([bought], seconds=2)
        await town.until_paid(bought, seconds=2)
    await town.kill_home()
    return bought


async def _give_back(town: Round, bought: Bought | None, *, seconds: float, name: int | None = None) -> None:
    """Ask once, wait for the money or for home's death, and remember how long that took."""
    began = time.monotonic()
    await town.ask_refund(bought, name=name)
    if await town.until_refunded(bought, seconds=seconds):
        town.typical_refund = 0.8 * town.typical_refund + 0.2 * (time.monotonic() - began)


REFUNDS = {
    give_back_at_a_step: 8,
    give_back_what_was_left_behind: 3,
    give_back_at_any_moment: 6,
    give_back_for_many: 4,
    give_back_until_nothing_is_left: 3,
    give_back_to_a_node_that_dies: 2,
}
"""Every scenario of refunds, and how often it is played."""
