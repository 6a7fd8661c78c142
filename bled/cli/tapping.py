"""The cashier's tap on a terminal: whether a sale may show another compare code."""

import sys

from bled.cli.output import note
from bled.cli.terminal import forget_typed, next_line
from bled.sales.greeting import Tap

_YES = frozenset({"y", "yes"})


def tap_on_terminal() -> Tap | None:
    """Return the question to the cashier, None when there is no terminal to ask on."""
    return _ask if sys.stdin.isatty() else None


async def _ask() -> bool:
    forget_typed()
    note("The connection broke after the digits were shown. If that was the buyer in front of you, go on.")
    note("Show other digits? Type yes: ")
    return (await next_line()).strip().lower() in _YES
