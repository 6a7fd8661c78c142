"""`bled home extend`, `top-up`, `statement`, `settle`, `trust-clock`, `check`: what its owner changes and sees."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Json, Rpc
from bled.cli.output import note, print_json, say

Book = Annotated[int, typer.Argument(metavar="BOOK", help="Number of the book.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="File for the device to import. Default: book-BOOK.limits."),
]


@reports_to("buyer")
def extend(
    book: Book,
    by: Annotated[str, typer.Option("--by", metavar="DURATION", help="How much longer: 30d, 12h, 2w.")],
    out: Out = None,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Give a book more time. Home pays by it at once; the device learns of it by importing the file that is written.

    \b
    Example:
      bled home extend 3 --by 30d
    """
    from bled.home.terms import parse_duration

    _change("bled-extend", {"book_id": book, "seconds": parse_duration(by)}, out, rpc, as_json=json_)


@reports_to("buyer")
def top_up(
    book: Book,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much more the book may spend in all.")],
    out: Out = None,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Give a book more money. Home pays by it at once; the device learns of it by importing the file that is written.

    \b
    Example:
      bled home top-up 3 100000sat
    """
    from bled.cli.amount import parse_amount

    _change("bled-top-up", {"book_id": book, "amount_msat": parse_amount(amount)}, out, rpc, as_json=json_)


@reports_to("buyer")
def statement(book: Book, out: Out = None, rpc: Rpc = None, json_: Json = False) -> None:
    """Write the present limits of a book once more, for its device to import.

    \b
    Example:
      bled home statement 3
    """
    _change("bled-statement", {"book_id": book}, out, rpc, as_json=json_)


def _change(method: str, params: dict[str, object], out: Path | None, rpc: Path | None, *, as_json: bool) -> None:
    from bled.cli.amount import format_amount
    from bled.cli.books import format_time
    from bled.cli.homing import call_home, write_statement

    answer = dict(call_home(rpc, method, params))
    file = write_statement(out or Path(f"book-{answer['book_id']}.limits"), str(answer.pop("statement")))
    if as_json:
        print_json({**answer, "outcome": "changed", "file": str(file)})
        return
    total, end = format_amount(answer["total_msat"]), format_time(answer["not_after"])
    say(f"Book {answer['book_id']}: {total} in all, until {end}")
    note(f"For its device, which goes by what it last imported: bled buyer import {file}")


@reports_to("buyer")
def settle(
    payer_id: Annotated[str, typer.Argument(metavar="PAYER_ID", help="The payer id, as `bled home export` shows it.")],
    paid: Annotated[bool, typer.Option("--paid/--not-paid", help="What became of it, by your own word.")],
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """End a payment that the node has forgotten, or lists as pending without an HTLC, by your word. After a day.

    \b
    Example:
      bled home settle 02ab... --not-paid
    """
    from bled.cli.homing import call_home

    answer = call_home(rpc, "bled-settle", {"payer_id": payer_id, "paid": paid})
    if json_:
        print_json(answer)
        return
    say(f"{payer_id}: {answer['state']}")


@reports_to("buyer")
def trust_clock(rpc: Rpc = None, json_: Json = False) -> None:
    """Take the node's present time for right after its clock was ahead. Check the clock first.

    \b
    Example:
      bled home trust-clock
    """
    from bled.cli.books import format_time
    from bled.cli.homing import call_home

    answer = call_home(rpc, "bled-trust-clock", {})
    if json_:
        print_json(answer)
        return
    say(f"Home takes it to be {format_time(answer['now'])}.")


@reports_to("buyer")
def check(rpc: Rpc = None, json_: Json = False) -> None:
    """Look at what a purchase needs of home: version, clock, peers; a message is sent over every usable reply path.

    Exits with 69 when no message came home.

    \b
    Example:
      bled home check
    """
    from bled.cli.homing import call_home
    from bled.codes import EXIT_UNAVAILABLE

    answer = dict(call_home(rpc, "bled-check", {}))
    answer["outcome"] = "usable" if any(peer["arrived"] for peer in answer["peers"]) else "unusable"
    if json_:
        print_json(answer)
    else:
        _print_check(answer)
    if answer["outcome"] == "unusable":
        raise typer.Exit(EXIT_UNAVAILABLE)


def _print_check(answer: dict[str, Any]) -> None:
    from bled.cli.plain import printable

    say(f"Node {answer['node_id'][:16]}..., {printable(answer['version'] or 'version unknown')}")
    for peer in answer["peers"]:
        name = printable(peer["alias"]) or "unnamed"
        came = f"a message came home in {peer['milliseconds']} ms" if peer["arrived"] else printable(peer["reason"])
        say(f"Peer {name} ({peer['node_id'][:12]}...): {came or 'not tested'}")
    for problem in answer["problems"]:
        say(f"! {printable(problem, limit=None)}")
    if not answer["problems"]:
        say("Nothing is in the way.")
