"""Money that comes back: a till asks a refund offer for an invoice, home makes one, the node is paid.

    request --judged--> OPEN --the node keeps the invoice--> KEPT --answer leaves--> PAID, or CLOSED

What may not be answered is passed over in silence. Before an invoice is made for a payment, the one before is looked up
at the node and taken back: one of a payment can be paid at a time. No budget grows by what comes back.

No money comes that the ledger holds for impossible, whoever works at the same time or dies half way, because one
transaction decides each step and finds the row as it was seen before the node was asked:

- Only who added a row asks the node to keep the invoice, once. Nobody does so again, also not for the same request.
- The answer leaves after the row was marked as kept, in a transaction that finds it open still. An invoice that was
  ended before is told to nobody, so that nobody can pay it, even if the node comes to keep it later.
- A row that is marked as kept is closed only after the node has said that it takes no payment of it; it is not asked to
  keep it any more, so that stays true. A row that is marked between the node's word and the closing stays open.
- Only the node that keeps an invoice is believed about it: what another node of a shared ledger keeps is left to it.
"""

import asyncio
import hmac
import secrets
import sys
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from bled.clock import Clock
from bled.codes import Code, Failpoint
from bled.errors import BledError, Refused, Unavailable
from bled.failpoint import failpoint
from bled.grants.keys import HomeKeys
from bled.grants.metadata import path_secret
from bled.home.intake import RareLog
from bled.home.ledger import Ledger
from bled.home.pay import Log, growing_pauses
from bled.home.rates import Buckets
from bled.home.refund_policy import RefundRequest, RefundTerms, judge_refund, payer_id_of
from bled.home.refund_rows import HomeRefund, HomeRefundState
from bled.home.refund_ways import INVOICE_SECONDS, answer_onion, draft_refund, signed_again, ways_in
from bled.node.base import InvoiceState, InvoiceStatus
from bled.node.receiving_base import ReceivingNode
from bled_codec.blinded_path import BlindedPath
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import UnsignedInvoice
from bled_codec.units import Msat, Point, UnixTime

QUEUE_LENGTH: Final = 16
_BURST: Final = 4
_PER_SECOND: Final = 0.1
"""For one payment, and ten times that for all: a cashier asks seldom."""
_SECONDS_BETWEEN_SENDS: Final = (0.0, 1.0, 2.0)
"""A peer drops what comes too fast without a word; so the answer leaves three times, unless the money is here."""
_GRACE_SECONDS: Final = 5
_SALT_BYTES: Final = 32

_Value = TypeVar("_Value")


