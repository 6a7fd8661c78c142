"""What home asks of the buyer's Lightning node, whichever node that is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from bled_codec.invoice import Invoice
from bled_codec.units import Msat, Point, UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """The payee has the money. `preimage` hashes to the payment hash; `amount_sent` is with fees."""

    preimage: bytes = field(repr=False)
    amount_sent: Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The node says that it has ended its attempts without success. A part of them may still be under way: look up."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nobody can say whether the node goes on trying. Only looking up, and time, can tell."""

    reason: str


PayAnswer = Paid | Failed | Unknown


class PartsStatus(Enum):
    """What the node's own records hold for a payment, the strongest of all its parts."""

    NOTHING = "nothing"
    """No part is under way and none arrived: every one failed, or there never was one."""
    PENDING = "pending"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The node's records for one payment: those with its hash and its label.

    Attributes:
        status: the strongest of all parts.
        amount_sent: with fees, of all parts that arrived or may still.
        preimage: set when complete and the node has kept it.
        hash_is_used: the node sent something for this hash under another label or none. That is no part of this.
        under_way: the node's numbers of the parts that may still arrive.
        failed: its numbers of those that cannot any more.
    """

    status: PartsStatus
    amount_sent: Msat
    preimage: bytes | None = field(default=None, repr=False)
    hash_is_used: bool = False
    under_way: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPart:
    """One part that the node sent for any payment.

    Attributes:
        number: the node's count of parts; rises.
        payment_hash: 32 bytes; None when the node told none.
        label: what the caller of the payment named it, None when nothing.
        invoice: the `lni` string that was paid, None when it was none.
        has_failed: nothing arrived with it nor can.
    """

    number: int
    payment_hash: bytes | None
    created_at: UnixTime
    amount_sent: Msat
    label: str | None
    invoice: str | None
    has_failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPage:
    """Parts that the node sent, by number; `is_last` when it had no more of them when it was asked."""

    parts: Sequence[SentPart]
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPeer:
    """A peer at which a reply path might begin.

    Attributes:
        alias: the name in its announcement; anybody may take any.
        features: of its announcement, big-endian; None when gossip has none.
        has_address: its announcement says where it can be reached.
        neighbours: how many nodes gossip shows it to have channels with.
    """

    node_id: Point
    is_connected: bool
    alias: str = ""
    features: bytes | None = None
    has_address: bool = False
    neighbours: int = 0


class HomeNode(Protocol):
    """The buyer's own node."""

    async def node_id(self) -> Point:
        """Return who the node is. Raises `Unavailable`."""
        ...

    async def pay(self, invoice: Invoice, *, max_fee: Msat, retry_for: int, label: str) -> PayAnswer:
        """Pay `invoice` with at most `max_fee`, making attempts for `retry_for` seconds; may take far longer.

        Raises nothing for a payment that did not work: every way it can go is in the answer.
        """
        ...

    async def lookup(self, payment_hash: bytes, *, label: str) -> Parts:
        """Return what the node's records hold for the payment of a hash that was made under `label`.

        Raises `Unavailable`; that is not `NOTHING`.
        """
        ...

    async def has_htlc(self, payment_hash: bytes) -> bool:
        """Say whether any channel holds, or has not yet wholly removed, an HTLC that the node sent for this hash.

        Raises `Unavailable`; that is not a no.
        """
        ...

    async def sent_since(self, number: int) -> SentPage:
        """Return the first parts with this number or a larger one; none at all only when there are no more.

        Raises `Unavailable`.
        """
        ...

    async def kept_number(self, name: str) -> int:
        """Return the number that the node last kept under `name`, 0 when there is none. Raises `Unavailable`."""
        ...

    async def keep_number(self, name: str, number: int) -> int:
        """Have the node keep a number, durably and outside of anything of ours, unless it has kept a larger one.

        Returns the number that it keeps. Raises `Unavailable`.
        """
        ...

    async def path_peers(self) -> Sequence[PathPeer]:
        """Return the peers with a usable channel, with what gossip says of each. Raises `Unavailable`."""
        ...

    async def inject(self, path_key: Point, onion: bytes) -> None:
        """Have the node take an onion message as if a peer had sent it. Raises `BledError` when it does not.

        That it returns says nothing about what becomes of the message.
        """
        ...
