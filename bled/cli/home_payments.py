"""`bled home payments`, `export`, `proof`: what was paid, to whom, and what proves it."""

import csv
import io
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Json, Rpc
from bled.cli.output import note, print_json, say
from bled.codes import Code
from bled.errors import BledError

_PAGE = 500
_HASH_DIGITS = 64
_COLUMNS = (
    "claimed_at",
    "state",
    "amount_msat",
    "fee_msat",
    "max_fee_msat",
    "refunded_msat",
    "refunded_at",
    "merchant",
    "description",
    "merchant_id",
    "book_id",
    "payer_id",
    "payment_hash",
    "preimage",
    "invoice",
    "detail",
)


class Form(StrEnum):
    """How payments are written to a file."""

    CSV = "csv"
    JSON = "json"


@reports_to("buyer")
def payments(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, the newest.")] = 50,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Show the newest payments: when, how much, what became of it, fee, merchant and payment hash.

    \b
    Example:
      bled home payments --limit 10
    """
    from bled.cli.amount import format_amount
    from bled.cli.books import format_time
    from bled.cli.homing import call_home
    from bled.cli.plain import printable

    answer = call_home(rpc, "bled-payments", {"limit": limit})
    if json_:
        print_json(answer)
        return
    if not answer["payments"]:
        note("No payment yet.")
    for each in answer["payments"]:
        fee = "" if each["fee_msat"] is None else f" + {format_amount(each['fee_msat'])} fee"
        what = printable(" ".join(filter(None, (each["merchant"], each["description"])))) or each["merchant_id"]
        when, amount = format_time(each["claimed_at"]), format_amount(each["amount_msat"])
        back = f"  ({format_amount(each['refunded_msat'])} came back)" if each.get("refunded_msat") else ""
        say(f"{when}  {each['state']:<8} {amount}{fee}  {what}  {each['payment_hash'][:16]}...{back}")


@reports_to("buyer")
def export(
    form: Annotated[Form, typer.Option("--format", help="csv for a spreadsheet, json for a program.")] = Form.CSV,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to this file instead of stdout; not over one.")
    ] = None,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Write every payment that home ever claimed, with invoice and preimage; amounts in millisatoshi, times in UTC.

    \b
    Examples:
      bled home export > payments.csv
      bled home export --format json --out payments.json
    """
    from bled.cli.homing import write_text

    rows = [_with_time(row) for row in _pages(rpc)]
    text = _csv(rows) if form is Form.CSV and not json_ else _json(rows)
    if out is None:
        say(text.rstrip("\n"))
        return
    write_text(out, text)
    if json_:
        print_json({"outcome": "exported", "payments": len(rows), "file": str(out)})
        return
    say(f"{out}: {len(rows)} payments")


@reports_to("buyer")
def proof(
    payment_hash: Annotated[
        str, typer.Argument(metavar="HASH", help="Payment hash, or how it begins, as `bled home payments` shows it.")
    ],
    text: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="Put this into the proof, so that it is no old one.")
    ] = None,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Prove a payment to anybody (lnp): who asked for the invoice has paid it. The payer key is derived at home.

    \b
    Examples:
      bled home proof 3f9a...
      bled verify "$(bled home proof 3f9a... --note 'order 17')"
    """
    from bled.cli.homing import call_home

    params = {"payment_hash": _whole_hash(payment_hash, rpc), "note": text}
    answer = call_home(rpc, "bled-proof", params)
    if json_:
        print_json(answer)
        return
    say(str(answer["proof"]))


def _pages(rpc: Path | None) -> Iterator[Mapping[str, Any]]:
    """Return all payments. One that is made meanwhile pushes others to the next page: each is taken once."""
    from bled.cli.homing import call_home

    def page(offset: int) -> list[Mapping[str, Any]]:
        return list(call_home(rpc, "bled-payments", {"limit": _PAGE, "offset": offset})["payments"])

    seen: set[str] = set()
    offset = 0
    while rows := page(offset):
        for row in rows:
            if row["payer_id"] not in seen:
                seen.add(row["payer_id"])
                yield row
        offset += len(rows)


def _whole_hash(text: str, rpc: Path | None) -> str:
    """Return the payment hash that begins with `text`; dots at its end, as lists show them, are no part of it."""
    beginning = text.rstrip(".").lower()
    if len(beginning) == _HASH_DIGITS:
        return beginning
    found = {str(row["payment_hash"]) for row in _pages(rpc) if row["payment_hash"].startswith(beginning)}
    if len(found) != 1:
        how_many = "no payment hash begins" if not found else f"{len(found)} payment hashes begin"
        raise BledError(Code.USAGE, detail=f"{how_many} with {beginning!r}; `bled home export` shows them whole")
    return found.pop()


def _with_time(row: Mapping[str, Any]) -> dict[str, Any]:
    from datetime import UTC, datetime

    def text(at: int) -> str:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"

    refunds = [{**each, "received_at": text(each["received_at"])} for each in row.get("refunds", ())]
    came = {"refunds": refunds, "refunded_at": " ".join(each["received_at"] for each in refunds)}
    return {**row, **came, "claimed_at": text(row["claimed_at"])}


def _csv(rows: list[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return stream.getvalue()


def _harmless(value: object) -> object:
    """Keep a spreadsheet from taking a merchant's text for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _json(rows: list[dict[str, Any]]) -> str:
    import json

    return json.dumps({"payments": rows}, ensure_ascii=False) + "\n"
