"""`bled home`: talks to the plugin in the buyer's home node, through lightningd's own socket."""

from pathlib import Path
from typing import Annotated

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Json, Rpc
from bled.cli.output import note, print_json, say
from bled.codes import Code
from bled.errors import BledError

app = typer.Typer(
    help="The buyer's home node: issue grant books, revoke them, see what was paid and what was refused.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
@reports_to("buyer")
def issue(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="File to write the book to; it must not exist.")],
    device: Annotated[str, typer.Option(help="Name of the device that will hold the book.")],
    budget: Annotated[str, typer.Option(metavar="AMOUNT", help="What the book may spend in all, fees included.")],
    per_payment: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Most for one payment. Default: the budget.")
    ] = None,
    per_day: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Most for one UTC day. Default: the budget.")
    ] = None,
    ids: Annotated[int, typer.Option(min=1, max=5000, help="How many payments the book is good for.")] = 50,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days it is valid.")] = 30,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Issue a grant book for a device and write it, wrapped under a passphrase, to a file.

    The passphrase is shown once. Carry the file to the device and import it there.

    \b
    Example:
      bled home issue phone.book --device phone --budget 50000sat --per-payment 10000sat
    """
    from bled.cli.amount import parse_amount
    from bled.cli.homing import call_home, write_book

    total = parse_amount(budget)
    most = parse_amount(per_payment) if per_payment else total
    if most > total:
        raise BledError(Code.USAGE, detail="one payment cannot be more than the whole budget")
    params = {
        "device": device,
        "ids": ids,
        "total_msat": total,
        "per_payment_msat": most,
        "per_day_msat": parse_amount(per_day) if per_day else total,
        "valid_seconds": days * 86400,
    }
    issued = write_book(out, lambda: call_home(rpc, "bled-issue", params))
    if json_:
        print_json({**issued, "outcome": "issued", "file": str(out)})
        return
    say(f"{out}: book {issued['book_id']} for {issued['device']}, {issued['ids']} payments")
    say(f"Passphrase: {issued['passphrase']}")
    note("It is shown only now. On the device: bled buyer import " + out.name)


@app.command()
@reports_to("buyer")
def revoke(
    book: Annotated[int | None, typer.Option(help="Number of the book to revoke.")] = None,
    payer_id: Annotated[str | None, typer.Option(metavar="HEX", help="One payer id to revoke.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Revoke every book.")] = False,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Revoke a book, one payer id, or everything. What is in flight or paid already is listed.

    \b
    Examples:
      bled home revoke --book 3
      bled home revoke --all
    """
    from bled.cli.homing import call_home, print_revocation, revocation

    answer = call_home(rpc, "bled-revoke", revocation(book=book, payer_id=payer_id, everything=everything))
    if json_:
        print_json(answer)
        return
    print_revocation(answer)


@app.command("list")
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


@app.command()
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


@app.command()
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
