"""What home's ledger keeps of money that comes back, as values. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from bled_codec.units import Msat, Point, UnixTime


class HomeRefundState(StrEnum):
    """Life of an invoice that home made for a refund."""

    OPEN = "open"
    """The node may be paid it, or was and home has not looked since."""
    PAID = "paid"
    CLOSED = "closed"
    """The node takes no payment of it any more, and took none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeRefund:
    """One invoice of home's for money that comes back.

    Attributes:
        payment_hash: 32 bytes, of a preimage that home derives from `salt`.
        payer_id: of the payment that is given back.
        node: the node that keeps the invoice, where several share one ledger; else empty.
        salt: 32 random bytes.
        request: SHA-256 of the invoice_request that is answered: the same one gets the same invoice.
        amount: what the invoice asks for.
        invoice: TLV stream, as it is sent.
        kept: whether the node has said that it keeps the invoice. Only then may anybody be told of it, and from then on
            the node is never asked to keep it again.
        state: whether the money came.
        received: what the node received; None unless paid.
        received_at: by the node's clock; None unless paid.
    """

    payment_hash: bytes
    payer_id: Point
    node: str
    salt: bytes = field(repr=False)
    request: bytes = field(repr=False)
    amount: Msat
    invoice: bytes = field(repr=False)
    made_at: UnixTime
    expires_at: UnixTime
    kept: bool = False
    state: HomeRefundState = HomeRefundState.OPEN
    received: Msat | None = None
    received_at: UnixTime | None = None

    @property
    def label(self) -> str:
        """The name under which the node keeps the invoice: another for every payment hash."""
        return f"bled-refund-{self.payment_hash.hex()}"
