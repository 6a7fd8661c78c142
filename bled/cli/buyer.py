"""`bled buyer`: the device without internet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bled.cli.buyer_keys import export_proof, keys
from bled.cli.exit import end, reports_to
from bled.cli.options import Chain, Data, Json, Mtu, Radio, Verbose
from bled.cli.output import note, print_json, say, step_printer
from bled.codes import Code
from bled.errors import BledError

if TYPE_CHECKING:
    from bled.config import Settings
    from bled.vault.vault import Vault

_CLOCKS_DIFFER_SECONDS: Final = 600
"""A book that was issued longer ago than this was carried slowly, or by a device with another clock."""

app = typer.Typer(
    help="The buyer's device: take a grant book, pay at a till, see what was paid.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(keys)
app.command("export-proof")(export_proof)


def _open_vault(settings: "Settings") -> "Vault":
    from bled.vault.vault import Vault

    return Vault.open(settings.data_dir / "buyer")


def _read_files(files: list[Path], *, are_pictures: bool) -> bytes:
    """Return the one file that was named, or the one whose codes the pictures show."""
    from bled.cli.books import read_book

    if are_pictures:
        from bled.cli.qr_book_reading import read_book_pictures

        return read_book_pictures(files)
    if len(files) != 1:
        raise BledError(Code.USAGE, detail="one file at a time; pictures of QR codes need --qr")
    return read_book(files[0])


def _look_into_vault(settings: "Settings") -> "Vault":
    """Return the vault to look at, also while a payment has it."""
    from bled.codes import Code
    from bled.errors import Unavailable
    from bled.vault.vault import Vault

    try:
        return _open_vault(settings)
    except Unavailable as error:
        if error.code is not Code.STORE_LOCKED:
            raise
    note("A payment is running on this device; this is what was there a moment ago.")
    return Vault.read(settings.data_dir / "buyer")


@app.command("import")
@reports_to("buyer")
def import_(
    book: Annotated[list[Path], typer.Argument(metavar="FILE", help="File that `bled home issue` wrote.")],
    qr: Annotated[
        bool, typer.Option("--qr", help="The files are pictures of the book's QR codes, in any order.")
    ] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Read the passphrase from the first line of this file instead of asking.")
    ] = None,
    chain: Chain = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Take a grant book from home onto this device, or changed limits of one that is here.

    The file is checked whole first; one that is refused changes nothing.

    \b
    Examples:
      bled buyer import phone.book
      bled buyer import book-3.limits
      bled buyer import --qr codes/*.png
    """
    from bled.cli.books import import_limits, read_passphrase
    from bled.clock import SystemClock
    from bled.config import load_settings
    from bled.grants.statement import is_statement

    settings = load_settings({"chain": chain, "data_dir": data})
    raw = _read_files(book, are_pictures=qr)
    if is_statement(raw):
        with _open_vault(settings) as vault:
            import_limits(vault, raw, as_json=json_)
        return
    passphrase = read_passphrase(raw, passphrase_file)
    with _open_vault(settings) as vault:
        now = SystemClock().now()
        taken = vault.import_book(raw, passphrase=passphrase, chain=settings.chain_hash, now=now)
    facts = {
        "outcome": "imported",
        "book_id": taken.book_id,
        "device": taken.device,
        "home": taken.home_label,
        "ids": len(taken.grants),
        "issued_at": taken.issued_at,
        "not_after": taken.limits.not_after,
        "total_msat": taken.limits.total_msat,
    }
    if json_:
        print_json(facts)
        return
    from bled.cli.amount import format_amount
    from bled.cli.books import format_time
    from bled.cli.plain import printable

    say(
        f"Book {taken.book_id} from {printable(taken.home_label)}: {len(taken.grants)} payments, "
        f"{format_amount(taken.limits.total_msat)} in all, until {format_time(taken.limits.not_after)}."
    )
    if now - taken.issued_at > _CLOCKS_DIFFER_SECONDS:
        note(
            f"Home issued it at {format_time(taken.issued_at)}; by this device's clock it is {format_time(now)}. "
            "If that is wrong, set the clock before you pay: a device ahead of time signs what can be charged later."
        )


@app.command()
@reports_to("buyer")
def run(
    radio: Radio = None,
    auto_approve_below: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="With --engage: approve amounts below this by itself, fees included."),
    ] = None,
    engage: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="The till's code: its text bled1:..., a picture's path, camera or camera:N; - asks for the text.",
        ),
    ] = None,
    allow_refund: Annotated[
        bool | None,
        typer.Option("--allow-refund", help="Sign a refund offer with the payment: the till can give money back."),
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, max=120, help="How long to be visible to tills.")] = 120,
    mtu: Mtu = 517,
    chain: Chain = None,
    data: Data = None,
    verbose: Verbose = False,
    json_: Json = False,
) -> None:
    """Be visible to a till, show what it asks for, and pay when you say yes. One meeting, then it ends.

    Without the till's own code both screens show six digits: say yes only if they are the same. Nothing is approved
    without you then. With --engage no other till can meet this device, and small amounts may be approved by itself.

    \b
    Examples:
      bled buyer run --radio virtual:127.0.0.1:7701
      bled buyer run --engage bled1:... --auto-approve-below 2000sat
      bled buyer run --engage photograph.png
    """
    from bled.cli.amount import parse_amount
    from bled.cli.engaging import read_engagement
    from bled.cli.paying import pay_once, print_purchase
    from bled.config import load_settings
    from bled.log import configure_logging

    configure_logging(level="warning")
    limit = None if auto_approve_below is None else parse_amount(auto_approve_below)
    flags = {"radio": radio, "chain": chain, "data_dir": data, "auto_approve_below_msat": limit}
    settings = load_settings(flags | {"allow_refund": allow_refund})
    engagement = None if engage is None else read_engagement(engage)
    on_step = step_printer(as_json=json_, verbose=verbose)
    with _open_vault(settings) as vault:
        purchase = pay_once(vault, settings, engagement=engagement, att_mtu=mtu, seconds=seconds, on_step=on_step)
    print_purchase(purchase, as_json=json_)
    end(purchase.code)


@app.command()
@reports_to("buyer")
def status(data: Data = None, json_: Json = False) -> None:
    """Show the grant books on this device and what is left in each.

    \b
    Example:
      bled buyer status --json
    """
    from bled.cli.books import describe_book, print_book
    from bled.clock import SystemClock
    from bled.config import load_settings

    with _look_into_vault(load_settings({"data_dir": data})) as vault:
        books = vault.books(now=SystemClock().now())
    if json_:
        print_json({"books": [describe_book(book) for book in books]})
        return
    if not books:
        note("No grant book is on this device. Issue one at home (`bled home issue`) and import it.")
    for book in books:
        print_book(book)


@app.command()
@reports_to("buyer")
def history(data: Data = None, json_: Json = False) -> None:
    """Show every request that this device signed, and what became of it as far as the till said.

    What is not known here home knows: `bled home decisions` there.

    \b
    Example:
      bled buyer history --json
    """
    from bled.cli.books import describe_entry, print_entry
    from bled.config import load_settings

    with _look_into_vault(load_settings({"data_dir": data})) as vault:
        entries = vault.history()
    if json_:
        print_json({"history": [describe_entry(entry) for entry in entries]})
        return
    for entry in entries:
        print_entry(entry)
