"""Requests that are not what was offered: refused before the node hears of them, and the offer is closed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bled.codes import Code
from bled.gatt.messages import ErrorMessage, InvreqMessage, StatusCode, decode_message, encode_message
from bled.sales.judge import MAX_REPLY_PATHS
from bled.sales.states import SaleState
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, UnixTime

from .stage import AMOUNT, Buyer, Greeted, Meeting, Shop

pytestmark = pytest.mark.system


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def refused(shop: Shop, **changes: object) -> Code:
    """Return the code with which the till refused; check that nothing is left behind."""
    buyer = shop.buyer(**changes)
    result = await shop.sell(Meeting(buyer))
    assert [type(message) for message in buyer.other] == [ErrorMessage]
    assert buyer.statuses == []
    assert shop.sales()[-1].state is SaleState.CANCELLED
    assert not shop.invoices()
    assert not shop.is_open()
    return result.code


async def test_a_request_with_a_flipped_bit_is_refused_wherever_it_is(shop: Shop) -> None:
    size = len(Buyer(paths=shop.paths()).request(an_offer(shop)).encode())
    for place in range(0, size, 37):

        def flip(request: InvoiceRequest, place: int = place) -> bytes:
            data = bytearray(request.encode())
            data[place] ^= 0x01
            return bytes(data)

        assert await refused(shop, alter=flip) in (Code.REQUEST_BAD, Code.REQUEST_MISMATCH)


def an_offer(shop: Shop, **changes: object):
    terms = {
        "description": "coffee",
        "amount": AMOUNT,
        "chains": [REGTEST_CHAIN],
        "issuer_id": shop.merchant.node_id,
        "absolute_expiry": UnixTime(4_000_000_000),
    }
    return create_offer(**terms | changes)


@pytest.mark.parametrize(
    "change", [{"amount": 1}, {"description": "tea"}, {"issuer_id": SecretKey(b"\x03" * 32).public_key}]
)
async def test_a_request_for_another_offer_is_refused(shop: Shop, change: dict[str, object]) -> None:
    def swap(request: InvoiceRequest) -> bytes:
        amount = Msat(change.get("amount", AMOUNT))
        return Buyer(paths=shop.paths(), amount=amount).request(an_offer(shop, **change)).encode()

    assert await refused(shop, alter=swap) is Code.REQUEST_MISMATCH


async def test_more_than_the_price_is_refused(shop: Shop) -> None:
    assert await refused(shop, amount=Msat(AMOUNT + 1)) is Code.REQUEST_MISMATCH


async def test_no_way_back_is_refused(shop: Shop) -> None:
    assert await refused(shop, paths=()) is Code.REQUEST_BAD


async def test_too_many_ways_back_are_refused(shop: Shop) -> None:
    assert await refused(shop, paths=shop.paths(MAX_REPLY_PATHS + 1)) is Code.REQUEST_BAD


@pytest.mark.parametrize("alter", [lambda _: b"\x00", lambda r: r.encode() + b"\x00", lambda r: r.encode()[:-1]])
async def test_what_is_no_request_is_refused(shop: Shop, alter: Callable[[InvoiceRequest], bytes]) -> None:
    assert await refused(shop, alter=alter) is Code.REQUEST_BAD


async def test_a_request_longer_than_the_limit_is_refused(shop: Shop) -> None:
    def swell(request: InvoiceRequest) -> bytes:
        return bytes(3900)

    assert await refused(shop, alter=swell) is Code.REQUEST_BAD


async def test_the_same_request_twice_is_one_sale(shop: Shop) -> None:
    buyer = shop.buyer(repeat=3)
    result = await shop.sell(Meeting(buyer))
    assert (result.code, result.buyer_told) == (Code.PAID, True)
    assert [status.code for status in buyer.statuses].count(StatusCode.RECEIVED) == 1
    assert len(shop.invoices()) == 1


async def test_an_amount_left_to_the_offer_is_the_offers(shop: Shop) -> None:
    result = await shop.sell(Meeting(shop.buyer(amount=None)))
    assert result.code is Code.PAID


async def test_several_ways_back_and_a_long_text_fit(shop: Shop) -> None:
    buyer = shop.buyer(paths=shop.paths(3))
    result = await shop.sell(Meeting(buyer), description="ä" * 250, issuer="x" * 200)
    assert (result.code, result.buyer_told) == (Code.PAID, True)


@pytest.mark.parametrize("amount", [AMOUNT, Msat(5 * AMOUNT)])
async def test_a_payer_id_of_an_earlier_sale_is_refused_whatever_the_amount(shop: Shop, amount: Msat) -> None:
    key = SecretKey(b"\x0b" * 32)
    assert (await shop.sell(Meeting(shop.buyer(key=key)))).code is Code.PAID
    buyer = shop.buyer(key=key, amount=amount)
    result = await shop.sell(Meeting(buyer), amount=amount)
    assert (result.code, [type(message) for message in buyer.other]) == (Code.REQUEST_BAD, [ErrorMessage])
    assert len(shop.invoices()) == 1


async def test_the_same_payer_id_with_another_amount_gets_no_second_invoice(shop: Shop) -> None:
    """The node would answer it with the old invoice, and take the request."""

    async def greedy(line: Greeted) -> None:
        message = decode_message(await line.receive(seconds=20))
        offer = Offer.decode(message.offer)
        for amount in (AMOUNT, Msat(2 * AMOUNT)):
            request = replace(buyer, amount=amount).request(offer)
            await line.send(encode_message(InvreqMessage(request=request.encode())))

    buyer = shop.buyer()
    await shop.sell(Meeting(greedy))
    assert len(shop.invoices()) == 1
    assert {invoice.invoice_amount for invoice in shop.home.invoices} == {AMOUNT}
