"""The one way in which a till's refund leaves the node: counted first, paid once, looked up when it is not clear."""

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from google.protobuf.message import DecodeError

from bled.clock import Clock
from bled.codes import Failpoint
from bled.errors import BledError
from bled.failpoint import failpoint
from bled.node.cln_errors import RpcFailure, classify
from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.calls import Denied
from bled.proxy.caps import Caps, Payout
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.units import Msat, UnixTime

_log = logging.getLogger(__name__)

PAY_SECONDS: Final = 600.0
"""Longest wait for `Xpay`; a payment that is older and that nobody heard the end of is not being tried any more."""
REFUNDS_AT_ONCE: Final = 4
"""Of one till. Each goes on when the till hangs up, so the calls that it waits for are no bound."""
LONGEST_RETRY_SECONDS: Final = 300
"""Longest time that a till may have the node make attempts (60 s unless it says so). Attempts that went on after
`PAY_SECONDS` could pay what was counted as failed by then."""
_PAYER_ID: Final = re.compile(r"[0-9a-fA-F]{66}")
"""A home on the same node knows its payments by such labels; one that it never asked for would revoke its books."""
_LOOKUP_SECONDS: Final = 30.0
# As at home: not among them are xpay that died (-4), a node that shuts down (-5), another call at work (-3, 200).
_PAYING_ENDED: Final = range(201, 220)
_CALL_REFUSED: Final = range(-32_768, -31_999)


class NodeSaidError(Exception):
    """A call to the node did not succeed.

    Attributes:
        status: gRPC's name of the status.
        details: its text.
    """

    def __init__(self, status: str, details: str) -> None:
        self.status = status
        self.details = details
        super().__init__(status, details)

    @property
    def has_ended(self) -> bool:
        """Whether lightningd says that its attempts are over or never began; anything else says nothing of them."""
        error = classify(self.status, self.details)
        number = error.rpc_code if isinstance(error, RpcFailure) else None
        return number in _PAYING_ENDED or number in _CALL_REFUSED


Ask = Callable[[str, bytes, float], Awaitable[bytes]]
"""Calls the node: method, request, seconds. Returns the answer's bytes; raises `NodeSaidError`."""


class Payouts:
    """Pays refunds for tills."""

    def __init__(self, ask: Ask, caps: Caps, clock: Clock) -> None:
        """Take the node, the ledger of what was paid, and the clock of its days."""
        self._ask = ask
        self._caps = caps
        self._clock = clock
        self._paying: Counter[str] = Counter()

    async def pay(self, request: pb.XpayRequest, *, till: str) -> bytes:
        """Return the node's answer to one `Xpay`.

        Raises `Denied` and `Unavailable` (`STORE_BROKEN`) before anything is paid, and `NodeSaidError`, after the
        outcome was looked up where that was possible. A ledger that breaks later is logged: the till must not hear of a
        refusal when the node may pay. Must not be cancelled: what was asked for is then not looked up.
        """
        payout = read_payout(request)
        if self._paying[till] >= REFUNDS_AT_ONCE:
            raise Denied(f"more than {REFUNDS_AT_ONCE} refunds at once")
        self._paying[till] += 1
        try:
            return await self._pay(payout, request, till)
        finally:
            self._paying[till] -= 1

    async def _pay(self, payout: Payout, request: pb.XpayRequest, till: str) -> bytes:
        await self.settle_old()
        self._caps.reserve(payout, till=till, now=self._clock.now())
        failpoint(Failpoint.PROXY_REFUND_RESERVED)
        try:
            answer = await self._ask("Xpay", request.SerializeToString(), PAY_SECONDS)
        except NodeSaidError as error:
            try:
                await self._settle(payout.payment_hash, ended=error.has_ended)
            except BledError as broken:
                _log.error("a refund that is not clear counts in full: %s", broken)
            raise
        try:
            failpoint(Failpoint.PROXY_REFUND_PAID)
            self._caps.paid(payout.payment_hash, sent=_sent(answer) or payout.most)
            failpoint(Failpoint.PROXY_REFUND_COUNTED)
        except BledError as broken:
            _log.error("a refund that was paid counts in full: %s", broken)
        return answer

    async def settle_old(self) -> None:
        """Look up every payment whose end nobody heard, once it can have no more attempts."""
        before = UnixTime(self._clock.now() - int(PAY_SECONDS))
        for payment_hash in self._caps.open_hashes(asked_before=before):
            await self._settle(payment_hash, ended=True)

    async def _settle(self, payment_hash: bytes, *, ended: bool) -> None:
        """Ask the node what became of a payment; what it does not say for certain goes on counting.

        `ended`: the node makes no more attempts, so that no part pending or complete means that none will be.
        """
        request = pb.ListsendpaysRequest(payment_hash=payment_hash)
        try:
            data = await self._ask("ListSendPays", request.SerializeToString(), _LOOKUP_SECONDS)
            parts = pb.ListsendpaysResponse.FromString(data).payments
        except (NodeSaidError, DecodeError):
            return
        states = {part.status for part in parts}
        if pb.ListsendpaysPayments.PENDING in states:
            return
        if pb.ListsendpaysPayments.COMPLETE in states:
            complete = [part for part in parts if part.status == pb.ListsendpaysPayments.COMPLETE]
            self._caps.paid(payment_hash, sent=Msat(sum(part.amount_sent_msat.msat for part in complete)))
        elif ended:
            self._caps.failed(payment_hash)


def read_payout(request: pb.XpayRequest) -> Payout:
    """Return what a request would pay at most. Raises `Denied` when it leaves that open."""
    if request.HasField("amount_msat") or request.HasField("partial_msat"):
        raise Denied("a refund pays what its invoice says")
    if not request.HasField("maxfee"):
        raise Denied("a refund names its largest fee")
    if _PAYER_ID.fullmatch(request.label):
        raise Denied("a payment under a payer id is home's")
    if request.retry_for > LONGEST_RETRY_SECONDS:
        raise Denied(f"a refund is tried for {LONGEST_RETRY_SECONDS} s at most")
    try:
        invoice = Invoice.from_string(request.invstring)
    except CodecError as error:
        raise Denied(f"a refund pays a BOLT 12 invoice: {error}") from error
    most = Msat(invoice.invoice_amount + request.maxfee.msat)
    return Payout(payment_hash=invoice.invoice_payment_hash, amount=invoice.invoice_amount, most=most)


def _sent(answer: bytes) -> Msat | None:
    try:
        return Msat(pb.XpayResponse.FromString(answer).amount_sent_msat.msat)
    except DecodeError:
        return None
