"""The one way in which a till has the node sign an invoice: never two labels for one payment hash.

lightningd looks at the label alone; a second one for a hash breaks a rule of its database, and it ends.
"""

import asyncio
from typing import Final

from google.protobuf.message import DecodeError

from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.calls import Denied
from bled.proxy.payout import Ask
from bled_codec.crypto import sha256

_LOOKUP_SECONDS: Final = 30.0


class Invoices:
    """Makes invoices for tills."""

    def __init__(self, ask: Ask) -> None:
        """Take the node."""
        self._ask = ask
        self._turn = asyncio.Lock()
        self._making: set[asyncio.Task[bytes]] = set()

    async def create(self, request: pb.CreateinvoiceRequest, *, seconds: float) -> bytes:
        """Return the node's answer to one `CreateInvoice`, whose arguments are whole.

        A till that hangs up meanwhile lets no other in before the node has answered. Raises `Denied` before the node is
        asked, and `NodeSaidError`.
        """
        task = asyncio.create_task(self._create(request, seconds))
        self._making.add(task)
        task.add_done_callback(self._made)
        return await asyncio.shield(task)

    def _made(self, task: "asyncio.Task[bytes]") -> None:
        self._making.discard(task)
        if not task.cancelled():
            task.exception()  # the till heard it, if it is still there

    async def _create(self, request: pb.CreateinvoiceRequest, seconds: float) -> bytes:
        async with self._turn:  # between the look and the making nobody else makes one
            lookup = pb.ListinvoicesRequest(payment_hash=sha256(request.preimage)).SerializeToString()
            try:
                known = pb.ListinvoicesResponse.FromString(await self._ask("ListInvoices", lookup, _LOOKUP_SECONDS))
            except DecodeError as error:
                raise Denied("the node does not say whether this payment hash has an invoice") from error
            if any(row.label != request.label for row in known.invoices):
                raise Denied("this payment hash has an invoice under another label")
            return await self._ask("CreateInvoice", request.SerializeToString(), seconds)
