"""Recipe of proofs.json: what a device makes of the last STATUS, and of the invoice in it. See `make.py`.

A proof is judged by the request that the device signed: the offer and request of each case are in the file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bled.buyer.outcome import _till_says
from bled.codes import Code
from bled.errors import PeerError
from bled.gatt.messages import decode_message
from bled.gatt.vocabulary import OfferMessage, StatusCode, StatusMessage
from bled.vault.receipt import check_receipt
from bled.vault.signing import sign_request
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import invoice_root_digest
from bled_codec.invoice_request import InvoiceRequest, request_digest
from bled_codec.merkle import merkle_root
from bled_codec.offer import Offer
from bled_codec.tlv import TlvRecord, join_records, make_record, split_stream

from . import forged, machines, scene
from .make_gatt import fixed, text
from .rigs import make_book
from .scene import AMOUNT, CHAIN, NOW, OFFER, PREIMAGE, bytes_of

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent
STRANGER = SecretKey(fixed("stranger"))
WAYS = (scene.path("to the shop"), scene.path("round the corner"))
ENDS = tuple(SecretKey(fixed(f"end {number}")) for number in range(2))


def with_ends() -> Offer:
    """Return an offer without an issuer: whoever stands at the end of one of its paths may sign."""
    parts = []
    for path, key in zip(WAYS, ENDS, strict=True):
        encoded = path.encode()
        last = path.hops[-1]
        parts.append(encoded.replace(last.blinded_node_id, key.public_key))
    return Offer.decode(join_records(forged.changed(OFFER.records, {16: b"".join(parts), 22: None})))


GRANT = make_book()[0].grants[0]
"""What the device signs with."""


def signed(answered: Offer) -> InvoiceRequest:
    """Return the device's request for an offer."""
    return sign_request(GRANT, answered, amount=AMOUNT, chain=CHAIN, aux=forged.AUX, now=NOW)


AT_WAYS = with_ends()
REQUEST, REQUEST_AT_WAYS = signed(OFFER), signed(AT_WAYS)
PURCHASES = {"an issuer": (OFFER, REQUEST), "paths and no issuer": (AT_WAYS, REQUEST_AT_WAYS)}


def answer(request: InvoiceRequest) -> tuple[TlvRecord, ...]:
    """Return the shop's records for a request, to be changed and signed."""
    own = [record for record in scene.INVOICE.records if 160 <= record.type < 239]
    said = [record for record in request.records if record.type != 240]
    repeated = [record for record in said if record.type < 160]
    later = [record for record in said if record.type > 1000]
    return (*repeated, *own, make_record(239, request.signature or b""), *later)


def flipped(value: bytes) -> bytes:
    """Return a value with its last bit changed."""
    return value[:-1] + bytes([value[-1] ^ 1])


ANSWER = answer(REQUEST)


def value_of(kind: int) -> bytes:
    """Return what the right invoice has in a field."""
    return next(record.value for record in ANSWER if record.type == kind)


def make_invoice(changes: forged.Changes, **more: Any) -> bytes:
    """Return the shop's invoice for the device's request, changed before it was signed."""
    return forged.invoice(changes, **{"answered": ANSWER} | more)


def payer() -> SecretKey:
    """Return the key of the device's request."""
    if GRANT.secret is None:
        raise ValueError("a book with keys")
    return GRANT.secret


def invoices() -> Iterator[tuple[str, bytes]]:
    """Yield invoices that answer the request of an offer with an issuer, or do not quite."""
    make = make_invoice
    good = make({})
    yield "as it should be", good
    yield "expired long ago", make({164: (NOW - 10**7).to_bytes(4, "big")})
    yield "an unknown odd field", make({241 - 64: b"odd"})
    yield "multi-part payment, optional", make({174: b"\x02\x00\x00"})
    yield "an odd feature that nobody knows", make({174: b"\x02"})
    yield "multi-part payment, compulsory", make({174: b"\x01\x00\x00"})
    yield "no field 239", make({239: None})
    yield "another field 239", make({239: flipped(value_of(239))})
    yield "63 octets of field 239", make({239: value_of(239)[:-1]})
    again = payer().sign(request_digest(REQUEST.records), aux=b"\x01" * 32)
    yield "field 239 is another signature of the same request by the same key", make({239: again})
    other = signed(scene.offer(text="Flat white, large"))
    yield "field 239 is the signature of another request", make({239: other.signature})
    yield "another description", make({10: b"Flat whitE"})
    yield (
        "another amount of the offer, and so of the invoice",
        make({8: b"\x3a\x99", 82: b"\x3a\x99", 170: b"\x3a\x99"}),
    )
    yield "another expiry of the offer", make({14: flipped(value_of(14))})
    yield "another payer id", make({88: STRANGER.public_key})
    yield "other metadata", make({0: flipped(value_of(0))})
    yield "another chain", make({80: bytes(32), 2: bytes(32)})
    yield "a field of the offer left out", make({18: None})
    yield "the paths of the request left out", make({90: None})
    yield "a field of the request added", make({89: b"a note"})
    yield "a field from the far range added", make({2_000_000_001: b"odd"})
    yield "for another request, in every field", join_records(_answer_to(other))
    yield from badly_signed(good)
    yield from badly_made(good)


