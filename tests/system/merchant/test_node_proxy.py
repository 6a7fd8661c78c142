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
from bled.proxy.offers import OfferBook
from bled.proxy.server import CALLS_AT_ONCE, NodeProxy
from bled.proxy.tills import Tills
from bled.sales.charge import charge
from bled.sales.ledger import SaleLedger
from bled.sales.refund import Refunds
from bled.sales.refund_states import Refund, RefundState
from bled.sandbox.books_rows import OfferArgs
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
    if not (shop.folder / "kiosk").exists():
        tills.add("kiosk", shop.folder / "kiosk")
    caps = Caps.open(shop.folder / "refunds.sqlite", per_day=Msat(per_day))
    credentials = load_credentials(shop.credentials)
    offers = OfferBook.open(shop.folder / "offers.sqlite")
    proxy = NodeProxy(shop.target, credentials, tills=tills, caps=caps, offers=offers, clock=SystemClock())
    try:
        yield Behind(await proxy.start("127.0.0.1:0"), shop.folder / "kiosk", tills)
    finally:
        await proxy.stop()
        caps.close()
        offers.close()


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


def the_shops_own(shop: Shop, **terms: Any) -> Any:
    """Return an offer that the shop made at its node without a till."""
    row = {"amount": "15000msat", "description": "menu", "label": "menu", "single_use": True}
    return shop.merchant.books.offer(OfferArgs(**row | terms))


def offer_request(label: str, *, expiry: int = 4_000_000_000, amount: int = 15_000) -> bytes:
    request = pb.OfferRequest(
        amount=f"{amount}msat", description="menu", label=label, absolute_expiry=expiry, single_use=True
    )
    return request.SerializeToString()


async def seen(behind: Behind, credentials: Path | None = None) -> list[str]:
    answer = await behind.call("ListOffers", credentials=credentials)
    return [row.label for row in pb.ListoffersResponse.FromString(answer).offers]


@pytest.mark.parametrize("terms", [{"single_use": False}, {}, {"absolute_expiry": 4_000_000_000}], ids=str)
async def test_an_offer_of_the_shop_is_neither_shown_to_a_till_nor_closed_by_one(
    shop: Shop, terms: dict[str, Any]
) -> None:
    """Not even by a till that knows its label."""
    own = the_shops_own(shop, **terms)
    async with proxied(shop) as behind:
        await behind.call("Offer", offer_request("menu", expiry=3_999_999_999))
        assert await seen(behind) == ["menu"]
        request = pb.DisableofferRequest(offer_id=own.offer_id).SerializeToString()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await behind.call("DisableOffer", request)
    assert "no other" in caught.value.details()
    assert own.offer_id in {row.offer_id for row in shop.merchant.books.list_offers(active_only=True)}


async def test_a_till_closes_its_own_offer_also_after_the_proxy_was_restarted_and_no_other_tills(shop: Shop) -> None:
    async with proxied(shop) as behind:
        made = pb.OfferResponse.FromString(await behind.call("Offer", offer_request("0f")))
    request = pb.DisableofferRequest(offer_id=made.offer_id).SerializeToString()
    async with proxied(shop) as behind:
        behind.tills.add("other", shop.folder / "other")
        with pytest.raises(grpc.aio.AioRpcError, match="no other"):
            await behind.call("DisableOffer", request, credentials=shop.folder / "other")
        assert await seen(behind, shop.folder / "other") == []
        assert await seen(behind) == ["0f"]
        closed = pb.DisableofferResponse.FromString(await behind.call("DisableOffer", request))
    assert (closed.offer_id, closed.active) == (made.offer_id, False)


async def test_an_offer_without_a_name_is_not_made(shop: Shop) -> None:
    async with proxied(shop) as behind:
        with pytest.raises(grpc.aio.AioRpcError, match="a label"):
            await behind.call("Offer", offer_request(""))
    assert shop.merchant.books.list_offers() == []
