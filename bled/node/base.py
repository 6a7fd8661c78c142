"""What a till asks of its Lightning node, whichever node that is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from bled.node.refund_base import RefundNode
from bled_codec.blinded_path import BlindedPath
from bled_codec.crypto import hmac_sha256
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.units import Msat, Point, UnixTime


class Way(Enum):
    """Who makes the onion message that takes the invoice to the payer's home."""

    DIRECT = "direct"
    """The node: it answers the request with the invoice that it holds."""
    PUSH = "push"
    """The till: it sends the invoice itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInfo:
    """Who the node is.

    Attributes:
        node_id: the node's own key.
        issuer_id: the key that signs its offers and invoices: the node's own, or one of the till's.
        network: as Core Lightning names it.
        chain: the hash that BOLT 12 messages carry, 32 bytes.
        version: as the node says it.
        height: the newest block the node knows.
    """

    node_id: Point
    issuer_id: Point
    network: str
    chain: bytes
    version: str
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedOffer:
    """An offer that the node will honour. `offer_id` is the node's name for it, 32 bytes."""

    offer_id: bytes
    offer: Offer


class InvoiceStatus(Enum):
    """What the node says about an invoice. An expired one can no longer be paid."""

    UNPAID = "unpaid"
    PAID = "paid"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceState:
    """The node's own record of an invoice: the only truth about whether it was paid.

    `text` is the `lni` string. `preimage`, `amount_received` and `paid_at` are set for a paid one alone;
    the last two are None for a number that cannot be (more than all money, a time far away).
    """

    label: str
    status: InvoiceStatus
    payment_hash: bytes
    text: str | None
    preimage: bytes | None = field(default=None, repr=False)
    amount_received: Msat | None = None
    paid_at: UnixTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Nothing can be paid on the offer any more, and nothing was, as far as the node's records go.

    `invoices` are all that the node has for the offer, every one of them expired. One that is missing was forgotten,
    and nobody can say whether it was paid.
    """

    invoices: tuple[InvoiceState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyPaid:
    """Too late to cancel: the money is there."""

    invoice: InvoiceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """Nothing can be paid on the offer any more, but records are gone that would say whether something was.

    `detail` says in a sentence what is missing. Nodes forget: old invoices are cleaned away, owners delete them, a
    database comes back from a copy.
    """

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """How an onion message went that the node sent to itself.

    Attributes:
        came_back: whether it arrived.
        through: the peer that it went through; None for one that never left the node.
        milliseconds: how long it took, None when it did not arrive.
        tried: peers that did not bring it back.
    """

    came_back: bool
    through: Point | None = None
    milliseconds: float | None = None
    tried: tuple[Point, ...] = ()


def preimage_for(seed: bytes, label: str) -> bytes:
    """Return the preimage of the invoice under `label`, 32 bytes; `seed` is the sale's own secret of 32.

    One seed gives another preimage under every label, so that no two invoices can have the same: Core Lightning does
    not survive that.
    """
    return hmac_sha256(seed, b"bled/invoice/1" + label.encode())


def invoice_label(offer_id: bytes, payer_id: Point) -> str:
    """Return the label under which Core Lightning looks for the invoice of one payer at one offer.

    Exactly this text, in lower case: under any other the node makes a second invoice of its own.
    """
    return f"{offer_id.hex()}-{payer_id.hex()}-0"


class MerchantNode(Protocol):
    """A merchant's node. Every method may raise `Unavailable`: `NODE_UNREACHABLE`, `NODE_TLS`, `NODE_DIED`,
    `NODE_REFUSED` or `NODE_PROTOCOL`. `NODE_DIED` from a method that changes something leaves open whether it did.
    Every call has a deadline; none is repeated inside.
    """

    @property
    def ways(self) -> Sequence[Way]:
        """How this node's invoices can be sent, the better way first."""
        ...

    @property
    def refunds(self) -> RefundNode | None:
        """What gives money back from this node; None for one that cannot pay an offer."""
        ...

    async def info(self) -> NodeInfo:
        """Return who the node is, as it said a few seconds ago at most."""
        ...

    async def self_test(self) -> Sequence[str]:
        """Return what would keep this node from serving a sale, as sentences; none when all is well."""
        ...

    async def is_private(self) -> bool:
        """Say whether the network knows no way to this node, so that money needs a path that the till builds."""
        ...

    async def echo(self) -> Echo:
        """Send an onion message to the node itself, through its peers one after the other, and see it arrive."""
        ...

    async def create_offer(
        self, *, amount: Msat, description: str, label: str, absolute_expiry: UnixTime, issuer: str | None = None
    ) -> CreatedOffer:
        """Make an offer that can be paid once, until `absolute_expiry` or a few seconds later.

        What comes back is checked whole. An offer that was made under the same label may be returned again.
        """
        ...

    async def find_offers(self, label: str) -> Sequence[CreatedOffer]:
        """Return all offers under `label`, also closed and used ones: for a run that ended before it heard an answer.

        A sale whose first offer grew too old has two of them.
        """
        ...

    async def create_invoice(
        self, request: InvoiceRequest, *, offer: CreatedOffer, seed: bytes, now: UnixTime
    ) -> Invoice:
        """Make the invoice that answers `request`, with field 239, ending with the offer; it is checked whole.

        Its preimage is `preimage_for` the `seed` (32 secret bytes) and the invoice's label. The same request with the
        same `seed` gives the same invoice again. `request` was checked against the offer by the caller. Raises
        `Refused` (`SALE_EXPIRED`) when the offer has ended at `now`.
        """
        ...

    async def deliver(self, request: InvoiceRequest, *, invoice: Invoice, path: BlindedPath) -> None:
        """Have the node send `invoice`, which it holds already, over `path` to the payer's home.

        Nothing is ever heard of a message that gets lost. Repeating is harmless.
        """
        ...

    async def push(self, invoice: Invoice, *, path: BlindedPath) -> None:
        """Send `invoice` over `path` as an onion message of our own: the second way, when `deliver` brings nothing."""
        ...

    async def reach(self, path: BlindedPath) -> None:
        """Connect the node to the introduction of `path`; at once when it is connected already."""
        ...

    async def wait_paid(self, label: str, *, seconds: float) -> InvoiceState | None:
        """Wait until the invoice is paid or can no longer be, at most `seconds`; return its last known state."""
        ...

    async def lookup(self, label: str) -> InvoiceState | None:
        """Return the node's record of an invoice, None when it has none."""
        ...

    async def invoices_of(self, offer_id: bytes) -> Sequence[InvoiceState]:
        """Return every invoice that the node has for an offer, also those it made by itself."""
        ...

    async def cancel(self, offer_id: bytes) -> Cancelled | AlreadyPaid | Forgotten:
        """Close the offer, then read it and its invoices again: only that reading decides."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...
