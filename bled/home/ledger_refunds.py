"""The part of home's ledger about money that comes back. It changes no budget: what was spent stays spent."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final

from sqlalchemy import Connection, Select, insert, select, update

from bled.codes import Code
from bled.errors import Refused
from bled.home.ledger_core import LedgerCore
from bled.home.ledger_rows import claim_of, insert_event
from bled.home.ledger_tables import refunds
from bled.home.refund_rows import HomeRefund, HomeRefundState
from bled.home.rows import Claim, ClaimState
from bled_codec.units import Msat, Point, UnixTime

MOST_OF_PAYMENT: Final = 32
"""Invoices for one payment in all: whoever has its refund offer can have home write no more than that."""


class LedgerRefunds(LedgerCore):
    """Refunds. Use `Ledger`."""

    def add_refund(self, refund: HomeRefund) -> None:
        """Keep an invoice before anybody sees it.

        Raises `Refused` (`REFUND_REFUSED`) unless the payment was made, no other invoice of it can be paid, and what
        came back stays within what left home.
        """
        with self._store.transaction() as database:
            before = _of(database, refund.payer_id)
            _check_room(claim_of(database, refund.payer_id), before, refund.amount)
            values = {each.name: getattr(refund, each.name) for each in fields(refund)}
            database.execute(insert(refunds).values(values | {"state": refund.state.value}))

    def refunds_of(self, payer_id: Point) -> tuple[HomeRefund, ...]:
        """Return every invoice for money of one payment, oldest first."""
        with self._store.reading() as database:
            return _of(database, payer_id)

    def refunds_among(self, payer_ids: Sequence[Point]) -> tuple[HomeRefund, ...]:
        """Return what came back of some payments, oldest first."""
        came = (refunds.c.state == HomeRefundState.PAID.value) & refunds.c.payer_id.in_(payer_ids)
        with self._store.reading() as database:
            return _read(database, select(refunds).where(came))

    def open_refunds(self) -> tuple[HomeRefund, ...]:
        """Return the invoices that this process's node may have been paid."""
        mine = (refunds.c.state == HomeRefundState.OPEN.value) & (refunds.c.node == self._node)
        with self._store.reading() as database:
            return _read(database, select(refunds).where(mine))

    def record_refund(self, refund: HomeRefund, *, received: Msat, received_at: UnixTime, now: UnixTime) -> None:
        """Record that money came back. Does nothing when that is known."""
        with self._store.transaction() as database:
            if _end(database, refund, HomeRefundState.PAID, received=received, received_at=received_at):
                claim = claim_of(database, refund.payer_id)
                came = replace(
                    claim, payment_hash=refund.payment_hash, amount=received, detail="money came back", preimage=None
                )
                insert_event(database, seq=self._number(database), at=now, code=Code.REFUNDED, claim=came)

    def close_refund(self, refund: HomeRefund) -> None:
        """Record that the node takes no payment of an invoice any more. Does nothing for one that has ended."""
        with self._store.transaction() as database:
            _end(database, refund, HomeRefundState.CLOSED)


def left_to_return(claim: Claim, refunds_before: Sequence[HomeRefund]) -> Msat:
    """Return how much of a payment can still come back: what left home, less what came."""
    came = sum(refund.amount for refund in refunds_before if refund.state is HomeRefundState.PAID)
    return Msat(max(0, (claim.amount_sent or 0) - came))


def _check_room(claim: Claim, before: Sequence[HomeRefund], amount: Msat) -> None:
    if claim.state is not ClaimState.PAID:
        raise _refused("the payer id paid nothing")
    if any(refund.state is HomeRefundState.OPEN for refund in before):
        raise _refused("another invoice for it can still be paid")
    if amount > left_to_return(claim, before):
        raise _refused(f"{amount} msat are more than is left of what was paid")
    if len(before) >= MOST_OF_PAYMENT:
        raise _refused(f"{MOST_OF_PAYMENT} invoices were made for it")


def _refused(why: str) -> Refused:
    return Refused(Code.REFUND_REFUSED, detail=why)


def _of(database: Connection, payer_id: Point) -> tuple[HomeRefund, ...]:
    return _read(database, select(refunds).where(refunds.c.payer_id == payer_id))


def _read(database: Connection, query: Select[Any]) -> tuple[HomeRefund, ...]:
    rows = database.execute(query.order_by(refunds.c.made_at, refunds.c.payment_hash)).mappings()
    return tuple(_refund(dict(row)) for row in rows)


def _refund(values: dict[str, Any]) -> HomeRefund:
    values["state"] = HomeRefundState(values["state"])
    return HomeRefund(**values)


def _end(database: Connection, refund: HomeRefund, state: HomeRefundState, **values: object) -> bool:
    """End an open refund; say whether it was open."""
    still = (refunds.c.payment_hash == refund.payment_hash) & (refunds.c.state == HomeRefundState.OPEN.value)
    ended = database.execute(update(refunds).where(still).values(state=state.value, **values))
    return ended.rowcount == 1
