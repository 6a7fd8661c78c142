"""The till of production at one node and a home at another, and sales between them: sandbox or real, it is the same."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import Refused
from bled.gatt.messages import (
    Abort,
    AbortReason,
    InvreqMessage,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    decode_message,
    encode_message,
)
from bled.gatt.primitives import X25519Key
from bled.grants.book import GrantBook, decode_book
from bled.grants.wrapping import unwrap_book
from bled.node.base import MerchantNode, Way
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.lightning_rpc import LightningRpc
from bled.progress import ignore_steps
from bled.sales.charge import SaleResult, charge
from bled.sales.ledger import SaleLedger
from bled.sales.refund import Refunds, refund_node
from bled.sales.refund_states import Refund, RefundState
from bled.session.offer_policy import NO_TIP
from bled.vault.signing import sign_request
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

AMOUNT = Msat(15_000)
READER = X25519Key(b"\x52" * 32)
SECONDS = 90.0
PURCHASES = 5
"""How many sales and payments the ratio is a median of."""
RATIO = 1.5
REST = 1.0
"""Seconds in which a peer is ready for four onion messages again; what comes sooner it drops in silence."""


class PushingNode(ClnMerchantNode):
    """A node of which the second way is used at once."""

    @property
    def ways(self) -> Sequence[Way]:
        return (Way.PUSH,)


@dataclass
class Shop:
    """Where everything is. `radio` makes a till's radio that finds a buyer who does what it is given."""

    folder: Path
    target: str
    credentials: Path
    home: LightningRpc
    introduction: str
    radio: Any
    steps: list[tuple[str, float]] = field(default_factory=list)
    books: int = 0

    @classmethod
    def at(cls, folder: Path, *, merchant: Any, hop: Any, home: Any, radio: Any) -> "Shop":
        """Open a shop at three real nodes, with a till in a new folder."""
        folder.mkdir()
        return cls(
            folder=folder,
            target=merchant.grpc_target,
            credentials=merchant.credentials,
            home=home.rpc,
            introduction=hop.node_id,
            radio=radio,
        )

    async def book(self) -> GrantBook:
        """Have home issue a book for another device, whose reply paths begin at the hop."""
        self.books += 1
        order = {
            "device": f"phone {self.books}",
            "ids": 10,
            "total_msat": 1_000_000,
            "introductions": [self.introduction],
            "allow_one_path": True,
        }
        issued = await self.home.call("bled-issue", order, seconds=SECONDS)
        clear = unwrap_book(bytes.fromhex(issued["book"]), passphrase=issued["passphrase"])
        return decode_book(clear, chain=REGTEST_CHAIN, now=now())

    async def node(self, kind: type[ClnMerchantNode] = ClnMerchantNode) -> MerchantNode:
        return await kind.connect(self.target, self.credentials)

    async def sell(
        self, buyer: Any, kind: type[ClnMerchantNode] = ClnMerchantNode, tip_max: Msat = NO_TIP
    ) -> SaleResult:
        """Sell once, with the till's own times."""
        self.steps.clear()
        node, radio = await self.node(kind), self.radio(buyer)
        try:
            with SaleLedger.open(self.folder / "sales.sqlite") as ledger:
                return await charge(
                    node=node,
                    ledger=ledger,
                    central=radio,
                    amount=AMOUNT,
                    description="coffee",
                    clock=SystemClock(),
                    on_step=lambda name, _: self.steps.append((name, time.perf_counter())),
                    reader=READER,
                    tip_max=tip_max,
                )
        finally:
            await radio.close()
            await node.close()

    async def refund(self, sale_id: str, amount: Msat | None = None) -> Refund:
        """Give a part of a sale back, or all that is left of it."""
        node = await self.node()
        try:
            with SaleLedger.open(self.folder / "sales.sqlite") as ledger:
                refunds = Refunds(
                    refund_node(node), await node.info(), ledger, clock=SystemClock(), on_step=ignore_steps
                )
                return await refunds.pay(sale_id, amount=amount)
        finally:
            await node.close()

    def seconds_to_money(self) -> float:
        """Return how long the last sale took from its request to the money."""
        at = dict(self.steps)
        return at["paid"] - at["request received"]


