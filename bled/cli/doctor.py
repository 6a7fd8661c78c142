"""`bled doctor`: what is wrong on this machine, in words, with the lines that mend it."""

from typing import TYPE_CHECKING, Annotated

import typer

from bled.cli.exit import end, reports_to
from bled.cli.options import Credentials, Data, Json, Node, Rpc
from bled.cli.output import print_json, say
from bled.codes import Code

if TYPE_CHECKING:
    from bled.findings import Finding

app = typer.Typer(
    help="Find out what is wrong on this machine, and how to mend it.", no_args_is_help=True, rich_markup_mode=None
)

Name = Annotated[
    str | None, typer.Option("--adapter", metavar="NAME", help="The adapter that is meant, as hci1; else any.")
]


@app.callback()
def options() -> None:
    """Find out what is wrong on this machine, and how to mend it."""


@app.command()
def radio(adapter: Name = None, json_: Json = False) -> None:
    """Look at adapter, rfkill, bluetoothd and its main.conf, and say what of the radio was never tried.

    Changes nothing. Exits with 69 if bled cannot work.
    """
    import asyncio
    import sys

    from bled.link.doctor import NEVER_TRIED, Level, judge

    if sys.platform != "linux":
        say("bled doctor radio knows BlueZ alone. Here the system's own settings show whether Bluetooth is on.")
        _say_never(NEVER_TRIED)
        return
    from bled.link.doctor_facts import read_facts

    findings = judge(asyncio.run(read_facts()), adapter=adapter)
    problems = [finding for finding in findings if finding.level is Level.PROBLEM]
    if json_:
        found = [_plain(finding) for finding in findings]
        print_json({"usable": not problems, "findings": found, "never_tried": NEVER_TRIED})
    else:
        _say(findings)
        _say_never(NEVER_TRIED)
    if problems:
        end(Code.RADIO_UNAVAILABLE)


@app.command()
@reports_to("cashier")
def node(node: Node = None, credentials: Credentials = None, data: Data = None, json_: Json = False) -> None:
    """Look at the till's node: certificates, power, version, peers, the flow that sales will take; send it a message.

    The message goes out to a peer of the node and comes back. Core Lightning gets an offer of 1 msat for that, which
    is closed again. Exits with 69 if sales cannot work.

    \b
    Example:
      bled doctor node --node lnd://127.0.0.1:10009 --credentials /etc/bled/node
    """
    import asyncio

    from bled.cli.selling import configured_node
    from bled.config import load_settings
    from bled.findings import Level
    from bled.log import configure_logging
    from bled.node.doctor import examine, today

    configure_logging(level="warning")
    address, files = configured_node(load_settings({"node": node, "credentials": credentials, "data_dir": data}))
    findings = asyncio.run(examine(address, files, now=today()))
    problems = [finding for finding in findings if finding.level is Level.PROBLEM]
    if json_:
        print_json({"usable": not problems, "findings": [_plain(finding) for finding in findings]})
    else:
        _say(findings)
    if problems:
        end(Code.NODE_UNREACHABLE)


@app.command()
@reports_to("buyer")
def home(rpc: Rpc = None, json_: Json = False) -> None:
    """Look at home as `bled home check` does: version, clock, peers, and whether it is asked before its node answers.

    \b
    Example:
      bled doctor home --rpc ~/.lightning/bitcoin/lightning-rpc
    """
    from bled.cli.home_owner import check

    check(rpc=rpc, json_=json_)


def _plain(finding: "Finding") -> dict[str, object]:
    return {
        "level": finding.level.value,
        "about": finding.about,
        "detail": finding.detail,
        "fix": list(finding.fix),
    }


def _say_never(tried: tuple[str, ...]) -> None:
    for line in tried:
        say(f"{'note':<8} {'never tried':<28} {line}")


def _say(findings: "tuple[Finding, ...]") -> None:
    for finding in findings:
        say(f"{finding.level.value:<8} {finding.about:<28} {finding.detail}")
        for line in finding.fix:
            say(f"{'':<8} {'':<28}     {line}")
