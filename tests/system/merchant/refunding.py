"""Sales whose buyers want their money back where their requests say so."""

from typing import Any

from bled.clock import SystemClock
from bled.codes import Code
from bled.grants.refund_offer import refund_offer_record
from bled.sandbox.books_rows import InvoiceStatus, OfferArgs
from bled_codec.fields import Field, ordered
from bled_codec.invoice_request import InvoiceRequest, UnsignedInvoiceRequest
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

from .stage import Buyer, Meeting, Shop


class Later(SystemClock):
    """The real clock, some seconds ahead."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def now(self) -> UnixTime:
        return UnixTime(super().now() + self._seconds)


def refund_offer(shop: Shop, **terms: Any) -> Offer:
    """Return an offer of the buyer's home, which answers for it as lightningd does."""
    row = shop.home_node.books.offer(OfferArgs(**{"amount": "any", "description": "refunds"} | terms))
    return Offer.from_string(row.bolt12)


def buyer_with(shop: Shop, offer: Offer) -> Buyer:
    """Return a buyer whose requests carry `offer`, under their signature."""
    buyer = shop.buyer()
    plain = buyer.request

    def request(till_offer: Offer) -> InvoiceRequest:
        unsigned = [record for record in plain(till_offer).records if record.type != Field.SIGNATURE]
        records = ordered([*unsigned, refund_offer_record(offer)])
        return UnsignedInvoiceRequest(records=tuple(records)).sign(buyer.key, aux=bytes(32))

    buyer.request = request
    return buyer


async def sold(shop: Shop, offer: Offer | None = None) -> str:
    """Sell once to a buyer with a refund offer; return the sale."""
    result = await shop.sell(Meeting(buyer_with(shop, offer or refund_offer(shop))))
    assert result.code is Code.PAID
    return result.sale_id


def received_at_home(shop: Shop) -> list[Msat]:
    rows = shop.home_node.books.list_invoices()
    return [row.amount_received for row in rows if row.status is InvoiceStatus.PAID]
