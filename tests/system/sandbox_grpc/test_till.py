"""The till's own node adapter sells over the sandbox's server as over a real node."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from bled.node.base import AlreadyPaid, Cancelled, CreatedOffer, InvoiceStatus, invoice_label, preimage_for
from bled.node.cln_grpc import ClnMerchantNode
from bled_codec.blinded_path import BlindedPath, create_blinded_path
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.encrypted_data import EncryptedData
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.request_signature import RequestSignature
from bled_codec.units import Msat, UnixTime

from .net import Net

pytestmark = pytest.mark.system

AMOUNT = Msat(15_000)
PAYER = SecretKey(bytes([9]) * 32)
SECRET = bytes([6]) * 32


@pytest.fixture
async def till(net: Net) -> AsyncIterator[ClnMerchantNode]:
    till = await ClnMerchantNode.connect(net.target, net.folder)
    yield till
    await till.close()


def home_path(net: Net) -> BlindedPath:
    data = (EncryptedData(next_node_id=net.home.node_id), EncryptedData(path_id=SECRET))
    nodes = (net.hop.node_id, net.home.node_id)
    return create_blinded_path(nodes, [part.encode() for part in data], session_key=SecretKey(bytes([4]) * 32))


async def make_offer(till: ClnMerchantNode, number: int) -> CreatedOffer:
    expiry = UnixTime(int(time.time()) + 300)
    return await till.create_offer(amount=AMOUNT, description=f"tea {number}", label="one", absolute_expiry=expiry)


def make_request(net: Net, offer: CreatedOffer) -> InvoiceRequest:
    unsigned = create_invoice_request(
        offer.offer,
        metadata=bytes(24),
        payer_id=PAYER.public_key,
        amount=AMOUNT,
        chain=REGTEST_CHAIN,
        paths=[home_path(net)],
    )
    return unsigned.sign(PAYER, aux=bytes(32))


def preimage_of(label: str) -> bytes:
    return preimage_for(bytes(32), label)


async def make_invoice(
    net: Net, till: ClnMerchantNode, number: int = 0
) -> tuple[CreatedOffer, InvoiceRequest, Invoice]:
    offer = await make_offer(till, number)
    request = make_request(net, offer)
    now = UnixTime(int(time.time()))
    return offer, request, await till.create_invoice(request, offer=offer, seed=bytes([number]) * 32, now=now)


def pay(net: Net, invoice: Invoice) -> bool:
    books = net.merchant.books
    path_id = net.payment_path_id(invoice.invoice_payment_hash)
    if not books.accept(invoice.invoice_payment_hash, invoice.invoice_amount, path_id):
        return False
    books.settle(invoice.invoice_payment_hash, invoice.invoice_amount)
    return True


@pytest.mark.parametrize("way", ["deliver", "push"])
async def test_the_tills_invoice_reaches_home_with_field_239_and_is_paid(
    net: Net, till: ClnMerchantNode, way: str
) -> None:
    offer, request, invoice = await make_invoice(net, till)
    if way == "deliver":
        await till.deliver(request, invoice=invoice, path=home_path(net))
    else:
        await till.push(invoice, path=home_path(net))
    async with asyncio.timeout(5):
        received = await net.arrived.get()
    assert received.path_id == SECRET
    assert received.payload.invoice == invoice.encode()
    assert invoice.request_signature is RequestSignature.VALID
    label = invoice_label(offer.offer_id, PAYER.public_key)
    waiting = asyncio.create_task(till.wait_paid(label, seconds=5))
    assert pay(net, invoice)
    state = await waiting
    assert state is not None
    assert (state.status, state.preimage) == (InvoiceStatus.PAID, preimage_of(label))
    assert isinstance(await till.cancel(offer.offer_id), AlreadyPaid)


async def test_a_cancelled_sale_cannot_be_paid(net: Net, till: ClnMerchantNode) -> None:
    offer, _, invoice = await make_invoice(net, till)
    assert isinstance(await till.cancel(offer.offer_id), Cancelled)
    assert not pay(net, invoice)
    states = await till.invoices_of(offer.offer_id)
    assert [state.status for state in states] == [InvoiceStatus.EXPIRED]


async def test_a_payment_and_a_cancel_at_once_have_one_outcome(net: Net, till: ClnMerchantNode) -> None:
    for turns in range(12):
        offer, _, invoice = await make_invoice(net, till, turns)
        cancelling = asyncio.create_task(till.cancel(offer.offer_id))
        for _ in range(turns):
            await asyncio.sleep(0)
        paid = pay(net, invoice)
        assert isinstance(await cancelling, AlreadyPaid if paid else Cancelled)
