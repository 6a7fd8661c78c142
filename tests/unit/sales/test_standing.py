"""Every state of a sale has a name, a sentence for the cashier, and something that ends it."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.sales.refund import SETTLE_SECONDS
from bled.sales.refund_states import NEXT_REFUND_STATES, OPEN_REFUNDS, REFUND_CODES, Refund, RefundState, counted
from bled.sales.standing import REFUND_ROWS, SALE_ROWS, Until, standing_of
from bled.sales.states import NEXT_STATES, OPEN_STATES, UNPAID_ENDS, Sale, SaleState
from bled.sales.times import TIMES
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
SALE = Sale(
    sale_id="a",
    created_at=NOW,
    amount=Msat(15_000),
    description="coffee",
    issuer=None,
    state=SaleState.PAID,
    expires_at=UnixTime(NOW + 300),
    preimage=bytes(32),
    payer_id=b"x",
)
REFUND = Refund(
    refund_id="a-1",
    sale_id="a",
    created_at=NOW,
    amount=Msat(4_000),
    max_fee=Msat(5_000),
    state=RefundState.REFUNDED,
    invoice=b"",
    payment_hash=bytes(32),
    node_id=bytes(33),
)
NAMES = (
    "priced offered connected awaiting-approval request-verified invoice-made sent paid paid-late declined cancelled "
    "expired failed unknown refunding refund-unknown refund-failed refunded"
)


def test_the_states_are_these() -> None:
    assert list(SALE_ROWS) == list(NEXT_STATES) or set(SALE_ROWS) == set(NEXT_STATES) == set(SaleState)
    assert set(REFUND_ROWS) == set(NEXT_REFUND_STATES) == set(REFUND_CODES) == set(RefundState)
    names = [row.name.replace(" ", "-") for row in (*SALE_ROWS.values(), *REFUND_ROWS.values())]
    assert sorted(names) == sorted(NAMES.split())


@pytest.mark.parametrize("row", [*SALE_ROWS.values(), *REFUND_ROWS.values()], ids=lambda row: row.name)
def test_each_has_a_short_sentence(row: object) -> None:
    assert row.sentence[0].isupper()
    assert row.sentence.endswith(".")
    assert len(row.sentence) <= 80


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_an_open_sale_ends_with_its_offer(state: SaleState) -> None:
    assert standing_of(replace(SALE, state=state), ()).deadline == SALE.expires_at


@pytest.mark.parametrize("state", sorted(UNPAID_ENDS - {SaleState.DECLINED}))
def test_an_unpaid_end_is_asked_about_for_a_day(state: SaleState) -> None:
    assert standing_of(replace(SALE, state=state), ()).deadline == SALE.expires_at + TIMES.late
    assert standing_of(replace(SALE, state=state, payer_id=None), ()).deadline is None


def test_every_state_that_may_be_left_has_something_that_ends_it() -> None:
    stays = {state for state in SaleState if SALE_ROWS[state].until is Until.NEVER}
    assert stays == {SaleState.PAID, SaleState.PAID_LATE, SaleState.DECLINED}
    ends = {state for state in RefundState if REFUND_ROWS[state].until is Until.NEVER}
    assert ends == set(RefundState) - OPEN_REFUNDS == {state for state in RefundState if not NEXT_REFUND_STATES[state]}


def test_a_refund_speaks_for_its_sale_and_an_open_one_first() -> None:
    unknown = replace(REFUND, refund_id="a-2", state=RefundState.UNKNOWN)
    assert standing_of(SALE, ()).name == "paid"
    assert standing_of(SALE, (REFUND,)).name == "refunded"
    stands = standing_of(SALE, (unknown, REFUND))
    assert (stands.name, stands.deadline) == ("refund unknown", NOW + SETTLE_SECONDS)


def test_all_but_what_failed_counts_as_given_back() -> None:
    refunds = tuple(replace(REFUND, state=state) for state in RefundState)
    assert counted(refunds) == 3 * REFUND.amount


def test_nothing_unknown_is_called_unpaid() -> None:
    assert {REFUND_CODES[state] for state in OPEN_REFUNDS} == {Code.REFUND_UNKNOWN}
