"""What commands print: one JSON object on stdout with `--json`, else text; progress and errors go to stderr."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Final, Literal

from bled.cli.amount import format_amount
from bled.cli.plain import printable
from bled.codes import Code
from bled.errors import BledError
from bled.progress import OnStep

Audience = Literal["cashier", "buyer"]

_LONG_FACT: Final = 80
"""Longer ones are shown with --verbose alone."""
_MONEY: Final = {"no": "No money moved.", "unknown": "Whether money moved is not known.", "yes": "Money moved."}


_ALWAYS: Final = frozenset({"sale resumed", "compare code", "engagement"})
"""Steps that keep somebody from charging or paying twice, and what two people must compare or read from a screen."""


def print_json(value: object) -> None:
    """Print one JSON object on stdout. Bytes become hexadecimal."""
    print(json.dumps(value, default=_as_json, ensure_ascii=False), flush=True)  # noqa: T201 - this is the output


def _as_json(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def say(text: str = "") -> None:
    """Print a line for people on stdout."""
    print(text, flush=True)  # noqa: T201 - this is the output


def note(text: str) -> None:
    """Print a line for people on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is the output


def report(error: BledError, *, audience: Audience, as_json: bool) -> None:
    """Say what happened, whether money moved, and what to do; as one object on stdout with `--json`."""
    if as_json:
        print_json(problem(error, audience=audience))
        return
    outcome = error.outcome
    sentence = getattr(outcome, audience) or outcome.buyer or outcome.cashier
    note(f"bled: {sentence}")
    detail = f": {printable(error.detail)}" if error.detail else ""
    note(f"      {error.code.value}{detail}")
    retry = " It is safe to try again." if outcome.safe_to_retry else ""
    if error.code is not Code.USAGE:
        note(f"      {_MONEY[outcome.money_moved.value]}{retry}")


def problem(error: BledError, *, audience: Audience) -> Mapping[str, object]:
    """Return the error as the members of a problem document."""
    outcome = error.outcome
    return {
        "outcome": error.code.value,
        "type": outcome.problem_type,
        "sentence": getattr(outcome, audience) or outcome.buyer or outcome.cashier,
        "detail": error.detail,
        "rule": None if error.rule is None else error.rule.value,
        "tlv_type": error.tlv_type,
        "money_moved": outcome.money_moved.value,
        "safe_to_retry": outcome.safe_to_retry,
        "exit_code": outcome.exit_code,
    }


def step_printer(*, as_json: bool, verbose: bool = False) -> OnStep:
    """Return a listener that prints each step on stderr, with the seconds since it was made.

    With `--json` it is silent but for what a person must know before going on.
    """
    began = time.monotonic()

    def print_step(name: str, facts: Mapping[str, object]) -> None:
        if as_json and name not in _ALWAYS:
            return
        shown = {key: _fact(key, value) for key, value in facts.items()}
        known = ", ".join(f"{key} {value}" for key, value in shown.items() if verbose or _is_brief(key, value))
        note(f"{time.monotonic() - began:8.2f} s  {name}{'  ' + known if known else ''}")

    return print_step


def _is_brief(key: str, value: str) -> bool:
    """Proofs belong into the result, not into every journal that keeps the steps."""
    return len(value) < _LONG_FACT and key != "preimage"


def _fact(key: str, value: object) -> str:
    if key.endswith("_msat") and isinstance(value, int):
        return format_amount(value)
    return printable(value.hex() if isinstance(value, bytes) else str(value))
