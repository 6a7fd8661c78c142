"""The command `bled`. Nothing heavy is imported here: each command loads what it needs when it runs."""

from typing import Annotated

import typer

from bled.cli import bench, buyer, doctor, home, merchant, node_proxy, sandbox
from bled.cli.decode import decode
from bled.cli.demo import demo
from bled.cli.exit import run_app
from bled.cli.output import say
from bled.cli.verify import verify

app = typer.Typer(
    name="bled",
    help="Pay with BOLT12 over Bluetooth LE from a device that has no internet.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Try `bled demo`: a whole purchase in this terminal, without Bluetooth, node or real money.",
)
app.command()(demo)
app.command()(decode)
app.command()(verify)
app.add_typer(buyer.app, name="buyer")
app.add_typer(merchant.app, name="merchant")
app.add_typer(home.app, name="home")
app.add_typer(node_proxy.app, name="node-proxy")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(doctor.app, name="doctor")
app.add_typer(bench.app, name="bench")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"bled {version('bled')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run the command line and exit."""
    run_app(app)
