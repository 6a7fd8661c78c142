"""LND's own invoices: made for a preimage that the till chose, watched, looked up, cancelled."""

from contextlib import aclosing
from typing import Final

from google.protobuf.message import Message

from bled.node.base import InvoiceState
from bled.node.cln_invoice import PaymentPaths
from bled.node.grpc_connection import Answer, GrpcConnection
from bled.node.grpc_errors import NoAnswerInTime
from bled.node.issuer_book import IssuedInvoice
from bled.node.lnd_connection import CHANGE_SECONDS, INVOICES, LIGHTNING, READ_SECONDS
from bled.node.lnd_errors import LndFailure
from bled.node.lnd_records import is_final, read_invoice, read_paths
from bled.node.stubs import lnd_invoices_subset_pb2 as invoices_pb
from bled.node.stubs import lnd_subset_pb2 as pb
from bled_codec.crypto import sha256
from bled_codec.units import Msat

_MEMO_BYTES: Final = 500
"""Longest memo in UTF-8; LND takes about twice as much."""


class LndInvoices:
    """Calls about invoices, each with its deadline; none is repeated here."""

    def __init__(self, connection: GrpcConnection) -> None:
        """Take the connection to the node."""
        self._connection = connection

    async def add(self, preimage: bytes, *, amount: Msat, memo: str, seconds: int) -> PaymentPaths:
        """Have LND make an invoice that it takes money for during `seconds`; return the ways for the money.

        The same preimage again gives the same invoice. Raises `Unavailable` (`NODE_REFUSED`) without a way.
        """
        pay_req = await self._add(preimage, amount=amount, memo=memo, seconds=seconds)
        answer = await self._call("DecodePayReq", pb.PayReqString(pay_req=pay_req), pb.PayReq)
        return read_paths(answer, payment_hash=sha256(preimage), amount=amount)

    async def _add(self, preimage: bytes, *, amount: Msat, memo: str, seconds: int) -> str:
        """Return LND's payment request for a preimage, made now or by an earlier call whose answer was lost."""
        call = pb.Invoice(
            memo=memo.encode()[:_MEMO_BYTES].decode(errors="ignore"),
            r_preimage=preimage,
            value_msat=amount,
            expiry=seconds,
            is_blinded=True,
        )
        try:
            answer = await self._call("AddInvoice", call, pb.AddInvoiceResponse, seconds=CHANGE_SECONDS)
        except LndFailure as error:
            if not error.is_duplicate:
                raise
            row = await self._call("LookupInvoice", pb.PaymentHash(r_hash=sha256(preimage)), pb.Invoice)
            return row.payment_request
        return answer.payment_request

    async def lookup(self, row: IssuedInvoice) -> InvoiceState | None:
        """Return LND's record of an invoice, None when it has none."""
        try:
            answer = await self._call("LookupInvoice", pb.PaymentHash(r_hash=row.payment_hash), pb.Invoice)
        except LndFailure as error:
            if error.is_unknown_invoice:
                return None
            raise
        return _state(answer, row)

    async def wait(self, row: IssuedInvoice, *, seconds: float) -> InvoiceState | None:
        """Wait until an invoice is paid or cancelled, at most `seconds`; return its last known state."""
        call = invoices_pb.SubscribeSingleInvoiceRequest(r_hash=row.payment_hash)
        path = INVOICES + "SubscribeSingleInvoice"
        try:
            async with aclosing(self._connection.stream(path, call, pb.Invoice, seconds=seconds)) as updates:
                async for update in updates:
                    if is_final(update):
                        return _state(update, row)
        except NoAnswerInTime:
            pass  # that is how a wait ends in which nothing happened, also for an invoice that LND forgot
        return await self.lookup(row)

    async def cancel(self, row: IssuedInvoice) -> None:
        """Cancel an invoice. That LND refuses for one that was paid, or that it does not know, is no error here."""
        call = invoices_pb.CancelInvoiceMsg(payment_hash=row.payment_hash)
        path = INVOICES + "CancelInvoice"
        try:
            await self._connection.unary(path, call, invoices_pb.CancelInvoiceResp, seconds=CHANGE_SECONDS)
        except LndFailure as error:
            if not (error.is_settled or error.is_unknown_invoice):
                raise

    async def _call(
        self, method: str, request: Message, answer: type[Answer], *, seconds: float = READ_SECONDS
    ) -> Answer:
        return await self._connection.unary(LIGHTNING + method, request, answer, seconds=seconds)


def _state(answer: pb.Invoice, row: IssuedInvoice) -> InvoiceState:
    return read_invoice(answer, label=row.label, text=row.text, payment_hash=row.payment_hash)
