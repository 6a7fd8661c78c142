"""What Core Lightning's offers plugin does with an invoice_request that reaches the node."""

from bled.sandbox import invoices, requests
from bled.sandbox.books_invoices import InvoiceBook
from bled.sandbox.books_parts import NodeParts
from bled.sandbox.books_rows import Answer, InvoiceRow, InvoiceStatus
from bled_codec.bolt12_string import parse_string
from bled_codec.crypto import sha256
from bled_codec.invoice_error import InvoiceError


class RequestDesk:
    """Checks requests and answers them with invoices. It has never heard of field 239."""

    def __init__(self, parts: NodeParts, book: InvoiceBook, *, developer: bool) -> None:
        """Take the node and where its invoices are kept; `developer` makes some refusals plainer."""
        self._parts = parts
        self._book = book
        self._developer = developer

    def answer(self, invoice_request: bytes, path_id: bytes | None) -> Answer:
        """Return what goes to the reply path."""
        try:
            request = requests.parse_request(invoice_request)
            self._check(request, path_id)
            return Answer(invoice=parse_string(self._invoice_for(request).bolt12)[1])
        except requests.FailedRequest as failure:
            return Answer(invoice_error=InvoiceError(error=str(failure)).encode())

    def _check(self, request: requests.Request, path_id: bytes | None) -> None:
        requests.check_alone(request, chain=self._parts.chain)
        offer = self._parts.store.offer(request.offer_id)
        if offer is None:
            raise request.refuse("Unknown offer")
        expected = self._parts.offer_path_secret(request.offer_records)
        requests.check_path(request, path_id, expected=expected, developer=self._developer)
        requests.check_for_offer(request, offer, now=self._parts.clock.now())

    def _invoice_for(self, request: requests.Request) -> InvoiceRow:
        """Return a new invoice, or the unpaid one that stands under the label whatever it asks for."""
        label = f"{request.offer_id.hex()}-{request.payer_id.hex()}-0"
        known = self._parts.store.invoice(label)
        if known is None:
            return self._new_invoice(request, label)
        if known.status is InvoiceStatus.PAID:
            raise requests.FailedRequest("Internal error")
        if known.status is InvoiceStatus.EXPIRED:
            raise request.refuse("invoice expired (cancelled?)")
        return known

    def _new_invoice(self, request: requests.Request, label: str) -> InvoiceRow:
        preimage = self._parts.chance.preimage()
        now = self._parts.clock.now()
        draft = invoices.draft_for_request(request.records, preimage=preimage, amount=request.amount, created_at=now)
        if self._parts.channel is not None:
            records = self._book.with_payment_path(draft, sha256(preimage), self._parts.channel)
            draft = invoices.draft_of(records)
        return self._book.add(draft, label, preimage)
