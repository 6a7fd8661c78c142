"""`bled merchant refund`: money back to the buyer of a sale."""

from typing import Annotated

import typer

from bled.cli.exit import end, reports_to
from bled.cli.options import Credentials, Data, Json, Node, Verbose
from bled.cli.output import step_printer


@reports_to("cashier")
def refund(
    sale: Annotated[str, typer.Argument(metavar="SALE", help="The sale, as `bled merchant sales` names it.")],
    amount: Annotated[
        str | None, typer.Option("--amount", metavar="AMOUNT", help="How much: 500, 500sat, 500000msat. [default: all]")
    ] = None,
    max_fee: Annotated[
        str | None,
        typer.Option("--max-fee", metavar="AMOUNT", help="The most that it may cost. [default: 1 %, at least 5 sat]"),
    ] = None,
    node: Node = None,
    credentials: Credentials = None,
    data: Data = None,
    verbose: Verbose = False,
    json_: Json = False,
) -> None:
    """Give the buyer of a sale money back, once, and at most what the sale received.

    The buyer's device must have sent a refund offer with its request. Without one, and from LND, which pays no BOLT 12
    offer, refund by hand: ask the buyer for an invoice over the amount, and pay it from your node.

    When it is not known how an earlier refund of the sale ended, it is looked up at the node, and nothing is paid.
    Behind `bled node-proxy` its daily cap holds.

    \b
    Examples:
      bled merchant refund 0f1e2d3c4b5a6978
      bled merchant refund 0f1e2d3c4b5a6978 --amount 500sat --json
    """
    import asyncio

    from bled.cli.amount import parse_amount
    from bled.cli.refunding import print_refund
    from bled.cli.selling import Till, refund_once
    from bled.config import load_settings
    from bled.log import configure_logging
    from bled.sales.refund_states import REFUND_CODES

    configure_logging(level="warning")
    till = Till.from_settings(load_settings({"node": node, "credentials": credentials, "data_dir": data}))
    result = asyncio.run(
        refund_once(
            till,
            sale,
            amount=None if amount is None else parse_amount(amount),
            max_fee=None if max_fee is None else parse_amount(max_fee),
            on_step=step_printer(as_json=json_, verbose=verbose),
        )
    )
    print_refund(result, as_json=json_)
    end(REFUND_CODES[result.state])
