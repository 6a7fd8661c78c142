"""One part of a payment as a node remembers it: a row of `listsendpays`, and the balances it is to move."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bled.node.json_stream import JsonObject
from bled_codec.units import Msat, Point, UnixTime


class SendPayStatus(StrEnum):
    """States of a payment, spelled as lightningd does."""

    PENDING = "pending"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What one channel has to move from the share of `sender` to that of `receiver`, both named by alias."""

    channel: str
    sender: str
    receiver: str
    amount: Msat

    def as_list(self) -> list[str | int]:
        """Return the form in which it is stored."""
        return [self.channel, self.sender, self.receiver, self.amount]

    @classmethod
    def from_list(cls, values: Sequence[str | int]) -> "Transfer":
        """Undo `as_list`."""
        channel, sender, receiver, amount = values
        return cls(channel=str(channel), sender=str(sender), receiver=str(receiver), amount=Msat(int(amount)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPay:
    """A payment's part.

    Attributes:
        payer: alias of the node that pays.
        groupid: all parts of one `xpay` have the same.
        partid: counts the parts of one `xpay`, from 1.
        destination: the node that issued the invoice.
        amount: what the invoice asks for.
        amount_sent: the same with the fees.
        path: which of the invoice's blinded paths is taken, from 0.
        amount_entering: what reaches the beginning of that path.
        transfers: the balances that completing it moves.
        created_index: number of the part, given by the ledger.
    """

    payer: str
    payment_hash: bytes
    groupid: int
    partid: int
    destination: Point
    amount: Msat
    amount_sent: Msat
    path: int
    amount_entering: Msat
    transfers: tuple[Transfer, ...]
    created_at: UnixTime
    label: str | None
    bolt12: str
    created_index: int = 0
    updated_index: int | None = None
    completed_at: UnixTime | None = None
    status: SendPayStatus = SendPayStatus.PENDING
    preimage: bytes | None = field(default=None, repr=False)
    erroronion: bytes | None = field(default=None, repr=False)

    def as_json(self) -> JsonObject:
        """Return the entry of `listsendpays`, its members in lightningd's order."""
        entry: JsonObject = {
            "created_index": self.created_index,
            "id": self.created_index,
            "payment_hash": self.payment_hash.hex(),
            "groupid": self.groupid,
            "updated_index": self.updated_index,
            "partid": self.partid,
            "destination": self.destination.hex(),
            "amount_msat": self.amount,
            "amount_sent_msat": self.amount_sent,
            "created_at": self.created_at,
            "completed_at": self.completed_at,
            "status": self.status.value,
            "payment_preimage": None if self.preimage is None else self.preimage.hex(),
            "label": self.label,
            "bolt12": self.bolt12,
            "erroronion": None if self.erroronion is None else self.erroronion.hex(),
        }
        return {name: value for name, value in entry.items() if value is not None}
