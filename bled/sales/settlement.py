"""From the accepted request to the money. A new run continues a sale of an earlier one here as well."""

import asyncio
import logging
import secrets
from functools import partial
from typing import Final

from bled.codes import Code, Failpoint
from bled.errors import BledError, Refused, Unavailable
from bled.failpoint import failpoint
from bled.node.base import CreatedOffer, InvoiceState, InvoiceStatus, Way, invoice_label
from bled.sales.conversation import Buyer
from bled.sales.delivery import Attempt, first_attempts, resends
from bled.sales.evidence import flaw_of
from bled.sales.states import Sale, SaleState
from bled.sales.till import NODE_AWAY, Till
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer

_log = logging.getLogger(__name__)

_HOPELESS: Final = frozenset({Code.NODE_REFUSED, Code.NODE_PROTOCOL, Code.SALE_EXPIRED, Code.INTERNAL})
"""Asking again would bring the same answer: the sale is closed at the node, which then says how it ended."""

_NOT_IN_TIME: Final = "the buyer's node did not pay in time; whether the invoice reached it is not known"
SENT_NOTE: Final = "sent is not delivered: only the money tells"

_JITTER: Final = 250
"""Thousandths by which a pause may grow, so that tills that began together do not go on together."""


class Settlement:
    """One sale with an accepted request, until it is paid or closed."""

    def __init__(self, till: Till, sale: Sale, buyer: Buyer, *, patience: float | None = None) -> None:
        """Take a sale in state requested, invoiced or sent.

        `patience` is how many seconds to wait for the money; None waits until the offer's expiry.
        """
        self._till = till
        self._buyer = buyer
        self.sale = sale
        offer = Offer.from_string(sale.offer or "")
        self._offer = CreatedOffer(offer_id=offer.offer_id, offer=offer)
        self._request = InvoiceRequest.decode(sale.request or b"")
        self._paths = self._request.invreq_paths or ()
        self._label = invoice_label(offer.offer_id, self._request.invreq_payer_id)
        self._give_up_at = None if patience is None else till.clock.monotonic() + patience

    async def run(self) -> Sale:
        """Bring the sale to its end. Raises `BledError` when that is not known yet: the sale stays open."""
        is_new = self.sale.invoice is None
        try:
            invoice = await self._invoice()
            state = await self._payment(invoice, is_new=is_new)
        except BledError as error:
            if error.code not in _HOPELESS:
                raise
            return await self._close(*_end_of(error))
        if state is None:
            return await self._close(*self._end_without_money())
        flaw = flaw_of(self.sale, state)
        if flaw is not None:
            return await self._close(SaleState.UNKNOWN, Code.OUTCOME_UNKNOWN, flaw)
        return self._till.paid(self.sale, state)

    def _end_without_money(self) -> tuple[SaleState, Code, str]:
        till = self._till
        if till.seconds_left(self.sale) <= 0:
            return SaleState.EXPIRED, Code.SALE_EXPIRED, _NOT_IN_TIME
        if self._give_up_at is not None and till.clock.monotonic() >= self._give_up_at:
            return SaleState.CANCELLED, Code.CANCELLED, "not paid soon after the till came back"
        detail = "the node closed the invoice early: its offer was disabled, or its clock is ahead of the till's"
        return SaleState.CANCELLED, Code.CANCELLED, detail

    async def _close(self, end: SaleState, code: Code, detail: str) -> Sale:
        return await self._till.steadily(lambda: self._till.close(self.sale, end, code, detail))

    async def _invoice(self) -> Invoice:
        """Return the invoice, made at the node unless an earlier run has stored it."""
        if self.sale.invoice is not None:
            return Invoice.decode(self.sale.invoice)
        till = self._till
        if till.seconds_left(self.sale) < till.times.invoice_left:
            raise Refused(Code.SALE_EXPIRED, detail=f"less than {till.times.invoice_left} s were left for the invoice")
        invoice = await till.steadily(
            lambda: till.node.create_invoice(
                self._request, offer=self._offer, seed=self.sale.preimage, now=till.clock.now()
            )
        )
        failpoint(Failpoint.MERCHANT_INVOICE_CREATED)
        data, payment_hash = invoice.encode(), invoice.invoice_payment_hash
        self.sale = till.ledger.advance(self.sale, SaleState.INVOICED, invoice=data, payment_hash=payment_hash)
        facts = {"invoice": invoice.string, "payment_hash": payment_hash.hex(), "bytes": len(data)}
        till.on_step("invoice created", facts)
        failpoint(Failpoint.MERCHANT_INVOICE_STORED)
        return invoice

    async def _payment(self, invoice: Invoice, *, is_new: bool) -> InvoiceState | None:
        """Send the invoice, again and again, until the node has the money; None when it can get none any more.

        One that an earlier run made is looked up first; of a new one the wait tells the same.
        """
        if not is_new:
            state = await self._till.steadily(lambda: self._till.node.lookup(self._label))
            if state is None or state.status is not InvoiceStatus.UNPAID:
                return _verdict(state)
        if self._seconds_to_wait() <= 0:
            return None
        await self._send_first(invoice)
        sending = asyncio.create_task(self._send_again(invoice))
        try:
            return await self._wait()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _wait(self) -> InvoiceState | None:
        till = self._till
        while (seconds := self._seconds_to_wait()) > 0:
            state = await till.steadily(partial(till.node.wait_paid, self._label, seconds=seconds))
            if state is None or state.status is not InvoiceStatus.UNPAID:
                return _verdict(state)
        return None

    def _seconds_to_wait(self) -> float:
        left = float(self._till.seconds_left(self.sale))
        if self._give_up_at is not None:
            left = min(left, self._give_up_at - self._till.clock.monotonic())
        return min(left, self._till.times.wait)

    async def _send_first(self, invoice: Invoice) -> None:
        refusal: Unavailable | None = None
        for attempt in first_attempts(self._paths, self._till.times, ways=self._till.node.ways):
            if refusal is not None:
                await asyncio.sleep(attempt.pause)
            try:
                await self._till.steadily(partial(self._send, attempt, invoice))
            except Unavailable as error:
                if error.code in NODE_AWAY:
                    raise
                self._till.on_step("invoice not sent", {"way": attempt.way.value, "detail": error.detail})
                refusal = error
                continue
            await self._sent(invoice, attempt.way)
            return
        raise refusal or Unavailable(Code.NODE_REFUSED, detail="the request has no way back")

    async def _sent(self, invoice: Invoice, way: Way) -> None:
        failpoint(Failpoint.MERCHANT_DELIVERED)
        if self.sale.state is SaleState.INVOICED:
            self.sale = self._till.ledger.advance(self.sale, SaleState.SENT)
        _log.info("sale %s: invoice sent, way %s", self.sale.sale_id, way.value)
        self._till.on_step("invoice sent", {"way": way.value, "note": SENT_NOTE})
        await self._buyer.invoice_sent(invoice.invoice_payment_hash)

    async def _send_again(self, invoice: Invoice) -> None:
        for number, attempt in enumerate(resends(self._paths, self._till.times, ways=self._till.node.ways)):
            await asyncio.sleep(attempt.pause * (1 + secrets.randbelow(_JITTER) / 1000))
            if number == 0:
                await self._reach_all()
            try:
                await self._send(attempt, invoice)
            except BledError as error:  # the next one goes another way; the wait sees a node that is gone
                self._till.on_step("invoice not sent", {"way": attempt.way.value, "detail": error.detail})
            else:
                self._till.on_step("invoice sent again", {"way": attempt.way.value})

    async def _reach_all(self) -> None:
        """Connect to every introduction at once, so that no later sending waits for a silent one; tell which are."""
        reached = (self._till.node.reach(path) for path in self._paths)
        for failure in await asyncio.gather(*reached, return_exceptions=True):
            if isinstance(failure, BledError):
                self._till.on_step("introduction not reached", {"detail": failure.detail})
            elif isinstance(failure, BaseException):
                raise failure

    async def _send(self, attempt: Attempt, invoice: Invoice) -> None:
        if attempt.way is Way.DIRECT:
            await self._till.node.deliver(self._request, invoice=invoice, path=attempt.path)
        else:
            await self._till.node.push(invoice, path=attempt.path)


def _verdict(state: InvoiceState | None) -> InvoiceState | None:
    """Return the paid state, or None for an expired one.

    An invoice that is gone ends the wait, nothing more: it may have been paid before the node forgot it.
    """
    if state is None:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node does not know its invoice any more")
    return state if state.status is InvoiceStatus.PAID else None


def _end_of(error: BledError) -> tuple[SaleState, Code, str]:
    if error.code is Code.SALE_EXPIRED:
        return SaleState.EXPIRED, Code.SALE_EXPIRED, error.detail
    return SaleState.FAILED, Code.PAYMENT_FAILED, str(error)
