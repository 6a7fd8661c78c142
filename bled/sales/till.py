"""What every sale of one till works with, and the two ways in which a sale ends in the ledger."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from bled.clock import Clock
from bled.codes import Code, Failpoint
from bled.errors import Unavailable
from bled.failpoint import failpoint
from bled.node.base import (
    AlreadyPaid,
    Cancelled,
    Forgotten,
    InvoiceState,
    InvoiceStatus,
    MerchantNode,
    invoice_label,
)
from bled.progress import OnStep
from bled.sales.ledger import SaleLedger
from bled.sales.states import Sale, SaleState
from bled.sales.times import Times
from bled_codec.bolt12_string import parse_string
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError
from bled_codec.units import Point

NODE_AWAY: Final = frozenset({Code.NODE_DIED, Code.NODE_UNREACHABLE})
"""A node that may come back: what was asked of it can be asked again."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """What every sale of one till works with."""

    node: MerchantNode
    ledger: SaleLedger
    clock: Clock
    on_step: OnStep
    times: Times

    def seconds_left(self, sale: Sale) -> int:
        """Return how many seconds the sale's offer still has; not positive when it has ended."""
        return sale.expires_at - self.clock.now()

    async def steadily(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what `call` returns, asking again while the node is away, at most `times.node` seconds.

        Only for calls that may be repeated. Raises what the last one raised.
        """
        give_up_at = self.clock.monotonic() + self.times.node
        while True:
            try:
                return await call()
            except Unavailable as error:
                if error.code not in NODE_AWAY or self.clock.monotonic() >= give_up_at:
                    raise
            await asyncio.sleep(self.times.node_retry)

    async def close(self, sale: Sale, end: SaleState, code: Code, detail: str) -> Sale:
        """Close the sale's offer at the node and write the end that the node's records show.

        That is `end`, with `code` and `detail`, when the node still has all that was made for the sale and none of it
        was paid; what is missing may have been paid, so that the end is unknown. Raises `Unavailable` when the node
        does not tell: the sale then stays open.
        """
        outcomes = [await self.node.cancel(offer_id) for offer_id in await self._offers_of(sale)]
        for outcome in outcomes:
            if isinstance(outcome, AlreadyPaid):
                return self.paid(sale, outcome.invoice)
        for outcome in outcomes:
            if isinstance(outcome, Forgotten):
                return await self._in_doubt(sale, outcome.detail)
            if isinstance(outcome, Cancelled) and _is_missing(sale, outcome):
                return await self._in_doubt(sale, "the node does not know the sale's invoice any more")
        return self.ledger.advance(sale, end, code=code, detail=detail)

    async def _in_doubt(self, sale: Sale, detail: str) -> Sale:
        """End a sale of which the node has lost records, unless the sale's own invoice is still there and paid."""
        label = label_of(sale)
        state = None if label is None else await self.node.lookup(label)
        if state is not None and state.status is InvoiceStatus.PAID:
            return self.paid(sale, state)
        return self.ledger.advance(sale, SaleState.UNKNOWN, code=Code.OUTCOME_UNKNOWN, detail=detail)

    async def _offers_of(self, sale: Sale) -> list[bytes]:
        """Return the id of the sale's offer, or of those that were made without our hearing of it."""
        if sale.offer_id is not None:
            return [sale.offer_id]
        return [found.offer_id for found in await self.node.find_offers(sale.sale_id)]

    def paid(self, sale: Sale, state: InvoiceState) -> Sale:
        """Write that the node has the money, with its proof. Raises `Unavailable` when the proof is none."""
        failpoint(Failpoint.MERCHANT_PAID)
        if state.preimage is None or sha256(state.preimage) != state.payment_hash:
            raise Unavailable(Code.NODE_PROTOCOL, detail="the node says paid, but its preimage does not prove it")
        late = not sale.is_open or (state.paid_at or 0) >= sale.expires_at
        after = self.ledger.advance(
            sale,
            SaleState.PAID_LATE if late else SaleState.PAID,
            code=Code.PAID,
            detail="paid after the sale's time" if late else "",
            preimage=state.preimage,
            payment_hash=state.payment_hash,
            invoice=_paid_invoice(sale, state),
            amount_received=state.amount_received,
            paid_at=state.paid_at,
        )
        failpoint(Failpoint.MERCHANT_PAID_STORED)
        self.on_step("paid", {"preimage": state.preimage.hex()})
        return after


def label_of(sale: Sale) -> str | None:
    """Return the label of the sale's invoice at the node, None before a buyer has signed."""
    if sale.offer_id is None or sale.payer_id is None:
        return None
    return invoice_label(sale.offer_id, Point(sale.payer_id))


def _is_missing(sale: Sale, end: Cancelled) -> bool:
    """Say whether the invoice that was made for the sale is not among those that the node has for its offer."""
    return sale.invoice is not None and sale.payment_hash not in {state.payment_hash for state in end.invoices}


def _paid_invoice(sale: Sale, state: InvoiceState) -> bytes | None:
    """Return the invoice that was paid: ours, or one that the node made for the same offer by itself."""
    if state.text is None or state.payment_hash == sale.payment_hash:
        return sale.invoice
    try:
        return parse_string(state.text)[1]
    except CodecError:
        return None
