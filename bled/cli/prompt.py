"""The question to the person at the device, on a terminal."""

import sys
import textwrap
from datetime import UTC, datetime
from typing import Final

from bled.buyer.approval import Answer, Question, Reply, WithTip
from bled.cli.amount import format_amount
from bled.cli.output import note
from bled.cli.plain import printable
from bled.cli.terminal import forget_typed, next_line
from bled.cli.tipping import parse_tip
from bled.errors import BledError
from bled.gatt.compare_code import grouped

_YES: Final = frozenset({"y", "yes"})
_DIFFERS: Final = frozenset({"d", "differs", "code differs"})

_WIDTH: Final = 60


async def ask_on_terminal(question: Question) -> Reply:
    """Show the offer and return what the person typed. Without a terminal nobody can: that is a no."""
    if not sys.stdin.isatty():
        note("The offer needs a person's yes, and there is no terminal to ask on. Declined.")
        return Answer.NO
    forget_typed()
    for line in describe(question):
        note(line)
    note(_request(question))
    return understood(await next_line(), question)


def _request(question: Question) -> str:
    choices = ["yes to pay"]
    if question.accepted.tip_max:
        choices.append("a tip to be asked again with it (10%, 200sat)")
    if question.code is not None:
        choices.append("differs if the till shows another code")
    if len(choices) == 1:
        return "Pay? Type yes: "
    return f"Type {', '.join(choices[:-1])}, or {choices[-1]}: "


def understood(line: str, question: Question) -> Reply:
    """Return what a typed line means; whatever is none of the choices is a no."""
    words = line.strip().lower()
    if words in _YES:
        return Answer.YES
    if words in _DIFFERS and question.code is not None:
        return Answer.CODE_DIFFERS
    if not question.accepted.tip_max:
        return Answer.NO
    try:
        return WithTip(tip=parse_tip(words, price=question.price))
    except BledError:
        return Answer.NO


def describe(question: Question) -> list[str]:
    """Return what the person must know before a yes, one line each."""
    lines = [
        "",
        *([f"  Not so       {printable(question.note)}", ""] if question.note else []),
        f"  Amount       {format_amount(question.price)}",
        *_tip(question),
        *_wrapped("  For          ", question.description),
        f"  Says it is   {printable(question.issuer) or '(no name given)'}",
        f"  At most      {format_amount(question.most)} with fees",
    ]
    if question.paid_before:
        times = "once" if question.paid_before == 1 else f"{question.paid_before} times"
        lines.append(f"  Seen before  you have paid at this till {times}")
    if question.code is not None:
        lines += ["", f"  Does the till show {grouped(question.code)}? Say yes only if it does."]
    if not question.clock_trusted:
        till_time = datetime.fromtimestamp(question.till_time, UTC).astimezone()
        lines += [
            "",
            f"  This device's clock may be wrong. The till says {till_time:%Y-%m-%d %H:%M}. Say yes only if it is.",
        ]
    return [*lines, ""]


def _tip(question: Question) -> list[str]:
    most = question.accepted.tip_max
    if not most:
        return []
    if not question.tip:
        return [f"  Tip          none; you may add up to {format_amount(most)}"]
    return [
        f"  Tip          {format_amount(question.tip)} (up to {format_amount(most)})",
        f"  Together     {format_amount(question.amount)}",
    ]


def _wrapped(label: str, text: str) -> list[str]:
    """Return all of a text: what is signed but not shown would be signed unseen."""
    lines = textwrap.wrap(printable(text, limit=None), width=_WIDTH) or [""]
    return [f"{label if number == 0 else ' ' * len(label)}{line}" for number, line in enumerate(lines)]
