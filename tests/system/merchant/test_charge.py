"""Whole sales against a stock-like node over real gRPC: paid, declined, altered, late."""

import pytest

from bled.codes import Code
from bled.gatt.messages import StatusCode
from bled.sales.states import SaleState
from bled_codec.crypto import sha256
from bled_codec.invoice import Invoice
from bled_codec.request_signature import RequestSignature

from .stage import AMOUNT, Meeting, Nowhere, Shop

pytestmark = pytest.mark.system


async def test_a_buyer_pays_and_is_told_with_proof(shop: Shop) -> None:
    buyer = shop.buyer()
    result = await shop.sell(Meeting(buyer))
    assert (result.code, result.buyer_told, result.amount) == (Code.PAID, True, AMOUNT)
    invoice = Invoice.from_string(result.invoice)
    assert invoice.request_signature is RequestSignature.VALID
    assert sha256(result.preimage) == result.payment_hash == invoice.invoice_payment_hash
    assert shop.home.invoices[0] == invoice
    assert [status.code for status in buyer.statuses] == [
        StatusCode.RECEIVED,
        StatusCode.INVOICE_SENT,
        StatusCode.PAID,
    ]
    assert buyer.statuses[-1].preimage == result.preimage
    assert buyer.statuses[-1].invoice == invoice.encode()
    (sale,) = shop.sales()
    assert (sale.state, sale.buyer_told, sale.amount_received) == (SaleState.PAID, True, AMOUNT)


async def test_the_steps_of_a_sale_are_told_in_order(shop: Shop) -> None:
    await shop.sell(Meeting(shop.buyer()))
    assert shop.step_names == [
        "offer created",
        "offer sent",
        "request received",
        "request verified",
        "invoice created",
        "invoice sent",
        "paid",
        "buyer told",
    ]


async def test_nobody_there_cancels_the_offer(shop: Shop) -> None:
    result = await shop.sell(Nowhere())
    assert result.code is Code.NO_BUYER
    assert not any(offer.active for offer in shop.merchant.books.list_offers())
    assert shop.sales()[0].state is SaleState.CANCELLED
