"""Whatever is paid, broken off and tried again: no millisatoshi appears or is lost, and nobody owes anything."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bled import failpoint
from bled.errors import BledError
from bled.sandbox.rpc_error import RpcError
from bled.sandbox.sendpays import SendPayStatus
from bled.sandbox.xpay_args import XpayArgs

ALIASES = ("merchant", "hop", "home")
BREAKS = (None, "sandbox.pay.pending", "sandbox.pay.settled", "sandbox.pay.moved")

payments = st.tuples(
    st.sampled_from(ALIASES), st.sampled_from(ALIASES), st.integers(1, 1_100_000_000), st.sampled_from(BREAKS)
)


async def _pay(world: Any, till: Any, wanted: tuple[str, str, int, str | None]) -> None:
    payer, payee, amount, broken_at = wanted
    invoice = till.invoice(amount, issuer=payee)
    failpoint._hits.clear()
    if broken_at is not None:
        os.environ["BLED_FAILPOINT"] = f"{broken_at}=error"
    try:
        with suppress(RpcError, BledError):
            args = XpayArgs.read({"invstring": invoice.string, "maxfee": 10**9})
            await world.payments.xpay(world.node(payer), args)
    finally:
        os.environ.pop("BLED_FAILPOINT", None)


def _check(world: Any) -> None:
    accounts = world.accounts
    assert sum(accounts.balances().values()) == 3_000_000_000
    shares = [(channel.scid, alias) for channel in world.network.channels for alias in ALIASES]
    assert all(accounts.balance(*share) >= accounts.spendable(*share) >= 0 for share in shares)
    received = sum(row.amount_received or 0 for alias in ALIASES for row in world.node(alias).books.list_invoices())
    complete = [row for alias in ALIASES for row in accounts.payments(alias) if row.status is SendPayStatus.COMPLETE]
    assert received >= sum(row.amount for row in complete)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(payments, min_size=1, max_size=8))
def test_money_is_neither_made_nor_lost(new_world: Callable[[], Any], wanted: list[Any]) -> None:
    async def run() -> None:
        async with new_world() as (world, till):
            for payment in wanted:
                await _pay(world, till, payment)
                _check(world)
            world.payments.recover()
            _check(world)
            assert world.accounts.pending() == ()
            assert {row.payment_hash for row in _complete(world)} == _paid_hashes(world)

    asyncio.run(run())


def _complete(world: Any) -> list[Any]:
    rows = [row for alias in ALIASES for row in world.accounts.payments(alias)]
    return [row for row in rows if row.status is SendPayStatus.COMPLETE]


def _paid_hashes(world: Any) -> set[bytes]:
    invoices = [row for alias in ALIASES for row in world.node(alias).books.list_invoices()]
    return {row.payment_hash for row in invoices if row.status.value == "paid"}
