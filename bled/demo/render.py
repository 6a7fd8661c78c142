"""How the demo looks in a terminal."""

from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bled.codes import OUTCOMES
from bled.demo.recorder import Step, Who
from bled.demo.result import Change, Result, peak_memory, request_signature

_COLOURS: Final[Mapping[Who, str]] = {
    Who.TILL: "cyan",
    Who.BUYER: "green",
    Who.HOME: "magenta",
    Who.ATTACKER: "bold red",
    Who.DEMO: "dim",
}
_LONGEST: Final = 60


class Screen:
    """Draws steps as they happen, then the result."""

    def __init__(self) -> None:
        """Draw on stdout."""
        self._console = Console(highlight=False)

    def open(self, title: str) -> None:
        """Say what is about to happen."""
        self._console.print(Text(title, style="bold"))
        self._console.print(
            Text("Real radio frames, signatures, onion messages and gRPC; the money is not real.", style="dim")
        )
        self._console.print()

    def step(self, step: Step) -> None:
        """Draw one step: milliseconds, who, what, and what belongs to it."""
        line = Text()
        line.append("   set-up     " if step.is_setup else f"{step.at_ms:9.1f} ms  ", style="dim")
        line.append(f"{step.who:<9}", style=_COLOURS[step.who])
        line.append(step.name)
        facts = _facts(step.facts)
        if facts:
            line.append(f"  {facts}", style="dim")
        self._console.print(line, soft_wrap=True)

    def close(self, result: Result) -> None:
        """Draw how it ended."""
        self._console.print()
        self._console.print(_table(result))
        for line, style in _verdict(result):
            self._console.print(Text(line, style=style), soft_wrap=True)


def _facts(facts: Mapping[str, object]) -> str:
    shown = []
    for name, value in facts.items():
        text = value.hex() if isinstance(value, bytes) else _safe(str(value))
        if len(text) > _LONGEST:
            text = f"{text[:24]}… ({len(text)} characters)"
        shown.append(f"{name} {text}")
    return ", ".join(shown)


def _safe(text: str) -> str:
    """Return `text` without what could move the cursor or turn the line around."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _table(result: Result) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in _rows(result):
        table.add_row(name, value)
    return table


def _rows(result: Result) -> list[tuple[str, str]]:
    tip = f", {result.tip_msat:,} msat of it a tip" if result.tip_msat else ""
    rows = [("amount", f"{result.amount_msat:,} msat{tip}")]
    sale = result.sale
    if sale is not None and sale.payment_hash is not None:
        rows += [
            ("payment hash", sale.payment_hash.hex()),
            ("preimage", sale.preimage.hex() if sale.preimage else "none"),
            ("field 239", request_signature(sale.invoice)),
        ]
    rows.append(("home's budget", _change(result.budget)))
    rows += [(f"{name}'s balance", _change(change)) for name, change in result.balances.items()]
    rows.append(("over the air", f"{result.stats.att_pdus} ATT PDUs, {result.stats.bytes_on_air:,} bytes"))
    if result.paid_ms is not None and result.attack is None:
        rows.append(("time", f"{result.paid_ms:,.0f} ms from the advertisement seen to paid"))
    rows.append(("memory", f"{peak_memory() / 2**20:.0f} MiB at most"))
    return rows


def _change(change: Change) -> str:
    if change.before == change.after:
        return f"{change.before:,} msat, unchanged"
    return f"{change.before:,} → {change.after:,} msat ({change.after - change.before:+,})"


def _verdict(result: Result) -> list[tuple[str, str]]:
    if result.problems:
        return [(f"This is not as it should be: {problem}.", "bold red") for problem in result.problems]
    if result.attack is None:
        return [
            (
                "Paid, and proved: the preimage opens the invoice for exactly what the device signed.",
                "bold green",
            )
        ]
    code = result.refused_by
    sentence = OUTCOMES[code].buyer if code else ""
    return [(f"Refused by home ({code.value if code else ''}): {sentence}", "bold yellow")]
