"""A worker is killed between any two durable effects; another finishes, and the node was asked once or never."""

import asyncio

import pytest

from bled.codes import Failpoint
from bled.home.rows import ClaimState

pytestmark = pytest.mark.system

# Where a worker comes by on its way from the inbox to the outcome; the second passage of what its start passes too.
STEPS = [
    (Failpoint.HOME_VERIFIED, 1, ClaimState.PAID),
    (Failpoint.HOME_CLAIMED, 1, ClaimState.PAID),
    (Failpoint.HOME_PAY_ANSWERED, 1, ClaimState.PAID),
    (Failpoint.HOME_SENT, 1, None),
    (Failpoint.HOME_WITNESSED, 2, None),
]


@pytest.mark.parametrize(("step", "passage", "end"), STEPS, ids=lambda value: getattr(value, "value", str(value)))
async def test_what_a_killed_worker_left_another_finishes(serving, clean, step, passage, end) -> None:
    """`end` None: nobody can tell whether the node was asked, so it stays reserved until no attempt can begin."""
    await serving.open()
    dies = await serving.start_worker(failpoint=f"{step.value}:{passage}=kill")
    await serving.until(lambda: "begins" in serving.logged())
    serving.deliver(serving.invoice())
    assert await serving.ended(dies) == -9
    await serving.start_worker()
    if end is not None:
        (claim,) = await serving.quiet()
        assert claim.state is end
        assert clean(serving.audit(), paid=1)
        return
    await serving.until(lambda: "outcome-unknown" in serving.codes())
    assert serving.node.xpay_calls == []
    assert serving.ledger.sums(1).reserved == 20_150


async def test_what_nobody_was_asked_for_is_free_when_no_attempt_can_begin_any_more(serving, clean) -> None:
    await serving.open()
    dies = await serving.start_worker(failpoint=f"{Failpoint.HOME_SENT.value}=kill")
    await serving.until(lambda: "begins" in serving.logged())
    serving.deliver(serving.invoice())
    assert await serving.ended(dies) == -9
    serving.place.execute("UPDATE claims SET retry_for = -30")  # as if a minute and a half had passed
    await serving.start_worker()
    (claim,) = await serving.quiet()
    assert claim.state is ClaimState.FAILED
    assert serving.ledger.sums(1).reserved == 0
    assert clean(serving.audit(), paid=0)


@pytest.mark.parametrize("step", [Failpoint.HOME_COMPARED, Failpoint.HOME_WITNESSED], ids=lambda step: step.value)
async def test_a_worker_killed_while_it_starts_makes_no_old_copy_of_the_ledger(serving, clean, step) -> None:
    await serving.open()
    for _ in range(2):
        assert await serving.ended(await serving.start_worker(failpoint=f"{step.value}=kill")) == -9
    await serving.start_worker()
    serving.deliver(serving.invoice())
    await serving.quiet()
    assert clean(serving.audit(), paid=1)


async def test_a_payment_that_a_killed_worker_began_is_looked_up_by_another_at_once(serving, clean) -> None:
    asked = asyncio.Event()

    async def holds(params):
        serving.node.part(params, "pending")
        asked.set()
        await asyncio.Event().wait()

    serving.node.xpay = holds
    await serving.open()
    first, _ = [await serving.start_worker() for _ in range(2)]
    invoice = serving.invoice()
    serving.deliver(invoice)
    await asked.wait()
    worker = serving.place.execute("SELECT worker FROM claims")[0][0]
    for each in serving.workers:  # whoever had it
        if f"worker {worker} begins" in serving.logged():
            await serving.kill(each)
    await serving.start_worker()
    serving.node.completes(invoice.invoice_payment_hash)
    (claim,) = await serving.quiet()
    assert (claim.state, claim.amount_sent) == (ClaimState.PAID, 15_001)
    assert len(serving.node.xpay_calls) == 1
    assert clean(serving.audit(), paid=1)
    assert first.returncode is not None


async def test_a_worker_that_lives_keeps_its_claim(serving) -> None:
    """Another that sees the same invoice again, or just looks around, leaves it alone."""
    asked = asyncio.Event()

    async def thinks(params):
        asked.set()
        await asyncio.Event().wait()

    serving.node.xpay = thinks
    await serving.open()
    await serving.start_worker()
    invoice = serving.invoice()
    serving.deliver(invoice)
    await asked.wait()
    worker = serving.place.execute("SELECT worker FROM claims")
    await serving.start_worker()
    serving.deliver(invoice, times=5)
    await serving.until(lambda: serving.waiting() == 0)
    await asyncio.sleep(3)  # longer than a worker's look around
    assert serving.place.execute("SELECT worker FROM claims") == worker
    assert len(serving.node.xpay_calls) == 1


async def test_killed_at_any_moment_nothing_is_paid_twice_or_lost(serving, clean) -> None:
    await serving.open(ids=6)
    invoices = [serving.invoice(index) for index in range(6)]
    for round_ in range(3):
        pair = [await serving.start_worker() for _ in range(2)]
        await serving.until(lambda wanted=2 * round_ + 2: serving.logged().count("begins") == wanted)
        for index in range(2 * round_ + 2):
            serving.deliver(invoices[index], index)
        await asyncio.sleep(0.02 * round_)
        for each in pair:
            await serving.kill(each)
    audit = serving.audit()
    assert (audit["double_paid"], audit["asked_twice"], audit["over_budget"]) == (0, 0, 0)
    await serving.start_worker()
    await serving.until(lambda: serving.waiting() == 0)
    await serving.until(lambda: all(each.state is not ClaimState.CLAIMED for each in serving.ledger.claims()))
    await serving.until(lambda: serving.audit()["lost"] == 0)
    audit = serving.audit()
    assert (audit["double_paid"], audit["asked_twice"], audit["over_budget"]) == (0, 0, 0)
    unknown = {claim.payer_id.hex() for claim in serving.ledger.open_claims()}
    assert unknown.isdisjoint({row["label"] for rows in serving.node.rows.values() for row in rows})
