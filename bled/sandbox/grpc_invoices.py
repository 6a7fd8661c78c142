"""`ListInvoices`: which invoices a request asks for."""

from collections.abc import Sequence
from typing import Final

from bled.node.stubs import cln_subset_pb2 as pb
from bled.sandbox import grpc_messages as messages
from bled.sandbox.books import Books
from bled.sandbox.books_rows import InvoiceRow
from bled.sandbox.rpc_error import INVALID_PARAMS, RpcError, bad_parameter
from bled_codec.bolt12_string import parse_string
from bled_codec.errors import CodecError
from bled_codec.fields import Field
from bled_codec.tlv import split_stream

_SELECTORS: Final = ("label", "invstring", "payment_hash", "offer_id")


def list_invoices(books: Books, request: pb.ListinvoicesRequest) -> pb.ListinvoicesResponse:
    """Return the answer. Raises `RpcError` (-32602) for selectors that exclude each other or cannot be read."""
    _check_selectors(request)
    payment_hash = request.payment_hash if request.HasField("payment_hash") else None
    if request.HasField("invstring"):
        payment_hash = _payment_hash(request.invstring)
    rows = books.list_invoices(
        label=request.label if request.HasField("label") else None,
        payment_hash=payment_hash,
        offer_id=_offer_id(request.offer_id) if request.HasField("offer_id") else None,
    )
    chosen = [messages.invoice_message(pb.ListinvoicesInvoices(), row) for row in _page(rows, request)]
    return pb.ListinvoicesResponse(invoices=chosen)


def _check_selectors(request: pb.ListinvoicesRequest) -> None:
    if sum(request.HasField(name) for name in _SELECTORS) > 1:
        raise RpcError(INVALID_PARAMS, "Can only specify one of {label}, {invstring}, {payment_hash} or {offer_id}")
    for name in ("start", "limit"):
        if request.HasField(name) and not request.HasField("index"):
            raise RpcError(INVALID_PARAMS, f"Can only specify {{{name}}} with {{index}}")


def _offer_id(text: str) -> bytes:
    try:
        offer_id = bytes.fromhex(text)
    except ValueError:
        offer_id = b""
    if len(offer_id) != 32:
        raise bad_parameter("offer_id", "should be a 32 byte hex value", f'"{text}"')
    return offer_id


def _payment_hash(text: str) -> bytes:
    try:
        records = split_stream(parse_string(text)[1])
    except CodecError as error:
        raise RpcError(INVALID_PARAMS, "Invalid invstring") from error
    values = {record.type: record.value for record in records}
    return values.get(Field.INVOICE_PAYMENT_HASH, b"")


def _page(rows: Sequence[InvoiceRow], request: pb.ListinvoicesRequest) -> list[InvoiceRow]:
    """Return the part of `rows` that `index`, `start` and `limit` name."""
    if not request.HasField("index"):
        return list(rows)
    by_update = request.index == pb.ListinvoicesRequest.ListinvoicesIndex.UPDATED
    number = _updated_index if by_update else _created_index
    ordered = sorted((row for row in rows if number(row) >= max(1, request.start)), key=number)
    return ordered[: request.limit] if request.HasField("limit") else ordered


def _created_index(row: InvoiceRow) -> int:
    return row.created_index


def _updated_index(row: InvoiceRow) -> int:
    return row.updated_index or 0
