"""The till's ledger as it is shown: each sale with its sentence, and what was given back of it."""

import json
from dataclasses import replace

import pytest

from bled.cli.output import print_json
from bled.cli.refunding import print_refund
from bled.cli.sale_rows import describe_row, print_row
from bled.codes import Code
from bled.sales.refund import SETTLE_SECONDS
from bled.sales.refund_states import Refund, RefundState
from bled.sales.states import Sale, SaleState
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
SALE = Sale(
    sale_id="0f1e2d3c4b5a6978",
    created_at=NOW,
    amount=Msat(15_000),
    description="flat white\x1b[2J",
    issuer=None,
    state=SaleState.PAID,
    expires_at=UnixTime(NOW + 300),
    preimage=bytes(32),
    code=Code.PAID,
)


def refund(state: RefundState, **facts: object) -> Refund:
    terms = {
        "refund_id": "r",
        "sale_id": SALE.sale_id,
        "created_at": NOW,
        "amount": Msat(4_000),
        "max_fee": Msat(5_000),
        "invoice": b"",
        "payment_hash": b"\x05" * 32,
        "node_id": bytes(33),
    }
    return Refund(**terms | facts, state=state)


def test_a_sale_says_how_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    print_row(SALE, ())
    first, second = capsys.readouterr().out.splitlines()
    assert "15 sat" in first
    assert " paid " in first
    assert "flat white\ufffd[2J" in first
    assert second.strip() == "Paid."


def test_refunds_stand_below_their_sale_and_speak_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_row(SALE, (refund(RefundState.FAILED, detail="no way"), refund(RefundState.REFUNDED)))
    lines = capsys.readouterr().out.splitlines()
    assert " refunded " in lines[0]
    assert lines[1].strip() == "Money was given back."
    assert lines[2].endswith("refund failed  no way")
    assert lines[3].endswith("refunded")


def test_as_an_object_it_has_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    refunds = (refund(RefundState.REFUNDED, preimage=b"\x06" * 32), refund(RefundState.UNKNOWN))
    print_json(describe_row(SALE, refunds))
    row = json.loads(capsys.readouterr().out)
    assert (row["state"], row["standing"], row["deadline"]) == ("paid", "refund unknown", NOW + SETTLE_SECONDS)
    assert row["refunded_msat"] == 4_000
    assert [part["outcome"] for part in row["refunds"]] == ["refunded", "refund-unknown"]
    assert row["refunds"][0]["preimage"] == "06" * 32


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RefundState.REFUNDED, "Refunded 4 sat of sale 0f1e2d3c4b5a6978. It cost 4.1 sat with fees."),
        (RefundState.UNKNOWN, "Whether money moved is not known."),
        (RefundState.FAILED, "No money moved. It is safe to try again."),
    ],
)
def test_how_a_refund_went_is_said_plainly(capsys: pytest.CaptureFixture[str], state: RefundState, words: str) -> None:
    print_refund(refund(state, amount_sent=Msat(4_100)), as_json=False)
    shown = capsys.readouterr()
    assert words in shown.out + shown.err


TIPPED = replace(
    SALE, tip_max=Msat(3_000_000), tip=Msat(1_000_000), price="0.01 EUR", rate="58000", rate_source="by hand"
)


def test_a_tip_is_in_the_amount_and_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_row(TIPPED, ())
    first, _, third = capsys.readouterr().out.splitlines()
    assert "1,015 sat" in first
    assert "0.01 EUR and 0.58 EUR tip at 58000" in first
    assert third.strip() == "15 sat and a tip of 1,000 sat."
    row = describe_row(TIPPED, ())
    assert (row["amount_msat"], row["tip_msat"], row["tip_price"]) == (1_015_000, 1_000_000, "0.58 EUR")


def test_a_sale_without_a_tip_says_nothing_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_row(replace(TIPPED, tip=Msat(0)), ())
    assert "tip" not in capsys.readouterr().out
    assert describe_row(replace(TIPPED, tip=Msat(0)), ())["tip_price"] is None
