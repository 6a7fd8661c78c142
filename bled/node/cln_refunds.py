"""Refunds from a Core Lightning node: `FetchInvoice`, `Xpay`, and `ListSendPays` for what became of it."""

from collections.abc import Sequence
from typing import Final

from bled.codes import Code
from bled.errors import Refused, Unavailable
from bled.node.cln_connection import READ_SECONDS, ClnConnection
from bled.node.cln_errors import RpcFailure
from bled.node.refund_base import RefundEnded, RefundNode, RefundRecord, RefundStatus
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.offer import Offer
from bled_codec.units import MAX_MSAT, Msat

FETCH_SECONDS: Final = 60.0
"""How long lightningd lets the offer's maker answer when no `timeout` is given. One cannot be: gRPC has a number with a
fraction there, and lightningd v26.06.6 refuses 30.0 ("should be an integer")."""
RETRY_SECONDS: Final = 60
"""How long the node makes attempts (`retry_for`)."""
PAY_SECONDS: Final = 120.0
"""Longest wait for `Xpay`: its attempts, and one that a hop holds for a while."""
_GRACE_SECONDS: Final = 5.0
_MAX_DELAY_BLOCKS: Final = 504
_NEVER_BEGAN: Final = frozenset({Code.NODE_UNREACHABLE, Code.NODE_TLS, Code.NODE_REFUSED})
"""The call did not reach lightningd: nobody was there, or somebody before it (a proxy) refused it."""
# Only these say that the attempts are over: errors of paying itself, and calls that were refused before they began.
# Not among them: xpay died (-4), the node is shutting down (-5), another call for the same hash is at work (-3, 200).
_PAYING_ENDED: Final = range(201, 220)
_CALL_REFUSED: Final = range(-32_768, -31_999)


class ClnRefunds(RefundNode):
    """Gives money back over one connection."""

    def __init__(self, connection: ClnConnection) -> None:
        """Take a connection that works."""
        self._connection = connection

    async def fetch(self, offer: Offer, *, amount: Msat) -> Invoice:
        """Ask for an invoice. lightningd makes a payer key of its own for each."""
        call = pb.FetchinvoiceRequest(offer=offer.string, amount_msat=pb.Amount(msat=amount))
        seconds = FETCH_SECONDS + _GRACE_SECONDS
        try:
            answer = await self._connection.call("FetchInvoice", call, pb.FetchinvoiceResponse, seconds=seconds)
            return Invoice.from_string(answer.invoice)
        except RpcFailure as error:
            raise Refused(Code.REFUND_FAILED, detail=f"no invoice from the buyer's node: {error.detail}") from error
        except CodecError as error:
            raise Refused.from_codec(Code.REFUND_FAILED, error) from error

    async def pay(self, invoice: Invoice, *, max_fee: Msat, label: str) -> RefundRecord:
        """Pay once, with every limit named."""
        call = pb.XpayRequest(
            invstring=invoice.string,
            maxfee=pb.Amount(msat=max_fee),
            retry_for=RETRY_SECONDS,
            maxdelay=_MAX_DELAY_BLOCKS,
            label=label,
        )
        try:
            answer = await self._connection.call("Xpay", call, pb.XpayResponse, seconds=PAY_SECONDS)
        except RpcFailure as error:
            if error.rpc_code in _PAYING_ENDED or error.rpc_code in _CALL_REFUSED:
                raise RefundEnded(error.detail) from error
            raise
        except Unavailable as error:
            if error.code in _NEVER_BEGAN:
                raise RefundEnded(error.detail) from error
            raise
        return _complete([answer.payment_preimage], answer.amount_sent_msat.msat, invoice.invoice_payment_hash)

    async def lookup(self, payment_hash: bytes, *, label: str) -> RefundRecord:
        """Read `ListSendPays`, which has the payments of every wallet of the node."""
        call = pb.ListsendpaysRequest(payment_hash=payment_hash)
        answer = await self._connection.call("ListSendPays", call, pb.ListsendpaysResponse, seconds=READ_SECONDS)
        return read_parts(answer.payments, payment_hash, label)


def read_parts(rows: Sequence[pb.ListsendpaysPayments], payment_hash: bytes, label: str) -> RefundRecord:
    """Return what the parts of one payment add up to. Raises `Unavailable` (`NODE_PROTOCOL`) for another hash.

    Parts with another label belong to somebody else's payment of the same invoice; an old node keeps no labels. A
    status that is not known here counts as pending: nobody can say that it has failed.
    """
    if any(row.payment_hash != payment_hash for row in rows):
        raise Unavailable(Code.NODE_PROTOCOL, detail="ListSendPays: a part of another payment")
    rows = [row for row in rows if row.label in ("", label)]
    complete = [row for row in rows if row.status == pb.ListsendpaysPayments.COMPLETE]
    if complete:
        sent = sum(row.amount_sent_msat.msat for row in complete)
        return _complete([row.payment_preimage for row in complete], sent, payment_hash)
    if any(row.status != pb.ListsendpaysPayments.FAILED for row in rows):
        return RefundRecord(status=RefundStatus.PENDING)
    return RefundRecord(status=RefundStatus.NOTHING)


def _complete(preimages: Sequence[bytes], sent: int, payment_hash: bytes) -> RefundRecord:
    """Return that money arrived: the node says so, and a preimage that does not fit takes nothing of that back."""
    proofs = (preimage for preimage in preimages if len(preimage) == 32 and sha256(preimage) == payment_hash)
    amount = Msat(sent) if 0 < sent <= MAX_MSAT else None
    return RefundRecord(status=RefundStatus.COMPLETE, amount_sent=amount, preimage=next(proofs, None))
