"""What a person should know about a message besides its fields; none of it makes the message invalid."""

from collections.abc import Iterator

from bled_codec.chains import BITCOIN_CHAIN, chain_name
from bled_codec.features import unknown_even_bits
from bled_codec.inspection import Inspection
from bled_codec.invoice import DEFAULT_RELATIVE_EXPIRY
from bled_codec.recognised import RECOGNISED
from bled_codec.request_signature import RequestSignature
from bled_codec.units import UnixTime


def remarks_on(inspection: Inspection, *, now: UnixTime) -> tuple[str, ...]:
    """Return sentences about a message, valid or not, as of `now`."""
    return tuple(_remarks(inspection, now))


def _remarks(inspection: Inspection, now: UnixTime) -> Iterator[str]:
    yield from _times(inspection, now)
    yield from _amounts(inspection)
    yield from _chains(inspection)
    yield from _paths(inspection)
    if inspection.request_signature is RequestSignature.INVALID:
        yield "field 239 is not the payer's signature of what this invoice repeats: do not pay it"
    for record in inspection.unknown:
        if record.type in RECOGNISED:
            name, document = RECOGNISED[record.type]
            yield f"{name} ({record.type}) is from {document}: kept, and not checked here"


def _times(inspection: Inspection, now: UnixTime) -> Iterator[str]:
    fields = inspection.fields
    offer_ends = fields.get("offer_absolute_expiry")
    if offer_ends is not None and now >= offer_ends:
        yield "the offer has expired"
    created_at = fields.get("invoice_created_at")
    if created_at is not None:
        if now >= created_at + fields.get("invoice_relative_expiry", DEFAULT_RELATIVE_EXPIRY):
            yield "the invoice has expired"
        if created_at > now:
            yield "the invoice was made in the future"


def _amounts(inspection: Inspection) -> Iterator[str]:
    for name in ("offer_amount", "invreq_amount", "invoice_amount"):
        if inspection.fields.get(name) == 0:
            yield f"{name} is zero"


def _chains(inspection: Inspection) -> Iterator[str]:
    fields = inspection.fields
    chains = [fields["invreq_chain"]] if "invreq_chain" in fields else fields.get("offer_chains", ())
    if chains and BITCOIN_CHAIN not in chains:
        yield f"it is not for bitcoin but for {', '.join(map(chain_name, chains))}"


def _paths(inspection: Inspection) -> Iterator[str]:
    for number, payinfo in enumerate(inspection.fields.get("invoice_blindedpay", ()), start=1):
        if unknown_even_bits(payinfo.features):
            yield f"path {number} requires a feature that nobody knows, so it cannot be used"
    for number, fallback in enumerate(inspection.fields.get("invoice_fallbacks", ()), start=1):
        if not fallback.is_usable:
            yield f"fallback address {number} cannot be paid to"
