"""What Core Lightning's own offers plugin does with onion messages; it has never heard of field 239."""

import logging
import secrets
from typing import TYPE_CHECKING, Final

from bled.sandbox.books import Books
from bled.sandbox.rpc_error import RpcError
from bled_codec.blinded_path import BlindedPath
from bled_codec.bolt12_string import INVOICE_PREFIX, format_string
from bled_codec.crypto import SecretKey, sha256
from bled_codec.errors import CodecError, OnionError
from bled_codec.fields import MIRRORED_TYPES, Field, select
from bled_codec.invoice import Invoice
from bled_codec.invoice_error import InvoiceError
from bled_codec.onion_message import OnionPayload, Received, create_onion_message
from bled_codec.tlv import join_records

if TYPE_CHECKING:  # a node has its plugin and the plugin its node
    from bled.sandbox.node import SandboxNode

_log = logging.getLogger(__name__)

_ONION_SIZES: Final = (1300, 32768)
_SECRET_BYTES: Final = 32


class OffersPlugin:
    """Answers requests out of the node's books, and invoices that nobody asked for with an error."""

    def __init__(self, node: "SandboxNode", books: Books) -> None:
        """Serve `node`, whose books these are."""
        self._node = node
        self._books = books

    def handle(self, received: Received) -> None:
        """Answer one message, over its reply path if it has one; errors and unknown content end here."""
        payload = received.payload
        secret = path_secret(received)
        if payload.invoice_request is not None:
            answer = self._books.answer(payload.invoice_request, secret)
            reply = OnionPayload(invoice=answer.invoice, invoice_error=answer.invoice_error)
        elif payload.invoice is not None:
            error = self._refusal(payload.invoice, secret)
            reply = OnionPayload(invoice_error=InvoiceError(error=error).encode())
        else:
            return
        if payload.reply_path is not None:
            self._reply(payload.reply_path, reply)

    def _refusal(self, data: bytes, secret: bytes | None) -> str:
        """Return why this node, which requests no invoices, refuses one, in the words of developer mode."""
        try:
            invoice = Invoice.decode(data)
        except CodecError:
            return f"Failed invoice {format_string(INVOICE_PREFIX, data)}: Invalid invoice"
        if secret is None:
            return f"Failed invoice {invoice.string}: Unknown invoice_request"
        records = [record for record in select(invoice.records, MIRRORED_TYPES) if record.type != Field.INVREQ_PATHS]
        request_id = sha256(join_records(records))
        expected = sha256(self._books.make_secret(string="offer-blinded-path") + request_id)
        return (
            f"Failed invoice {invoice.string}: Wrong blinded path (invreq_id_nopath = {request_id.hex()}, "
            f"path_secret = {expected.hex()}, secret = {secret.hex()})"
        )

    def _reply(self, path: BlindedPath, payload: OnionPayload) -> None:
        try:
            self._node.send_along(path, make_onion(path, payload))
        except (RpcError, CodecError) as error:  # the one who asked hears nothing, as with a real node
            _log.debug("%s sent no answer: %s", self._node.alias, error)


def path_secret(received: Received) -> bytes | None:
    """Return the path_id, which counts only when it has 32 bytes."""
    path_id = received.path_id
    return path_id if path_id is not None and len(path_id) == _SECRET_BYTES else None


def make_onion(path: BlindedPath, payload: OnionPayload) -> bytes:
    """Return a fresh onion with `payload` for the end of `path`, of the small size if it fits.

    Raises `OnionError` when it does not fit into a large one either.
    """
    small, large = _ONION_SIZES
    session_key = SecretKey(secrets.token_bytes(32))
    try:
        return create_onion_message(path, payload, session_key=session_key, size=small)
    except OnionError:
        return create_onion_message(path, payload, session_key=session_key, size=large)
