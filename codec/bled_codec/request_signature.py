"""Field 239 of an invoice: the signature (240) of the request that it answers, checked without that request.

The invoice repeats every signed record of the request byte for byte, so the request's merkle root can be rebuilt from
the invoice alone. The verdict is never part of the invoice's own validity.
"""

from bisect import bisect_left
from collections.abc import Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Final

from bled_codec.crypto import Points
from bled_codec.fields import MIRRORED_TYPES, Field, select
from bled_codec.merkle import TreeLevels, merkle_root, root_of_first, root_of_nodes, signature_digest, signed_records
from bled_codec.tlv import TlvRecord
from bled_codec.units import Point

_TYPE: Final = attrgetter("type")


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
    if payer_id is None or Field.INVREQ_METADATA not in values:
        return RequestSignature.INVALID
    root = merkle_root(select(records, MIRRORED_TYPES))
    return verdict_on(signature, root, payer_id=Point(payer_id), points=Points())


def verdict_on(signature: bytes, root: bytes, *, payer_id: Point, points: Points) -> RequestSignature:
    """Return the verdict on a signature of any length for the request with this merkle root."""
    digest = signature_digest("invoice_request", "signature", root)
    valid = points.verify_schnorr(signature, digest, key=payer_id)
    return RequestSignature.VALID if valid else RequestSignature.INVALID


def request_root(records: Sequence[TlvRecord], tree: TreeLevels) -> bytes:
    """Return the merkle root of the request that an invoice with these records and this tree repeats, field 0 first.

    A node depends on its record and on the first record alone. Both trees begin with field 0, so a repeated record has
    one node in both. Where the request has no experimental records its tree is a part of the invoice's.
    """
    low, high = MIRRORED_TYPES
    if records[-1].type < high.start:
        return root_of_first(tree, bisect_left(records, low.stop, key=_TYPE))
    pairs = zip(signed_records(records), tree[0], strict=True)
    return root_of_nodes([node for record, node in pairs if record.type in low or record.type in high])
