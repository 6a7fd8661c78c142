"""`bled buyer keys` and `export-proof`: what the device makes with keys that never leave it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Data, Json
from bled.cli.output import note, print_json, say
from bled.codes import Code
from bled.errors import BledError, ConfigurationError

if TYPE_CHECKING:
    from bled.vault.vault import HistoryEntry


@reports_to("buyer")
def keys(
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many payments to ask home for.")] = 50,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File for home; it must not exist.")] = Path(
        "device.keys"
    ),
    device: Annotated[str, typer.Option(help="Name of this device, as home will list it.")] = "device",
    data: Data = None,
    json_: Json = False,
) -> None:
    """Make payer keys on this device and write the public ones to a file for home.

    The secret keys stay here: whoever runs home can pay for this device, but never sign as it. Home returns a book
    that this device alone can use.

    \b
    Example:
      bled buyer keys --count 200 --device phone --out phone.keys
      (at home) bled home issue --keys phone.keys --budget 500000sat --per-payment 50000sat
      bled buyer import phone.book
    """
    from bled.clock import SystemClock
    from bled.config import load_settings
    from bled.vault.vault import Vault

    folder = load_settings({"data_dir": data}).data_dir / "buyer"
    with _new_file(out) as file, Vault.open(folder) as vault:
        file.write(vault.make_keys(count, device=device, now=SystemClock().now()))
    if json_:
        print_json({"outcome": "made", "keys": count, "device": device, "file": str(out)})
        return
    say(f"{out}: {count} public keys of {device}")
    note(f"At home: bled home issue --keys {out.name} --budget AMOUNT")


@contextmanager
def _new_file(out: Path) -> Iterator[BinaryIO]:
    """Make a file for its owner alone before any key is made; take it away when that fails."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{out} cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except ValueError as error:
        out.unlink(missing_ok=True)
        raise BledError(Code.USAGE, detail=str(error)) from error
    except BaseException:
        out.unlink(missing_ok=True)
        raise


@reports_to("buyer")
def export_proof(
    payment: Annotated[
        str | None,
        typer.Argument(metavar="[PAYMENT]", help="Payer id or payment hash, or how it begins. Default: the last one."),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="Put this into the proof, so that it is no old one.")
    ] = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Prove a payment to anybody (lnp), offline: from the till's receipt, signed with the payer's own key.

    It shows what was bought, from whom, when and for how much; not where home is nor which book paid.

    \b
    Examples:
      bled buyer export-proof
      bled verify "$(bled buyer export-proof 02ab... --note 'order 17')"
    """
    from bled.config import load_settings
    from bled.vault.vault import Vault

    with Vault.open(load_settings({"data_dir": data}).data_dir / "buyer") as vault:
        entry = _found(vault.history(), payment)
        proof = vault.prove(entry.payer_id, note=text)
    if json_:
        print_json({"proof": proof.string, "payer_id": entry.payer_id, "amount_msat": entry.amount, "at": entry.at})
        return
    say(proof.string)


def _found(history: "tuple[HistoryEntry, ...]", payment: str | None) -> "HistoryEntry":
    """Return the one payment that is meant. Raises `BledError` (`USAGE`)."""
    wanted = (payment or "").lower()
    found = [entry for entry in history if _names(entry, wanted)]
    if payment is None:
        found = [entry for entry in found if entry.proven][-1:]
    if len(found) == 1:
        return found[0]
    if found:
        raise BledError(Code.USAGE, detail=f"{len(found)} payments begin with {payment}; give more of it")
    detail = "no payment with a receipt is on this device" if payment is None else f"no payment begins with {payment}"
    raise BledError(Code.USAGE, detail=detail)


def _names(entry: "HistoryEntry", wanted: str) -> bool:
    from bled_codec.invoice import Invoice

    if entry.payer_id.hex().startswith(wanted):
        return True
    if entry.invoice is None or not entry.proven:
        return False
    return Invoice.decode(entry.invoice).invoice_payment_hash.hex().startswith(wanted)
