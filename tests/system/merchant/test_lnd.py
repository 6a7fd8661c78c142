"""The sandbox's LND: its words, its macaroons, its paths; and what a till makes of each."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.node.base import AlreadyPaid, Cancelled, NodeInfo, invoice_label, preimage_for
from bled.node.grpc_connection import GrpcConnection
from bled.node.lnd_connection import INVOICES, LIGHTNING, connect_lnd
from bled.node.lnd_credentials import load_lnd_credentials
from bled.node.lnd_errors import LndFailure
from bled.node.lnd_grpc import NODE_EXPIRY_SECONDS, LndMerchantNode
from bled.node.opening import open_node
from bled.node.stubs import lnd_invoices_subset_pb2 as invoices_pb
from bled.node.stubs import lnd_subset_pb2 as pb
from bled.sandbox import lnd_calls
from bled.sandbox.certificates import ensure_server_certificate
from bled.sandbox.lnd_macaroons import TILL
from bled.sandbox.lnd_paths import FINAL_DELTA, blocks_until
from bled.sandbox.node_data import BLOCK_HEIGHT
from bled_codec.blinded_path import EncryptedData, create_blinded_path, unblind
from bled_codec.crypto import SecretKey, sha256
from bled_codec.onion_message import OnionPayload, create_onion_message
from bled_codec.units import Point, UnixTime

from .stage import AMOUNT, KEYS, Meeting, Shop, open_shop

pytestmark = pytest.mark.system

PREIMAGE = b"\x15" * 32


@pytest.fixture
async def lnd(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, kind="lnd") as shop:
        yield shop


@pytest.fixture
async def wire(lnd: Shop) -> AsyncIterator[GrpcConnection]:
    connection = connect_lnd(lnd.target, load_lnd_credentials(lnd.credentials))
    yield connection
    await connection.close()


async def ask(wire: GrpcConnection, method: str, request: Any, answer: Any) -> Any:
    service = INVOICES if method == "CancelInvoice" else LIGHTNING
    return await wire.unary(service + method, request, answer, seconds=10)


async def add(wire: GrpcConnection, preimage: bytes = PREIMAGE, **changes: Any) -> Any:
    terms = {"r_preimage": preimage, "value_msat": AMOUNT, "is_blinded": True, "expiry": 3600}
    return await ask(wire, "AddInvoice", pb.Invoice(**terms | changes), pb.AddInvoiceResponse)


async def cancel(wire: GrpcConnection, payment_hash: bytes) -> None:
    call = invoices_pb.CancelInvoiceMsg(payment_hash=payment_hash)
    await ask(wire, "CancelInvoice", call, invoices_pb.CancelInvoiceResp)


async def refusal(call: Any) -> str:
    with pytest.raises(LndFailure) as caught:
        await call
    return caught.value.message


async def test_it_refuses_in_lnds_words(lnd: Shop, wire: GrpcConnection) -> None:
    await add(wire)
    assert await refusal(add(wire)) == "invoice with payment hash already exists"
    lookup = ask(wire, "LookupInvoice", pb.PaymentHash(r_hash=bytes(32)), pb.Invoice)
    assert await refusal(lookup) == "unable to locate invoice"
    cancel = invoices_pb.CancelInvoiceMsg(payment_hash=bytes(32))
    assert (
        await refusal(ask(wire, "CancelInvoice", cancel, invoices_pb.CancelInvoiceResp)) == "unable to locate invoice"
    )
    lnd.merchant.books.settle(sha256(PREIMAGE), AMOUNT)
    cancel = invoices_pb.CancelInvoiceMsg(payment_hash=sha256(PREIMAGE))
    assert await refusal(ask(wire, "CancelInvoice", cancel, invoices_pb.CancelInvoiceResp)) == "invoice already settled"
    message = pb.SendOnionMessageRequest(peer=lnd.home_node.node_id, path_key=lnd.hop.node_id, onion=b"x")
    assert await refusal(ask(wire, "SendOnionMessage", message, pb.SendOnionMessageResponse)) == "peer is not connected"
    hop = pb.LightningAddress(pubkey=lnd.hop.node_id.hex(), host=str(lnd.hop.address))
    connect = ask(wire, "ConnectPeer", pb.ConnectPeerRequest(addr=hop), pb.ConnectPeerResponse)
    assert (await refusal(connect)).startswith("already connected to peer")


async def test_a_cancelled_invoice_is_cancelled_again_without_a_word(lnd: Shop, wire: GrpcConnection) -> None:
    await add(wire)
    for _ in range(2):
        await cancel(wire, sha256(PREIMAGE))
    row = await ask(wire, "LookupInvoice", pb.PaymentHash(r_hash=sha256(PREIMAGE)), pb.Invoice)
    assert row.state == pb.Invoice.CANCELED
    assert not lnd.merchant.books.accept(sha256(PREIMAGE), AMOUNT, row.payment_addr)


@pytest.mark.parametrize(
    ("macaroon", "words"),
    [(None, "expected 1 macaroon"), (b"\x02", "verification failed"), ("other", "verification failed")],
)
async def test_without_a_macaroon_of_the_node_nothing_is_served(
    lnd: Shop, tmp_path: Path, macaroon: object, words: str
) -> None:
    proof = load_lnd_credentials(lnd.credentials)
    shown = {None: b"", "other": proof.macaroon[:-1] + bytes([proof.macaroon[-1] ^ 1])}.get(macaroon, macaroon)
    connection = connect_lnd(lnd.target, replace(proof, macaroon=shown))
    if macaroon is None:
        connection._metadata = ()
    try:
        with pytest.raises(LndFailure, match=words):
            await ask(connection, "GetInfo", pb.GetInfoRequest(), pb.GetInfoResponse)
    finally:
        await connection.close()


async def test_a_macaroon_opens_what_it_names_and_nothing_else(lnd: Shop) -> None:
    (lnd.credentials / TILL).write_bytes(lnd.server.macaroons.bake({"uri": (LIGHTNING + "GetInfo",)}))
    connection = connect_lnd(lnd.target, load_lnd_credentials(lnd.credentials))
    try:
        await ask(connection, "GetInfo", pb.GetInfoRequest(), pb.GetInfoResponse)
        assert await refusal(add(connection)) == "permission denied"
    finally:
        await connection.close()


async def test_another_certificate_under_the_same_name_is_not_trusted(lnd: Shop, tmp_path: Path) -> None:
    ensure_server_certificate(tmp_path / "other")
    (lnd.credentials / "tls.cert").write_bytes((tmp_path / "other" / "tls.cert").read_bytes())
    with pytest.raises(BledError) as caught:
        await open_node(lnd.address, lnd.files)
    assert caught.value.code is Code.NODE_TLS


async def test_a_version_that_cannot_send_onion_messages_is_refused(lnd: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lnd_calls, "VERSION", "0.20.1-beta commit=v0.20.1-beta")
    with pytest.raises(BledError, match=r"LND 0\.20\.1-beta .*0\.21 or newer") as caught:
        await open_node(lnd.address, lnd.files)
    assert caught.value.code is Code.CONFIG_BAD


async def test_a_book_of_another_node_is_refused(lnd: Shop) -> None:
    async with lnd.node() as node:
        assert (await node.info()).issuer_id != lnd.merchant.node_id
        node._book._db.execute("UPDATE node SET node_id = ?", [lnd.hop.node_id])
    with pytest.raises(BledError, match="another node") as caught:
        await open_node(lnd.address, lnd.files)
    assert caught.value.code is Code.CONFIG_BAD


async def test_the_paths_for_the_money_outlive_the_blocks_of_an_offer(lnd: Shop, wire: GrpcConnection) -> None:
    """LND makes them good for as long as its invoice; five minutes would be no block at all."""
    assert blocks_until(300) == 0
    added = await add(wire, expiry=NODE_EXPIRY_SECONDS)
    answer = await ask(wire, "DecodePayReq", pb.PayReqString(pay_req=added.payment_request), pb.PayReq)
    path = answer.blinded_paths[0].blinded_path
    assert Point(path.introduction_node) == lnd.hop.node_id
    opened = unblind(KEYS["hop"], Point(path.blinding_point), path.blinded_hops[0].encrypted_data)
    last = int.from_bytes(EncryptedData.decode(opened.data).payment_constraints[:4], "big")
    assert last >= BLOCK_HEIGHT + FINAL_DELTA + 12


async def test_it_knows_no_bolt_12(lnd: Shop) -> None:
    """A request that reaches it is shown to whoever subscribes and answered by nobody."""
    async with lnd.node() as node:
        expiry = UnixTime(SystemClock().now() + 300)
        offer = await node.create_offer(amount=AMOUNT, description="tea", label="x", absolute_expiry=expiry)
    request = lnd.buyer().request(offer.offer)
    path = create_blinded_path([lnd.merchant.node_id], [b""], session_key=SecretKey(b"\x21" * 32))
    (back,) = lnd.paths()
    payload = OnionPayload(reply_path=back, invoice_request=request.encode())
    onion = create_onion_message(path, payload, session_key=SecretKey(b"\x22" * 32))
    lnd.hop.send_onion(lnd.merchant.node_id, path.first_path_key, onion)
    await lnd.network.quiet()
    assert not lnd.home.invoices
    assert not lnd.invoices()


async def test_a_path_that_begins_at_the_till_s_own_node_cannot_be_used(lnd: Shop) -> None:
    nodes = (lnd.merchant.node_id, lnd.home_node.node_id)
    data = [EncryptedData(next_node_id=nodes[1]).encode(), EncryptedData(path_id=bytes(32)).encode()]
    path = create_blinded_path(nodes, data, session_key=SecretKey(b"\x23" * 32))
    result = await lnd.sell(Meeting(lnd.buyer(paths=(path,))))
    assert result.code is Code.PAYMENT_FAILED
    assert "begins at this node itself" in result.detail


async def test_a_node_that_is_swapped_under_the_till_is_noticed(lnd: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lnd.node() as node:
        assert isinstance(node, LndMerchantNode)
        assert isinstance(await node.info(), NodeInfo)
        info = lnd.merchant.info()
        monkeypatch.setattr(lnd.merchant, "info", lambda: replace(info, node_id=lnd.hop.node_id))
        with pytest.raises(BledError) as caught:
            await node.info()
    assert caught.value.code is Code.NODE_PROTOCOL


async def test_a_payment_and_a_cancel_at_once_have_one_outcome(lnd: Shop) -> None:
    async with lnd.node() as node:
        for turns in range(10):
            now = SystemClock().now()
            offer = await node.create_offer(
                amount=AMOUNT, description="tea", label=f"sale {turns}", absolute_expiry=UnixTime(now + 300)
            )
            request = lnd.buyer().request(offer.offer)
            invoice = await node.create_invoice(request, offer=offer, seed=bytes([turns]) * 32, now=now)
            cancelling = asyncio.create_task(node.cancel(offer.offer_id))
            for _ in range(turns):
                await asyncio.sleep(0)
            row = lnd.merchant.books.lookup(invoice.invoice_payment_hash)
            paid = lnd.merchant.books.accept(row.payment_hash, AMOUNT, row.payment_addr)
            if paid:
                lnd.merchant.books.settle(row.payment_hash, AMOUNT)
            assert isinstance(await cancelling, AlreadyPaid if paid else Cancelled)


async def test_an_invoice_that_lnd_added_before_its_answer_was_lost_is_found_again(
    lnd: Shop, wire: GrpcConnection
) -> None:
    """The answer to `AddInvoice` never came: the same preimage is asked for again, and the first invoice is used."""
    async with lnd.node() as node:
        now = SystemClock().now()
        expiry = UnixTime(now + 300)
        offer = await node.create_offer(amount=AMOUNT, description="tea", label="x", absolute_expiry=expiry)
        request = lnd.buyer().request(offer.offer)
        label = invoice_label(offer.offer_id, request.invreq_payer_id)
        await add(wire, preimage_for(bytes(32), label))
        invoice = await node.create_invoice(request, offer=offer, seed=bytes(32), now=now)
    assert [row.payment_hash for row in lnd.invoices()] == [invoice.invoice_payment_hash]
