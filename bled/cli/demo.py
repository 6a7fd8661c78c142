"""`bled demo`: one purchase from end to end in this terminal."""

from typing import Annotated

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Json


@reports_to("buyer")
def demo(
    amount_msat: Annotated[
        int, typer.Option(min=1, max=900_000_000, help="What the buyer pays, in millisatoshi.")
    ] = 2_500_000,
    description: Annotated[str, typer.Option(help="What it is for.")] = "flat white",
    tip_msat: Annotated[
        int, typer.Option(min=0, max=900_000_000, help="Tip that the buyer adds, at most the price again.")
    ] = 0,
    mtu: Annotated[int, typer.Option(min=23, max=517, help="ATT_MTU of the virtual radio, in bytes.")] = 517,
    tamper: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help="Attack the purchase and see home refuse it: amount, description, payer-id, signature, payee, replay, "
            "late, revoked, expired, over-budget or fee-skim.",
        ),
    ] = None,
    merchant: Annotated[str, typer.Option(metavar="KIND", help="The merchant's node: cln or lnd.")] = "cln",
    json_: Json = False,
) -> None:
    """Show a buyer without internet pay a merchant: no Bluetooth hardware, no Lightning node, no real money.

    Everything but channels and coins is what a shop would run: GATT between two virtual Bluetooth controllers,
    BOLT 12 bytes and signatures, onion messages, gRPC with TLS, the home plugin in a process of its own.
    Exits with 0 when the purchase was paid and verified, and with 77 when home refused an attacked one.

    \b
    Examples:
      bled demo
      bled demo --amount-msat 100000 --mtu 23
      bled demo --tip-msat 250000
      bled demo --tamper amount
      bled demo --merchant lnd
      bled demo --json
    """
    from bled.demo.show import show
    from bled.log import configure_logging

    configure_logging(level="warning")

    status = show(
        amount_msat=amount_msat,
        tip_msat=tip_msat,
        description=description,
        att_mtu=mtu,
        tamper=tamper,
        merchant=merchant,
        in_json=json_,
    )
    if status:
        raise typer.Exit(status)
