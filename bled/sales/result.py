"""How a sale ended, for the cashier and for `--json`. Pure."""

from dataclasses import dataclass, field

from bled.codes import Code
from bled.sales.states import Sale
from bled_codec.bolt12_string import INVOICE_PREFIX, INVOICE_REQUEST_PREFIX, format_string
from bled_codec.units import Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleResult:
    """The end of a sale, or of this run's part in it.

    Attributes:
        code: the row of the registry; it says whether money moved.
        detail: a sentence more.
        sale_id: the sale in the ledger.
        amount: what was charged, the tip in it.
        tip: what of it the buyer gave above the price.
        offer: the `lno` string, once there was one.
        invoice_request: the `lnr` string, once a request was accepted.
        invoice: the `lni` string, once there was one.
        payment_hash: 32 bytes, with the invoice.
        preimage: 32 bytes, for a paid sale only: the proof.
        buyer_told: whether the buyer's device acknowledged the outcome.
        earlier: sales of earlier runs of which the cashier learns with this one: not to be charged again unseen.
    """

    code: Code
    detail: str
    sale_id: str
    amount: Msat
    tip: Msat
    offer: str | None
    invoice_request: str | None
    invoice: str | None
    payment_hash: bytes | None
    preimage: bytes | None = field(repr=False)
    buyer_told: bool
    earlier: tuple["SaleResult", ...] = ()


def result_of(sale: Sale, *, code: Code | None = None, detail: str | None = None) -> SaleResult:
    """Return the result that the ledger's row shows; `code` and `detail` for a sale that is still open."""
    return SaleResult(
        code=sale.code or code or Code.OUTCOME_UNKNOWN,
        detail=sale.detail if detail is None else detail,
        sale_id=sale.sale_id,
        amount=sale.total,
        tip=sale.tip,
        offer=sale.offer,
        invoice_request=None if sale.request is None else format_string(INVOICE_REQUEST_PREFIX, sale.request),
        invoice=None if sale.invoice is None else format_string(INVOICE_PREFIX, sale.invoice),
        payment_hash=sale.payment_hash,
        preimage=sale.preimage if sale.is_paid else None,
        buyer_told=sale.buyer_told,
    )
