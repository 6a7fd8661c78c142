"""Requests and invoices that say what they like, and are signed all the same."""

from collections.abc import Mapping

from bled_codec.crypto import SecretKey
from bled_codec.invoice import invoice_digest
from bled_codec.invoice_request import request_digest
from bled_codec.offer import Offer
from bled_codec.tlv import TlvRecord, join_records, make_record

from . import scene

Changes = Mapping[int, bytes | None]
"""New values by their types; None leaves a field out."""
AUX = bytes(32)


def ways(*hops: int) -> bytes:
    """Return the value of a field of blinded paths with so many hops each."""
    return b"".join(scene.path(f"home {number}", hops=count).encode() for number, count in enumerate(hops))


NO_HOPS = ways(1)[:66] + b"\x00"
"""A path that begins and does not go on."""


def changed(records: tuple[TlvRecord, ...], changes: Changes) -> list[TlvRecord]:
    """Return records with other values, in the order of their types, without signature."""
    values = {record.type: record.value for record in records if record.type != 240} | changes
    return [make_record(kind, value) for kind, value in sorted(values.items()) if value is not None]


def offer(changes: Changes) -> bytes:
    """Return the shop's offer, changed. Nobody signs offers."""
    return join_records(changed(scene.OFFER.records, changes))


def request(answered: Offer, changes: Changes, *, key: SecretKey = scene.PAYER) -> bytes:
    """Return the payer's request for an offer, changed before it was signed."""
    records = changed(scene.request(answered).records, changes)
    signature = make_record(240, key.sign(request_digest(records), aux=AUX))
    return join_records([*(r for r in records if r.type < 240), signature, *(r for r in records if r.type > 240)])


def invoice(
    changes: Changes, *, answered: tuple[TlvRecord, ...] = scene.INVOICE.records, key: SecretKey = scene.SHOP
) -> bytes:
    """Return the shop's invoice, changed before it was signed."""
    records = changed(answered, changes)
    signature = make_record(240, key.sign(invoice_digest(records), aux=AUX))
    return join_records([*(r for r in records if r.type < 240), signature, *(r for r in records if r.type > 240)])
