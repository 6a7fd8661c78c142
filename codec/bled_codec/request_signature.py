"""Field 239 of an invoice: the signature (240) of the request that it answers, checked without that request.

The invoice repeats every signed record of the request byte for byte, so the request's merkle root can be rebuilt from
the invoice alone. The verdict is never part of the invoice's own validity.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from bled_codec.crypto import verify_schnorr
from bled_codec.fields import MIRRORED_TYPES, Field, select
from bled_codec.merkle import merkle_root, root_of_nodes, signature_digest, signed_records
from bled_codec.tlv import TlvRecord
from bled_codec.units import Point

_SIGNATURE_BYTES: Final = 64


class RequestSignature(StrEnum):
    """Verdict on field 239."""

    VALID = "valid"
    INVALID = "invalid"
    ABSENT = "absent"


def judge_request_signature(records: Sequence[TlvRecord], *, nodes: Sequence[bytes] | None = None) -> RequestSignature:
    """Return the verdict for the records of an invoice. Fields 0 and 88 must be among them, else it is invalid.

    `nodes` are the lowest nodes of the invoice's own tree, where they are known: they save three of four hashes.
    """
    values = {record.type: record.value for record in records}
    signature = values.get(Field.INVOICE_REQUEST_SIGNATURE)
    if signature is None:
        return RequestSignature.ABSENT
    payer_id = values.get(Field.INVREQ_PAYER_ID)
    if payer_id is None or Field.INVREQ_METADATA not in values or len(signature) != _SIGNATURE_BYTES:
        return RequestSignature.INVALID
    digest = signature_digest("invoice_request", "signature", _request_root(records, nodes))
    valid = verify_schnorr(signature, digest, key=Point(payer_id))
    return RequestSignature.VALID if valid else RequestSignature.INVALID


def _request_root(records: Sequence[TlvRecord], nodes: Sequence[bytes] | None) -> bytes:
    """Return the merkle root of the repeated request.

    A node depends on its record and on the first record alone. Both trees begin with field 0, so a repeated record has
    one node in both, and only the branches above differ.
    """
    if nodes is None:
        return merkle_root(select(records, MIRRORED_TYPES))
    low, high = MIRRORED_TYPES
    pairs = zip(signed_records(records), nodes, strict=True)
    return root_of_nodes([node for record, node in pairs if record.type in low or record.type in high])
