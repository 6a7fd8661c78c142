"""A sandbox killed between any two steps of a payment: the next start finishes it or fails it, and moves money once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bled.clock import SystemClock
from bled.codes import Failpoint
from bled.sandbox.books import Books
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.books_store import BookStore
from bled.sandbox.node_keys import load_or_make_key
from bled.sandbox.rpc_error import RpcError
from bled.sandbox.world import Sandbox
from bled.sandbox.xpay_args import XpayArgs
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.invoice import Invoice

pytestmark = pytest.mark.system

PLUGIN = (sys.executable, str(Path(__file__).with_name("echo_plugin.py")))
STEPS = [name for name in Failpoint if name.value.startswith("sandbox.")]
FIRST = {"home": 1_000_000_000, "hop": 1_000_000_000, "merchant": 1_000_000_000}
PAID = {"home": 999_984_999, "hop": 1_000_000_001, "merchant": 1_000_015_000}


def _pay_until_killed(folder: Path, step: Failpoint) -> Invoice:
    """Run a payment in a process of its own that is killed at `step`; return what it was paying."""
    script = Path(__file__).with_name("pay_once.py")
    environment = os.environ | {"BLED_FAILPOINT": f"{step.value}=kill"}
    ended = subprocess.run([sys.executable, str(script), str(folder)], env=environment, timeout=20, check=False)
    assert ended.returncode == -signal.SIGKILL
    return Invoice.from_string((folder / "invoice").read_text())


def _rows(sandbox: Sandbox) -> list[str]:
    return [row.status.value for row in sandbox.payments.sendpays(sandbox.home)]


@pytest.mark.parametrize("step", STEPS)
async def test_a_payment_killed_at_any_step_is_complete_after_the_next_start(
    short_path: Path, start: Callable[..., Any], step: Failpoint
) -> None:
    invoice = _pay_until_killed(short_path, step)
    sandbox = await start()
    assert _rows(sandbox) == ["complete"]
    assert sandbox.balances() == PAID
    (row,) = sandbox.merchant.books.list_invoices(payment_hash=invoice.invoice_payment_hash)
    assert row.status is InvoiceStatus.PAID
    with pytest.raises(RpcError) as caught:
        await sandbox.payments.xpay(sandbox.home, XpayArgs.read([invoice.string]))
    assert caught.value.code == 219
    assert sandbox.balances() == PAID


@pytest.mark.parametrize("step", STEPS)
async def test_a_second_start_after_a_kill_moves_nothing_more(short_path: Path, step: Failpoint) -> None:
    _pay_until_killed(short_path, step)
    for _ in range(2):
        async with Sandbox.run(short_path, plugin=PLUGIN) as sandbox:
            assert sandbox.balances() == PAID


async def test_a_payment_killed_before_the_payee_was_asked_fails_when_the_sale_is_cancelled_meanwhile(
    short_path: Path, start: Callable[..., Any], cancel: Callable[[Path], None]
) -> None:
    _pay_until_killed(short_path, Failpoint.SANDBOX_PENDING)
    cancel(short_path)
    sandbox = await start()
    assert _rows(sandbox) == ["failed"]
    assert sandbox.balances() == FIRST
    assert {row.status for row in sandbox.merchant.books.list_invoices()} == {InvoiceStatus.EXPIRED}


@pytest.fixture
def cancel() -> Callable[[Path], None]:
    """Close all offers of a merchant whose sandbox is not running."""

    def close_offers(folder: Path) -> None:
        store = BookStore(folder / "merchant" / "books.sqlite")
        key = load_or_make_key(folder / "merchant")
        books = Books(key=key, chain=REGTEST_CHAIN, store=store, clock=SystemClock())
        for offer in books.list_offers():
            books.disable_offer(offer.offer_id)
        store.close()

    return close_offers
