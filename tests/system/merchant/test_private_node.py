"""A merchant's node that the network does not know: the till builds the way for request and money itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bled.codes import Code
from bled.sales.states import SaleState
from bled.sandbox.books_rows import Answer
from bled_codec.units import Msat

from .stage import Meeting, Shop, open_shop

pytestmark = pytest.mark.system


@pytest.fixture
async def private_shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, private=True) as shop:
        yield shop


async def test_a_private_node_is_paid_through_its_peer(private_shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    result = await private_shop.sell(Meeting(private_shop.buyer()))
    assert (result.code, result.buyer_told) == (Code.PAID, True)
    (invoice,) = private_shop.home.invoices
    assert invoice.offer_paths
    assert invoice.invoice_paths[0].introduction == private_shop.hop.node_id
    assert len(invoice.invoice_paths[0].hops) == 2
    assert invoice.invoice_blindedpay[0].cltv_expiry_delta > 18
    assert "flow private" in caplog.text


async def test_a_private_node_is_paid_by_the_second_way_too(
    private_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_shop.merchant.books, "answer", lambda *_: Answer(invoice_error=b"\x05\x01x"))
    result = await private_shop.sell(Meeting(private_shop.buyer()))
    assert result.code is Code.PAID


async def test_more_than_the_channel_can_bring_is_refused_before_an_invoice_exists(private_shop: Shop) -> None:
    amount = Msat(2_000_000)
    result = await private_shop.sell(Meeting(private_shop.buyer(amount=amount)), amount=amount)
    assert result.code is Code.PAYMENT_FAILED
    assert "receive" in result.detail
    assert private_shop.sales()[0].state is SaleState.FAILED
    assert not private_shop.merchant.books.list_offers(active_only=True)
