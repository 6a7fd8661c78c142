"""Whatever happens in whatever order: what was paid stays paid, what ended stays ended, one use is one payment."""

import hashlib
from contextlib import suppress

from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import booleans, integers, sampled_from

from bled.sandbox.books import Books
from bled.sandbox.books_rows import InvoiceRow, InvoiceStatus, OfferRow
from bled.sandbox.books_store import BookStore
from bled.sandbox.rpc_error import NodeDied, RpcError
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat, UnixTime

from .messages import AMOUNT, NODE, SetClock, draft, label_of, make_offer, make_request, payment_path_id

PAYERS = [SecretKey(bytes([number]) * 32) for number in (11, 12, 13)]
EXPECTED = (RpcError, NodeDied)


class NodeMachine(RuleBasedStateMachine):
    """One node; `seen` is the last known status of each invoice, by payment hash."""

    offers = Bundle("offers")

    @initialize()
    def start(self) -> None:
        self.store = BookStore(None)
        self.clock = SetClock()
        self.restart()
        self.seen: dict[bytes, InvoiceStatus] = {}
        self.preimages = 0

    def teardown(self) -> None:
        self.store.close()

    @rule()
    def restart(self) -> None:
        self.books = Books(key=NODE, chain=REGTEST_CHAIN, store=self.store, clock=self.clock)

    @rule(target=offers, single_use=booleans())
    def make_offer(self, single_use: bool) -> OfferRow:
        number = len(self.books.list_offers())
        return make_offer(self.books, description=f"tea {number}", single_use=single_use)

    @rule(offer=offers, payer=sampled_from(PAYERS))
    def request(self, offer: OfferRow, payer: SecretKey) -> None:
        answer = self.books.answer(make_request(offer, payer=payer).encode(), None)
        assert (answer.invoice is None) != (answer.invoice_error is None)

    @rule(offer=offers, payer=sampled_from(PAYERS), under_label=booleans(), again=booleans())
    def create(self, offer: OfferRow, payer: SecretKey, under_label: bool, again: bool) -> None:
        self.preimages += not again
        preimage = hashlib.sha256(bytes([self.preimages])).digest()
        label = label_of(offer, payer) if under_label else f"own {self.preimages}"
        try:
            self.books.create_invoice(draft(make_request(offer, payer=payer), preimage), label, preimage)
        except EXPECTED:
            self.books.revive()

    @rule(offer=offers, closed=booleans())
    def close_or_open(self, offer: OfferRow, closed: bool) -> None:
        with suppress(RpcError):
            (self.books.disable_offer if closed else self.books.enable_offer)(offer.offer_id)

    @rule(seconds=sampled_from([1, 200, 4000]))
    def wait(self, seconds: int) -> None:
        self.clock.time = UnixTime(self.clock.time + seconds)

    @rule(number=integers(0, 30), amount=sampled_from([AMOUNT - 1, AMOUNT, 2 * AMOUNT]))
    def pay(self, number: int, amount: int) -> None:
        rows = self.books.list_invoices()
        if not rows:
            return
        row = rows[number % len(rows)]
        path_id = payment_path_id(self.books, row.payment_hash)
        taken = self.books.accept(row.payment_hash, Msat(amount), path_id)
        assert taken == (row.status is InvoiceStatus.UNPAID and amount >= row.amount)
        if taken:
            assert hashlib.sha256(self.books.settle(row.payment_hash, Msat(amount))).digest() == row.payment_hash

    @rule(number=integers(0, 30), status=sampled_from(InvoiceStatus))
    def delete(self, number: int, status: InvoiceStatus) -> None:
        rows = self.books.list_invoices()
        if rows:
            try:
                row = self.books.del_invoice(rows[number % len(rows)].label, status)
            except RpcError:
                return
            self.seen.pop(row.payment_hash, None)

    @invariant()
    def an_end_is_final(self) -> None:
        rows = {row.payment_hash: row for row in self.books.list_invoices()}
        for payment_hash, status in self.seen.items():
            if status is not InvoiceStatus.UNPAID:
                assert rows[payment_hash].status is status
        self.seen = {payment_hash: row.status for payment_hash, row in rows.items()}

    @invariant()
    def a_single_use_offer_is_paid_once(self) -> None:
        for offer in self.books.list_offers():
            paid = [row for row in self._invoices_of(offer) if row.status is InvoiceStatus.PAID]
            if offer.single_use and offer.used:
                assert not offer.active
            assert len(paid) <= 1 or not offer.single_use

    @invariant()
    def a_closed_offer_has_nothing_to_pay(self) -> None:
        for offer in self.books.list_offers():
            if not offer.active:
                assert all(row.status is not InvoiceStatus.UNPAID for row in self._invoices_of(offer))

    def _invoices_of(self, offer: OfferRow) -> list[InvoiceRow]:
        return list(self.books.list_invoices(offer_id=offer.offer_id))


TestNode = NodeMachine.TestCase
TestNode.settings = settings(max_examples=40, stateful_step_count=25)
