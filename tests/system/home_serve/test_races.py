"""Two workers on one PostgreSQL database: whatever they race for is done once, by the ledgers alone."""

import asyncio

import pytest

from bled.home.rows import ClaimState

pytestmark = pytest.mark.system


async def test_the_same_invoice_fifty_times_is_paid_once(serving, clean) -> None:
    await serving.open()
    for _ in range(2):
        await serving.start_worker()
    serving.deliver(serving.invoice(), times=50)
    (claim,) = await serving.quiet()
    assert claim.state is ClaimState.PAID
    assert len(serving.node.xpay_calls) == 1
    assert clean(serving.audit(), paid=1)


async def test_of_fifty_invoices_for_one_request_one_is_paid(serving, clean) -> None:
    await serving.open()
    request = serving.request()
    for number in range(50):
        serving.deliver(serving.invoice(request=request, preimage=bytes([number + 1]) * 32))
    for _ in range(2):
        await serving.start_worker()
    (claim,) = await serving.quiet()
    assert claim.state is ClaimState.PAID
    assert clean(serving.audit(), paid=1)
    assert serving.codes().count("payer-id-used") == 49


async def test_a_budget_for_some_of_many_invoices_is_kept(serving, clean) -> None:
    await serving.open(ids=20, total_msat=15_000 * 6)
    for index in range(20):
        serving.deliver(serving.invoice(index), index)
    for _ in range(2):
        await serving.start_worker()
    claims = await serving.quiet()
    audit = serving.audit()
    assert clean(audit, paid=range(3, 6))
    assert len(claims) == audit["paid"]


async def test_both_workers_work(serving, clean) -> None:
    await serving.open(ids=20)
    both = [await serving.start_worker() for _ in range(2)]
    await serving.until(lambda: serving.logged().count("begins") == 2)
    invoices = [serving.invoice(index) for index in range(20)]
    async with serving.gate(workers=2):  # else the first to be woken on a busy machine may do all the work
        for index, invoice in enumerate(invoices):
            serving.deliver(invoice, index)
    await serving.quiet()
    assert clean(serving.audit(), paid=20)
    workers = serving.place.execute("SELECT worker, count(*) FROM claims GROUP BY worker")
    assert len(workers) == len(both), workers


@pytest.mark.parametrize("wait", [0.0, 0.05])
async def test_a_revocation_that_races_claims_is_final_when_it_answers(serving, clean, wait) -> None:
    await serving.open(ids=10)
    for _ in range(2):
        await serving.start_worker()
    await serving.until(lambda: serving.logged().count("begins") == 2)
    for index in range(10):
        serving.deliver(serving.invoice(index), index)
    await asyncio.sleep(wait)
    revoked = await asyncio.to_thread(serving.ledger.revoke_all, now=serving.now)
    too_late = {claim.payer_id for claim in (*revoked.in_flight, *revoked.already_paid)}
    await serving.until(lambda: serving.waiting() == 0)
    claims = [] if not serving.ledger.claims() else await serving.quiet()
    assert {claim.payer_id for claim in claims if claim.state is ClaimState.PAID} <= too_late
    assert clean(serving.audit(), paid=range(11))
