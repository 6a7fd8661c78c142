"""Requests and invoices of BOLT 12, and what "paid" is worth (8.5), from the texts: it imports nothing of bled."""

import hashlib
from typing import Any

from .second_bolt12 import OFFER_FIELDS, Broken, features, hops_of_paths, number, points_of_paths, raw_records, records
from .second_signature import signed_by
from .second_wire import Bytes, Refusal

REQUEST_FIELDS = (0, *OFFER_FIELDS, 80, 82, 84, 86, 88, 90)
INVOICE_FIELDS = (*REQUEST_FIELDS, 160, 162, 164, 166, 168, 170, 172, 174, 176)
MPP = {16, 17}


def is_mirrored(kind: int) -> bool:
    """Whether a type belongs to the request, and so is repeated by an invoice."""
    return kind <= 159 or 1_000_000_000 <= kind <= 2_999_999_999


def is_signature(kind: int) -> bool:
    """Whether a type is in no signature's tree."""
    return 240 <= kind <= 1000


def read_request(stream: bytes) -> dict[int, bytes]:
    """A request's fields, if it obeys what BOLT 12 asks of it alone."""
    found = records(stream)
    for kind in found:
        if not is_mirrored(kind) and not is_signature(kind):
            raise Broken("range")
        if kind % 2 == 0 and kind not in (*REQUEST_FIELDS, 240):
            raise Broken("field")
    check_request(found)
    key, signature = found[88], found.get(240, b"")
    if not signed_by("invoice_request", raw_records(stream), signature, key):
        raise Broken("signature")
    return found


def check_request(found: dict[int, bytes]) -> None:
    """The rules for the fields of a request, which an invoice repeats; here it answers an offer with an amount."""
    if 0 not in found or len(found.get(88, b"")) != 33:
        raise Broken("field missing")
    if any(bit % 2 == 0 for bit in features(found.get(84, b""))):
        raise Broken("feature")
    if (86 in found) is not (20 in found):
        raise Broken("quantity")
    if 82 in found and number(found[82]) < number(found.get(8, b"")):
        raise Broken("too little")
    if 82 not in found and 8 not in found:
        raise Broken("no amount")
    hops_of_paths(found.get(90, b""))


def read_invoice(stream: bytes) -> dict[int, bytes]:
    """An invoice's fields, if it obeys what BOLT 12 asks of it, but for its expiry."""
    found = records(stream)
    if any(kind % 2 == 0 and kind not in (*INVOICE_FIELDS, 240) for kind in found):
        raise Broken("field")
    check_request(found)
    if {160, 162, 164, 168, 170, 176} - set(found) or len(found[168]) != 32:
        raise Broken("field missing")
    if any(bit % 2 == 0 and bit not in MPP for bit in features(found.get(174, b""))):
        raise Broken("feature")
    paths = hops_of_paths(found[160])
    if not paths or len(paths) != len(payinfos(found[162])):
        raise Broken("paths")
    amount, node = number(found[170]), found[176]
    if 82 in found and amount != number(found[82]):
        raise Broken("amount")
    issuers = [found[22]] if 22 in found else [points[-1] for points in points_of_paths(found[16])]
    if node not in issuers or not signed_by("invoice", raw_records(stream), found.get(240, b""), node):
        raise Broken("signature")
    return found


def payinfos(data: bytes) -> list[bytes]:
    """The payinfos of an invoice."""
    left, found = Bytes(data), []
    try:
        while left.left:
            fixed = left.take(26)
            found.append(fixed + left.take(left.number(2)))
    except Refusal:
        raise Broken("payinfo") from None
    return found


def told_of(status: dict[str, Any], request: bytes, *, is_written: bool = True) -> str:
    """What the person is told of a last status: "paid", its opposite, or whose word it is; by its outcome's name."""
    if not is_written:
        return "outcome-unknown"
    if status["code"] != 2:
        return "not-confirmed"
    if "invoice" not in status:
        return "paid-unproven"
    signed = records(request)
    try:
        invoice = read_invoice(bytes.fromhex(status["invoice"]))
    except Broken:
        return "proof-mismatch"
    mirrored = {kind: value for kind, value in invoice.items() if is_mirrored(kind)}
    asked = {kind: value for kind, value in signed.items() if is_mirrored(kind)}
    opens = hashlib.sha256(bytes.fromhex(status.get("preimage", ""))).digest() == invoice[168]
    return "paid" if mirrored == asked and invoice.get(239) == signed[240] and opens else "proof-mismatch"
