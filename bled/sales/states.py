"""A sale as the ledger keeps it, and how it may go on. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bled.codes import Code
from bled.session.offer_policy import NO_TIP
from bled_codec.units import Msat, UnixTime


class SaleState(StrEnum):
    """How far a sale has come. Each is on the disk before the next effect begins."""

    OPENED = "opened"
    """Terms and preimage are fixed; the node may have an offer."""
    OFFERED = "offered"
    """The node has the offer; no device was met yet."""
    CONNECTED = "connected"
    """A device is there; from now on it may have the offer."""
    AWAITING_APPROVAL = "awaiting_approval"
    """The offer has left for the device, and its owner is asked."""
    REQUESTED = "requested"
    """A signed request was accepted; the node may have the invoice."""
    INVOICED = "invoiced"
    """The node has the invoice; it may be on its way."""
    SENT = "sent"
    """The invoice has left for the buyer's home."""
    PAID = "paid"
    """The node has the money."""
    DECLINED = "declined"
    """The buyer said no, or nothing in time; closed at the node before anything was signed."""
    CANCELLED = "cancelled"
    """Closed at the node before it was paid."""
    EXPIRED = "expired"
    """Its time ran out; closed at the node, nothing was paid."""
    FAILED = "failed"
    """The node would not serve it; closed there, nothing was paid."""
    UNKNOWN = "unknown"
    """It can no longer be paid, but the node cannot say whether it was: somebody has to look."""
    PAID_LATE = "paid_late"
    """The money came, or was found, after the till had stopped waiting for it."""


UNSIGNED_STATES: Final = frozenset(
    {SaleState.OPENED, SaleState.OFFERED, SaleState.CONNECTED, SaleState.AWAITING_APPROVAL}
)
"""A sale for which no buyer has signed, as far as the till knows."""

OPEN_STATES: Final = UNSIGNED_STATES | {SaleState.REQUESTED, SaleState.INVOICED, SaleState.SENT}
"""A sale that may still be paid, or whose end has not been read from the node."""

UNPAID_ENDS: Final = frozenset(
    {SaleState.DECLINED, SaleState.CANCELLED, SaleState.EXPIRED, SaleState.FAILED, SaleState.UNKNOWN}
)
"""How a sale ends for which no money was seen; it may have come all the same, or be found later."""

_ENDS: Final = frozenset({SaleState.PAID, SaleState.PAID_LATE}) | UNPAID_ENDS

NEXT_STATES: Final = {
    SaleState.OPENED: {SaleState.OFFERED} | _ENDS,
    SaleState.OFFERED: {SaleState.OPENED, SaleState.CONNECTED} | _ENDS,  # OPENED: too old to send, made anew
    SaleState.CONNECTED: {SaleState.OPENED, SaleState.AWAITING_APPROVAL} | _ENDS,
    SaleState.AWAITING_APPROVAL: {SaleState.OPENED, SaleState.REQUESTED} | _ENDS,  # OPENED: lost on its way, and old
    SaleState.REQUESTED: {SaleState.INVOICED} | _ENDS,
    SaleState.INVOICED: {SaleState.SENT} | _ENDS,
    SaleState.SENT: _ENDS,
    SaleState.PAID: frozenset(),
    SaleState.PAID_LATE: frozenset(),
    SaleState.DECLINED: {SaleState.PAID_LATE},
    SaleState.CANCELLED: {SaleState.PAID_LATE},
    SaleState.EXPIRED: {SaleState.PAID_LATE},
    SaleState.FAILED: {SaleState.PAID_LATE},
    SaleState.UNKNOWN: {SaleState.PAID_LATE},
}
"""From each state, the states that may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One row of the ledger.

    Attributes:
        sale_id: our name for it, also the label of its offer at the node.
        created_at: when the cashier asked for it.
        amount: the price, which the offer asks for.
        tip_max: what the buyer may add to it, at most `amount`.
        tip: what the buyer has added, by the signed request.
        description: what for; the buyer signs it.
        issuer: the shop's name in the offer.
        state: how far it has come.
        expires_at: the offer's expiry, which ends everything.
        preimage: 32 bytes, drawn before anything else: the seed of the invoice's preimage, so that a repeated call
            gives the same invoice. For a paid sale the preimage that the node gave.
        code: how it ended, None while it is open.
        detail: a sentence more about the end.
        offer: the `lno` string.
        offer_id: the node's name for the offer, 32 bytes.
        request: the signed invoice_request, TLV stream.
        payer_id: the request's payer id.
        invoice: the signed invoice, TLV stream.
        payment_hash: 32 bytes.
        amount_received: what the node says it got.
        paid_at: when, by the node's clock.
        buyer_told: whether the buyer's device acknowledged the outcome.
        cashier_told: whether the cashier got to hear how far the sale has come, `state`.
        price: what it cost in a currency, such as "3.50 EUR"; None for one in satoshi. The next three are of the rate:
        rate: units of the currency for one bitcoin, decimal digits.
        rate_source: who said so.
        rate_at: when it was so.
    """

    sale_id: str
    created_at: UnixTime
    amount: Msat
    description: str
    issuer: str | None
    state: SaleState
    expires_at: UnixTime
    preimage: bytes = field(repr=False)
    code: Code | None = None
    detail: str = ""
    offer: str | None = None
    offer_id: bytes | None = None
    request: bytes | None = None
    payer_id: bytes | None = None
    invoice: bytes | None = None
    payment_hash: bytes | None = None
    amount_received: Msat | None = None
    paid_at: UnixTime | None = None
    buyer_told: bool = False
    cashier_told: bool = False
    price: str | None = None
    rate: str | None = None
    rate_source: str | None = None
    rate_at: UnixTime | None = None
    tip_max: Msat = NO_TIP
    tip: Msat = NO_TIP

    @property
    def total(self) -> Msat:
        """What the buyer pays: the price and the tip."""
        return Msat(self.amount + self.tip)

    @property
    def is_open(self) -> bool:
        """Whether the sale has not ended yet."""
        return self.state in OPEN_STATES

    @property
    def is_paid(self) -> bool:
        """Whether the money is here."""
        return self.state in (SaleState.PAID, SaleState.PAID_LATE)
