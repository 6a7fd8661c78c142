"""The part of home's ledger about money that comes back. It changes no budget: what was spent stays spent."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, insert, select, update

from bled.codes import Code
from bled.errors import Refused, Unavailable
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
            marks = {"state": refund.state.value, "kept": int(refund.kept)}
            database.execute(insert(refunds).values(values | marks))

    def keep_refund(self, refund: HomeRefund) -> HomeRefund:
        """Record that the node keeps an invoice, and return it: only then may anybody be told of it.

        Raises `Refused` (`REFUND_REFUSED`) when it was ended meanwhile: then nobody ever hears of it.
        """
        with self._store.transaction() as database:
            if not _change(database, _open(refund), kept=1):
                raise _refused("the invoice was taken back before it was ready")
        return replace(refund, kept=True)

    def refunds_of(self, payer_id: Point) -> tuple[HomeRefund, ...]:
        """Return every invoice for money of one payment, oldest first."""
        with self._store.reading() as database:
            return _of(database, payer_id)

    def refund_with(self, payment_hash: bytes) -> HomeRefund:
        """Return the invoice with a payment hash, which was added. Raises `Unavailable` for one that is gone again."""
        with self._store.reading() as database:
            found = _read(database, select(refunds).where(refunds.c.payment_hash == payment_hash))
        if not found:
            raise Unavailable(Code.STORE_BROKEN, detail="an invoice is not in the ledger any more; is it an old copy?")
        return found[0]

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
            paid = {"state": HomeRefundState.PAID.value, "received": received, "received_at": received_at}
            if _change(database, _open(refund), **paid):
                claim = claim_of(database, refund.payer_id)
                came = replace(
                    claim, payment_hash=refund.payment_hash, amount=received, detail="money came back", preimage=None
                )
                insert_event(database, seq=self._number(database), at=now, code=Code.REFUNDED, claim=came)

    def close_refund(self, refund: HomeRefund) -> bool:
        """Record that the node takes no payment of an invoice any more; say whether it has ended now.

        `refund` was read before the node was asked. Where the node has come to keep it since, what it said may be out
        of date: nothing is changed then.
        """
        with self._store.transaction() as database:
            as_seen = _open(refund) & (refunds.c.kept == int(refund.kept))
            _change(database, as_seen, state=HomeRefundState.CLOSED.value)
            still = database.execute(select(refunds.c.kept).where(_open(refund))).first()
        return still is None


def left_to_return(claim: Claim, refunds_before: Sequence[HomeRefund]) -> Msat:
    """Return how much of a payment can still come back: what left home, less what came."""
    came = sum(refund.received or 0 for refund in refunds_before if refund.state is HomeRefundState.PAID)
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
    marks = {"state": HomeRefundState(values["state"]), "kept": values["kept"] == 1}
    return HomeRefund(**values | marks)


def _open(refund: HomeRefund) -> ColumnElement[bool]:
    return (refunds.c.payment_hash == refund.payment_hash) & (refunds.c.state == HomeRefundState.OPEN.value)


def _change(database: Connection, where: ColumnElement[bool], **values: object) -> bool:
    """Change an invoice if it is as the condition says; say whether it was."""
    return database.execute(update(refunds).where(where).values(values)).rowcount == 1
