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
)
from bled.progress import OnStep
from bled.sales.evidence import flaw_of, is_by_buyer, is_missing, label_of, paid_invoice
from bled.sales.ledger import SaleLedger
from bled.sales.states import Sale, SaleState
from bled.sales.times import Times
from bled.session.offer_policy import NO_TIP

NODE_AWAY: Final = frozenset({Code.NODE_DIED, Code.NODE_UNREACHABLE})
"""A node that may come back: what was asked of it can be asked again."""

NODE_CONFUSED: Final = frozenset({Code.NODE_REFUSED, Code.NODE_PROTOCOL})
"""A node that is there but gives no usable answer; asked again it may well say the same for ever."""

LATE_NOTE: Final = "paid after the sale's time"
STRANGER_NOTE: Final = "paid by another payer than the device at this till"
"""Details of a paid sale, which the cashier should know."""

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
        was paid. What is missing may have been paid, and a payment that does not fit the sale proves nothing: the end
        is unknown then. Raises `Unavailable` when the node does not tell: the sale then stays open; but once its time
        has run out, a node that is there and gives no usable answer does not keep the till from selling.
        """
        try:
            outcomes = [await self.node.cancel(offer_id) for offer_id in await self._offers_of(sale)]
        except Unavailable as error:
            if error.code not in NODE_CONFUSED or self.seconds_left(sale) > 0:
                raise
            return self.ledger.advance(sale, SaleState.UNKNOWN, code=Code.OUTCOME_UNKNOWN, detail=str(error))
        for outcome in outcomes:
            if isinstance(outcome, AlreadyPaid):
                flaw = flaw_of(sale, outcome.invoice)
                return self.paid(sale, outcome.invoice) if flaw is None else await self._in_doubt(sale, flaw)
        for outcome in outcomes:
            if isinstance(outcome, Forgotten):
                return await self._in_doubt(sale, outcome.detail)
            if isinstance(outcome, Cancelled) and is_missing(sale, outcome):
                return await self._in_doubt(sale, "the node does not know the sale's invoice any more")
        return self.ledger.advance(sale, end, code=code, detail=detail)

    async def _in_doubt(self, sale: Sale, detail: str) -> Sale:
        """End a sale that the node's records leave in doubt, unless its own invoice is there and proves the payment."""
        state = await self.proof_of(sale)
        if state is not None:
            return self.paid(sale, state)
        return self.ledger.advance(sale, SaleState.UNKNOWN, code=Code.OUTCOME_UNKNOWN, detail=detail)

    async def proof_of(self, sale: Sale) -> InvoiceState | None:
        """Return the node's record that the sale's own invoice was paid; None when it has none that proves it."""
        label = label_of(sale)
        try:
            state = None if label is None else await self.node.lookup(label)
        except Unavailable as error:
            if error.code not in NODE_CONFUSED:
                raise
            return None
        proves = state is not None and state.status is InvoiceStatus.PAID and flaw_of(sale, state) is None
        return state if proves else None

    async def _offers_of(self, sale: Sale) -> list[bytes]:
        """Return the id of the sale's offer, or of those that were made without our hearing of it."""
        if sale.offer_id is not None:
            return [sale.offer_id]
        return [found.offer_id for found in await self.node.find_offers(sale.sale_id)]

    def paid(self, sale: Sale, state: InvoiceState) -> Sale:
        """Write that the node has the money, with its proof. Raises `Unavailable` when the proof has a flaw."""
        failpoint(Failpoint.MERCHANT_PAID)
        flaw = flaw_of(sale, state)
        if flaw is not None or state.preimage is None:
            raise Unavailable(Code.NODE_PROTOCOL, detail=flaw or "")
        late = not sale.is_open or (state.paid_at or 0) >= sale.expires_at
        invoice = paid_invoice(sale, state)
        is_strangers = not is_by_buyer(invoice, sale)
        notes = {LATE_NOTE: late, STRANGER_NOTE: is_strangers}
        detail = "; ".join(note for note, holds in notes.items() if holds)
        after = self.ledger.advance(
            sale,
            SaleState.PAID_LATE if late else SaleState.PAID,
            code=Code.PAID,
            detail=detail,
            preimage=state.preimage,
            payment_hash=state.payment_hash,
            invoice=invoice,
            amount_received=state.amount_received,
            paid_at=state.paid_at,
            tip=NO_TIP if is_strangers else sale.tip,
        )
        failpoint(Failpoint.MERCHANT_PAID_STORED)
        self.on_step("paid", {"preimage": state.preimage.hex()} | ({"note": detail} if detail else {}))
        return after
