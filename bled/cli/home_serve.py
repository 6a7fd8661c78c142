"""`bled home serve`: workers of a home whose ledger is in PostgreSQL."""

from pathlib import Path
from typing import Annotated

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Rpc

MOST_WORKERS = 64


@reports_to("buyer")
def serve(
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="postgresql://... [BLED_DATABASE: there nobody reads a password off the command line]",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=MOST_WORKERS, help="Processes that verify and pay; one for each core.")
    ] = 1,
    state: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder with master.secret. Default: bled-home beside the node's socket."),
    ] = None,
    any_clock: Annotated[
        bool, typer.Option("--any-clock", help="Pay although the kernel says that nothing keeps its clock in step.")
    ] = False,
    rpc: Rpc = None,
) -> None:
    """Pay what the plugin of a node receives, with several processes and, on other machines, several nodes.

    For who runs home for many buyers. lightningd's plugin is given the same database, option bled-database, and then
    receives only. Runs until it is stopped.

    \b
    Example:
      bled home serve --database postgresql:///bled --workers 4
    """
    import asyncio

    from bled.cli.output import note
    from bled.codes import Code
    from bled.config import load_settings
    from bled.errors import ConfigurationError
    from bled.home.serve import supervise
    from bled.home.serve_worker import Work, keys_for_workers

    settings = load_settings({"database": database, "lightning_rpc": rpc})
    if settings.database is None or settings.lightning_rpc is None:
        detail = "give --database URL and --rpc SOCKET of the node through which its workers pay"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
    work = Work(
        database=settings.database.get_secret_value(),
        rpc=settings.lightning_rpc.absolute(),
        state=(state or settings.lightning_rpc.parent / "bled-home").absolute(),
        any_clock=any_clock,
    )
    keys_for_workers(work.state)
    note(f"{workers} {'worker pays' if workers == 1 else 'workers pay'} through {work.rpc}. Ctrl-C stops this.")
    asyncio.run(supervise(work, workers=workers))
