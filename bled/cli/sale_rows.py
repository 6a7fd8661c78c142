"""The till's ledger as `bled merchant sales` shows it: one line a sale, or one object."""

from decimal import Decimal

from bled.cli.amount import format_amount
from bled.cli.books import format_time
from bled.cli.output import say
from bled.cli.plain import printable
from bled.cli.refunding import describe_refund
from bled.sales.fiat import worth
from bled.sales.refund_states import Refund, RefundState
from bled.sales.standing import standing_of
from bled.sales.states import Sale


def describe_row(sale: Sale, refunds: tuple[Refund, ...]) -> dict[str, object]:
    """Return a sale and what was given back of it for `--json`."""
    standing = standing_of(sale, refunds)
    return {
        "sale_id": sale.sale_id,
        "state": sale.state.value,
        "standing": standing.name,
        "sentence": standing.sentence,
        "deadline": standing.deadline,
        "outcome": None if sale.code is None else sale.code.value,
        "detail": sale.detail,
        "amount_msat": sale.total,
        "tip_msat": sale.tip,
        "description": sale.description,
        "created_at": sale.created_at,
        "price": sale.price,
        "tip_price": tip_price(sale),
        "rate": sale.rate,
        "rate_source": sale.rate_source,
        "rate_at": sale.rate_at,
        "refunded_msat": sum(refund.amount for refund in refunds if refund.state is RefundState.REFUNDED),
        "refunds": [describe_refund(refund) for refund in refunds],
    }


def print_row(sale: Sale, refunds: tuple[Refund, ...]) -> None:
    """Print a sale in one line, and what its state means in the next; then a line for each refund."""
    fiat_tip = tip_price(sale)
    tip = "" if fiat_tip is None else f" and {fiat_tip} tip"
    price = "" if sale.price is None else f"{sale.price}{tip} at {sale.rate} ({printable(sale.rate_source or '')})  "
    standing = standing_of(sale, refunds)
    say(
        f"{format_time(sale.created_at)}  {format_amount(sale.total):>16}  {standing.name:<17}  {price}"
        f"{printable(sale.description)}  {sale.sale_id}{'  ' + printable(sale.detail) if sale.detail else ''}"
    )
    until = "" if standing.deadline is None else f" Until {format_time(standing.deadline)}."
    say(f"    {standing.sentence}{until}")
    if sale.tip:
        say(f"    {format_amount(sale.amount)} and a tip of {format_amount(sale.tip)}.")
    for refund in refunds:
        detail = f"  {printable(refund.detail)}" if refund.detail else ""
        state = refund.state.value.replace("_", " ")
        say(f"    {format_time(refund.created_at)}  {format_amount(refund.amount):>16}  {state}{detail}")


def tip_price(sale: Sale) -> str | None:
    """Return what the tip of a sale in a currency is in that currency, by the sale's rate; None where there is none."""
    if not sale.tip or sale.price is None or sale.rate is None:
        return None
    return str(worth(sale.tip, per_bitcoin=Decimal(sale.rate), currency=sale.price.split()[-1]))
