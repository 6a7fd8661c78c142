"""The invoices of one sandbox node, from their making to their payment."""

import hmac
from collections.abc import Sequence
from dataclasses import replace

from bled.sandbox import invoices
from bled.sandbox.books_events import Feed, InvoiceEvent, Waiters, Wake
from bled.sandbox.books_parts import NodeParts
from bled.sandbox.books_paths import PrivateChannel, payment_path
from bled.sandbox.books_rows import InvoiceRow, InvoiceStatus
from bled.sandbox.books_wait import wait_for_end
from bled.sandbox.rpc_error import (
    INVOICE_NOT_FOUND,
    INVOICE_OFFER_INACTIVE,
    INVOICE_STATUS_UNEXPECTED,
    LABEL_EXISTS,
    UNKNOWN_PAYMENT,
    NodeDied,
    RpcError,
)
from bled_codec.crypto import sha256
from bled_codec.tlv import TlvRecord
from bled_codec.units import Msat, UnixTime


class InvoiceBook:
    """Makes, lists, deletes and settles invoices, and lets calls wait for them."""

    def __init__(self, parts: NodeParts) -> None:
        """Take the node."""
        self.created = Feed()
        self.paid = Feed()
        self._parts = parts
        self._waiters = Waiters()

    def end_calls(self) -> None:
        """End waiting calls with `NodeDied`, and the streams."""
        self._waiters.fail_all()
        self.created.send(None)
        self.paid.send(None)

    def create_invoice(self, invstring: str, label: str, preimage: bytes) -> InvoiceRow:
        """Sign and keep an invoice.

        Raises `RpcError` (-32602, 900, 907), and `NodeDied` where lightningd does not survive: without payment hash
        and paths, and for a preimage that another label has.
        """
        return self.add(invoices.parse_draft(invstring, chain=self._parts.chain), label, preimage)

    def add(self, draft: invoices.Draft, label: str, preimage: bytes) -> InvoiceRow:
        """Sign and keep a draft. Raises as `create_invoice` does."""
        invoices.check_before_signing(draft)
        bolt12 = invoices.sign(self._with_path(draft), self._parts.key)
        local_offer = None if draft.offer_id is None else self._parts.store.offer(draft.offer_id)
        if local_offer is not None and not local_offer.active:
            raise RpcError(INVOICE_OFFER_INACTIVE, "offer not active")
        amount = invoices.check_content(draft, preimage)
        self._check_unique(label, sha256(preimage))
        row = InvoiceRow(
            label=label,
            payment_hash=sha256(preimage),
            preimage=preimage,
            bolt12=bolt12,
            amount=amount,
            expires_at=UnixTime(self._parts.clock.now() + draft.relative_expiry),
            description=draft.fields.offer_description,
            payer_note=draft.fields.invreq_payer_note,
            local_offer_id=None if local_offer is None else local_offer.offer_id,
        )
        with self._parts.store.change():
            row = self._parts.store.add_invoice(row)
        self.created.send(InvoiceEvent(label=label, amount=amount, preimage=preimage))
        return row

    def _with_path(self, draft: invoices.Draft) -> tuple[TlvRecord, ...]:
        """Add the stub path, which only a public node can be paid over, unless the caller gave paths."""
        payment_hash = draft.fields.invoice_payment_hash
        if draft.fields.invoice_paths or payment_hash is None:
            return draft.records
        return self.with_payment_path(draft, payment_hash, None)

    def with_payment_path(
        self, draft: invoices.Draft, payment_hash: bytes, channel: PrivateChannel | None
    ) -> tuple[TlvRecord, ...]:
        """Return the draft's records with a path through `channel`, or the stub path for None."""
        secret = self._parts.payment_path_id(payment_hash)
        path, payinfo = payment_path(self._parts.node_id, channel, secret, chance=self._parts.chance)
        return invoices.with_payment_path(draft, path, payinfo)

    def _check_unique(self, label: str, payment_hash: bytes) -> None:
        known = self._parts.store.invoice(label)
        if known is not None:
            raise RpcError(LABEL_EXISTS, "Duplicate label", known.as_data())
        if self._parts.store.invoice_by_hash(payment_hash) is not None:
            raise NodeDied  # the payment hash is unique in its database too, and it does not look before

    def list_invoices(
        self, *, label: str | None = None, payment_hash: bytes | None = None, offer_id: bytes | None = None
    ) -> Sequence[InvoiceRow]:
        """Return invoices, oldest first; each condition that is not None must hold."""
        return self._parts.store.invoices(label=label, payment_hash=payment_hash, offer_id=offer_id)

    def del_invoice(self, label: str, status: InvoiceStatus) -> InvoiceRow:
        """Forget an invoice that has `status`; calls that wait for it end. Raises `RpcError` (905, 906)."""
        store = self._parts.store
        row = store.invoice(label)
        if row is None:
            raise RpcError(INVOICE_NOT_FOUND, "Unknown invoice")
        if row.status is not status:
            data = {"current_status": row.status.value, "expected_status": status.value}
            text = f"Invoice status is {row.status.value} not {status.value}"
            raise RpcError(INVOICE_STATUS_UNEXPECTED, text, data)
        store.delete_invoice(label)
        self._waiters.wake(label, Wake.DELETED)
        return row

    async def wait_invoice(self, label: str) -> InvoiceRow:
        """Wait until an invoice is paid.

        Raises `RpcError`: -1 for an unknown label and when it is deleted meanwhile, 903 when it has expired or does
        so by itself. An invoice that expires because its offer is closed ends no call that waits already.
        """
        return await wait_for_end(label, waiters=self._waiters, read=self._read, now=self._parts.clock.now)

    def _read(self, label: str) -> InvoiceRow | None:
        self.expire_due()
        return self._parts.store.invoice(label)

    def expire_due(self) -> None:
        """Let the invoices expire whose time is over, and say so to the calls that wait for them."""
        store = self._parts.store
        for row in store.unpaid_invoices(due=self._parts.clock.now()):
            with store.change():
                number = store.next_index("updated")
                store.put_invoice(replace(row, status=InvoiceStatus.EXPIRED, updated_index=number))
            self._waiters.wake(row.label, Wake.CHANGED)

    def expire_of(self, offer_id: bytes) -> None:
        """Let the unpaid invoices of an offer expire, without a word to the calls that wait, or to any index."""
        for row in self._parts.store.unpaid_invoices(offer_id=offer_id):
            self._parts.store.put_invoice(replace(row, status=InvoiceStatus.EXPIRED))

    def accept(self, payment_hash: bytes, amount: Msat, path_id: bytes) -> bool:
        """Say whether a payment would be taken now: unpaid, over a path of the invoice, up to twice the amount."""
        row = self._parts.store.invoice_by_hash(payment_hash)
        if row is None or row.status is not InvoiceStatus.UNPAID:
            return False
        if not hmac.compare_digest(path_id, self._parts.payment_path_id(payment_hash)):
            return False
        return row.amount <= amount <= 2 * row.amount

    def settle(self, payment_hash: bytes, amount: Msat) -> bytes:
        """Mark an unpaid invoice as paid and return its preimage. Raises `RpcError` (203) when it cannot be paid.

        A single-use offer is used up by it: its other unpaid invoices expire at once.
        """
        store = self._parts.store
        with store.change():
            row = store.invoice_by_hash(payment_hash)
            if row is None or row.status is not InvoiceStatus.UNPAID:
                raise RpcError(UNKNOWN_PAYMENT, "incorrect_or_unknown_payment_details")
            paid = replace(
                row,
                status=InvoiceStatus.PAID,
                updated_index=store.next_index("updated"),
                pay_index=store.next_index("paid"),
                amount_received=amount,
                paid_at=self._parts.clock.now(),
            )
            store.put_invoice(paid)
            self._use_offer(row.local_offer_id)
        self.paid.send(InvoiceEvent(label=row.label, amount=amount, preimage=row.preimage))
        self._waiters.wake(row.label, Wake.CHANGED)
        return row.preimage

    def _use_offer(self, offer_id: bytes | None) -> None:
        offer = None if offer_id is None else self._parts.store.offer(offer_id)
        if offer is None:
            return
        self._parts.store.put_offer(replace(offer, used=True, active=offer.active and not offer.single_use))
        if offer.single_use:
            self.expire_of(offer.offer_id)
