"""A till behind the proxy sells as before, and can do nothing else with the node."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.node.cln_connection import raw_channel
from bled.node.cln_credentials import load_credentials
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.caps import Caps
from bled.proxy.server import CALLS_AT_ONCE, NodeProxy
from bled.proxy.tills import Tills
from bled.sales.charge import charge
from bled.sales.ledger import SaleLedger
from bled.sales.refund import Refunds
from bled.sales.refund_states import Refund, RefundState
from bled_codec.units import Msat

from .refunding import received_at_home, sold
from .stage import AMOUNT, QUICK, READER, Meeting, Shop

pytestmark = pytest.mark.system


@dataclass
class Behind:
    """A till's side of the proxy."""

    address: str
    credentials: Path
    tills: Tills

    async def call(self, method: str, request: bytes = b"", credentials: Path | None = None) -> bytes:
        """Call the proxy as no honest till would."""
        channel = raw_channel(self.address, load_credentials(credentials or self.credentials))
        try:
            return await channel.unary_unary(f"/cln.Node/{method}")(request, timeout=10)
        finally:
            await channel.close()


@asynccontextmanager
async def proxied(shop: Shop, *, per_day: int = 0) -> AsyncIterator[Behind]:
    tills = Tills(shop.folder / "proxy")
    tills.add("kiosk", shop.folder / "kiosk")
    caps = Caps.open(shop.folder / "refunds.sqlite", per_day=Msat(per_day))
    credentials = load_credentials(shop.credentials)
    proxy = NodeProxy(shop.target, credentials, tills=tills, caps=caps, clock=SystemClock())
    try:
        yield Behind(await proxy.start("127.0.0.1:0"), shop.folder / "kiosk", tills)
    finally:
        await proxy.stop()
        caps.close()


async def test_a_sale_is_paid_through_the_proxy(shop: Shop) -> None:
    async with proxied(shop) as behind:
        node = await ClnMerchantNode.connect(behind.address, behind.credentials)
        radio = Meeting(shop.buyer())
        try:
            with SaleLedger.open(shop.ledger_path) as ledger:
                result = await charge(
                    node=node,
                    ledger=ledger,
                    central=radio,
                    clock=SystemClock(),
                    on_step=shop.note,
                    reader=READER,
                    times=QUICK,
                    amount=AMOUNT,
                    description="coffee",
                )
        finally:
            await radio.close()
            await node.close()
    assert (result.code, result.preimage is not None) == (Code.PAID, True)
    assert shop.home.paid == [result.payment_hash]


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Pay", b""),
        ("Withdraw", b""),
        ("CreateRune", b""),
        ("ListInvoices", b""),
        ("MakeSecret", pb.MakesecretRequest(string="commando").SerializeToString()),
        ("Xpay", pb.XpayRequest(invstring="lni1").SerializeToString()),
        ("Getinfo", b"\xff\xff"),
    ],
)
async def test_the_node_never_hears_of_what_a_sale_does_not_need(shop: Shop, method: str, request_: bytes) -> None:
    async with proxied(shop) as behind:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await behind.call(method, request_)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert caught.value.details().startswith(f"bled node-proxy: {method}: ")


async def test_a_denied_call_is_a_refusal_by_the_node_for_a_till(shop: Shop) -> None:
    async with proxied(shop) as behind:
        node = await ClnMerchantNode.connect(behind.address, behind.credentials)
        behind.tills.revoke("kiosk")
        with pytest.raises(BledError, match="not any more") as caught:
            await node.lookup("a label")
        await node.close()
    assert caught.value.code is Code.NODE_REFUSED


async def test_the_nodes_own_certificate_opens_nothing_at_the_proxy(shop: Shop) -> None:
    async with proxied(shop) as behind:
        stolen = shop.folder / "stolen"
        stolen.mkdir()
        (stolen / "ca.pem").write_bytes((behind.credentials / "ca.pem").read_bytes())
        for name in ("client.pem", "client-key.pem"):
            (stolen / name).write_bytes((shop.credentials / name).read_bytes())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await behind.call("Getinfo", credentials=stolen)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_the_nodes_own_errors_come_through_as_they_are(shop: Shop) -> None:
    request = pb.DisableofferRequest(offer_id=bytes(32)).SerializeToString()
    async with proxied(shop) as behind:
        with pytest.raises(grpc.aio.AioRpcError) as through:
            await behind.call("DisableOffer", request)
        channel = raw_channel(shop.target, load_credentials(shop.credentials))
        with pytest.raises(grpc.aio.AioRpcError) as direct:
            await channel.unary_unary("/cln.Node/DisableOffer")(request, timeout=10)
        await channel.close()
    assert (through.value.code(), through.value.details()) == (direct.value.code(), direct.value.details())


async def test_a_till_that_floods_keeps_no_other_out(shop: Shop) -> None:
    async with proxied(shop) as behind:
        behind.tills.add("other", shop.folder / "other")
        channels = [raw_channel(behind.address, load_credentials(behind.credentials)) for _ in range(2)]
        waits = [
            asyncio.ensure_future(channel.unary_unary("/cln.Node/Getinfo")(b"", timeout=10))
            for channel in channels
            for _ in range(2 * CALLS_AT_ONCE)
        ]
        info = pb.GetinfoResponse.FromString(await behind.call("Getinfo", credentials=shop.folder / "other"))
        await asyncio.gather(*waits, return_exceptions=True)
        for channel in channels:
            await channel.close()
    assert info.id == shop.merchant.node_id


async def test_a_node_that_is_away_is_told_as_such(shop: Shop) -> None:
    async with proxied(shop) as behind:
        await shop.server.stop()
        with pytest.raises(BledError) as caught:
            await ClnMerchantNode.connect(behind.address, behind.credentials)
    assert caught.value.code is Code.NODE_UNREACHABLE


async def refund_behind(shop: Shop, behind: Behind, sale_id: str, **terms: Any) -> Refund:
    node = await ClnMerchantNode.connect(behind.address, behind.credentials)
    try:
        with SaleLedger.open(shop.ledger_path) as ledger:
            refunds = Refunds(node.refunds, await node.info(), ledger, clock=SystemClock(), on_step=shop.note)
            return await refunds.pay(sale_id, **terms)
    finally:
        await node.close()


async def test_refunds_go_through_the_proxy_within_its_cap_and_what_is_more_is_told(shop: Shop) -> None:
    sale = await sold(shop)
    async with proxied(shop, per_day=16_000) as behind:
        first = await refund_behind(shop, behind, sale, amount=Msat(10_000))
        second = await refund_behind(shop, behind, sale)
    assert (first.state, first.amount_sent is not None) == (RefundState.REFUNDED, True)
    assert second.state is RefundState.FAILED
    assert "today's cap" in second.detail
    assert received_at_home(shop) == [10_000]


async def test_a_proxy_without_a_cap_pays_nothing_out(shop: Shop) -> None:
    sale = await sold(shop)
    async with proxied(shop) as behind:
        refund = await refund_behind(shop, behind, sale)
    assert (refund.state, received_at_home(shop)) == (RefundState.FAILED, [])
    assert "bled node-proxy: Xpay: " in refund.detail
