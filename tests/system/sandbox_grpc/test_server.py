"""The server's own life: errors as the real one words them, streams, waits, deaths and new starts."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from bled.node.stubs import cln_subset_pb2 as pb
from bled.sandbox.grpc_server import GrpcServer
from bled_codec.bolt12_string import format_string
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.fields import encode_fields
from bled_codec.tlv import join_records

from .net import OFFER, Net, failure, open_net, open_stub

pytestmark = pytest.mark.system

STRANGER = SecretKey(bytes([42]) * 32).public_key.hex()
GONE = 'RpcError { code: None, message: "no response from lightningd", data: None }'
RESET = "Stream removed (RST_STREAM (Received RST_STREAM with error code 8))"


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ListOffers", pb.ListoffersRequest(offer_id=b"123")),
        ("DisableOffer", pb.DisableofferRequest()),
        ("ListPeers", pb.ListpeersRequest(id=b"\x02" + b"\xff" * 32)),
        ("InjectOnionMessage", pb.InjectonionmessageRequest()),
        ("DelInvoice", pb.DelinvoiceRequest(label="x", status=9)),
        ("ListInvoices", pb.ListinvoicesRequest(index=9)),
    ],
)
async def test_a_request_that_breaks_the_real_plugins_handler_is_reset(stub: Any, method: str, request_: Any) -> None:
    assert await failure(getattr(stub, method)(request_)) == ("CANCELLED", RESET)
    await stub.Getinfo(pb.GetinfoRequest())


@pytest.mark.parametrize(
    ("method", "request_", "words"),
    [
        ("WaitInvoice", pb.WaitinvoiceRequest(label="x"), 'code: Some(-1), message: "Label not found"'),
        ("MakeSecret", pb.MakesecretRequest(), 'code: Some(-32602), message: "Must have either hex or string"'),
        ("CreateInvoice", pb.CreateinvoiceRequest(invstring="x", preimage=b"x"), "preimage: should be 64 hex digits"),
        ("ListInvoices", pb.ListinvoicesRequest(label="x", invstring="y"), "Can only specify one of {label}, "),
        ("ListInvoices", pb.ListinvoicesRequest(limit=1), "Can only specify {limit} with {index}"),
        ("ListInvoices", pb.ListinvoicesRequest(offer_id="zz"), "offer_id: should be a 32 byte hex value"),
        ("ListInvoices", pb.ListinvoicesRequest(payment_hash=b"x"), "payment_hash: should be a 32 byte hex value"),
        ("ListInvoices", pb.ListinvoicesRequest(invstring="x"), "Invalid invstring"),
        ("ConnectPeer", pb.ConnectRequest(id="xyz"), "id: should be a node id"),
        ("ConnectPeer", pb.ConnectRequest(id=STRANGER), 'code: Some(400), message: "Unable to connect'),
        ("ConnectPeer", pb.ConnectRequest(id=STRANGER + "@127.0.0.1:1"), 'code: Some(401), message: "All'),
        ("ConnectPeer", pb.ConnectRequest(id=STRANGER + "@127.0.0.1:x"), "malformed host @part"),
        ("ConnectPeer", pb.ConnectRequest(id=STRANGER, port=1), "Can't specify port without host"),
    ],
)
async def test_a_refusal_is_unknown_with_the_plugins_debug_text(
    stub: Any, method: str, request_: Any, words: str
) -> None:
    status, details = await failure(getattr(stub, method)(request_))
    assert status == "UNKNOWN"
    name = {"ConnectPeer": "Connect"}.get(method, method)
    assert details.startswith(f"Error calling method {name}: RpcError {{ code: Some(")
    assert words in details


async def test_what_dies_with_the_node_and_what_does_not(net: Net, stub: Any) -> None:
    await stub.Offer(OFFER)
    stream = stub.SubscribeInvoicePayment(pb.StreamInvoicePaymentRequest())
    await stream.initial_metadata()
    net.merchant.books.create_invoice(draft(), "one", bytes(32))
    waiting = asyncio.create_task(failure(stub.WaitInvoice(pb.WaitinvoiceRequest(label="one"))))
    await stub.Getinfo(pb.GetinfoRequest())  # behind the wait on the same connection
    await net.server.die()
    assert await waiting == ("UNKNOWN", f"Error calling method WaitInvoice: {GONE}")
    assert (await failure(stream.read()))[0] == "UNAVAILABLE"
    status, details = await failure(stub.Getinfo(pb.GetinfoRequest()))
    assert status == "UNAVAILABLE"
    assert "Connection refused" in details
    assert await net.start_again() == net.target
    answer = await stub.ListInvoices(pb.ListinvoicesRequest(), wait_for_ready=True)
    assert [invoice.label for invoice in answer.invoices] == ["one"]


async def test_a_call_that_kills_the_node_says_so_once(net: Net, stub: Any) -> None:
    text = draft()
    await stub.CreateInvoice(pb.CreateinvoiceRequest(invstring=text, label="one", preimage=bytes(32)))
    second = pb.CreateinvoiceRequest(invstring=text, label="two", preimage=bytes(32))
    assert await failure(stub.CreateInvoice(second)) == ("UNKNOWN", f"Error calling method CreateInvoice: {GONE}")
    assert (await failure(stub.CreateInvoice(second)))[0] == "UNAVAILABLE"


async def test_a_server_that_is_stopped_ends_calls_without_killing_the_node(net: Net, stub: Any) -> None:
    net.merchant.books.create_invoice(draft(), "one", bytes(32))
    waiting = asyncio.create_task(failure(stub.WaitInvoice(pb.WaitinvoiceRequest(label="one"))))
    stream = stub.SubscribeInvoiceCreation(pb.StreamInvoiceCreationRequest())
    await stream.initial_metadata()
    await stub.Getinfo(pb.GetinfoRequest())
    await net.server.stop()
    assert (await waiting)[0] == "UNAVAILABLE"
    assert (await failure(stream.read()))[0] == "UNAVAILABLE"
    assert len(net.merchant.books.list_invoices()) == 1
    await net.server.stop()


async def test_a_wait_that_the_client_gives_up_leaves_nothing_behind(net: Net, stub: Any) -> None:
    row = net.merchant.books.create_invoice(draft(), "one", bytes(32))
    status, _ = await failure(stub.WaitInvoice(pb.WaitinvoiceRequest(label="one"), timeout=0.2))
    assert status == "DEADLINE_EXCEEDED"
    net.merchant.books.settle(row.payment_hash, row.amount)
    answer = await stub.WaitInvoice(pb.WaitinvoiceRequest(label="one"))
    assert answer.status == pb.WaitinvoiceResponse.PAID
    assert answer.payment_preimage == bytes(32)


async def test_pages_of_invoices_go_by_the_index_that_is_asked_for(net: Net, stub: Any) -> None:
    books = net.merchant.books
    for number in (1, 2, 3):
        preimage = bytes([number]) * 32
        books.create_invoice(draft(preimage), f"no. {number}", preimage)
    rows = books.list_invoices()
    for number in (2, 0):
        books.settle(rows[number].payment_hash, rows[number].amount)
    index = pb.ListinvoicesRequest.ListinvoicesIndex
    page = pb.ListinvoicesRequest(index=index.CREATED, start=2, limit=1)
    assert [row.label for row in (await stub.ListInvoices(page)).invoices] == ["no. 2"]
    page = pb.ListinvoicesRequest(index=index.UPDATED, start=1)
    assert [row.label for row in (await stub.ListInvoices(page)).invoices] == ["no. 3", "no. 1"]


async def test_a_port_that_is_taken_is_an_error(net: Net, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="cannot listen on port"):
            await GrpcServer().start(net.hop, folder=tmp_path / "hop", port=taken.getsockname()[1])


async def test_the_same_folder_gives_the_same_node_to_the_same_clients(tmp_path: Path) -> None:
    async with open_net(tmp_path) as net, open_stub(net.target, tmp_path) as stub:
        first = await stub.Offer(OFFER)
    async with open_net(tmp_path) as net, open_stub(net.target, tmp_path) as stub:
        again = await stub.Offer(OFFER)
    assert (again.offer_id, again.created) == (first.offer_id, False)


def draft(preimage: bytes = bytes(32)) -> str:
    """Return about the shortest invoice that a node signs."""
    fields = {
        "offer_description": "tea",
        "invreq_chain": REGTEST_CHAIN,
        "invoice_payment_hash": sha256(preimage),
        "invoice_amount": 15_000,
    }
    return format_string("lni", join_records(encode_fields(fields)))
