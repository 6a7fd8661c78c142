"""`bled sandbox`: a Lightning network and an air to try bled on. Its money is not real."""

from pathlib import Path
from typing import Annotated

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Data, Json

app = typer.Typer(
    help="A Lightning network of three nodes, and a virtual air for radios. The money in it is not real.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def options() -> None:
    """A Lightning network of three nodes, and a virtual air for radios. The money in it is not real."""


@app.command()
@reports_to("cashier")
def run(
    air: Annotated[str, typer.Option(metavar="ADDRESS", help="Where radios join the air; port 0 takes a free one.")] = (
        "127.0.0.1:0"
    ),
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the merchant node's gRPC.")] = 0,
    data: Data = None,
    env: Annotated[
        Path | None, typer.Option(help="Also write the addresses to this file, to be sourced by a shell.")
    ] = None,
    node_version: Annotated[
        str, typer.Option(metavar="VERSION", help="The Core Lightning that the home node claims to be.")
    ] = "v26.06.6-sandbox",
    merchant: Annotated[str, typer.Option(metavar="KIND", help="The merchant's node: cln or lnd.")] = "cln",
    json_: Json = False,
) -> None:
    """Run merchant, hop and home nodes with the home plugin, and the virtual air, until Ctrl-C.

    \b
    Example, in three terminals after `set -a; . sandbox.env; set +a`:
      bled sandbox run --env sandbox.env
      bled home issue phone.book --device phone --budget 50000sat && bled buyer import phone.book && bled buyer run
      bled merchant charge 2500 --description "flat white"
    """
    import asyncio

    from bled.cli.world import run_world
    from bled.config import load_settings
    from bled.log import configure_logging
    from bled.node.opening import node_kind

    configure_logging(level="warning")

    kind = node_kind(merchant)
    folder = load_settings({"data_dir": data}).data_dir / "sandbox"
    asyncio.run(
        run_world(folder, air=air, grpc_port=grpc_port, env=env, as_json=json_, version=node_version, merchant=kind)
    )
