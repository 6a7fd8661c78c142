"""`bled node-proxy`: stands between tills and a node whose own client certificate can empty it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Credentials, Data, Json, Node
from bled.cli.output import note, print_json, say

if TYPE_CHECKING:
    from bled.node.cln_credentials import Credentials as Proof
    from bled.proxy.caps import Caps
    from bled.proxy.offers import OfferBook
    from bled.proxy.tills import Tills

app = typer.Typer(
    help="On the node's host: let tills use a Core Lightning node without the power to empty it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="The till's name: small letters, digits and hyphens.")]


@app.callback()
def options() -> None:
    """On the node's host: let tills use a Core Lightning node without the power to empty it."""


@app.command()
@reports_to("cashier")
def run(
    node: Node = None,
    credentials: Credentials = None,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where tills call; port 0 takes a free one.")] = (
        "127.0.0.1:9737"
    ),
    refunds_per_day: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="Most that all tills pay out in a UTC day; nothing if not given."),
    ] = None,
    data: Data = None,
) -> None:
    """Let tills in until Ctrl-C. Each call is judged; what a sale does not need is refused and logged.

    \b
    Example, on the node's host:
      bled node-proxy add kiosk-1 kiosk-1       (copy that folder to the till, then delete it here)
      bled node-proxy run --node 127.0.0.1:9736 --credentials ~/.lightning/bitcoin --listen 0.0.0.0:9737 \\
        --refunds-per-day 50000sat
    Then, at the till:
      bled merchant charge 2500 --node HOST:9737 --credentials kiosk-1
    """
    import asyncio
    from contextlib import closing, suppress

    from bled.cli.amount import parse_amount
    from bled.codes import Code
    from bled.config import load_settings
    from bled.errors import ConfigurationError
    from bled.log import configure_logging
    from bled.node.cln_credentials import load_credentials
    from bled.node.opening import NodeKind, parse_address
    from bled.proxy.caps import Caps
    from bled.proxy.offers import OfferBook
    from bled_codec.units import Msat

    settings = load_settings({"data_dir": data, "node": node, "credentials": credentials})
    if settings.node is None or settings.credentials is None:
        raise ConfigurationError(Code.CONFIG_BAD, detail="give --node HOST:PORT and --credentials DIR of the node")
    address = parse_address(settings.node)
    if address.kind is not NodeKind.CLN:
        detail = "node-proxy is for Core Lightning; with LND bake the till a macaroon (docs/nodes.md)"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
    per_day = Msat(0) if refunds_per_day is None else parse_amount(refunds_per_day)
    configure_logging()
    tills = _tills(data)
    proof = load_credentials(settings.credentials)
    folder = settings.data_dir / "node-proxy"
    with (
        closing(Caps.open(folder / "refunds.sqlite", per_day=per_day)) as caps,
        closing(OfferBook.open(folder / "offers.sqlite")) as offers,
        suppress(KeyboardInterrupt),
    ):
        asyncio.run(_serve(address.target, proof, tills, caps, offers, listen))
    note("Stopped.")


async def _serve(node: str, proof: "Proof", tills: "Tills", caps: "Caps", offers: "OfferBook", listen: str) -> None:
    import asyncio

    from bled.clock import SystemClock
    from bled.codes import Code
    from bled.errors import Unavailable
    from bled.node.tls_probe import CLN_TLS_NAME, probe
    from bled.proxy.server import NodeProxy

    await probe(node, proof.tls_context(), name=CLN_TLS_NAME)
    proxy = NodeProxy(node, proof, tills=tills, caps=caps, offers=offers, clock=SystemClock())
    try:
        address = await proxy.start(listen)
        let_in = ", ".join(tills.names()) or "nobody yet; `bled node-proxy add NAME DIR`"
        note(f"Tills may call {address}. Let in: {let_in}.")
        await asyncio.Event().wait()
    except OSError as error:
        raise Unavailable(Code.NODE_UNREACHABLE, detail=str(error)) from error
    finally:
        await proxy.stop()


@app.command()
@reports_to("cashier")
def add(
    name: Name,
    folder: Annotated[Path, typer.Argument(help="New folder for the till's ca.pem, client.pem and client-key.pem.")],
    data: Data = None,
    json_: Json = False,
) -> None:
    """Let a till in: make the three files that it shows instead of the node's own."""
    _tills(data).add(name, folder)
    if json_:
        print_json({"till": name, "folder": str(folder)})
    else:
        say(f"{name} is let in. Copy {folder} to the till, then delete it here: client-key.pem is its key.")


@app.command()
@reports_to("cashier")
def revoke(name: Name, data: Data = None, json_: Json = False) -> None:
    """Shut a till out, from its next call on; a proxy that runs need not be restarted."""
    _tills(data).revoke(name)
    if json_:
        print_json({"till": name, "revoked": True})
    else:
        say(f"{name} is shut out.")


@app.command("list")
@reports_to("cashier")
def list_(data: Data = None, json_: Json = False) -> None:
    """Show the tills that are let in."""
    names = _tills(data).names()
    if json_:
        print_json({"tills": names})
    else:
        say("\n".join(names) or "No till is let in.")


def _tills(data: Path | None) -> "Tills":
    from bled.config import load_settings
    from bled.proxy.tills import Tills

    return Tills(load_settings({"data_dir": data}).data_dir / "node-proxy")
