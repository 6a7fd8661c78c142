"""What home asks of the buyer's node when money comes back: invoices that it keeps, and ways on which they are paid."""

from collections.abc import Sequence
from typing import Protocol

from bled.node.base import InvoiceState
from bled.node.cln_private import Inbound
from bled_codec.invoice import UnsignedInvoice
from bled_codec.units import Point


class ReceivingNode(Protocol):
    """The part of the buyer's node that is paid. Every method may raise `Unavailable`."""

    async def node_id(self) -> Point:
        """Return who the node is."""
        ...

    async def height(self) -> int:
        """Return the height of the newest block."""
        ...

    async def invoice_secret(self) -> bytes:
        """Return that from which the path_id follows without which the node takes no payment, 32 bytes."""
        ...

    async def inbound(self) -> Sequence[Inbound]:
        """Return the channels through which a payment can come just now."""
        ...

    async def keep_invoice(self, draft: UnsignedInvoice, *, label: str, preimage: bytes) -> None:
        """Have the node take a payment of `draft`, until that expires, under a label and with a preimage of its own.

        One that has it under this label already changes nothing.
        """
        ...

    async def look(self, label: str) -> InvoiceState | None:
        """Return the invoice that the node keeps under a label, None when it has none."""
        ...

    async def forget_unpaid(self, label: str) -> None:
        """Have the node take no payment of an invoice any more, unless it was paid: look afterwards."""
        ...

    async def wait(self, label: str, *, seconds: float) -> None:
        """Return when an invoice was paid or has expired, or `seconds` are over: look afterwards."""
        ...

    async def inject(self, path_key: Point, onion: bytes) -> None:
        """Have the node take an onion message as if a peer had sent it. Raises `BledError` when it does not."""
        ...
