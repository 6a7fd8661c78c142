"""Requests whose meaning takes more than a line: which invoices, which peer, which status."""

import json
from collections.abc import Sequence
from typing import Final

from bled.node.stubs import cln_subset_pb2 as pb
from bled.sandbox import grpc_messages as messages
from bled.sandbox.books import Books
from bled.sandbox.books_rows import InvoiceRow, InvoiceStatus
from bled.sandbox.rpc_error import INVALID_PARAMS, HandlerCrashed, RpcError, bad_parameter
from bled_codec.bolt12_string import parse_string
from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError, EncodingError
from bled_codec.fields import Field
from bled_codec.tlv import split_stream
from bled_codec.units import Point

_SELECTORS: Final = ("label", "invstring", "payment_hash", "offer_id")


def list_invoices(books: Books, request: pb.ListinvoicesRequest) -> pb.ListinvoicesResponse:
    """Return the answer. Raises `RpcError` (-32602) for selectors that exclude each other or cannot be read."""
    _check_selectors(request)
    payment_hash = None
    if request.HasField("payment_hash"):
        payment_hash = _hash_text("payment_hash", request.payment_hash.hex())
    if request.HasField("invstring"):
        payment_hash = _payment_hash(request.invstring)
    rows = books.list_invoices(
        label=request.label if request.HasField("label") else None,
        payment_hash=payment_hash,
        offer_id=_hash_text("offer_id", request.offer_id) if request.HasField("offer_id") else None,
    )
    chosen = [messages.invoice_message(pb.ListinvoicesInvoices(), row) for row in _page(rows, request)]
    return pb.ListinvoicesResponse(invoices=chosen)


def _check_selectors(request: pb.ListinvoicesRequest) -> None:
    if sum(request.HasField(name) for name in _SELECTORS) > 1:
        raise RpcError(INVALID_PARAMS, "Can only specify one of {label}, {invstring}, {payment_hash} or {offer_id}")
    for name in ("start", "limit"):
        if request.HasField(name) and not request.HasField("index"):
            raise RpcError(INVALID_PARAMS, f"Can only specify {{{name}}} with {{index}}")


def _hash_text(name: str, text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != 32:
        raise bad_parameter(name, "should be a 32 byte hex value", json.dumps(text))
    return value


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
    if request.index not in pb.ListinvoicesRequest.ListinvoicesIndex.values():
        raise HandlerCrashed
    by_update = request.index == pb.ListinvoicesRequest.ListinvoicesIndex.UPDATED
    number = _updated_index if by_update else _created_index
    ordered = sorted((row for row in rows if number(row) >= max(1, request.start)), key=number)
    return ordered[: request.limit] if request.HasField("limit") else ordered


def _created_index(row: InvoiceRow) -> int:
    return row.created_index


def _updated_index(row: InvoiceRow) -> int:
    return row.updated_index or 0


def wanted_status(request: pb.DelinvoiceRequest) -> InvoiceStatus:
    """Return the status that the invoice to delete must have. Raises `HandlerCrashed` for an unknown number."""
    if request.status not in pb.DelinvoiceRequest.DelinvoiceStatus.values():
        raise HandlerCrashed
    return InvoiceStatus[pb.DelinvoiceRequest.DelinvoiceStatus.Name(request.status)]


def connect_target(request: pb.ConnectRequest) -> tuple[Point, str | None, int | None]:
    """Return whom to connect to: key, host and port, which may stand behind the key as `@host:port`.

    Raises `RpcError` (-32602).
    """
    text, _, place = request.id.partition("@")
    try:
        peer = parse_point(bytes.fromhex(text))
    except (EncodingError, ValueError) as error:
        raise bad_parameter("id", "should be a node id", json.dumps(request.id)) from error
    host = request.host if request.HasField("host") else None
    port = request.port if request.HasField("port") else None
    if place:
        return peer, *_split_place(place)
    if port is not None and host is None:
        raise RpcError(INVALID_PARAMS, "Can't specify port without host")
    return peer, host, port


def _split_place(place: str) -> tuple[str, int | None]:
    host, colon, port = place.rpartition(":")
    if not colon:
        return place, None
    if not (host and port.isascii() and port.isdigit()):
        raise RpcError(INVALID_PARAMS, "malformed host @part")
    return host, int(port)
