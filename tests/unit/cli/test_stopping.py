"""A stopped till says that nothing was paid exactly where that is certain."""

from pathlib import Path

import pytest

from bled.cli.stopping import Watched, told_when_stopped
from bled.codes import OUTCOMES, Code, MoneyMoved
from bled.errors import BledError
from bled.progress import ignore_steps
from bled.sales.ledger import SaleLedger
from bled.sales.states import Sale, SaleState
from bled_codec.units import Msat, UnixTime

SALE = Sale(
    sale_id="0f",
    created_at=UnixTime(1_800_000_000),
    amount=Msat(15_000),
    description="coffee",
    issuer=None,
    state=SaleState.OPENED,
    expires_at=UnixTime(1_800_000_300),
    preimage=bytes(32),
)


def stopped(path: Path, *steps: str) -> Code:
    """Return what is said of a till that told these steps and was stopped then."""
    watched = Watched(ignore_steps)
    for step in steps:
        watched(step, {})
    with pytest.raises((BledError, KeyboardInterrupt)) as caught, told_when_stopped(watched, path):
        raise KeyboardInterrupt
    return caught.value.code if isinstance(caught.value, BledError) else Code.INTERRUPTED


@pytest.mark.parametrize("state", ["cancelled", "declined", "expired"])
def test_a_sale_that_was_closed_moved_no_money(tmp_path: Path, state: str) -> None:
    assert stopped(tmp_path / "sales", "offer created", f"sale {state}") is Code.STOPPED
    assert OUTCOMES[Code.STOPPED].money_moved is MoneyMoved.NO


@pytest.mark.parametrize("step", ["sale left open", "sale paid", "sale paid_late", "sale unknown", "sale failed"])
def test_of_any_other_sale_that_is_not_said(tmp_path: Path, step: str) -> None:
    assert stopped(tmp_path / "sales", "offer created", step) is Code.INTERRUPTED


def test_a_till_that_had_begun_nothing_moved_no_money(tmp_path: Path) -> None:
    path = tmp_path / "sales"
    assert stopped(path) is Code.STOPPED
    SaleLedger.open(path).close()
    assert stopped(path, "self-test") is Code.STOPPED


def test_an_earlier_sale_that_is_open_may_have_been_paid(tmp_path: Path) -> None:
    path = tmp_path / "sales"
    with SaleLedger.open(path) as ledger:
        ledger.begin(SALE)
        assert stopped(path) is Code.INTERRUPTED


def test_of_a_ledger_that_cannot_be_read_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "sales").write_bytes(b"no ledger" * 200)
    assert stopped(tmp_path / "sales") is Code.INTERRUPTED
