"""Calls to the home plugin, and how its answers look to a person."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from bled.cli.amount import format_amount
from bled.cli.books import format_time
from bled.cli.output import note, say
from bled.cli.plain import printable
from bled.codes import OUTCOMES, Code
from bled.config import load_settings
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.node.cln_errors import RpcFailure
from bled.node.lightning_rpc import LightningRpc

Answer = Mapping[str, Any]
"""A JSON object of lightningd; what is in it is the plugin's, and is shown, never acted upon."""


def call_home(rpc: Path | None, method: str, params: Mapping[str, object]) -> Answer:
    """Call a method of the plugin over the node's `lightning-rpc` socket."""
    path = load_settings({"lightning_rpc": rpc}).lightning_rpc
    if path is None:
        raise ConfigurationError(
            Code.CONFIG_BAD, detail="no home node is configured; give --rpc PATH of its lightning-rpc socket"
        )
    try:
        return asyncio.run(LightningRpc(path).call(method, dict(params)))
    except RpcFailure as error:
        raise BledError(Code.HOME_REFUSED, detail=error.message.removeprefix("usage: ")) from error
    except BledError as error:
        raise Unavailable(Code.HOME_UNREACHABLE, detail=error.detail) from error


def write_book(out: Path, issue: Callable[[], Answer]) -> dict[str, Any]:
    """Issue a book into `out`, readable by its owner alone; return the answer without the book itself.

    The file is made first: a book that cannot be written is never issued. Raises `ConfigurationError`.
    """
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        hint = "; choose another name" if isinstance(error, FileExistsError) else ""
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{out} cannot be made: {error.strerror}{hint}") from error
    answer: dict[str, Any] = {}
    try:
        with os.fdopen(descriptor, "wb") as file:
            answer = dict(issue())
            _write_whole(file, bytes.fromhex(str(answer.pop("book"))))
    except OSError as error:
        out.unlink(missing_ok=True)
        detail = f"{out} cannot be written: {error.strerror}; revoke book {answer.get('book_id')}, which was issued"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail) from error
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return answer


def _write_whole(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def revocation(*, book: int | None, device: str | None, payer_id: str | None, everything: bool) -> dict[str, object]:
    """Return the parameters of `bled-revoke`; exactly one must be given, or a payer id with its book."""
    chosen: dict[str, object] = {}
    if device is not None:
        chosen["device"] = device
    if book is not None:
        chosen["book_id"] = book
    if payer_id is not None:
        chosen["payer_id"] = payer_id
    if everything:
        chosen["all"] = True
    if len(chosen) != 1 and set(chosen) != {"book_id", "payer_id"}:
        raise BledError(Code.USAGE, detail="give one of --book, --device, --payer-id and --all")
    return chosen


def write_text(out: Path, text: str) -> None:
    """Write a new file, readable by its owner alone. Raises `ConfigurationError`."""
    _write_new(out, text.encode())


def write_statement(out: Path, statement: str) -> Path:
    """Write a statement, given in hexadecimal, to `out` or, when that is there, to the first free name beside it."""
    for number in range(1, 1_000):
        file = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        if not file.exists():
            break
    _write_new(file, bytes.fromhex(statement))
    return file


def _write_new(out: Path, data: bytes) -> None:
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            _write_whole(file, data)
    except OSError as error:
        hint = "; choose another name" if isinstance(error, FileExistsError) else ""
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{out} cannot be written: {error.strerror}{hint}") from error


def print_paths(paths: Sequence[Mapping[str, Any]]) -> None:
    """Print where the reply paths of a book begin, and whether a message came home over each."""
    for path in paths:
        came = {True: f"a message came home in {path['milliseconds']} ms", None: "not tested", False: "NO MESSAGE CAME"}
        name = printable(path["alias"]) or "unnamed"
        say(f"Reply path through {name} ({path['introduction'][:12]}...): {came[path['arrived']]}")


def print_revocation(answer: Answer) -> None:
    """Print what a revocation did, and what it came too late for."""
    named = (f"book {each}" if isinstance(each, int) else f"payer id {each}" for each in answer["revoked"])
    say(f"Revoked: {', '.join(named) or 'nothing more'}")
    for flying in answer["in_flight"]:
        say(f"In flight, may still be paid: {format_amount(flying['amount_msat'])}, hash {flying['payment_hash']}")
    for paid in answer["already_paid"]:
        say(f"Paid already: {format_amount(paid['amount_msat'])}, hash {paid['payment_hash']}")


def print_books(answer: Answer) -> None:
    """Print one line for each book."""
    if not answer["books"]:
        note("No book has been issued.")
    for book in answer["books"]:
        state = "revoked" if book["revoked"] else f"until {format_time(book['not_after'])}"
        say(
            f"Book {book['book_id']} ({printable(book['device'])}): {book['used']} of {book['ids']} used, "
            f"{format_amount(book['spent_msat'])} spent, {format_amount(book['reserved_msat'])} reserved, "
            f"{format_amount(book['remaining_msat'])} left, {state}"
        )


def print_budget(answer: Answer) -> None:
    """Print what is left of a book."""
    say(
        f"Book {answer['book_id']}: {format_amount(answer['remaining_msat'])} left of "
        f"{format_amount(answer['total_msat'])}; {format_amount(answer['spent_msat'])} spent, "
        f"{format_amount(answer['reserved_msat'])} reserved"
    )


def print_decisions(answer: Answer) -> None:
    """Print one line for each decision, with the sentence of its row, and what else this run has refused."""
    if not answer["decisions"]:
        note("Nothing was decided.")
    for decision in answer["decisions"]:
        say(
            f"{decision['seq']:>5}  {format_time(decision['at'])}  {decision['code']:<28} {_sentence(decision['code'])}"
        )
    counts = {printable(code): count for code, count in answer.get("refused", {}).items() if count}
    if counts:
        told = ", ".join(f"{code} {count}" for code, count in sorted(counts.items()))
        note(f"Refused since the plugin began, strangers' included: {told}")


def _sentence(code: str) -> str:
    known = {each.value: each for each in Code}
    return OUTCOMES[known[code]].buyer if code in known else ""
