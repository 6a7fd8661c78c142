"""Money back to a buyer: once, within what the sale received, and looked up when nobody heard how it went."""

import secrets
from typing import Final

from bled.clock import Clock
from bled.codes import Code, Failpoint
from bled.errors import BledError, ConfigurationError, Refused, Unavailable
from bled.failpoint import failpoint
from bled.node.base import MerchantNode, NodeInfo
from bled.node.refund_base import RefundEnded, RefundNode, RefundRecord, RefundStatus
from bled.progress import OnStep
from bled.sales.ledger import SaleLedger
from bled.sales.refund_check import amount_to_refund, check_refund_invoice, fee_to_allow, offer_to_refund
from bled.sales.refund_states import REFUND_CODES, Refund, RefundState
from bled.sales.states import Sale
from bled_codec.invoice import Invoice
from bled_codec.units import Msat

SETTLE_SECONDS: Final = 600
"""After as long the node makes no more attempts, so that no part under way or paid means that none will be. (It makes
attempts for 60 s; a proxy before it waits 600 s.)"""
_NO_PART: Final = "the node knows of no part of it that was paid or is under way"


class Refunds:
    """Gives money back from one node."""

    def __init__(self, node: RefundNode, info: NodeInfo, ledger: SaleLedger, *, clock: Clock, on_step: OnStep) -> None:
        """Take the node and what it says of itself, the ledger, which the caller holds open, and the clock."""
        self._node = node
        self._info = info
        self._ledger = ledger
        self._clock = clock
        self._on_step = on_step

    async def pay(self, sale_id: str, *, amount: Msat | None = None, max_fee: Msat | None = None) -> Refund:
        """Give back `amount` of a sale, or all that is left of it, for at most `max_fee` besides.

        When an earlier refund of the sale is open it is looked up, nothing else: that is what is returned then.
        Raises `BledError` (`USAGE`) for a sale that is not there, `Refused` (`REFUND_REFUSED`, `REFUND_BY_HAND`,
        `REFUND_FAILED`), `PeerError` (`REFUND_FAILED`), `Unavailable`; nothing was paid then.
        """
        sale = self._ledger.find(sale_id)
        if sale is None:
            raise BledError(Code.USAGE, detail=f"this till has no sale {sale_id}")
        refunds = self._ledger.refunds.of(sale_id)
        for refund in refunds:
            if refund.is_open:
                return await self.look_up(refund)
        return await self._pay(await self._begin(sale, amount_to_refund(sale, refunds, amount), max_fee))

    async def _begin(self, sale: Sale, amount: Msat, max_fee: Msat | None) -> Refund:
        """Return a refund that can be paid, on the disk."""
        fee = fee_to_allow(amount, max_fee)
        offer = offer_to_refund(sale, chain=self._info.chain, now=self._clock.now())
        self._on_step("refund offer found", {"offer": offer.string, "amount_msat": amount})
        invoice = await self._node.fetch(offer, amount=amount)
        now = self._clock.now()
        check_refund_invoice(invoice, offer, amount=amount, max_fee=fee, chain=self._info.chain, now=now)
        refund = Refund(
            refund_id=f"{sale.sale_id}-{secrets.token_hex(4)}",
            sale_id=sale.sale_id,
            created_at=now,
            amount=amount,
            max_fee=fee,
            state=RefundState.REFUNDING,
            invoice=invoice.encode(),
            payment_hash=invoice.invoice_payment_hash,
            node_id=self._info.node_id,
        )
        self._ledger.refunds.begin(refund)
        self._on_step("refund invoice checked", {"payment_hash": refund.payment_hash.hex(), "max_fee_msat": fee})
        failpoint(Failpoint.MERCHANT_REFUND_STORED)
        return refund

    async def _pay(self, refund: Refund) -> Refund:
        """Ask the node to pay, this one time."""
        invoice = Invoice.decode(refund.invoice)
        try:
            record = await self._node.pay(invoice, max_fee=refund.max_fee, label=refund.refund_id)
        except RefundEnded as error:
            return await self._judge(refund, why=error.detail, ended=True)
        except Unavailable as error:
            return await self._judge(refund, why=str(error), ended=False)
        failpoint(Failpoint.MERCHANT_REFUND_PAID)
        return self._paid(refund, record)

    async def _judge(self, refund: Refund, *, why: str, ended: bool) -> Refund:
        """Return what the node's records say of a payment whose answer was not a plain yes."""
        try:
            return await self._look(refund, why=why, ended=ended)
        except Unavailable as error:
            return self._unknown(refund, f"{why}; {error}")

    async def look_up(self, refund: Refund) -> Refund:
        """Return an open refund as the node's records have it now.

        Raises `Unavailable` when the node does not tell, `ConfigurationError` (`CONFIG_BAD`) when another one paid it.
        """
        if refund.node_id != self._info.node_id:
            detail = f"the refund of sale {refund.sale_id} is open at another node; run once with that one"
            raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
        ended = self._clock.now() >= refund.created_at + SETTLE_SECONDS
        return await self._look(refund, why=_NO_PART, ended=ended)

    async def _look(self, refund: Refund, *, why: str, ended: bool) -> Refund:
        record = await self._node.lookup(refund.payment_hash, label=refund.refund_id)
        match record.status:
            case RefundStatus.COMPLETE:
                return self._paid(refund, record)
            case RefundStatus.NOTHING if ended:
                return self._end(refund, RefundState.FAILED, detail=why)
            case RefundStatus.NOTHING:
                return self._unknown(refund, f"{why}; the node may still try")
            case RefundStatus.PENDING:
                return self._unknown(refund, "a part of it is under way")

    def _paid(self, refund: Refund, record: RefundRecord) -> Refund:
        return self._end(
            refund,
            RefundState.REFUNDED,
            detail="" if record.preimage is not None else "the node gave no preimage that proves it",
            amount_sent=record.amount_sent,
            preimage=record.preimage,
        )

    def _end(self, refund: Refund, state: RefundState, **facts: object) -> Refund:
        after = self._ledger.refunds.advance(refund, state, ended_at=self._clock.now(), **facts)
        self._on_step(state.value.replace("_", " "), {"amount_msat": after.amount, "detail": after.detail})
        return after

    def _unknown(self, refund: Refund, detail: str) -> Refund:
        self._on_step("refund unknown", {"amount_msat": refund.amount, "detail": detail})
        if refund.state is RefundState.UNKNOWN:
            return refund
        return self._ledger.refunds.advance(refund, RefundState.UNKNOWN, detail=detail)


async def settle_refunds(
    node: MerchantNode, info: NodeInfo, ledger: SaleLedger, *, clock: Clock, on_step: OnStep
) -> None:
    """Look up every refund of which it is not known how it ended. One that stays so keeps nobody from selling."""
    if node.refunds is None:
        return
    refunds = Refunds(node.refunds, info, ledger, clock=clock, on_step=on_step)
    for refund in ledger.refunds.open():
        try:
            after = await refunds.look_up(refund)
            facts = {"code": REFUND_CODES[after.state].value, "detail": after.detail}
        except (Unavailable, ConfigurationError) as error:
            facts = {"code": Code.REFUND_UNKNOWN.value, "detail": str(error)}
        on_step("refund looked up", {"sale_id": refund.sale_id, "amount_msat": refund.amount} | facts)


def refund_node(node: MerchantNode) -> RefundNode:
    """Return what gives money back from `node`. Raises `Refused` (`REFUND_BY_HAND`) for a node that cannot."""
    if node.refunds is None:
        raise Refused(Code.REFUND_BY_HAND, detail="LND pays no BOLT 12 offer; it pays a BOLT 11 invoice of the buyer's")
    return node.refunds
