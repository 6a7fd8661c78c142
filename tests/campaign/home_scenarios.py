"""What is played against home. Each ends with home or its node dead; the auditor looks after each."""

import asyncio
import contextlib
import re
import resource
from collections.abc import Awaitable, Callable

import home_auditor
from home_refunds import (
    REFUNDS,
    give_back_at_a_step,
    give_back_for_many,
    give_back_until_nothing_is_left,
    give_back_what_was_left_behind,
)
from home_round import Bought, Round

from bled.codes import Failpoint

AT_ONCE = 50
PAY_STEPS = [step for step in Failpoint if re.match(r"home\.(?!refund)", step.value)]
STEPS = [
    *((step, nth) for step in PAY_STEPS for nth in (1, 2)),
    (Failpoint.HOME_WITNESSED, 3),
    (Failpoint.HOME_CLAIMED, 3),
    (Failpoint.HOME_SENT, 1),
    (Failpoint.HOME_PAY_ANSWERED, 1),
]
"""Where home is killed, at which passage."""
NODE_STEPS = [step for step in Failpoint if step.value.startswith("sandbox.")]


async def at_a_step(town: Round) -> None:
    """Kill home at a named step of its own."""
    step, nth = town.random.choice(STEPS)
    town.totals.killed_at[step.value] += 1
    await town.start_home(f"{step.value}:{nth}=kill")
    if step is Failpoint.HOME_ISSUED:
        await town.ask("bled-issue", device="lost", total_msat=1)
    bought = await town.shop()
    if step is Failpoint.HOME_REVOKED and bought:
        await town.revoke(bought[0])
    await town.until_decided(bought)
    await town.kill_home()


async def at_any_moment(town: Round) -> None:
    """Kill home whenever it may be."""
    await town.start_home()
    await town.shop()
    await town.any_moment()
    await town.kill_home()


async def while_it_starts(town: Round) -> None:
    """Kill home while it reconciles, or even before it has opened its ledger."""
    if not town.bought:
        return await at_any_moment(town)
    await town.start_home(kill_after=town.random.random() * 0.1)
    await town.until_decided([Bought("nobody", [], "", "")], seconds=1)
    return await town.kill_home()


async def with_its_node(town: Round) -> None:
    """Kill the node at a named step of its own or whenever it may be, and start it again."""
    await town.start_home()
    step = town.random.choice([None, *NODE_STEPS])
    if step is not None:
        town.totals.killed_at[step.value] += 1
        await town.ask("town-arm", failpoint=f"{step.value}=kill")
    bought = await town.shop()
    if step is None:
        await town.any_moment()
    else:
        await town.until_decided(bought, seconds=3)
    await town.kill_node()
    await town.start_node()
    await town.start_home(startup=True)
    await town.any_moment()
    await town.kill_home()


async def with_a_full_disk(town: Round) -> None:
    """No file may grow any more, from some write on; perhaps there is room again before home dies."""
    await town.start_home()
    if town.home is None:
        return
    folder = (town.folder / home_auditor.HOME_LEDGER).parent
    sizes = [0, *(path.stat().st_size for path in folder.iterdir())]
    limit = town.random.choice(sizes) + town.random.randrange(12) * 4_120
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(town.home, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        bought = await town.shop()
        await town.until_decided(bought, seconds=1)
        if town.random.random() < 0.5:
            resource.prlimit(town.home, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            for each in bought:
                await town.bring(each)
            await town.any_moment()
    await town.kill_home()


async def with_a_jumping_clock(town: Round) -> None:
    """Home's clock jumps before, while or after it pays, and back, and its owner says which time is right."""
    await town.start_home()
    shift = town.random.choice([-86_400, -600, -130, -30, 30, 270, 290, 310, 900, 86_400])
    bought = await town.shop()
    await town.any_moment()
    town.clock.write_bytes(str(shift).encode())
    bought += await town.shop()
    await town.until_decided(bought, seconds=1)
    town.clock.write_bytes(b"0")
    await town.ask("bled-trust-clock")
    for each in bought:
        await town.bring(each)
    await town.any_moment()
    await town.kill_home()


async def with_the_same_invoice_at_once(town: Round) -> None:
    """Bring one invoice fifty times."""
    await _at_once(town, invoices=1, times=AT_ONCE)


async def with_other_invoices_at_once(town: Round) -> None:
    """Bring fifty invoices for one request: each with a payment hash of its own, and all of them can be paid."""
    await _at_once(town, invoices=AT_ONCE, times=1)


async def _at_once(town: Round, *, invoices: int, times: int) -> None:
    bought = await town.buy(invoices=invoices)
    for last in (False, True):
        step, nth = town.random.choice(STEPS)
        await town.start_home(town.random.choice([None, f"{step.value}:{nth}=kill"]))
        if bought is None:
            await town.shop()
        else:
            town.random.shuffle(bought.invoices)
            await town.bring(bought, times=times)
        if last:
            await town.until_decided([] if bought is None else [bought], seconds=3)
        else:
            await town.any_moment()
        await town.kill_home()


async def while_it_is_revoked(town: Round) -> None:
    """Revoke a payer id while its invoice comes home."""
    await town.start_home()
    bought = await town.buy()
    if bought is not None:
        first, second = town.random.sample([town.bring(bought), town.revoke(bought)], 2)
        await asyncio.gather(first, second)
    await town.any_moment()
    await town.kill_home()


Scenario = Callable[[Round], Awaitable[None]]
PLAYED: dict[Scenario, int] = {
    at_a_step: 10,
    at_any_moment: 10,
    while_it_starts: 3,
    with_its_node: 3,
    with_a_full_disk: 3,
    with_a_jumping_clock: 2,
    with_the_same_invoice_at_once: 2,
    with_other_invoices_at_once: 1,
    while_it_is_revoked: 3,
    **REFUNDS,
}
"""Every scenario, and how often it is played."""

BRINGS_OUT: dict[str, Scenario] = {
    "claims-late": with_other_invoices_at_once,
    "frees-too-early": at_a_step,
    "counts-no-budget": at_any_moment,
    "leaves-open": at_any_moment,
    "forgets-revocation": while_it_is_revoked,
    "tells-before-it-writes": give_back_at_a_step,
    "leaves-invoices-live": give_back_for_many,
    "keeps-again": give_back_what_was_left_behind,
    "counts-no-refunds": give_back_until_nothing_is_left,
}
"""By the name of a build with a defect, what is played against it most."""
