"""The refund offer in a buyer's signed request: an offer of its home to which a till may give money back. Pure."""

from typing import Final

from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.tlv import TlvRecord, make_record

REFUND_OFFER_TYPE: Final = 2000239001
"""TLV type, odd and experimental (BOLT 12): signed with the request, and repeated by the invoice."""


def refund_offer_record(offer: Offer) -> TlvRecord:
    """Return the record with which a request carries `offer`."""
    return make_record(REFUND_OFFER_TYPE, offer.encode())


def refund_offer_of(request: InvoiceRequest) -> Offer | None:
    """Return the refund offer that `request` carries, None when there is none. Raises `CodecError` for a broken one."""
    value = next((record.value for record in request.records if record.type == REFUND_OFFER_TYPE), None)
    return None if value is None else Offer.decode(value)
