"""The calls of Core Lightning's gRPC interface with which a node asks for an invoice and pays it."""

import asyncio
from typing import Any, Final

from google.protobuf.message import Message

from bled.node.stubs import cln_subset_pb2 as pb
from bled.sandbox.fetch_invoice import FETCH_SECONDS, FetchArgs
from bled.sandbox.node import SandboxNode
from bled.sandbox.payments import Payments
from bled.sandbox.rpc_error import HandlerCrashed, bad_parameter
from bled.sandbox.sendpays import SendPay, SendPayStatus
from bled.sandbox.xpay_args import XpayArgs
from bled_codec.units import Msat

_STATUS: Final = {
    SendPayStatus.PENDING: pb.ListsendpaysPayments.PENDING,
    SendPayStatus.FAILED: pb.ListsendpaysPayments.FAILED,
    SendPayStatus.COMPLETE: pb.ListsendpaysPayments.COMPLETE,
}
_HASH_BYTES: Final = 32


async def fetch_invoice(node: SandboxNode, request: pb.FetchinvoiceRequest) -> Message:
    """Serve `FetchInvoice`. Raises `RpcError` as `InvoiceFetcher.fetch`."""
    if request.HasField("timeout"):  # as v26.06.6 does: the plugin writes 30.0, and lightningd wants 30
        raise bad_parameter("timeout", "should be an integer", str(request.timeout))
    args = FetchArgs(
        offer=request.offer,
        amount=_amount(request, "amount_msat"),
        quantity=_given(request, "quantity"),
        payer_note=_given(request, "payer_note"),
        seconds=FETCH_SECONDS,
    )
    invoice = await node.fetcher.fetch(args)
    return pb.FetchinvoiceResponse(invoice=invoice.string, changes=pb.FetchinvoiceChanges())


async def xpay(node: SandboxNode, request: pb.XpayRequest) -> Message:
    """Serve `Xpay`: a payment goes on when whoever asked for it is gone. Raises `RpcError` as `Payments.xpay`."""
    params = {
        "invstring": request.invstring,
        "amount_msat": _amount(request, "amount_msat"),
        "maxfee": _amount(request, "maxfee"),
        "retry_for": _given(request, "retry_for"),
        "partial_msat": _amount(request, "partial_msat"),
        "maxdelay": _given(request, "maxdelay"),
        "label": _given(request, "label"),
    }
    answer = await asyncio.shield(Payments(node.network).xpay(node, XpayArgs.read(params)))
    return pb.XpayResponse(
        payment_preimage=bytes.fromhex(answer["payment_preimage"]),
        failed_parts=answer["failed_parts"],
        successful_parts=answer["successful_parts"],
        amount_msat=pb.Amount(msat=answer["amount_msat"]),
        amount_sent_msat=pb.Amount(msat=answer["amount_sent_msat"]),
    )


async def list_send_pays(node: SandboxNode, request: pb.ListsendpaysRequest) -> Message:
    """Serve `ListSendPays`."""
    payment_hash = _given(request, "payment_hash")
    if payment_hash is not None and len(payment_hash) != _HASH_BYTES:
        raise HandlerCrashed
    rows = Payments(node.network).sendpays(node, payment_hash=payment_hash)
    return pb.ListsendpaysResponse(payments=[_part(row) for row in rows])


def _part(row: SendPay) -> pb.ListsendpaysPayments:
    return pb.ListsendpaysPayments(
        id=row.created_index,
        groupid=row.groupid,
        payment_hash=row.payment_hash,
        status=_STATUS[row.status],
        amount_msat=pb.Amount(msat=row.amount),
        created_at=row.created_at,
        amount_sent_msat=pb.Amount(msat=row.amount_sent),
        label=row.label,
        bolt12=row.bolt12,
        payment_preimage=row.preimage,
        created_index=row.created_index,
    )


def _given(request: Message, name: str) -> Any:
    return getattr(request, name) if request.HasField(name) else None


def _amount(request: Message, name: str) -> Msat | None:
    return Msat(getattr(request, name).msat) if request.HasField(name) else None
