"""What the node's records prove about a sale. Pure."""

from bled.node.base import Cancelled, InvoiceState, invoice_label
from bled.sales.states import Sale
from bled_codec.bolt12_string import parse_string
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.units import Point


def label_of(sale: Sale) -> str | None:
    """Return the label of the sale's invoice at the node, None before a buyer has signed."""
    if sale.offer_id is None or sale.payer_id is None:
        return None
    return invoice_label(sale.offer_id, Point(sale.payer_id))


def flaw_of(sale: Sale, state: InvoiceState) -> str | None:
    """Return why a paid invoice of the node does not prove that the sale was paid, None when it does.

    The invoice is one of the sale's offer: the sale's own, or one that the node made for another payer.
    """
    if state.preimage is None or sha256(state.preimage) != state.payment_hash:
        return "the node says paid, but its preimage does not prove it"
    if state.label == label_of(sale) and sale.payment_hash not in (None, state.payment_hash):
        return "the node says paid, but of another invoice than the sale's"
    asked = sale.total if state.label == label_of(sale) else sale.amount  # another payer signed no tip of this buyer's
    if state.amount_received is None or state.amount_received < asked:
        received = "an impossible amount" if state.amount_received is None else f"{state.amount_received} msat"
        return f"the node says that {received} came for a sale of {asked} msat"
    return None


def is_missing(sale: Sale, end: Cancelled) -> bool:
    """Say whether the invoice that was made for the sale is not among those that the node has for its offer."""
    return sale.invoice is not None and sale.payment_hash not in {state.payment_hash for state in end.invoices}


def paid_invoice(sale: Sale, state: InvoiceState) -> bytes | None:
    """Return the invoice that was paid: ours, or one that the node made for the same offer by itself."""
    if state.text is None or state.payment_hash == sale.payment_hash:
        return sale.invoice
    try:
        return parse_string(state.text)[1]
    except CodecError:
        return None


def is_by_buyer(invoice: bytes | None, sale: Sale) -> bool:
    """Say whether an invoice is for the payer whose request this till accepted, and not for another of the offer."""
    try:
        return invoice is not None and Invoice.decode(invoice).invreq_payer_id == sale.payer_id
    except CodecError:
        return False
