"""Invoices of the sandbox's home node, which a plugin has it make and look after, in lightningd's JSON."""

from bled.node.json_stream import JsonObject
from bled.sandbox.books import Books
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.node import SandboxNode, books_of
from bled.sandbox.rpc_error import bad_parameter
from bled.sandbox.rpc_params import bind, read_hash, read_text, token


class InvoiceCommands:
    """Commands about invoices, and the secrets by which a node knows its own paths again."""

    def __init__(self, node: SandboxNode) -> None:
        """Serve `node`."""
        self._node = node

    @property
    def _books(self) -> Books:
        return books_of(self._node)

    async def createinvoice(self, params: object) -> JsonObject:
        """Sign an invoice with the node's key, whomever it names, and keep it to be paid."""
        bound = bind(params, ("invstring", "label", "preimage"), required=3)
        invstring, label = read_text(bound, "invstring") or "", read_text(bound, "label") or ""
        preimage = read_hash(bound, "preimage") or b""
        return dict(self._books.create_invoice(invstring, label, preimage).as_data())

    async def listinvoices(self, params: object) -> JsonObject:
        """List invoices, oldest first, or those with a label or a payment hash."""
        bound = bind(params, ("label", "invstring", "payment_hash", "offer_id"))
        found = self._books.list_invoices(
            label=read_text(bound, "label"),
            payment_hash=read_hash(bound, "payment_hash"),
            offer_id=read_hash(bound, "offer_id"),
        )
        return {"invoices": [row.as_data() for row in found]}

    async def delinvoice(self, params: object) -> JsonObject:
        """Forget an invoice that has the status that is named."""
        bound = bind(params, ("label", "status"), required=2)
        status = read_text(bound, "status") or ""
        if status not in set(InvoiceStatus):
            raise bad_parameter("status", "should be a status", token(status))
        return dict(self._books.del_invoice(read_text(bound, "label") or "", InvoiceStatus(status)).as_data())

    async def waitinvoice(self, params: object) -> JsonObject:
        """Wait until an invoice is paid, or has expired."""
        bound = bind(params, ("label",), required=1)
        return dict((await self._books.wait_invoice(read_text(bound, "label") or "")).as_data())

    async def makesecret(self, params: object) -> JsonObject:
        """Derive a secret from the node's own, for a text or for bytes."""
        bound = bind(params, ("hex", "string"))
        data = read_text(bound, "hex")
        try:
            plain = None if data is None else bytes.fromhex(data)
        except ValueError as error:
            raise bad_parameter("hex", "should be a hex value", token(data)) from error
        return {"secret": self._books.make_secret(plain, string=read_text(bound, "string")).hex()}
