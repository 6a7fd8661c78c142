"""`bled decode`: take any BOLT 12 string apart, and say whether it keeps the rules."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from bled.cli.options import Json
from bled.cli.output import print_json, say
from bled.codes import EXIT_DATA

if TYPE_CHECKING:
    from bled_codec.inspection import Inspection
    from bled_codec.units import UnixTime

_STDIN: Final = "-"
_LONGEST_LINE: Final = 1_000_002
"""Bytes of a line that are kept: one more character than any string may have, and the line's end."""
_SPACE: Final = " \t\r\n\v\f"

Strings = Annotated[
    list[str],
    typer.Argument(metavar="STRING...", help="lno, lnr, lni or lnp strings; - reads one from each line of stdin."),
]


def decode(strings: Strings, json_: Json = False) -> None:
    """Show what a BOLT 12 string says, and whether it is valid.

    An offer (lno), invoice_request (lnr), invoice (lni) or payer_proof (lnp). Valid speaks of form and of rules that
    need no clock and no chain; field 239 of an invoice has a verdict of its own. Exits with 65 if any is not valid.
    """
    from bled.clock import SystemClock
    from bled_codec.inspection import inspect_string

    now = SystemClock().now()
    all_valid = True
    for number, text in enumerate(_texts(strings)):
        inspection = inspect_string(text)
        all_valid &= inspection.valid
        if number and not json_:
            say()
        _show(inspection, now=now, as_json=json_)
    if not all_valid:
        raise typer.Exit(EXIT_DATA)


def _show(inspection: "Inspection", *, now: "UnixTime", as_json: bool) -> None:
    if as_json:
        from bled_codec.plain import plain_inspection
        from bled_codec.remarks import remarks_on

        print_json(plain_inspection(inspection) | {"warnings": list(remarks_on(inspection, now=now))})
        return
    from bled.cli.decode_tree import tree_lines

    for line in tree_lines(inspection, now=now):
        say(line)


def _texts(strings: Iterable[str]) -> Iterator[str]:
    for string in strings:
        if string == _STDIN:
            yield from read_lines(sys.stdin.buffer)
        else:
            yield string.strip(_SPACE)


def read_lines(stream: BinaryIO) -> Iterator[str]:
    """Return every line of `stream` without the white space around it; of one without end only its beginning."""
    while line := stream.readline(_LONGEST_LINE):
        whole = line
        while not whole.endswith(b"\n") and (whole := stream.readline(_LONGEST_LINE)):
            continue
        yield line.decode("utf-8", "surrogateescape").strip(_SPACE)
