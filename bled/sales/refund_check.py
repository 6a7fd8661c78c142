"""What a refund must be before a till pays it: within the sale, to the offer that the buyer signed. Pure."""

from typing import Final

from bled.codes import Code
from bled.errors import PeerError, Refused
from bled.grants.refund_offer import refund_offer_of
from bled.sales.evidence import is_by_buyer
from bled.sales.refund_states import Refund, counted
from bled.sales.states import Sale
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.checks import check_offer_usable
from bled_codec.errors import CodecError
from bled_codec.fields import OFFER_MIRRORED_TYPES, select
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

LEAST_SECONDS: Final = 15
"""An invoice with less left is not paid: an attempt may take as long."""
_FEE_PARTS: Final = 100
"""1 %."""
_LEAST_FEE: Final = Msat(5_000)


def default_max_fee(amount: Msat) -> Msat:
    """Return what giving back `amount` may cost unless the cashier says otherwise: 1 %, at least 5 sat."""
    return Msat(max(amount // _FEE_PARTS, _LEAST_FEE))


def fee_to_allow(amount: Msat, asked: Msat | None) -> Msat:
    """Return what giving back `amount` may cost. Raises `Refused` (`REFUND_REFUSED`) for more than that."""
    usual = default_max_fee(amount)
    if asked is not None and asked > max(usual, amount):
        raise Refused(Code.REFUND_REFUSED, detail=f"a fee of {asked} msat is more than the {amount} msat to give back")
    return usual if asked is None else asked


def amount_to_refund(sale: Sale, refunds: tuple[Refund, ...], asked: Msat | None) -> Msat:
    """Return what to give back: `asked`, or all that is left of what the sale received.

    Raises `Refused` (`REFUND_REFUSED`) for a sale without money, and for more than is left of it.
    """
    if not sale.is_paid:
        raise Refused(Code.REFUND_REFUSED, detail=f"the sale is {sale.state.value}: nothing was received")
    received = sale.total if sale.amount_received is None else sale.amount_received
    left = Msat(received - counted(refunds))
    if left <= 0:
        raise Refused(Code.REFUND_REFUSED, detail=f"all {received} msat were given back already")
    if asked is not None and asked > left:
        raise Refused(Code.REFUND_REFUSED, detail=f"{left} of {received} msat are left to give back, not {asked}")
    return left if asked is None else asked


def offer_to_refund(sale: Sale, *, chain: bytes, now: UnixTime) -> Offer:
    """Return the offer in the request that the buyer of `sale` signed.

    Raises `Refused` (`REFUND_BY_HAND`) when there is none that can be used.
    """
    if sale.request is None:
        raise _by_hand("the sale has no request by its buyer")
    if not is_by_buyer(sale.invoice, sale):  # the offer was overheard: the device at the till paid nothing
        raise _by_hand("another payer paid this sale than the device at the till")
    try:
        offer = refund_offer_of(InvoiceRequest.decode(sale.request))
        if offer is None:
            raise _by_hand("the buyer's device sent no refund offer with this sale")
        check_offer_usable(offer, chain=chain, now=now)
    except CodecError as error:
        raise _by_hand(f"the buyer's refund offer cannot be used: {error}") from error
    if offer.offer_amount is not None or offer.offer_quantity_max is not None:
        raise _by_hand("the buyer's refund offer is for an amount or quantity of its own")
    return offer


def check_refund_invoice(
    invoice: Invoice, offer: Offer, *, amount: Msat, max_fee: Msat, chain: bytes, now: UnixTime
) -> None:
    """Check that `invoice` is the answer to `offer` for exactly `amount`, and can be paid in time within `max_fee`.

    That it is signed by the offer's issuer, or by the end of one of its paths, was checked when it was decoded: here
    the offer in it is compared with the buyer's, byte for byte. Raises `PeerError` (`REFUND_FAILED`).
    """
    if select(invoice.records, OFFER_MIRRORED_TYPES) != offer.records:
        raise _bad("it is for another offer than the buyer's")
    if invoice.invoice_amount != amount or invoice.invreq_amount not in (None, amount):
        raise _bad(f"it asks for {invoice.invoice_amount} msat, not {amount}")
    if (invoice.invreq_chain or BITCOIN_CHAIN) != chain:
        raise _bad("it is for another chain")
    if invoice.expires_at < now + LEAST_SECONDS:
        raise _bad("it has expired, or does so before it can be paid")
    cheapest = min(payinfo.fee(amount) for payinfo in invoice.invoice_blindedpay)
    if cheapest > max_fee:
        raise _bad(f"its cheapest path costs {cheapest} msat, {max_fee} are allowed in all (--max-fee)")


def _bad(why: str) -> PeerError:
    return PeerError(Code.REFUND_FAILED, detail=f"the invoice of the buyer's node: {why}")


def _by_hand(why: str) -> Refused:
    return Refused(Code.REFUND_BY_HAND, detail=why)
