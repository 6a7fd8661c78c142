"""A sandbox node asks for an invoice and pays it over gRPC, and refuses in lightningd's words."""

from typing import Any

import pytest

from bled.node.stubs import cln_subset_pb2 as pb
from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.fetch_invoice import FetchArgs
from bled.sandbox.rpc_error import RpcError
from bled_codec.invoice import Invoice
from bled_codec.units import Msat

from .net import Net, failure

pytestmark = pytest.mark.system

AMOUNT = pb.Amount(msat=5_000)


def offer_at_home(net: Net, **terms: Any) -> str:
    return net.home.books.offer(OfferArgs(**{"amount": "any", "description": "refunds"} | terms)).bolt12


@pytest.fixture
def open_net_(net: Net) -> Net:
    """The network with money in its channels, and a home that answers as lightningd does."""
    net.home.hook = None
    accounts = net.merchant.network.accounts
    for channel in net.merchant.network.channels:
        for end in channel.ends:
            accounts.fund(channel.scid, net.merchant.network.nodes[end].alias, Msat(10**6), at=1_800_000_000)
    return net


async def test_an_invoice_is_fetched_paid_and_listed(open_net_: Net, stub: Any) -> None:
    offer = offer_at_home(open_net_)
    fetched = await stub.FetchInvoice(pb.FetchinvoiceRequest(offer=offer, amount_msat=AMOUNT))
    invoice = Invoice.from_string(fetched.invoice)
    assert invoice.invoice_amount == AMOUNT.msat
    paid = await stub.Xpay(
        pb.XpayRequest(invstring=fetched.invoice, maxfee=AMOUNT, retry_for=10, maxdelay=504, label="l")
    )
    assert (paid.amount_msat.msat, paid.successful_parts) == (AMOUNT.msat, 1)
    listed = await stub.ListSendPays(pb.ListsendpaysRequest(payment_hash=invoice.invoice_payment_hash))
    (part,) = listed.payments
    assert (part.status, part.label) == (pb.ListsendpaysPayments.COMPLETE, "l")
    assert (part.payment_preimage, part.amount_sent_msat) == (paid.payment_preimage, paid.amount_sent_msat)
    again = await failure(stub.Xpay(pb.XpayRequest(invstring=fetched.invoice)))
    assert "code: Some(219)" in again[1]


async def test_an_offer_with_a_price_needs_no_amount(open_net_: Net, stub: Any) -> None:
    offer = offer_at_home(open_net_, amount="7000msat")
    fetched = await stub.FetchInvoice(pb.FetchinvoiceRequest(offer=offer))
    assert Invoice.from_string(fetched.invoice).invoice_amount == 7_000


async def test_a_closed_offer_is_told_by_who_made_it(open_net_: Net, stub: Any) -> None:
    offer = offer_at_home(open_net_)
    books = open_net_.home.books
    books.disable_offer(books.list_offers()[0].offer_id)
    _, text = await failure(stub.FetchInvoice(pb.FetchinvoiceRequest(offer=offer, amount_msat=AMOUNT)))
    assert 'code: Some(1004), message: "Remote node sent failure message"' in text


async def test_an_expired_offer_is_not_asked(open_net_: Net, stub: Any) -> None:
    offer = offer_at_home(open_net_, absolute_expiry=1_700_000_000)
    _, text = await failure(stub.FetchInvoice(pb.FetchinvoiceRequest(offer=offer, amount_msat=AMOUNT)))
    assert "code: Some(1002)" in text


async def test_nobody_who_answers_is_told_after_the_time(net: Net) -> None:
    offer = offer_at_home(net)  # its hook keeps every message
    with pytest.raises(RpcError) as told:
        await net.merchant.fetcher.fetch(FetchArgs(offer=offer, amount=Msat(AMOUNT.msat), seconds=0.2))
    assert told.value.code == 1005


async def test_a_timeout_is_refused_as_real_nodes_do(net: Net, stub: Any) -> None:
    call = pb.FetchinvoiceRequest(offer=offer_at_home(net), amount_msat=AMOUNT, timeout=30)
    _, text = await failure(stub.FetchInvoice(call))
    assert "code: Some(-32602)" in text
    assert "timeout" in text


@pytest.mark.parametrize("text", ["lno1", "lni1qqg", ""])
async def test_what_is_no_offer_is_a_wrong_parameter(stub: Any, text: str) -> None:
    _, told = await failure(stub.FetchInvoice(pb.FetchinvoiceRequest(offer=text)))
    assert "code: Some(-32602)" in told


async def test_what_is_no_hash_breaks_the_handler(stub: Any) -> None:
    assert (await failure(stub.ListSendPays(pb.ListsendpaysRequest(payment_hash=b"x"))))[0] == "CANCELLED"
    assert not (await stub.ListSendPays(pb.ListsendpaysRequest(payment_hash=bytes(32)))).payments
