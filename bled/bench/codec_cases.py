"""What is measured of the codec, and what of it nobody could leave out: signatures, points and hashes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bled.bench import samples
from bled_codec.fields import MIRRORED_TYPES, select
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.merkle import signed_records
from bled_codec.offer import Offer
from bled_codec.payer_proof import PayerProof
from bled_codec.tlv import TlvRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One measurement; its floor is so many verifications, signings, points and hashes of the bare libraries.

    Each counts once: a point that a message names twice, and the key of a verification, are one of `points`.

    Attributes:
        records: TLV records of the message.
        target: the ratio to the floor that this project holds itself to; None where there is no promise.
    """

    name: str
    run: Callable[[], object]
    records: int
    verifies: int = 0
    signs: int = 0
    points: int = 0
    hashes: int = 0
    target: float | None = None


def cases() -> tuple[Case, ...]:
    """Return every case, ready to run."""
    return (*_offers(), *_requests(), *_invoices(), *_sizes())


def _offers() -> Sequence[Case]:
    plain, path = samples.plain_offer(), samples.path_offer()
    plain_text, path_text = plain.string, path.string
    return (
        Case(
            name="offer",
            run=lambda: Offer.from_string(plain_text),
            records=len(plain.records),
            points=1,
            target=2.5,
        ),
        Case(
            name="offer with a path",
            run=lambda: Offer.from_string(path_text),
            records=len(path.records),
            points=4,
            target=2.5,
        ),
    )


def _requests() -> Sequence[Case]:
    request, offer = samples.request(), samples.plain_offer()
    text, hashes = request.string, tree_hashes(request.records)
    return (
        Case(
            name="request: decode, rules, verify",
            run=lambda: InvoiceRequest.from_string(text),
            records=len(request.records),
            verifies=1,
            points=2,
            hashes=hashes,
            target=1.5,
        ),
        Case(
            name="request: build, sign, encode",
            run=lambda: samples.unsigned_request(offer).sign(samples.PAYER, aux=samples.AUX).string,
            records=len(request.records),
            signs=1,
            hashes=hashes,
            target=1.5,
        ),
    )


def _invoices() -> Sequence[Case]:
    invoice, proof = samples.invoice(), samples.proof()
    text, proof_text = invoice.string, proof.string
    mirrored = select(invoice.records, MIRRORED_TYPES)
    return (
        Case(
            name="invoice: decode, rules, verify",
            run=lambda: Invoice.from_string(text),
            records=len(invoice.records),
            verifies=1,
            points=6,  # issuer and payee are one
            hashes=tree_hashes(invoice.records),
            target=1.5,
        ),
        Case(
            name="invoice and field 239",
            run=lambda: Invoice.from_string(text).request_signature,
            records=len(invoice.records),
            verifies=2,
            points=6,
            hashes=tree_hashes(invoice.records) + shared_tree_hashes(invoice.records),
            target=1.5,
        ),
        Case(
            name="payer proof: decode, rules, verify",
            run=lambda: PayerProof.from_string(proof_text),
            records=len(proof.records),
            verifies=2,
            points=2,
            hashes=tree_hashes(proof.records) + 4 * len(mirrored),
        ),
    )


def _sizes() -> Sequence[Case]:
    return tuple(_size(extra) for extra in (10, 100, 1000))


def _size(extra: int) -> Case:
    request = samples.request(extra=extra)
    data = request.encode()
    return Case(
        name=f"request of {extra} records more",
        run=lambda: InvoiceRequest.decode(data),
        records=len(request.records),
        verifies=1,
        points=2,
        hashes=tree_hashes(request.records),
    )


def tree_hashes(records: Sequence[TlvRecord]) -> int:
    """Return how many hashes a signature needs: leaf, nonce and node of each record, the branches, tags, digest."""
    count = len(signed_records(records))
    return 3 * count + (count - 1) + 3


def shared_tree_hashes(records: Sequence[TlvRecord]) -> int:
    """Return how many hashes field 239 needs beside those of its invoice's own tree, its digest included.

    Both trees have the nodes of the repeated records in common. Without experimental records these are the first of the
    invoice's, and full trees over them are in its tree: one for each 1 in their number as binary digits. To put those
    together is left. With experimental records every branch is counted.
    """
    count = len(select(records, MIRRORED_TYPES))
    trees = count if records[-1].type >= MIRRORED_TYPES[1].start else count.bit_count()
    return (trees - 1) + 1
