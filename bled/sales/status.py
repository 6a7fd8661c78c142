"""What a buyer's device is told of the end of a sale. Pure."""

from typing import Final

from bled.codes import OUTCOMES, Code
from bled.gatt.messages import StatusCode, StatusMessage
from bled.gatt.profile import MAX_RECEIPT_TEXT_BYTES
from bled.sales.evidence import is_by_buyer
from bled.sales.states import Sale, SaleState
from bled_codec.crypto import sha256

_LARGEST_SENT_INVOICE: Final = 3600
"""Bytes. A larger invoice is left out of the last status, which has 4096 in all; home has it anyway."""

_STATUS: Final = {
    SaleState.PAID: StatusCode.PAID,
    SaleState.PAID_LATE: StatusCode.PAID,
    SaleState.DECLINED: StatusCode.CANCELLED,
    SaleState.CANCELLED: StatusCode.CANCELLED,
    SaleState.EXPIRED: StatusCode.EXPIRED,
    SaleState.FAILED: StatusCode.FAILED,
}


def last_status(sale: Sale, *, with_invoice: bool = True) -> StatusMessage:
    """Return what the buyer is to know of a sale that has ended; one who paid gets invoice, preimage and a receipt.

    `with_invoice` is whether the device takes an invoice: feature bit 1 of the handshake.

    An offer can be overheard, and it can be paid once. When somebody else did that, the proof is not this buyer's.
    Not for a sale whose end is unknown: there is no status for it, the till hangs up instead.
    """
    code = _STATUS[sale.state]
    if sale.is_paid and not is_by_buyer(sale.invoice, sale):
        return StatusMessage(code=StatusCode.CANCELLED, text="Another payer paid this offer; yours was not paid.")
    if not sale.is_paid:
        text = OUTCOMES[sale.code or Code.CANCELLED].buyer
        return StatusMessage(code=code, payment_hash=sale.payment_hash, text=_cut(text))
    invoice = sale.invoice or b""
    return StatusMessage(
        code=code,
        invoice=invoice if with_invoice and 0 < len(invoice) <= _LARGEST_SENT_INVOICE else None,
        preimage=sale.preimage,
        payment_hash=sha256(sale.preimage),
        text=_cut(_receipt(sale)),
    )


def _receipt(sale: Sale) -> str:
    tip = f" (a tip of {sale.tip} msat in it)" if sale.tip else ""
    return f"{sale.total} msat{tip} for {sale.description}"


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:MAX_RECEIPT_TEXT_BYTES].decode("utf-8", "ignore")