class Device:
    """A buyer's device with one grant; it remembers what the till told it.

    `tip` comes on top of the price, and `allows_refund` signs for money that may come back.
    """

    def __init__(self, book: GrantBook, number: int, *, tip: Msat = NO_TIP, allows_refund: bool = False) -> None:
        self._grant = book.grants[number]
        self._tip = tip
        self._allows_refund = allows_refund
        self.statuses: list[StatusMessage] = []

    async def __call__(self, line: Any) -> None:
        message = decode_message(await line.receive(seconds=SECONDS))
        assert isinstance(message, OfferMessage)
        offer = Offer.decode(message.offer)
        request = sign_request(
            self._grant,
            offer,
            amount=Msat(AMOUNT + self._tip),
            chain=REGTEST_CHAIN,
            aux=bytes(32),
            now=now(),
            allows_refund=self._allows_refund,
        )
        await line.send(encode_message(InvreqMessage(request=request.encode())))
        while True:
            status = decode_message(await line.receive(seconds=SECONDS))
            assert isinstance(status, StatusMessage)
            self.statuses.append(status)
            if status.code not in (StatusCode.RECEIVED, StatusCode.INVOICE_SENT):
                await line.send(encode_message(StatusAck(code=status.code)))


async def says_no(line: Any) -> None:
    """A buyer who declines."""
    await line.receive(seconds=SECONDS)
    await line.send(encode_message(Abort(reason=AbortReason.USER_DECLINED)))


def now() -> UnixTime:
    return UnixTime(int(time.time()))


async def check_paid(shop: Shop, device: Device, kind: type[ClnMerchantNode] = ClnMerchantNode) -> None:
    """A sale is paid, the till has the node's proof, and the buyer heard of it."""
    result = await shop.sell(device, kind)
    assert (result.code, result.buyer_told) == (Code.PAID, True), result
    assert device.statuses[-1].code is StatusCode.PAID
    assert device.statuses[-1].preimage == result.preimage


async def check_both_ways(shop: Shop) -> None:
    """Direct and push bring the money, and a buyer's no leaves nothing that could still be paid."""
    book = await shop.book()
    await check_paid(shop, Device(book, 0))
    await check_paid(shop, Device(book, 1), PushingNode)
    declined = await shop.sell(says_no)
    assert declined.code is Code.BUYER_DECLINED
    await check_paid(shop, Device(book, 2))


async def check_tip_and_refunds(shop: Shop) -> None:
    """A tip is paid with the price, and all of it comes back in two parts: to home, and no more than that."""
    device = Device(await shop.book(), 0, tip=Msat(1_000), allows_refund=True)
    sold = await shop.sell(device, tip_max=Msat(3_000))
    assert (sold.code, sold.amount, sold.tip) == (Code.PAID, 16_000, 1_000), sold
    for amount, given in ((Msat(6_000), 6_000), (None, 10_000)):
        await asyncio.sleep(REST)
        refund = await shop.refund(sold.sale_id, amount)
        assert (refund.state, refund.amount) == (RefundState.REFUNDED, given), refund
    with pytest.raises(Refused):
        await shop.refund(sold.sale_id, Msat(1))
    async with asyncio.timeout(SECONDS):
        while (back := await _refunded(shop, sold)) != [6_000, 10_000]:
            assert sum(back) <= sold.amount
            await asyncio.sleep(0.1)


async def _refunded(shop: Shop, sold: SaleResult) -> list[int]:
    """Return what came back to home, as its owner is told."""
    payments = (await shop.home.call("bled-payments", seconds=SECONDS))["payments"]
    (paid,) = [each for each in payments if each["payment_hash"] == sold.payment_hash.hex()]
    assert paid["refunded_msat"] == sum(each["received_msat"] or 0 for each in paid["refunds"])
    return sorted(each["received_msat"] or 0 for each in paid["refunds"])


async def ratio(shop: Shop, merchant: Any) -> float:
    """Return a sale's time to the money over `fetchinvoice` and `xpay` of home's node for the same amount, medians.

    `merchant` calls a command of the merchant's node.
    """
    book = await shop.book()
    sales, alone = [], []
    for number in range(PURCHASES):
        await asyncio.sleep(REST)
        await check_paid(shop, Device(book, number))
        sales.append(shop.seconds_to_money())
        terms = {"amount": f"{AMOUNT}msat", "description": f"tea {number}"}
        offer = (await merchant("offer", **terms))["bolt12"]
        await asyncio.sleep(REST)
        began = time.perf_counter()
        fetched = await shop.home.call("fetchinvoice", {"offer": offer}, seconds=SECONDS)
        await shop.home.call("xpay", {"invstring": fetched["invoice"]}, seconds=SECONDS)
        alone.append(time.perf_counter() - began)
    return statistics.median(sales) / statistics.median(alone)
