"""`bled verify`: what an offer, a request, an invoice, a receipt or a payer proof proves."""

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bled.cli.exit import reports_to
from bled.cli.options import Json
from bled.cli.output import print_json, say
from bled.codes import EXIT_DATA, Code
from bled.errors import BledError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bled.cli.evidence import Check
    from bled_codec.inspection import Inspection

_HASH_BYTES = 32
_MARKS = {True: "ok  ", False: "FAIL", None: "-   "}

_Message = TypeVar("_Message")

String = Annotated[str, typer.Argument(metavar="STRING", help="An lno, lnr, lni or lnp string.")]
OfferOption = Annotated[str | None, typer.Option("--offer", metavar="LNO", help="The offer it should belong to.")]
RequestOption = Annotated[str | None, typer.Option("--request", metavar="LNR", help="The request it should answer.")]
PreimageOption = Annotated[
    str | None,
    typer.Option("--preimage", metavar="HEX", help="What payment revealed; with an invoice, a receipt."),
]


@reports_to("buyer")
def verify(
    string: String,
    offer: OfferOption = None,
    request: RequestOption = None,
    preimage: PreimageOption = None,
    json_: Json = False,
) -> None:
    """Check what a BOLT 12 string proves, each thing by itself.

    A payer proof (lnp) needs nothing beside it, and is put into words. An invoice (lni) with its preimage is a receipt.
    Neither the clock nor the chain is looked at: receipts are checked long after. Exits with 65 when anything fails.
    """
    from bled.cli.evidence import Beside, examine
    from bled_codec.inspection import inspect_string
    from bled_codec.invoice_request import InvoiceRequest
    from bled_codec.offer import Offer

    beside = Beside(
        offer=None if offer is None else _parse(Offer.from_string, offer, option="--offer"),
        request=None if request is None else _parse(InvoiceRequest.from_string, request, option="--request"),
        preimage=None if preimage is None else _preimage(preimage),
    )
    inspection = inspect_string(string.strip())
    checks = examine(inspection, beside)
    _show(inspection, checks, as_json=json_)
    if any(check.holds is False for check in checks):
        raise typer.Exit(EXIT_DATA)


def _parse(parse: "Callable[[str], _Message]", text: str, *, option: str) -> _Message:
    from bled_codec.errors import CodecError

    try:
        return parse(text.strip())
    except CodecError as error:
        raise BledError(Code.USAGE, detail=f"{option} is not valid: {error}") from error


def _preimage(text: str) -> bytes:
    try:
        preimage = bytes.fromhex(text)
    except ValueError:
        preimage = b""
    if len(preimage) != _HASH_BYTES:
        raise BledError(Code.USAGE, detail="--preimage takes 64 hexadecimal digits")
    return preimage


def _show(inspection: "Inspection", checks: "Sequence[Check]", *, as_json: bool) -> None:
    from bled.cli.meaning import meaning_of
    from bled_codec.payer_proof import PayerProof

    verified = all(check.holds is not False for check in checks)
    kind = None if inspection.kind is None else inspection.kind.value
    means = meaning_of(inspection.message) if isinstance(inspection.message, PayerProof) and verified else ()
    if as_json:
        rows = [{"name": check.name, "holds": check.holds, "detail": check.detail} for check in checks]
        print_json({"verified": verified, "kind": kind, "checks": rows, "means": " ".join(means) or None})
        return
    say(f"{kind or 'BOLT 12 string'}: {'verified' if verified else 'NOT VERIFIED'}")
    for check in checks:
        say(f"  {_MARKS[check.holds]}  {check.name:<10}  {check.detail}")
    for sentence in means:
        say(sentence)
