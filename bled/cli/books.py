"""Grant books on the command line: reading the file, and showing what is left."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from bled.cli.amount import format_amount
from bled.cli.output import print_json, say
from bled.cli.plain import printable
from bled.codes import Code
from bled.errors import BledError, ConfigurationError
from bled.grants.wrapping import is_wrapped
from bled.vault.vault import BookSummary, HistoryEntry, Vault

_LARGEST: Final = 16_000_000
"""Bytes of a book file that are read at all; 200 ids with two paths each have about 110 kB."""


def read_book(path: Path) -> bytes:
    """Return the bytes of a book file. Raises `BledError`: `CONFIG_BAD` when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise BledError(Code.BOOK_DAMAGED, detail=f"{path} is longer than any grant book")
    return data


def read_passphrase(book: bytes, file: Path | None) -> str | None:
    """Return the passphrase for a wrapped book, from a file or from the person; None for a bare book."""
    if not is_wrapped(book):
        return None
    if file is not None:
        return first_line(file)
    if not sys.stdin.isatty():
        raise BledError(Code.USAGE, detail="no terminal to ask for the passphrase on; give --passphrase-file")
    return str(typer.prompt("Passphrase of the book", hide_input=True, err=True))


def first_line(path: Path) -> str:
    """Return the passphrase in a file. Raises `ConfigurationError` (`CONFIG_BAD`)."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} cannot be read as a passphrase") from error
    if not lines:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} is empty")
    return lines[0].strip()


def format_time(at: int) -> str:
    """Return a Unix time as local date and time."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M}"


def describe_book(book: BookSummary) -> dict[str, object]:
    """Return a book's state for `--json`."""
    return {
        "book_id": book.book_id,
        "device": book.device,
        "home": book.home_label,
        "ids_left": book.ids_left,
        "ids_total": book.ids_total,
        "spent_msat": book.spent_msat,
        "remaining_msat": book.remaining_msat,
        "not_after": book.not_after,
    }


def print_book(book: BookSummary) -> None:
    """Print a book's state in one line."""
    say(
        f"Book {book.book_id} ({printable(book.home_label)}): {book.ids_left} of {book.ids_total} payments left, "
        f"{format_amount(book.remaining_msat)} left, until {format_time(book.not_after)}"
    )


def import_limits(vault: Vault, data: bytes, *, as_json: bool) -> None:
    """Take changed limits of a book and say what they are now."""
    statement = vault.import_limits(data)
    facts = {
        "outcome": "limits-changed",
        "book_id": statement.book_id,
        "total_msat": statement.limits.total_msat,
        "not_after": statement.limits.not_after,
    }
    if as_json:
        print_json(facts)
        return
    total, end = format_amount(statement.limits.total_msat), format_time(statement.limits.not_after)
    say(f"Book {statement.book_id}: {total} in all, until {end}.")


def describe_entry(entry: HistoryEntry) -> dict[str, object]:
    """Return a signed request and its outcome for `--json`."""
    return {
        "at": entry.at,
        "outcome": entry.code.value,
        "proven": entry.proven,
        "amount_msat": entry.amount,
        "tip_msat": entry.tip,
        "description": entry.description,
        "payer_id": entry.payer_id.hex(),
        "preimage": entry.preimage.hex() if entry.preimage is not None and entry.proven else None,
    }


def print_entry(entry: HistoryEntry) -> None:
    """Print a signed request and its outcome in one line."""
    tip = f"  ({format_amount(entry.tip)} of it a tip)" if entry.tip else ""
    say(
        f"{format_time(entry.at)}  {format_amount(entry.amount):>16}  {entry.code.value:<16}  "
        f"{printable(entry.description)}{tip}"
    )
