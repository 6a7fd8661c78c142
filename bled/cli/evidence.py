"""What a BOLT 12 string proves, check by check: the work of `bled verify`."""

from collections.abc import Iterator
from dataclasses import dataclass

from bled_codec.crypto import sha256
from bled_codec.fields import MIRRORED_TYPES, OFFER_MIRRORED_TYPES, select
from bled_codec.inspection import Inspection, Message
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.payer_proof import PayerProof
from bled_codec.request_signature import RequestSignature
from bled_codec.rules import explain


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked. `holds` is None when there was nothing to check, which is no failure."""

    name: str
    holds: bool | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the string is compared with; None: not given.

    Attributes:
        offer: the offer that the string should belong to.
        request: the request that an invoice should answer.
        preimage: what payment of an invoice revealed, 32 bytes.
    """

    offer: Offer | None = None
    request: InvoiceRequest | None = None
    preimage: bytes | None = None


def examine(inspection: Inspection, beside: Beside) -> tuple[Check, ...]:
    """Return every check of a string, the failed ones too. Neither clock nor chain is looked at."""
    if inspection.message is None:
        reason = "" if inspection.error is None else f"{explain(inspection.error.rule)} ({inspection.error})"
        return (Check(name="form", holds=False, detail=reason),)
    return tuple(_checks(inspection.message, beside))


def _checks(message: Message, beside: Beside) -> Iterator[Check]:
    yield Check(name="form", holds=True, detail="every rule that needs no clock and no chain is kept")
    match message:
        case InvoiceRequest():
            yield _request_check(message)
        case Invoice():
            yield Check(name="signature", holds=True, detail=f"by {message.invoice_node_id.hex()}")
            yield _field_239(message)
        case PayerProof():
            yield Check(name="signature", holds=True, detail=f"by {message.invoice_node_id.hex()}")
            yield Check(name="payer", holds=True, detail=f"signed by {message.invreq_payer_id.hex()}, who asked for it")
            yield Check(name="preimage", holds=True, detail="the invoice was paid")
        case Offer():
            pass
    yield from _comparisons(message, beside)


def _request_check(request: InvoiceRequest) -> Check:
    if request.signature is None:
        return Check(name="signature", holds=None, detail="absent, as in requests without an offer")
    return Check(name="signature", holds=True, detail=f"by {request.invreq_payer_id.hex()}")


def _field_239(invoice: Invoice) -> Check:
    match invoice.request_signature:
        case RequestSignature.VALID:
            return Check(name="field 239", holds=True, detail="the payer signed exactly what this invoice repeats")
        case RequestSignature.INVALID:
            return Check(name="field 239", holds=False, detail="not the payer's signature of what this invoice repeats")
        case RequestSignature.ABSENT:
            return Check(name="field 239", holds=None, detail="absent: nothing shows that the payer asked for this")


def _comparisons(message: Message, beside: Beside) -> Iterator[Check]:
    if beside.offer is not None:
        yield _offer_check(message, beside.offer)
    if beside.request is not None:
        yield _answer_check(message, beside.request)
    if beside.preimage is not None:
        yield _preimage_check(message, beside.preimage)


def _offer_check(message: Message, offer: Offer) -> Check:
    shown = select(message.records, OFFER_MIRRORED_TYPES)
    same = shown == offer.records
    if isinstance(message, PayerProof):  # shows a part of the offer, or nothing of it; its payee must still fit
        same = set(shown) <= set(offer.records) and message.invoice_node_id in _payees(offer)
    return Check(name="offer", holds=same, detail="belongs to this offer" if same else "belongs to another offer")


def _payees(offer: Offer) -> set[bytes]:
    if offer.offer_issuer_id is not None:
        return {offer.offer_issuer_id}
    return {path.hops[-1].blinded_node_id for path in offer.offer_paths or ()}


def _answer_check(message: Message, request: InvoiceRequest) -> Check:
    shown = select(message.records, MIRRORED_TYPES)
    asked = select(request.records, MIRRORED_TYPES)
    same = set(shown) <= set(asked) if isinstance(message, PayerProof) else shown == asked
    if not isinstance(message, Invoice | PayerProof):
        return Check(name="request", holds=False, detail="only an invoice or a proof answers a request")
    return Check(name="request", holds=same, detail="answers this request" if same else "answers another request")


def _preimage_check(message: Message, preimage: bytes) -> Check:
    if not isinstance(message, Invoice | PayerProof):
        return Check(name="preimage", holds=False, detail="only an invoice or a proof can be paid")
    paid = sha256(preimage) == message.invoice_payment_hash
    return Check(name="preimage", holds=paid, detail="the invoice was paid" if paid else "of another payment")