def badly_signed(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield invoices that are not signed as they should be, or not by whom."""
    make = make_invoice
    yield "a wrong signature", _with(good, 240, flipped)
    yield "no signature", _without(good, 240)
    yield "63 octets of signature", _with(good, 240, lambda value: value[:-1])
    yield "signed by another key", make({}, key=STRANGER)
    records = forged.changed(ANSWER, {})
    as_request = make_record(240, scene.SHOP.sign(request_digest(records), aux=forged.AUX))
    yield "signed as if it were a request", join_records([*records, as_request])
    root = invoice_root_digest(merkle_root(records[:-1]))
    short = make_record(240, scene.SHOP.sign(root, aux=forged.AUX))
    yield "signed without its last field", join_records([*records, short])
    yield "another node, and its signature", make({176: STRANGER.public_key}, key=STRANGER)
    yield "another node, and the issuer's signature", make({176: STRANGER.public_key})
    yield "no node", make({176: None})


def badly_made(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield invoices that BOLT 12 has their readers refuse."""
    make = make_invoice
    yield "one msat more", make({170: b"\x3a\x99"})
    yield "one msat less", make({170: b"\x3a\x97"})
    yield "no amount", make({170: None})
    yield "no time", make({164: None})
    yield "no payment hash", make({168: None})
    yield "no paths", make({160: None, 162: None})
    yield "empty lists of paths", make({160: b"", 162: b""})
    yield "a payment hash of 31 octets", make({168: value_of(168)[:-1]})
    yield "the feature after multi-part payment", make({174: b"\x04\x00\x00"})
    yield "two paths and one payinfo", make({160: value_of(160) * 2})
    yield "an unknown even field", make({178: b""})
    yield "a feature that nobody knows", make({174: b"\x01"})
    yield "fields out of order", good[len(make_record(0, value_of(0)).raw) :] + make_record(0, value_of(0)).raw
    yield "cut short", good[:-1]
    yield "no octets", b""
    yield "nonsense", fixed("nonsense") * 3


def _answer_to(request: InvoiceRequest) -> list[TlvRecord]:
    records = forged.changed(answer(request), {})
    return [*records, make_record(240, scene.SHOP.sign(invoice_root_digest(merkle_root(records)), aux=forged.AUX))]


def _with(stream: bytes, kind: int, change: Any) -> bytes:
    return join_records(
        make_record(record.type, change(record.value)) if record.type == kind else record
        for record in split_stream(stream)
    )


def _without(stream: bytes, kind: int) -> bytes:
    return join_records(record for record in split_stream(stream) if record.type != kind)


def paid(**said: Any) -> StatusMessage:
    """Return STATUS 2 with what the till says besides."""
    return StatusMessage(code=StatusCode.PAID, text="Thank you", **said)


def statuses() -> Iterator[tuple[str, str, StatusMessage]]:
    """Yield a purchase, a name, and the last STATUS."""
    good, hash_ = make_invoice({}), sha256(PREIMAGE)
    for name, stream in invoices():
        yield "an issuer", f"invoice: {name}", paid(invoice=stream, preimage=PREIMAGE, payment_hash=hash_)
    said: dict[str, StatusMessage] = {
        "preimage of another payment": paid(invoice=good, preimage=fixed("another"), payment_hash=hash_),
        "hash of another payment, and its preimage": paid(
            invoice=good, preimage=fixed("another"), payment_hash=sha256(fixed("another"))
        ),
        "the right preimage, and another hash beside it": paid(
            invoice=good, preimage=PREIMAGE, payment_hash=sha256(fixed("another"))
        ),
        "the preimage of zeros": paid(invoice=good, preimage=bytes(32), payment_hash=hash_),
        "no preimage": paid(invoice=good, payment_hash=hash_),
        "no hash, no text": StatusMessage(code=StatusCode.PAID, invoice=good, preimage=PREIMAGE),
        "no invoice": paid(preimage=PREIMAGE, payment_hash=hash_),
        "no invoice, no preimage": paid(),
        "nothing": StatusMessage(code=StatusCode.PAID),
        "failed": StatusMessage(code=StatusCode.FAILED, payment_hash=hash_, text="no route"),
        "expired": StatusMessage(code=StatusCode.EXPIRED),
        "cancelled": StatusMessage(code=StatusCode.CANCELLED),
        "failed, with a proof that it was paid": StatusMessage(
            code=StatusCode.FAILED, invoice=good, preimage=PREIMAGE, payment_hash=hash_
        ),
    }
    for name, status in said.items():
        yield "an issuer", name, status
    for name, node, key in (
        ("the end of the first path", ENDS[0], ENDS[0]),
        ("the end of the second path", ENDS[1], ENDS[1]),
        ("the end of one path, signed by that of the other", ENDS[0], ENDS[1]),
        ("somebody else", STRANGER, STRANGER),
    ):
        stream = forged.invoice({176: node.public_key}, answered=answer(REQUEST_AT_WAYS), key=key)
        yield "paths and no issuer", f"node: {name}", paid(invoice=stream, preimage=PREIMAGE, payment_hash=hash_)
    first = AT_WAYS.offer_paths[0].hops[0].blinded_node_id if AT_WAYS.offer_paths else b""
    stream = forged.invoice({176: first}, answered=answer(REQUEST_AT_WAYS), key=ENDS[0])
    yield "paths and no issuer", "node: the first key of a path", paid(invoice=stream, preimage=PREIMAGE)


def unwritten() -> Iterator[tuple[str, str, StatusMessage]]:
    """Yield last STATUS that come to a device whose disk takes nothing any more."""
    hash_ = sha256(PREIMAGE)
    said = {
        "a proof": paid(invoice=make_invoice({}), preimage=PREIMAGE, payment_hash=hash_),
        "a wrong proof": paid(invoice=make_invoice({}), preimage=bytes(32), payment_hash=hash_),
        "no invoice": paid(preimage=PREIMAGE, payment_hash=hash_),
        "failed": StatusMessage(code=StatusCode.FAILED, payment_hash=hash_, text="no route"),
        "expired": StatusMessage(code=StatusCode.EXPIRED),
        "cancelled": StatusMessage(code=StatusCode.CANCELLED),
    }
    for name, status in said.items():
        yield "an issuer", f"no disk: {name}", status


def proof_case(purchase: str, name: str, status: StatusMessage, *, is_written: bool = True) -> dict[str, Any]:
    """Return what a device does at a last STATUS, and what the person is told."""
    sold, request = PURCHASES[purchase]
    device = machines.Device(clock=NOW)
    device.hear(bytes_of(OfferMessage(valid_for=300, offer=sold.encode())), 0.0)
    device.approve(request.encode(), 0.0)
    device.said.clear()
    device.disk_takes = is_written
    device.hear(bytes_of(status), 1.0)
    answers = [machines.word(said) for said in device.said]
    code = verdict(status, request) if is_written else Code.OUTCOME_UNKNOWN
    told = {"answers": answers, "closes": device.closed, "next": device.state, "told": code.value}
    case = {"purchase": purchase, "name": name, "hears": bytes_of(status).hex()}
    return case | ({} if is_written else {"is_written": False}) | told


def verdict(status: StatusMessage, request: InvoiceRequest) -> Code:
    """Return the outcome that the person is told."""
    heard = decode_message(bytes_of(status))
    code = _till_says(status)
    if code is Code.PAID and isinstance(heard, StatusMessage) and heard.invoice is not None:
        try:
            check_receipt(request=request.encode(), invoice=heard.invoice, preimage=heard.preimage)
        except PeerError as error:
            return error.code
    return code


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    return {
        "proofs.json": {
            "about": "What a device makes of the last STATUS, and of the invoice in it.",
            "chain": scene.CHAIN.hex(),
            "clock": int(NOW),
            "purchases": {
                name: {"offer": sold.encode().hex(), "request": request.encode().hex()}
                for name, (sold, request) in PURCHASES.items()
            },
            "statuses": [
                *(proof_case(*each) for each in statuses()),
                *(proof_case(*each, is_written=False) for each in unwritten()),
            ],
        },
    }
