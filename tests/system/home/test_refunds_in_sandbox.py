"""The refund offers of a real plugin in the sandbox's home node: what they answer, and what a kill leaves."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bled.codes import Failpoint
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.rpc_error import RpcError
from bled.sandbox.world import Sandbox
from bled_codec.offer import create_offer

from .refund_town import AMOUNT, SILENCE, Town, fresh_key, town_in

pytestmark = pytest.mark.system


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket."""
    path = Path(tempfile.mkdtemp(prefix="bled-"))
    yield path
    shutil.rmtree(path)


async def test_the_invoice_names_neither_home_nor_a_peer_that_the_offer_does_not_name(folder) -> None:
    async with town_in(folder) as town:
        await town.buy()
        invoice = await town.fetch()
        home = town.sandbox.home.node_id
        assert invoice.invoice_node_id == town.refund_offer().offer_issuer_id != home
        assert home not in invoice.encode()
        starts = {path.introduction for path in invoice.invoice_paths}
        assert starts <= {path.introduction for path in town.refund_offer().offer_paths or ()}
        assert {payinfo.htlc_maximum_msat for payinfo in invoice.invoice_blindedpay} == {2 * AMOUNT}
        await town.pay(invoice)
        await town.came(AMOUNT)


async def test_who_may_not_be_answered_hears_nothing(folder) -> None:
    async with town_in(folder) as town:
        assert await town.silence()  # nothing was paid with this id
        await town.buy()
        await town.buy(1, allows_refund=False)
        own = town.refund_offer()
        forged = create_offer(
            description=None, chains=own.offer_chains, metadata=own.offer_metadata, paths=own.offer_paths,
            issuer_id=fresh_key().public_key,
        )  # fmt: skip
        assert await town.silence(AMOUNT + 10_000)
        assert await town.silence(offer=forged)
        assert await town.silence(offer=town.refund_offer(1))  # the device did not sign this one
        assert town.sandbox.home.books.list_invoices() == []
        assert (await town.fetch()).invoice_amount == AMOUNT


async def test_one_invoice_of_a_payment_stands_at_a_time(folder) -> None:
    async with town_in(folder) as town:
        await town.buy()
        first, second = await town.fetch(), await town.fetch(4_000)
        assert town.kept(InvoiceStatus.UNPAID) == 1
        with pytest.raises(RpcError):
            await town.pay(first)
        await town.pay(second)
        await town.came(4_000)
        assert await town.silence(AMOUNT)
        await town.pay(await town.fetch(AMOUNT - 4_000))
        await town.came(AMOUNT)


@pytest.mark.parametrize(
    "step", [Failpoint.HOME_REFUND_STORED, Failpoint.HOME_REFUND_KEPT, Failpoint.HOME_REFUND_READY]
)
async def test_a_home_killed_before_it_answers_is_asked_again_and_paid_once(folder, monkeypatch, step) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", f"{step.value}=kill")
    async with town_in(folder) as town:
        await town.buy()
        assert await town.silence()
        await town.sandbox.plugin.ready()
        await town.pay(await town.fetch())
        await town.came(AMOUNT)
        assert (town.kept(InvoiceStatus.PAID), town.kept(InvoiceStatus.UNPAID)) == (1, 0)


async def test_what_came_back_while_home_was_dead_is_known_when_it_lives_again(folder) -> None:
    async with town_in(folder) as town:
        await town.buy()
        invoice = await town.fetch()
        os.kill(town.sandbox.plugin_pid, signal.SIGKILL)
        await town.pay(invoice)
        await town.came(AMOUNT)


LATER_HOME = Path(__file__).with_name("later_home.py")


async def test_of_a_payment_older_than_a_year_nothing_comes_back_by_itself(folder) -> None:
    shift = folder.with_name(f"{folder.name}.shift")
    shift.write_text("0")
    try:
        async with town_in(folder, plugin=(sys.executable, str(LATER_HOME), str(shift))) as town:
            await town.buy()
            for days, is_silent in ((366, True), (364, False)):
                shift.write_text(str(days * 86_400))
                assert await town.silence() is is_silent
    finally:
        shift.unlink()


async def test_an_invoice_that_has_run_out_gives_way_to_another(folder) -> None:
    shift = folder.with_name(f"{folder.name}.shift")
    shift.write_text("0")
    try:
        async with town_in(folder, plugin=(sys.executable, str(LATER_HOME), str(shift))) as town:
            await town.buy()
            shift.write_text("-400")
            with pytest.raises(RpcError, match="expired"):
                await town.pay(await town.fetch())
            shift.write_text("0")
            await town.pay(await town.fetch())
            await town.came(AMOUNT)
    finally:
        shift.unlink()


async def test_the_refund_offer_of_another_home_moves_nothing_and_its_own_home_answers_it_later(folder) -> None:
    async with town_in(folder) as town:
        await town.buy()
        book = town.book
    ours, theirs = folder / "home" / "bled-home", folder / "home" / "bled-home-of-another"
    ours.rename(theirs)
    async with town_in(folder) as stranger:  # the same node, another master secret
        with pytest.raises(RpcError):
            await stranger.fetch(offer=Town.refund_offer(town), seconds=SILENCE)
        assert stranger.sandbox.home.books.list_invoices() == []
    shutil.rmtree(ours)
    theirs.rename(ours)
    async with Sandbox.run(folder) as sandbox:
        again = Town(sandbox)
        again.book = book
        await again.pay(await again.fetch())
        await again.came(AMOUNT)
