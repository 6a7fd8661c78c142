"""How a refund went, for the cashier and for `--json`."""

from bled.cli.amount import format_amount
from bled.cli.output import print_json, report, say
from bled.codes import OUTCOMES, Code
from bled.errors import BledError
from bled.sales.refund_states import REFUND_CODES, Refund


def print_refund(refund: Refund, *, as_json: bool) -> None:
    """Print how far a refund has come."""
    code = REFUND_CODES[refund.state]
    if as_json:
        print_json(describe_refund(refund))
    elif code is Code.REFUNDED:
        cost = "" if refund.amount_sent is None else f" It cost {format_amount(refund.amount_sent)} with fees."
        say(f"Refunded {format_amount(refund.amount)} of sale {refund.sale_id}.{cost}")
    else:
        report(BledError(code, detail=refund.detail), audience="cashier", as_json=False)


def describe_refund(refund: Refund) -> dict[str, object]:
    """Return a refund for `--json`."""
    outcome = OUTCOMES[REFUND_CODES[refund.state]]
    return {
        "outcome": outcome.code.value,
        "sentence": outcome.cashier,
        "detail": refund.detail,
        "money_moved": outcome.money_moved.value,
        "refund_id": refund.refund_id,
        "sale_id": refund.sale_id,
        "state": refund.state.value,
        "amount_msat": refund.amount,
        "max_fee_msat": refund.max_fee,
        "amount_sent_msat": refund.amount_sent,
        "payment_hash": refund.payment_hash.hex(),
        "preimage": None if refund.preimage is None else refund.preimage.hex(),
        "created_at": refund.created_at,
        "ended_at": refund.ended_at,
    }
