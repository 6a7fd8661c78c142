"""`bled home`: talks to the plugin in the buyer's home node, through lightningd's own socket."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final

import typer

from bled.cli.exit import reports_to
from bled.cli.home_backup import backup, restore
from bled.cli.home_issue import issue
from bled.cli.home_owner import check, extend, settle, statement, top_up, trust_clock
from bled.cli.home_payments import export, payments, proof
from bled.cli.home_serve import serve
from bled.cli.options import Json, Rpc
from bled.cli.output import print_json

app = typer.Typer(
    help="The buyer's home node: issue grant books, revoke them, see what was paid and what was refused.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@reports_to("buyer")
def revoke(
    book: Annotated[int | None, typer.Option(help="Number of the book to revoke.")] = None,
    device: Annotated[str | None, typer.Option(help="Revoke all books that were issued for this device.")] = None,
    payer_id: Annotated[str | None, typer.Option(metavar="HEX", help="One payer id to revoke.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Revoke every book.")] = False,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Revoke a book, a device, one payer id, or everything. What is in flight or paid already is listed.

    A payer id whose key was made on the device needs its --book beside it.

    \b
    Examples:
      bled home revoke --book 3
      bled home revoke --device phone
      bled home revoke --all
    """
    from bled.cli.homing import call_home, print_revocation, revocation

    answer = call_home(
        rpc, "bled-revoke", revocation(book=book, device=device, payer_id=payer_id, everything=everything)
    )
    if json_:
        print_json(answer)
        return
    print_revocation(answer)


@reports_to("buyer")
def list_(rpc: Rpc = None, json_: Json = False) -> None:
    """Show every grant book and what it has spent.

    \b
    Example:
      bled home list --json
    """
    from bled.cli.homing import call_home, print_books

    answer = call_home(rpc, "bled-list", {})
    if json_:
        print_json(answer)
        return
    print_books(answer)


@reports_to("buyer")
def budget(
    book: Annotated[int, typer.Argument(metavar="BOOK", help="Number of the book.")],
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Show what one book has spent, reserved and left, in millisatoshi with --json.

    \b
    Example:
      bled home budget 1
    """
    from bled.cli.homing import call_home, print_budget

    answer = call_home(rpc, "bled-budget", {"book_id": book})
    if json_:
        print_json(answer)
        return
    print_budget(answer)


@reports_to("buyer")
def decisions(
    since: Annotated[int, typer.Option(help="Only decisions after this number.")] = 0,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Show what home decided about the invoices that came: paid, failed, or refused and by which rule.

    \b
    Example:
      bled home decisions --since 12
    """
    from bled.cli.homing import call_home, print_decisions

    answer = call_home(rpc, "bled-decisions", {"since": since})
    if json_:
        print_json(answer)
        return
    print_decisions(answer)


_IN_ORDER: Final[Mapping[str, Callable[..., None]]] = {
    "issue": issue,
    "list": list_,
    "budget": budget,
    "payments": payments,
    "decisions": decisions,
    "revoke": revoke,
    "extend": extend,
    "top-up": top_up,
    "statement": statement,
    "export": export,
    "proof": proof,
    "check": check,
    "settle": settle,
    "trust-clock": trust_clock,
    "backup": backup,
    "restore": restore,
    "serve": serve,
}
for _name, _command in _IN_ORDER.items():
    app.command(_name)(_command)
