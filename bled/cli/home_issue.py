"""`bled home issue`: a new grant book for a device."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Json, Rpc
from bled.cli.output import note, print_json, say
from bled.errors import BledError

File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="File to write the book to; it must not exist. Default: DEVICE.book."),
]


@reports_to("buyer")
def issue(
    budget: Annotated[str, typer.Option(metavar="AMOUNT", help="What the book may spend in all, fees included.")],
    out: File = None,
    device: Annotated[str | None, typer.Option(help="Name of the device that will hold the book.")] = None,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Public keys from `bled buyer keys`: the book then holds no secret at all."),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, max=10_000, help="How many payments. [default: 50]")] = None,
    valid_for: Annotated[str, typer.Option(metavar="DURATION", help="How long: 30d, 12h, 2w.")] = "30d",
    per_payment: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Most for one payment. Default: the budget.")
    ] = None,
    per_day: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Most for one UTC day. Default: the budget.")
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="COUNT:AMOUNT:DURATION",
            help="So many more payments, with a limit and a time of their own. May be given again.",
        ),
    ] = None,
    via: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE_ID", help="Where a reply path begins, instead of where home chooses. Up to three."),
    ] = None,
    allow_one_path: Annotated[
        bool, typer.Option("--allow-one-path", help="Issue although only one peer can begin a reply path.")
    ] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test/--no-self-test", help="Send a message over each path before it is used.")
    ] = True,
    max_fee_base: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Most for the fees of one payment... [default: 5sat]")
    ] = None,
    max_fee_ppm: Annotated[
        int | None, typer.Option(min=0, max=1_000_000, help="...and millionths of its amount. [default: 10000]")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Wrap the book under the first line of this file, not under a generated one.")
    ] = None,
    qr: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|terminal", help="Show the book as QR codes too, for a device with a camera."),
    ] = None,
    home_label: Annotated[str | None, typer.Option(metavar="NAME", help="What the device calls this home.")] = None,
    rpc: Rpc = None,
    json_: Json = False,
) -> None:
    """Issue a grant book for a device and write it, wrapped under a passphrase, to a file.

    The passphrase is shown once. Carry the file to the device and import it there. The book's invoices come home over
    two peers that announce onion messages; a message is sent over each first.

    \b
    Examples:
      bled home issue --device watch --count 5 --budget 20000sat --qr codes
      bled home issue --device phone --count 200 --valid-for 30d --budget 500000sat --per-payment 50000sat
      bled home issue --device phone --budget 3000000sat --per-payment 50000sat --class 5:2000000sat:7d
      bled home issue watch.book --device watch --budget 20000sat --via 02aaaa... --allow-one-path
      bled home issue --keys phone.keys --budget 500000sat --per-payment 50000sat
    """
    from bled.cli.books import first_line
    from bled.cli.homing import call_home, write_book
    from bled.cli.issuing import order_of
    from bled.cli.qr_book_showing import check_place

    if qr is not None:
        check_place(qr)
    order = order_of(
        device=device,
        keys=keys,
        budget=budget,
        count=count,
        valid_for=valid_for,
        per_payment=per_payment,
        per_day=per_day,
        classes=classes or [],
        max_fee_base=max_fee_base,
    )
    order |= {"introductions": via, "allow_one_path": allow_one_path, "self_test": self_test}
    order |= {"max_fee_ppm": max_fee_ppm, "home_label": home_label}
    if passphrase_file is not None:
        order["passphrase"] = first_line(passphrase_file)
    file = out or Path(_file_name(device or keys))
    issued = write_book(file, lambda: call_home(rpc, "bled-issue", order))
    pictures = () if qr is None else _show_codes(issued, file, qr)
    if json_:
        codes = {} if qr is None else {"codes": [str(picture) for picture in pictures]}
        print_json({**issued, "outcome": "issued", "file": str(file), **codes})
        return
    _print_issued(issued, file)


def _file_name(of: str | Path | None) -> str:
    name = of.stem if isinstance(of, Path) else of or "bled"
    safe = "".join(character if character.isalnum() or character in "-_" else "_" for character in name)
    return f"{safe}.book"


def _show_codes(issued: dict[str, Any], file: Path, place: str) -> tuple[Path, ...]:
    """Show the codes of a book that is issued and in its file already; one too large for them stays there."""
    from bled.cli.qr_book_showing import show_book

    try:
        pictures = show_book(file.read_bytes(), place)
    except BledError as error:
        note(f"bled: no QR codes: {error.detail}. Book {issued['book_id']} is in {file}.")
        return ()
    if pictures:
        note(f"{len(pictures)} QR codes in {place}. On the device: bled buyer import --qr {place}/*.png")
    return pictures


def _print_issued(issued: dict[str, Any], file: Path) -> None:
    from bled.cli.homing import print_paths

    say(f"{file}: book {issued['book_id']} for {issued['device']}, {issued['ids']} payments")
    print_paths(issued["paths"])
    if issued["passphrase"] is None:
        note("It holds no secret and needs no passphrase. On the device: bled buyer import " + file.name)
        return
    say(f"Passphrase: {issued['passphrase']}")
    note("It is shown only now. On the device: bled buyer import " + file.name)
