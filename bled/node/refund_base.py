"""What a till asks of a node that can give money back: an invoice for an offer, and one payment of it."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from bled.codes import Code
from bled.errors import Refused
from bled_codec.invoice import Invoice
from bled_codec.offer import Offer
from bled_codec.units import Msat


class RefundStatus(Enum):
    """What the node's own records hold for a payment, the strongest of all its parts."""

    NOTHING = "nothing"
    """No part is under way and none arrived: every one failed, or there never was one."""
    PENDING = "pending"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRecord:
    """The node's records for one payment.

    Attributes:
        status: the strongest of all parts.
        amount_sent: of all parts that arrived, with fees; None when that is a number that cannot be.
        preimage: 32 bytes, once one arrived; it was checked against the payment hash. None when the node lost it.
    """

    status: RefundStatus
    amount_sent: Msat | None = None
    preimage: bytes | None = field(default=None, repr=False)


class RefundEnded(Refused):
    """The node says that it has ended its attempts, or never began one. Parts may still be under way: look up."""

    def __init__(self, reason: str) -> None:
        """Take the node's own words."""
        super().__init__(Code.REFUND_FAILED, detail=reason)


class RefundNode(Protocol):
    """The part of a merchant's node that pays. Every method may raise `Unavailable`, as `MerchantNode`."""

    async def fetch(self, offer: Offer, *, amount: Msat) -> Invoice:
        """Return the invoice that whoever made `offer` sends for `amount`; nothing of it is judged but its signature.

        Raises `Refused` (`REFUND_FAILED`) when there is none: nobody answers, or the answer is a no.
        """
        ...

    async def pay(self, invoice: Invoice, *, max_fee: Msat, label: str) -> RefundRecord:
        """Pay `invoice` with at most `max_fee`, and return the node's answer.

        Raises `RefundEnded`, and `Unavailable`: then it is not known whether the node tries. Not to be called twice for
        one payment hash.
        """
        ...

    async def lookup(self, payment_hash: bytes, *, label: str) -> RefundRecord:
        """Return what the node's records hold for the payment of a hash that was made under `label`."""
        ...
