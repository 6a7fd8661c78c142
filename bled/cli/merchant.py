"""`bled merchant`: the till."""

from pathlib import Path
from typing import Annotated

import typer

from bled.cli.exit import end, reports_to
from bled.cli.merchant_refund import refund
from bled.cli.options import Credentials, Data, Json, Mtu, Node, Radio, Verbose
from bled.cli.output import note, print_json, step_printer

app = typer.Typer(help="The till: charge a buyer nearby, see the sales.", no_args_is_help=True, rich_markup_mode=None)
app.command()(refund)


@app.command()
@reports_to("cashier")
def charge(
    amount: Annotated[
        str, typer.Argument(metavar="AMOUNT", help="What the buyer pays: 2500, 2500sat, 2500000msat, or 3.50EUR.")
    ],
    description: Annotated[
        str, typer.Option("--description", "-d", help="What it is for; the buyer sees and signs it.")
    ],
    issuer: Annotated[str | None, typer.Option(help="Your shop's name, shown to the buyer.")] = None,
    wait: Annotated[int, typer.Option(min=1, max=600, help="How long to look for a buyer, in seconds.")] = 120,
    engage: Annotated[
        bool, typer.Option("--engage", help="Show a code for the buyer's device to read; no digits are compared then.")
    ] = False,
    qr: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --engage: also write the code to a .png or .svg, which goes when the sale ends.",
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="For a price in a currency: what one bitcoin costs. [else BLED_RATE_URL]"),
    ] = None,
    tip: Annotated[
        str | None,
        typer.Option(
            metavar="MOST",
            help="Let the buyer add a tip: up to 15% of the price, up to 500sat, or none. [default: BLED_TIP, or none]",
        ),
    ] = None,
    node: Node = None,
    credentials: Credentials = None,
    radio: Radio = None,
    mtu: Mtu = 517,
    data: Data = None,
    verbose: Verbose = False,
    json_: Json = False,
) -> None:
    """Charge one buyer and wait until the money is here.

    A sale that an earlier run left open is looked up at the node first. Ctrl-C cancels a sale that nobody
    has signed for yet; after that the sale goes on at the node, and `bled merchant resume` tells how it ended.

    Six digits are shown for the buyer to compare. With --engage a QR code and its text are shown instead,
    bled1:..., which the buyer's device must read within two minutes. Each sale has a code of its own.

    A price in a currency is converted before the offer is made: the buyer sees and signs satoshi. The rate must be
    fresh; without one nothing is charged.

    With --tip the buyer is asked on their own device whether to add one, up to this and at most the price again. They
    sign price and tip as one amount; nothing else is accepted.

    \b
    Examples:
      bled merchant charge 2500 --description "flat white"
      bled merchant charge 3.50EUR --rate 58000 --description "flat white"
      bled merchant charge 2500sat -d "flat white" --engage --json
      bled merchant charge 2500 -d "flat white" --tip 20%
      bled merchant charge 2500 -d "flat white" --engage --qr /run/till/code.png
    """
    import asyncio

    from bled.cli.pricing import amount_of
    from bled.cli.qr_showing import check_picture_path, engagement_shown
    from bled.cli.selling import Till, charge_once, echo_terms, print_sale
    from bled.cli.stopping import Watched, told_when_stopped
    from bled.cli.tipping import most_tip
    from bled.codes import Code
    from bled.config import load_settings
    from bled.errors import BledError
    from bled.log import configure_logging

    configure_logging(level="warning")
    if qr is not None:
        if not engage:
            raise BledError(Code.USAGE, detail="--qr goes with --engage: without it there is no code to write")
        check_picture_path(qr)
    flags = {"node": node, "credentials": credentials, "radio": radio, "data_dir": data, "tip": tip}
    settings = load_settings(flags)
    till = Till.from_settings(settings, att_mtu=mtu)
    asked, price = amount_of(amount, rate=rate, settings=settings)
    tip_max = most_tip(settings.tip, price=asked)
    echo_terms(asked, description, issuer, price, tip_max=tip_max)
    with engagement_shown(step_printer(as_json=json_, verbose=verbose), picture=qr) as show:
        on_step = Watched(show)
        with told_when_stopped(on_step, till.ledger):
            result = asyncio.run(
                charge_once(
                    till,
                    amount=asked,
                    description=description,
                    issuer=issuer,
                    price=price,
                    tip_max=tip_max,
                    buyer_seconds=wait,
                    engage=engage,
                    on_step=on_step,
                )
            )
    print_sale(result, as_json=json_)
    end(result.code)


@app.command()
@reports_to("cashier")
def resume(node: Node = None, credentials: Credentials = None, data: Data = None, json_: Json = False) -> None:
    """Look up every open sale at the node and finish it: paid, cancelled, or still open.

    A sale that a buyer has signed for may still be paid by this; one that nobody signed for is cancelled.

    \b
    Example:
      bled merchant resume
    """
    import asyncio

    from bled.cli.selling import Till, describe_sale, print_sale, resume_sales
    from bled.config import load_settings
    from bled.log import configure_logging

    configure_logging(level="warning")

    till = Till.from_settings(load_settings({"node": node, "credentials": credentials, "data_dir": data}))
    results = asyncio.run(resume_sales(till, on_step=step_printer(as_json=json_)))
    if json_:
        print_json({"sales": [describe_sale(result) for result in results]})
        return
    if not results:
        note("No sale is open.")
    for result in results:
        print_sale(result, as_json=False)


@app.command()
@reports_to("cashier")
def sales(data: Data = None, json_: Json = False) -> None:
    """Show the sales of this till, newest last.

    \b
    Example:
      bled merchant sales --json
    """
    from bled.cli.sale_rows import describe_row, print_row
    from bled.cli.selling import read_sales
    from bled.config import load_settings

    rows = read_sales(load_settings({"data_dir": data}))
    if json_:
        print_json({"sales": [describe_row(sale, refunds) for sale, refunds in rows]})
        return
    for sale, refunds in rows:
        print_row(sale, refunds)