class HomeRefunds:
    """Answers requests for refunds of one node."""

    def __init__(
        self, *, keys: HomeKeys, chain: bytes, node: ReceivingNode, ledger: Ledger, clock: Clock, log: Log
    ) -> None:
        """Take what answering needs; nothing is asked before `run`."""
        self._keys = keys
        self._chain = chain
        self._node = node
        self._ledger = ledger
        self._clock = clock
        self._log = log
        self._log_rarely = RareLog(log, clock)
        self._of_payment = Buckets(burst=_BURST, per_second=_PER_SECOND)
        self._of_all = Buckets(burst=10 * _BURST, per_second=10 * _PER_SECOND)
        self._queue: asyncio.Queue[RefundRequest] = asyncio.Queue(QUEUE_LENGTH)
        self._tasks: set[asyncio.Task[None]] = set()
        self._followed: set[bytes] = set()

    def receive(self, request: bytes, secret: bytes, reply_path: BlindedPath | None) -> bool:
        """Take an invoice_request from the hook and say at once whether it is home's business. Raises nothing.

        One that came over no path of ours is not: the node answers it as if home were not there.
        """
        payer_id = payer_id_of(request)
        if payer_id is None or not hmac.compare_digest(path_secret(self._keys, payer_id), secret):
            return False
        now = self._clock.monotonic()
        if reply_path is None or not (self._of_payment.takes(payer_id, now) and self._of_all.takes(0, now)):
            return True
        if not self._queue.full():
            self._queue.put_nowait(RefundRequest(payer_id=payer_id, request=request, reply_path=reply_path))
        return True

    async def run(self) -> None:
        """Follow the invoices of earlier runs, then answer one request after the other, for ever."""
        for refund in await self._read_open():
            self._watch(refund)
        while True:
            message = await self._queue.get()
            await asyncio.wait({self._begin(self._answer(message))})

    async def _read_open(self) -> tuple[HomeRefund, ...]:
        for pause in growing_pauses():
            try:
                if self._ledger.is_shared:
                    self._ledger.belong_to((await self._node.node_id()).hex())
                return await self._ask(self._ledger.open_refunds)
            except Unavailable as error:
                self._log("unusual", f"the ledger cannot list refunds, {error}")
                await asyncio.sleep(pause)
        return ()

    def _begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[None]") -> None:
        """Let go of a task; a defect of ours in it must not end the part of home that pays."""
        self._tasks.discard(task)
        defect = None if task.cancelled() else task.exception()
        if defect is not None:
            self._log_rarely(f"a refund met a defect, {type(defect).__name__}")
            traceback.print_exception(defect, file=sys.stderr)

    async def _ask(self, call: Callable[[], _Value]) -> _Value:
        """Ask the ledger: one that is far away must not hold up the hook."""
        return await asyncio.to_thread(call) if self._ledger.is_shared else call()

    async def _answer(self, message: RefundRequest) -> None:
        try:
            refund, terms = await self._invoice_for(message)
            await self._send(refund, terms, message.reply_path)
        except BledError as error:
            self._log_rarely(f"{message.payer_id.hex()}: no invoice for a refund, {error}")

    async def _invoice_for(self, message: RefundRequest) -> tuple[HomeRefund, RefundTerms]:
        """Return the invoice that answers, on the disk and with the node: the one before, for the very same request."""
        claim = await self._ask(lambda: self._ledger.claim_for(message.payer_id))
        request = sha256(message.request)
        same = await self._make_room(message.payer_id, request)
        before = await self._before(message.payer_id)
        terms = judge_refund(message, claim, before, keys=self._keys, chain=self._chain, now=self._clock.now())
        if same in before:
            return same, terms
        return await self._make(message.payer_id, request, terms), terms

    async def _make_room(self, payer_id: Point, request: bytes) -> HomeRefund | None:
        """Return the invoice that stands for this very request; take any other of the payment back."""
        same = None
        for refund in await self._before(payer_id):
            if refund.state is HomeRefundState.OPEN:
                if await self._stands(refund, request):
                    same = refund
                else:
                    await self._take_back(refund)
        return same

    async def _before(self, payer_id: Point) -> tuple[HomeRefund, ...]:
        return await self._ask(lambda: self._ledger.refunds_of(payer_id))

    async def _stands(self, refund: HomeRefund, request: bytes) -> bool:
        """Say whether an open invoice is the answer to this very request, and can be paid."""
        if not refund.kept or refund.request != request or self._clock.now() >= refund.expires_at:
            return False
        found = await self._node.look(refund.label)
        return found is not None and found.status is InvoiceStatus.UNPAID

    async def _take_back(self, refund: HomeRefund) -> None:
        """Have an invoice paid no more, or record that it was."""
        if refund.node != self._ledger.node:
            raise Refused(Code.REFUND_REFUSED, detail="another node may be paid an invoice for it")
        await self._node.forget_unpaid(refund.label)
        found = await self._node.look(refund.label)
        if found is not None and found.status is InvoiceStatus.UNPAID:
            raise Unavailable(Code.NODE_REFUSED, detail="the node did not take an invoice back")
        if not await self._settle(refund, found):
            raise Refused(Code.REFUND_REFUSED, detail="another process makes an invoice for it")

    async def _make(self, payer_id: Point, request: bytes, terms: RefundTerms) -> HomeRefund:
        node, salt, now = self._node, secrets.token_bytes(_SALT_BYTES), self._clock.now()
        ways = ways_in(await node.inbound(), terms.amount, terms.introductions)
        if not ways:
            raise Refused(Code.REFUND_REFUSED, detail=f"no channel can receive {terms.amount} msat now")
        preimage = self._keys.refund_preimage(salt)
        draft = draft_refund(
            terms,
            home=await node.node_id(),
            ways=ways,
            invoice_secret=await node.invoice_secret(),
            preimage=preimage,
            height=await node.height(),
            now=now,
            session_keys=[_fresh_key() for _ in ways],
        )
        refund = HomeRefund(
            payment_hash=sha256(preimage),
            payer_id=payer_id,
            node=self._ledger.node,
            salt=salt,
            request=request,
            amount=terms.amount,
            invoice=draft.sign(terms.key, aux=secrets.token_bytes(32)).encode(),
            made_at=now,
            expires_at=UnixTime(now + INVOICE_SECONDS),
        )
        await self._ask(lambda: self._ledger.add_refund(refund))
        failpoint(Failpoint.HOME_REFUND_STORED)
        try:
            kept = await self._keep(refund, draft, preimage)
        except BledError:
            self._watch(refund)
            raise
        self._log("info", f"{payer_id.hex()}: an invoice for a refund of {terms.amount} msat was asked for")
        return kept

    async def _keep(self, refund: HomeRefund, draft: UnsignedInvoice, preimage: bytes) -> HomeRefund:
        """Have the node keep an invoice, and let the ledger say whether anybody may be told of it."""
        await self._node.keep_invoice(draft, label=refund.label, preimage=preimage)
        failpoint(Failpoint.HOME_REFUND_KEPT)
        try:
            kept = await self._ask(lambda: self._ledger.keep_refund(refund))
        except Refused:
            await self._node.forget_unpaid(refund.label)
            raise
        failpoint(Failpoint.HOME_REFUND_READY)
        return kept

    async def _send(self, refund: HomeRefund, terms: RefundTerms, reply_path: BlindedPath) -> None:
        """Have the answer leave, and follow the invoice meanwhile."""
        self._watch(refund)
        self._begin(self._send_often(refund, terms, reply_path, home=await self._node.node_id()))

    async def _send_often(
        self, refund: HomeRefund, terms: RefundTerms, reply_path: BlindedPath, *, home: Point
    ) -> None:
        invoice = signed_again(refund).encode()
        for pause in _SECONDS_BETWEEN_SENDS:
            await asyncio.sleep(pause)
            if pause and refund.payment_hash not in self._followed:
                return
            for through in terms.introductions:
                keys = (_fresh_key(), _fresh_key())
                onion = answer_onion(invoice, home=home, through=through, reply_path=reply_path, session_keys=keys)
                if onion is not None:
                    await self._inject(onion.path_key, onion.onion)

    async def _inject(self, path_key: Point, onion: bytes) -> None:
        try:
            await self._node.inject(path_key, onion)
        except BledError as error:
            self._log_rarely(f"an invoice for a refund cannot be sent, {error}")

    def _watch(self, refund: HomeRefund) -> None:
        """Follow an invoice, unless somebody does."""
        if refund.payment_hash not in self._followed:
            self._followed.add(refund.payment_hash)
            self._begin(self._follow(refund))

    async def _follow(self, refund: HomeRefund) -> None:
        """Wait for the money, or for the end of the invoice, across every trouble with node and ledger."""
        try:
            for pause in growing_pauses():
                try:
                    left = refund.expires_at + _GRACE_SECONDS - self._clock.now()
                    await self._node.wait(refund.label, seconds=max(1, left))
                    if await self._has_ended(refund.payment_hash):
                        return
                except BledError as error:
                    self._log_rarely(f"{refund.payer_id.hex()}: a refund cannot be looked up, {error}")
                await asyncio.sleep(pause)
        finally:
            self._followed.discard(refund.payment_hash)

    async def _has_ended(self, payment_hash: bytes) -> bool:
        """Read an invoice, then ask the node about it: in this order, so that the ledger can tell what came between."""
        refund = await self._ask(lambda: self._ledger.refund_with(payment_hash))
        return refund.state is not HomeRefundState.OPEN or await self._settle(
            refund, await self._node.look(refund.label)
        )

    async def _settle(self, refund: HomeRefund, found: InvoiceState | None) -> bool:
        """Record what the node says of an invoice that was read before; say whether it has ended."""
        if found is None or found.status is InvoiceStatus.EXPIRED:
            return await self._ask(lambda: self._ledger.close_refund(refund))
        if found.status is InvoiceStatus.UNPAID:
            return False
        received = Msat(found.amount_received or refund.amount)
        at, now = found.paid_at or self._clock.now(), self._clock.now()
        await self._ask(lambda: self._ledger.record_refund(refund, received=received, received_at=at, now=now))
        self._log("info", f"{refund.payer_id.hex()}: {received} msat came back")
        return True


def _fresh_key() -> SecretKey:
    return SecretKey(secrets.token_bytes(32))
