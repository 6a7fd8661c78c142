"""`xpay` of Core Lightning over the sandbox's channels, in steps between which a kill can be made good.

A payment is written down as pending; the payee says whether it takes it; the payee marks its invoice paid and reveals
the preimage; the balances move and the payment is complete, in one transaction. After a kill the next start asks the
payee again: an invoice that is paid, or can be paid still, completes its payment; any other fails it.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final

from bled.codes import Failpoint
from bled.failpoint import failpoint
from bled.node.json_stream import JsonObject
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.network import Network
from bled.sandbox.node import SandboxNode
from bled.sandbox.route_choice import out_of_routes, usable_routes
from bled.sandbox.routes import Arrival, PathFailed, Route, Step, walk
from bled.sandbox.rpc_error import RpcError
from bled.sandbox.sendpays import SendPay, SendPayStatus, Transfer
from bled.sandbox.xpay_args import XpayArgs, read_invoice
from bled_codec.invoice import Invoice

Transit = Callable[[int], Awaitable[None]]
"""Awaited while a payment is on its way to the payee; takes the number of channels on that way."""

_UNSPECIFIED: Final = -3
_DESTINATION_FAILED: Final = 203
_INVOICE_EXPIRED: Final = 207
_NO_MORE_ROUTES: Final = 209
_ALREADY_PAID: Final = 219
_ERROR_ONION_BYTES: Final = 292


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """Why an attempt failed: `final` ends all attempts, `at` names what seemed too small otherwise."""

    text: str
    at: str = ""
    final: bool = False


class Payments:
    """Pays invoices from one node of the network to another, the same payment hash once."""

    def __init__(self, network: Network, *, transit: Transit | None = None) -> None:
        """Use the channels, the ledger and the clock of `network`; `transit` stands in for its commit time."""
        self._network = network
        self._accounts = network.accounts
        self._transit = transit or network.commit_time
        self._numbers = count(1)

    async def xpay(self, payer: SandboxNode, args: XpayArgs) -> JsonObject:
        """Pay an invoice; return what `xpay` answers.

        Raises `RpcError`: -32602 bad invoice, 207 expired, 205 no way, 206 too expensive, 219 paid before, -3 under
        way, 203 refused by the payee, 209 lost inside the blinded path. Once a payment is written down, cancelling
        this call does not undo it.
        """
        invoice = read_invoice(args.invstring, chain=self._network.chain)
        self._check_expiry(invoice)
        max_fee = args.fee_limit(invoice.invoice_amount)
        routes = usable_routes(self._network, payer, invoice, max_fee=max_fee, max_delay=args.max_delay)
        return await self._attempt(payer, invoice, args, routes)

    def recover(self) -> tuple[SendPay, ...]:
        """Bring every payment that a kill left pending to its end; return them as they are then."""
        return tuple(self._recover(payment) for payment in self._accounts.pending())

    def sendpays(
        self, payer: SandboxNode, *, payment_hash: bytes | None = None, since: int = 0, limit: int | None = None
    ) -> tuple[SendPay, ...]:
        """Return what `listsendpays` of `payer` lists, oldest first: from a number on, and no more than `limit`."""
        return self._accounts.payments(payer.alias, payment_hash=payment_hash, since=since, limit=limit)

    def _check_expiry(self, invoice: Invoice) -> None:
        late = self._network.clock.now() - invoice.expires_at
        if late > 0:
            raise RpcError(_INVOICE_EXPIRED, f"Invoice expired {late} seconds ago")

    def _check_not_live(self, payer: SandboxNode, payment_hash: bytes) -> None:
        live = self._accounts.live(payment_hash)
        if live is None:
            return
        if live.payer != payer.alias:
            raise _unknown_invoice()
        if live.status is SendPayStatus.COMPLETE:
            raise RpcError(_ALREADY_PAID, "Already paid this invoice successfully")
        text = f"Payment with groupid={live.groupid} still in progress, cannot retry before that completes."
        error = json.dumps({"code": 200, "message": text}, separators=(",", ":"))
        raise RpcError(_UNSPECIFIED, f"Unexpected injectpaymentonion error 200: {error}")

    async def _attempt(
        self, payer: SandboxNode, invoice: Invoice, args: XpayArgs, routes: Iterable[Route]
    ) -> JsonObject:
        groupid = secrets.randbits(63)
        failures: list[str] = []
        last = ""
        for route in routes:
            self._check_not_live(payer, invoice.invoice_payment_hash)
            begun = self._begin(payer, invoice, args, route, groupid=groupid, partid=len(failures) + 1)
            failpoint(Failpoint.SANDBOX_PENDING)
            await self._transit(len(begun.transfers))
            payment, refusal = self._arrive(begun)
            if refusal is None:
                return _paid(payment, failed_parts=len(failures))
            if refusal.final:
                raise _unknown_invoice()
            failures.append(refusal.text)
            last = out_of_routes(route, at=refusal.at, amount=invoice.invoice_amount, number=next(self._numbers))
        told = " ".join([f"Failed after {len(failures)} attempts.", *failures, last])
        raise RpcError(_NO_MORE_ROUTES, told)

    def _begin(
        self, payer: SandboxNode, invoice: Invoice, args: XpayArgs, route: Route, *, groupid: int, partid: int
    ) -> SendPay:
        try:
            inside, _ = walk(self._network, invoice.invoice_paths[route.path], route.amount)
        except PathFailed:
            inside = ()
        payment = SendPay(
            payer=payer.alias,
            payment_hash=invoice.invoice_payment_hash,
            groupid=groupid,
            partid=partid,
            destination=invoice.invoice_node_id,
            amount=invoice.invoice_amount,
            amount_sent=route.amount_sent,
            path=route.path,
            amount_entering=route.amount,
            transfers=tuple(self._transfer(step) for step in (*route.steps, *inside)),
            created_at=self._network.clock.now(),
            label=args.label,
            bolt12=args.invstring,
        )
        return self._accounts.begin(payment)

    def _transfer(self, step: Step) -> Transfer:
        nodes = self._network.nodes
        return Transfer(
            channel=step.channel.scid,
            sender=nodes[step.sender].alias,
            receiver=nodes[step.channel.other(step.sender)].alias,
            amount=step.amount,
        )

    def _arrive(self, payment: SendPay) -> tuple[SendPay, _Refusal | None]:
        """Offer the payment to the payee and end it; nothing else happens in between."""
        outcome = self._outcome(payment)
        if isinstance(outcome, _Refusal):
            return self._fail(payment), outcome
        preimage = outcome.node.books.settle(payment.payment_hash, outcome.amount)
        failpoint(Failpoint.SANDBOX_SETTLED)
        complete = self._complete(payment, preimage)
        failpoint(Failpoint.SANDBOX_MOVED)
        return complete, None

    def _outcome(self, payment: SendPay) -> Arrival | _Refusal:
        """Follow the payment to its end; say where it arrives, or what keeps it from being taken there."""
        short = next((move for move in payment.transfers if not self._is_covered(payment, move)), None)
        if short is not None:
            return self._channel_failure(short)
        path = Invoice.from_string(payment.bolt12).invoice_paths[payment.path]
        inside = f"0x0x{payment.path}/1"
        try:
            _, arrival = walk(self._network, path, payment.amount_entering)
        except PathFailed:
            return _lost_inside(inside)
        books = arrival.node.books
        if books.is_dead and payment.transfers:
            return self._channel_failure(payment.transfers[-1])
        if books.accept(payment.payment_hash, arrival.amount, arrival.path_id):
            return arrival
        # Only the introduction may say why; a node further inside hides its reason (BOLT 4, route blinding).
        return _Refusal(text="", at="", final=True) if len(path.hops) == 1 else _lost_inside(inside)

    def _is_covered(self, payment: SendPay, move: Transfer) -> bool:
        return self._accounts.spendable(move.channel, move.sender, before=payment.created_index) >= move.amount

    def _channel_failure(self, move: Transfer) -> _Refusal:
        sender = next(node for node in self._network.nodes.values() if node.alias == move.sender)
        channel = next(channel for channel in self._network.channels if channel.scid == move.channel)
        at = f"{channel.scid}/{channel.direction(sender.node_id)}"
        text = f"We got temporary_channel_failure for {at}, assuming it can't carry {move.amount}msat."
        return _Refusal(text=text, at=at)

    def _recover(self, payment: SendPay) -> SendPay:
        preimage = self._revealed(payment)
        if preimage is not None:
            return self._complete(payment, preimage)
        return self._arrive(payment)[0]

    def _revealed(self, payment: SendPay) -> bytes | None:
        """Return the preimage when the payee has marked the invoice paid: only this payment can have done that."""
        for node in self._network.nodes.values():
            for invoice in node.books.list_invoices(payment_hash=payment.payment_hash):
                if invoice.status is InvoiceStatus.PAID:
                    return invoice.preimage
        return None

    def _complete(self, payment: SendPay, preimage: bytes) -> SendPay:
        return self._accounts.complete(payment, preimage=preimage, at=self._network.clock.now())

    def _fail(self, payment: SendPay) -> SendPay:
        # On a real node this is encrypted for the payer's eyes; nothing reads it, and nothing is to be read in it.
        erroronion = secrets.token_bytes(_ERROR_ONION_BYTES)
        return self._accounts.fail(payment, erroronion=erroronion, at=self._network.clock.now())


def _paid(payment: SendPay, *, failed_parts: int) -> JsonObject:
    return {
        "payment_preimage": (payment.preimage or b"").hex(),
        "amount_msat": payment.amount,
        "amount_sent_msat": payment.amount_sent,
        "failed_parts": failed_parts,
        "successful_parts": 1,
    }


def _lost_inside(at: str) -> _Refusal:
    text = f"We got an error from inside the blinded path {at}: we assume it means insufficient capacity."
    return _Refusal(text=text, at=at)


def _unknown_invoice() -> RpcError:
    reason = "incorrect_or_unknown_payment_details"
    return RpcError(_DESTINATION_FAILED, f"Destination said it doesn't know invoice: {reason}")
