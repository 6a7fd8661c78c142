"""The refund offer in a buyer's signed request: an offer of its home to which a till may give money back. Pure.

It is put together out of what the till sees in the request anyway: the payer id, by which home knows what was paid, and
the reply paths, over which its invoice_request comes. Only the key that will sign the invoices is new; so a grant
carries 33 bytes for it, and no two offers have anything in common that two requests have not.
"""

from collections.abc import Sequence
from typing import Final

from bled_codec.blinded_path import decode_paths
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer, create_offer
from bled_codec.tlv import TlvRecord, make_record
from bled_codec.units import Point

REFUND_OFFER_TYPE: Final = 2000239001
"""TLV type, odd and experimental (BOLT 12): signed with the request, and repeated by the invoice."""


def create_refund_offer(payer_id: Point, *, issuer_id: Point, paths: Sequence[bytes], chain: bytes) -> Offer:
    """Return the refund offer of one payer id: any amount, for as long as home answers.

    `issuer_id` is of a key that signs for this one offer; `paths` are the payer id's own, each encoded. An expiry would
    be that of a book, and tell which requests belong together: home judges by its own clock.
    """
    return create_offer(
        description=None,
        chains=None if chain == BITCOIN_CHAIN else (chain,),
        metadata=payer_id,
        paths=decode_paths(b"".join(paths)),
        issuer_id=issuer_id,
    )


def refund_offer_record(offer: Offer) -> TlvRecord:
    """Return the record with which a request carries `offer`."""
    return make_record(REFUND_OFFER_TYPE, offer.encode())


def refund_offer_of(request: InvoiceRequest | Invoice) -> Offer | None:
    """Return the refund offer that a request carries, and the invoice repeats; None when there is none.

    Raises `CodecError` for a broken one.
    """
    value = next((record.value for record in request.records if record.type == REFUND_OFFER_TYPE), None)
    return None if value is None else Offer.decode(value)
