"""A refund as the ledger keeps it, and how it may go on. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bled.codes import Code
from bled_codec.units import Msat, UnixTime


class RefundState(StrEnum):
    """How far a refund has come."""

    REFUNDING = "refunding"
    """Its payment hash is on the disk; the node may have been asked to pay it."""
    REFUNDED = "refunded"
    """The node says that it was paid."""
    FAILED = "refund_failed"
    """The node says that nothing left it, and it makes no more attempts."""
    UNKNOWN = "refund_unknown"
    """A look at the node did not tell. It is looked up again, and never paid again."""


OPEN_REFUNDS: Final = frozenset({RefundState.REFUNDING, RefundState.UNKNOWN})
"""A refund that may still be paid, or was and nobody knows."""

NEXT_REFUND_STATES: Final = {
    RefundState.REFUNDING: frozenset({RefundState.REFUNDED, RefundState.FAILED, RefundState.UNKNOWN}),
    RefundState.UNKNOWN: frozenset({RefundState.REFUNDED, RefundState.FAILED}),
    RefundState.REFUNDED: frozenset[RefundState](),
    RefundState.FAILED: frozenset[RefundState](),
}
"""From each state, the states that may follow."""

REFUND_CODES: Final = {
    RefundState.REFUNDING: Code.REFUND_UNKNOWN,
    RefundState.UNKNOWN: Code.REFUND_UNKNOWN,
    RefundState.REFUNDED: Code.REFUNDED,
    RefundState.FAILED: Code.REFUND_FAILED,
}
"""What the cashier is told of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One row of the ledger: one payment back to a buyer.

    Attributes:
        refund_id: our name for it, also the label of the payment at the node.
        sale_id: the sale that it belongs to.
        created_at: when it was written down, before the node was asked to pay.
        amount: what the buyer gets.
        max_fee: the most that it may cost besides.
        state: how far it has come.
        invoice: of the buyer's home, TLV stream.
        payment_hash: 32 bytes; one refund has it and no other ever.
        node_id: the node that pays: no other knows what became of it.
        detail: a sentence more about the end.
        amount_sent: with fees, as the node says; None when it does not.
        preimage: 32 bytes, the proof that it was paid.
        ended_at: when the till learned of the end, by its clock.
    """

    refund_id: str
    sale_id: str
    created_at: UnixTime
    amount: Msat
    max_fee: Msat
    state: RefundState
    invoice: bytes
    payment_hash: bytes
    node_id: bytes
    detail: str = ""
    amount_sent: Msat | None = None
    preimage: bytes | None = field(default=None, repr=False)
    ended_at: UnixTime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet how it ended."""
        return self.state in OPEN_REFUNDS


def counted(refunds: tuple[Refund, ...]) -> Msat:
    """Return what the refunds of a sale come to: all but those that failed for certain."""
    return Msat(sum(refund.amount for refund in refunds if refund.state is not RefundState.FAILED))
