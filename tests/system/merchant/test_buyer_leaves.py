"""A buyer who goes away: before the signature the sale is cancelled, after it the sale goes on at the node."""

import asyncio

import pytest

from bled.codes import Code
from bled.gatt.messages import (
    Abort,
    AbortReason,
    ErrorMessage,
    Message,
    StatusCode,
    Wait,
    WaitReason,
    decode_message,
    encode_message,
)
from bled.sales.states import SaleState

from .stage import Line, Meeting, Shop

pytestmark = pytest.mark.system


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def check_next_sale(shop: Shop) -> None:
    """The next run finds nothing in its way."""
    result = await shop.sell(Meeting(shop.buyer()), description="the next one")
    assert result.code is Code.PAID


@pytest.mark.parametrize("sent", [0, 1])
async def test_a_link_that_breaks_before_the_request_cancels(shop: Shop, sent: int) -> None:
    """0: before the offer left the till. 1: after it."""

    async def leave(line: Line) -> None:
        if sent:
            await line.receive(seconds=5)
        await line.close()

    def tune(till: Line, buyer: Line) -> None:
        till.drop_after = sent

    result = await shop.sell(Meeting(leave, tune=tune))
    assert result.code is Code.BUYER_LEFT
    assert shop.sales()[0].state is SaleState.CANCELLED
    assert not shop.is_open()
    await check_next_sale(shop)


@pytest.mark.parametrize("till_sent", [1, 2, 3])
async def test_a_link_that_breaks_after_the_request_leaves_the_sale_to_the_node(shop: Shop, till_sent: int) -> None:
    """The till had sent the offer alone (1), "received" (2), "invoice sent" (3)."""

    def tune(till: Line, buyer: Line) -> None:
        till.drop_after = till_sent

    result = await shop.sell(Meeting(shop.buyer(), tune=tune))
    assert (result.code, result.buyer_told) == (Code.PAID, False)
    assert shop.sales()[0].state is SaleState.PAID
    await check_next_sale(shop)


async def test_a_buyer_who_leaves_right_after_the_request_still_pays(shop: Shop) -> None:
    def tune(till: Line, buyer: Line) -> None:
        buyer.drop_after = 1  # the request leaves, the acknowledgement does not

    result = await shop.sell(Meeting(shop.buyer(), tune=tune))
    assert (result.code, result.buyer_told) == (Code.PAID, False)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (Abort(reason=AbortReason.USER_DECLINED), Code.BUYER_DECLINED),
        (Abort(reason=AbortReason.TIMEOUT), Code.NOT_APPROVED_IN_TIME),
        (Abort(reason=AbortReason.BUSY), Code.BUYER_LEFT),
        (ErrorMessage(code=0x0006), Code.OFFER_BAD),
        (ErrorMessage(code=0x0007), Code.OFFER_EXPIRES_TOO_SOON),
        (ErrorMessage(code=0x7777, text="?"), Code.BUYER_LEFT),
        (Wait(reason=WaitReason.USER_DECIDING), Code.BUYER_LEFT),
    ],
)
async def test_a_buyer_who_says_no_cancels_the_sale(shop: Shop, word: Message, code: Code) -> None:
    async def answer(line: Line) -> None:
        await line.receive(seconds=5)
        await line.send(encode_message(word))

    result = await shop.sell(Meeting(answer))
    assert result.code is code
    said_no = code in (Code.BUYER_DECLINED, Code.NOT_APPROVED_IN_TIME)
    assert shop.sales()[0].state is (SaleState.DECLINED if said_no else SaleState.CANCELLED)


@pytest.mark.parametrize(
    "noise", [b"\x12", b"\x12\xff\xff\x00", b"\xfe", b"\x14\x02", bytes(4080), b"\x10\x01\x2c\x00\x01\x00"]
)
async def test_noise_instead_of_a_request_is_answered_and_cancels(shop: Shop, noise: bytes) -> None:
    heard: list[Message | None] = []

    async def rave(line: Line) -> None:
        await line.receive(seconds=5)
        await line.send(noise)
        heard.append(decode_message(await line.receive(seconds=5)))

    result = await shop.sell(Meeting(rave))
    assert result.code in (Code.FRAMING, Code.MESSAGE_UNKNOWN, Code.MESSAGE_TOO_LARGE, Code.BAD_STATE)
    assert isinstance(heard[0], ErrorMessage)
    assert shop.sales()[0].state is SaleState.CANCELLED


async def test_silence_is_a_no(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bled.session.merchant.SILENCE_SECONDS", 0.2)
    heard: list[Message | None] = []

    async def say_nothing(line: Line) -> None:
        await line.receive(seconds=5)
        heard.append(decode_message(await line.receive(seconds=5)))

    result = await shop.sell(Meeting(say_nothing))
    assert result.code is Code.PEER_TIMEOUT
    assert heard == [Abort(reason=AbortReason.TIMEOUT)]


async def test_a_buyer_who_does_not_acknowledge_is_not_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bled.session.merchant.ACK_SECONDS", 0.2)
    buyer = shop.buyer()

    async def mute(line: Line) -> None:
        send, line.send = line.send, lambda message: asyncio.sleep(0) if message[0] == 0x15 else send(message)
        await buyer(line)

    result = await shop.sell(Meeting(mute))
    assert (result.code, result.buyer_told) == (Code.PAID, False)
    assert buyer.statuses[-1].code is StatusCode.PAID
