"""How far a sale has come, in a word and a sentence for the cashier, and until when that can last. Pure."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from bled.sales.refund import SETTLE_SECONDS
from bled.sales.refund_states import Refund, RefundState
from bled.sales.states import Sale, SaleState
from bled.sales.times import TIMES
from bled_codec.units import UnixTime


class Until(Enum):
    """What ends a state by itself."""

    EXPIRY = "expiry"
    """The offer's expiry: the sale is closed at the node then, and ends as the node's records say."""
    LATE = "late"
    """A day after the expiry: so long the till asks the node whether the money came all the same."""
    SETTLED = "settled"
    """The node makes no more attempts to pay a refund: a look tells how it ended."""
    NEVER = "never"
    """It is the end."""


class Standing(NamedTuple):
    """A state in the cashier's words; `deadline` is None for an end that nothing changes any more."""

    name: str
    sentence: str
    deadline: UnixTime | None


@dataclass(frozen=True, slots=True)
class Row:
    """What is said of a state, and what ends it."""

    name: str
    sentence: str
    until: Until


SALE_ROWS: Final = {
    SaleState.OPENED: Row("priced", "The price is fixed; the node is asked for an offer.", Until.EXPIRY),
    SaleState.OFFERED: Row("offered", "Waiting for a buyer's device.", Until.EXPIRY),
    SaleState.CONNECTED: Row("connected", "A buyer's device is there.", Until.EXPIRY),
    SaleState.AWAITING_APPROVAL: Row("awaiting approval", "The buyer is asked to approve.", Until.EXPIRY),
    SaleState.REQUESTED: Row("request verified", "The buyer has signed; the node makes the invoice.", Until.EXPIRY),
    SaleState.INVOICED: Row("invoice made", "The invoice is made; it is sent to the buyer's home.", Until.EXPIRY),
    SaleState.SENT: Row("sent", "The invoice is on its way. Only the money tells whether it arrived.", Until.EXPIRY),
    SaleState.PAID: Row("paid", "Paid.", Until.NEVER),
    SaleState.PAID_LATE: Row("paid late", "Paid after the till stopped waiting. Do not charge again.", Until.NEVER),
    SaleState.DECLINED: Row("declined", "The buyer said no, or nothing in time. Nothing was paid.", Until.NEVER),
    SaleState.CANCELLED: Row("cancelled", "Cancelled; nothing can be paid any more.", Until.LATE),
    SaleState.EXPIRED: Row("expired", "Its time ran out; nothing was received.", Until.LATE),
    SaleState.FAILED: Row("failed", "The node would not serve it; nothing was received.", Until.LATE),
    SaleState.UNKNOWN: Row("unknown", "Perhaps paid. Look at the node before you charge again.", Until.LATE),
}
"""Every state of a sale."""

REFUND_ROWS: Final = {
    RefundState.REFUNDING: Row("refunding", "Money is on its way back; give none by hand.", Until.SETTLED),
    RefundState.UNKNOWN: Row("refund unknown", "Perhaps refunded; it is looked up, never paid twice.", Until.SETTLED),
    RefundState.FAILED: Row("refund failed", "The refund was not paid; it may be tried again.", Until.NEVER),
    RefundState.REFUNDED: Row("refunded", "Money was given back.", Until.NEVER),
}
"""Every state of a refund; the newest of a paid sale's refunds is what is said of the sale."""


def standing_of(sale: Sale, refunds: tuple[Refund, ...]) -> Standing:
    """Return how a sale stands, its refunds counted in: an open one first, else the newest."""
    refund = next((refund for refund in refunds if refund.is_open), refunds[-1] if refunds else None)
    row = SALE_ROWS[sale.state] if refund is None else REFUND_ROWS[refund.state]
    return Standing(row.name, row.sentence, _deadline(row.until, sale, refund))


def _deadline(until: Until, sale: Sale, refund: Refund | None) -> UnixTime | None:
    if until is Until.EXPIRY:
        return sale.expires_at
    if until is Until.LATE and sale.payer_id is not None:  # without a signature nothing can have been paid
        return UnixTime(sale.expires_at + TIMES.late)
    if until is Until.SETTLED and refund is not None:
        return UnixTime(refund.created_at + SETTLE_SECONDS)
    return None
