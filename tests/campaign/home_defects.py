"""Builds of home with one rule broken each. The auditor has to catch every one of them, or it proves nothing."""

import asyncio
import contextlib
from collections.abc import Callable

from bled.codes import Failpoint
from bled.errors import BledError
from bled.failpoint import failpoint
from bled.home import application, ledger, ledger_refunds, pay, serve_worker
from bled.home.ledger_refunds import LedgerRefunds
from bled.home.service import HomeService
from bled_codec.invoice import Invoice, UnsignedInvoice
from bled_codec.units import Msat


class ClaimsLate(HomeService):
    """Pays first, and claims what it has paid."""

    async def _take(self, arrived):
        verified = self._verify(arrived)
        await self._node.pay(
            verified.invoice, max_fee=Msat(50_000), retry_for=10, label=verified.invoice.invreq_payer_id.hex()
        )
        return await super()._take(arrived)


def claims_late() -> None:
    for module in (application, serve_worker):
        vars(module).update(HomeService=ClaimsLate)


def frees_too_early() -> None:
    """Takes a lost answer for a payment that failed."""

    async def follow(self, claim, *, ended, age=0, reason=""):
        self._ledger.record_failed(claim.payer_id, detail="no answer", now=self._clock.now())

    async def look_once(self, claim, *, node_is_fresh):
        await follow(self, claim, ended=True)
        return True

    pay.Payer._follow = follow
    pay.Payer.look_once = look_once


def counts_no_budget() -> None:
    """Looks at each payment by itself."""
    vars(ledger).update(check_limits=lambda limits, index, counters, *, amount, now: limits.max_fee.of(amount))


def leaves_open() -> None:
    """Never looks a payment up again whose outcome was lost."""

    async def follow(self, claim, *, ended, age=0, reason=""):
        return

    async def look_once(self, claim, *, node_is_fresh):
        return True

    pay.Payer._follow = follow
    pay.Payer.look_once = look_once


def forgets_revocation() -> None:
    """Asks the ledger about a revocation before it was told, and says that it has revoked."""
    from bled.home.ledger_books import LedgerBooks
    from bled.home.rows import Revoked

    def revoke_id(self, payer_id, *, book_id, now):
        return Revoked(books=(), payer_ids=(payer_id,), in_flight=(), already_paid=())

    LedgerBooks.revoke_id = revoke_id


def tells_before_it_writes() -> None:
    """Has the answer leave, and writes the invoice down afterwards."""
    from bled.home.refund_service import HomeRefunds

    async def keep(self, refund, draft, preimage):
        await self._node.keep_invoice(draft, label=refund.label, preimage=preimage)
        return refund

    async def send(self, refund, terms, reply_path):
        self._begin(self._send_often(refund, terms, reply_path, home=await self._node.node_id()))
        await asyncio.sleep(0.1)
        failpoint(Failpoint.HOME_REFUND_KEPT)
        with contextlib.suppress(BledError):
            LedgerRefunds.written(self._ledger, refund)
            self._ledger.keep_refund(refund)
        failpoint(Failpoint.HOME_REFUND_READY)
        self._watch(refund)

    LedgerRefunds.written = LedgerRefunds.add_refund
    LedgerRefunds.add_refund = lambda self, refund: None
    HomeRefunds._keep, HomeRefunds._send = keep, send


def leaves_invoices_live() -> None:
    """Closes the invoice before in the ledger alone."""
    from bled.home.refund_service import HomeRefunds

    async def take_back(self, refund):
        self._ledger.close_refund(refund)

    HomeRefunds._take_back = take_back


def keeps_again() -> None:
    """Has the node keep an invoice anew for the same request, while a slow look at it ends in its closing."""
    from bled.home.refund_service import HomeRefunds

    async def stands(self, refund, request):
        if refund.request != request or self._clock.now() >= refund.expires_at:
            return False
        found = await self._node.look(refund.label)
        if found is None:
            records = Invoice.decode(refund.invoice).records
            unsigned = b"".join(record.raw for record in records if not 240 <= record.type <= 1000)
            draft, preimage = UnsignedInvoice.decode(unsigned), self._keys.refund_preimage(refund.salt)
            await self._node.keep_invoice(draft, label=refund.label, preimage=preimage)
            return True
        return found.status.value == "unpaid"

    async def has_ended(self, payment_hash):
        refund = self._ledger.refund_with(payment_hash)
        found = await self._node.look(refund.label)
        await asyncio.sleep(0.1)
        return await self._settle(refund, found)

    HomeRefunds._stands, HomeRefunds._has_ended = stands, has_ended


def counts_no_refunds() -> None:
    """Looks at each refund by itself."""
    from bled.home import refund_policy

    for module in (refund_policy, ledger_refunds):
        vars(module).update(left_to_return=lambda claim, before: claim.amount_sent or 0)


DEFECTS: dict[str, Callable[[], None]] = {
    "claims-late": claims_late,
    "frees-too-early": frees_too_early,
    "counts-no-budget": counts_no_budget,
    "leaves-open": leaves_open,
    "forgets-revocation": forgets_revocation,
    "tells-before-it-writes": tells_before_it_writes,
    "leaves-invoices-live": leaves_invoices_live,
    "keeps-again": keeps_again,
    "counts-no-refunds": counts_no_refunds,
}
EXPECTED = {
    "claims-late": "double_paid",
    "frees-too-early": "lost",
    "counts-no-budget": "budget_violations",
    "leaves-open": "unresolved",
    "forgets-revocation": "paid_after_revocation",
    "tells-before-it-writes": "refunds_lost",
    "leaves-invoices-live": "refunds_lost",
    "keeps-again": "refunds_lost",
    "counts-no-refunds": "refunds_over",
}
