"""Field 239 of an invoice: the signature (240) of the request that it answers, checked without that request.

The invoice repeats every signed record of the request byte for byte, so the request's merkle root can be rebuilt from
the invoice alone. The verdict is never part of the invoice's own validity.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from bled_codec.crypto import verify_schnorr
from bled_codec.fields import MIRRORED_TYPES, Field, select
from bled_codec.merkle import merkle_root, signature_digest
from bled_codec.tlv import TlvRecord
from bled_codec.units import Point

_SIGNATURE_BYTES: Final = 64


class RequestSignature(StrEnum):
    """Verdict on field 239."""

    VALID = "valid"
    INVALID = "invalid"
    ABSENT = "absent"


def judge_request_signature(records: Sequence[TlvRecord]) -> RequestSignature:
    """Return the verdict for the records of an invoice. Fields 0 and 88 must be among them, else it is invalid."""
    values = {record.type: record.value for record in records}
    signature = values.get(Field.INVOICE_REQUEST_SIGNATURE)
    if signature is None:
        return RequestSignature.ABSENT
    payer_id = values.get(Field.INVREQ_PAYER_ID)
    if payer_id is None or Field.INVREQ_METADATA not in values or len(signature) != _SIGNATURE_BYTES:
        return RequestSignature.INVALID
    digest = signature_digest("invoice_request", "signature", merkle_root(select(records, MIRRORED_TYPES)))
    valid = verify_schnorr(signature, digest, key=Point(payer_id))
    return RequestSignature.VALID if valid else RequestSignature.INVALID
