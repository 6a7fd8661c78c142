"""Requests for refunds: which are answered, which are passed over in silence, and what the node has been told then."""

import asyncio
from dataclasses import replace

import pytest

from bled.clock import Clock
from bled.codes import Code
from bled.errors import Refused, Unavailable
from bled.grants.refund_offer import create_refund_offer, refund_offer_record
from bled.home.refund_policy import MAX_REQUEST_BYTES, REFUND_SECONDS, RefundRequest, judge_refund, payer_id_of
from bled.home.refund_service import HomeRefunds
from bled.home.refund_ways import INVOICE_SECONDS
from bled.node.base import InvoiceState, InvoiceStatus
from bled.node.cln_private import Inbound
from bled_codec.blinded_path import create_blinded_path
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import Offer
from bled_codec.units import Msat

TILL = SecretKey(sha256(b"till"))
PAID = 15_010


class Node:
    """Keeps what it is given, and never hears of a payment unless a test says so."""

    def __init__(self, shop) -> None:
        self.shop, self.kept, self.sent, self.broken = shop, {}, [], False

    async def node_id(self):
        return self.shop.HOME.public_key

    async def height(self) -> int:
        return 800_000

    async def invoice_secret(self) -> bytes:
        return bytes(32)

    async def inbound(self):
        if self.broken:
            raise Unavailable(Code.NODE_UNREACHABLE)
        terms = {"fee_base_msat": 1, "fee_proportional_millionths": 10, "cltv_expiry_delta": 6}
        most = {"htlc_minimum": Msat(0), "htlc_maximum": Msat(20_000)}
        return [Inbound(peer=self.shop.HOP.public_key, **terms, **most)]

    async def keep_invoice(self, draft, *, label: str, preimage: bytes) -> None:
        assert draft.invoice_payment_hash == sha256(preimage)
        self.kept[label] = InvoiceState(
            label=label, status=InvoiceStatus.UNPAID, payment_hash=draft.invoice_payment_hash, text=None
        )

    async def look(self, label: str):
        return self.kept.get(label)

    async def forget_unpaid(self, label: str) -> None:
        if self.kept[label].status is InvoiceStatus.UNPAID:
            del self.kept[label]

    async def wait(self, label: str, *, seconds: float) -> None:
        await asyncio.Event().wait()

    async def inject(self, path_key, onion: bytes) -> None:
        self.sent.append(onion)


class At(Clock):
    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def monotonic(self) -> float:
        return float(self.time)


class Desk:
    """A home that has paid once, and what its node was told."""

    def __init__(self, home, ledger, shop) -> None:
        grant = home.grant()
        key = home.keys.refund_key(grant.payer_id)
        self.offer = create_refund_offer(
            grant.payer_id, issuer_id=key.public_key, paths=grant.paths, chain=shop.REGTEST_CHAIN
        )
        self.home, self.ledger, self.shop, self.payer_id = home, ledger, shop, grant.payer_id
        self.node, self.clock, self.logs = Node(shop), At(shop.NOW), []
        self.refunds = HomeRefunds(
            keys=home.keys,
            chain=shop.REGTEST_CHAIN,
            node=self.node,
            ledger=ledger,
            clock=self.clock,
            log=lambda _, line: self.logs.append(line),
        )

    def buy(self, verify, *, paid: bool = True, extra=None) -> None:
        records = [refund_offer_record(self.offer)] if extra is None else extra
        made = self.shop.invoice(self.shop.request(self.home.grant(), extra=records))
        self.ledger.claim(verify(made.encode()), now=self.shop.NOW)
        self.ledger.begin_payment(self.payer_id, now=self.shop.NOW)
        if paid:
            self.ledger.record_paid(self.payer_id, amount_sent=Msat(PAID), preimage=bytes(32), now=self.shop.NOW)

    def request(self, amount: int | None = 4_000, *, offer: Offer | None = None, number: int = 1, **fields) -> bytes:
        payer = SecretKey(sha256(bytes([number])))
        values = {"chain": self.shop.REGTEST_CHAIN} | fields
        unsigned = create_invoice_request(
            offer or self.offer, metadata=bytes(16), payer_id=payer.public_key, amount=amount, **values
        )
        return unsigned.sign(payer, aux=bytes(32)).encode()

    @property
    def back(self):
        return create_blinded_path([TILL.public_key], [b""], session_key=SecretKey(sha256(b"session")))

    async def asks(self, request: bytes, *, secret: bytes | None = None, back: bool = True) -> bool:
        """Bring a request to the hook and let home work; say whether it was home's business."""
        path = self.back if back else None
        taken = self.refunds.receive(request, self.home.secret() if secret is None else secret, path)
        running = asyncio.create_task(self.refunds.run())
        for _ in range(400):
            await asyncio.sleep(0.001 if self.ledger.is_shared else 0)
        for task in (running, *self.refunds._tasks):
            task.cancel()
        await asyncio.gather(running, *self.refunds._tasks, return_exceptions=True)
        return taken

    def invoices(self) -> list[Invoice]:
        return [Invoice.decode(each.invoice) for each in self.ledger.refunds_of(self.payer_id)]


@pytest.fixture
def desk(home, ledger, shop) -> Desk:
    return Desk(home, ledger, shop)


async def test_a_payment_gives_an_invoice_that_its_own_key_signed(desk, verify) -> None:
    desk.buy(verify)
    assert await desk.asks(desk.request())
    (invoice,) = desk.invoices()
    assert (invoice.invoice_amount, invoice.invoice_node_id) == (4_000, desk.offer.offer_issuer_id)
    assert invoice.expires_at == desk.clock.time + INVOICE_SECONDS
    assert len(desk.node.kept) == 1
    assert len(desk.node.sent) >= 1


async def test_the_same_request_gets_the_same_invoice_and_another_takes_its_place(desk, verify) -> None:
    desk.buy(verify)
    for _ in range(2):
        await desk.asks(desk.request())
    assert len(desk.invoices()) == 1
    await desk.asks(desk.request(5_000, number=2))
    assert (len(desk.invoices()), len(desk.node.kept)) == (2, 1)


async def test_what_was_paid_before_the_next_request_counts(desk, verify) -> None:
    desk.buy(verify)
    await desk.asks(desk.request(15_000))
    (label,) = desk.node.kept
    desk.node.kept[label] = replace(desk.node.kept[label], status=InvoiceStatus.PAID, amount_received=Msat(15_000))
    await desk.asks(desk.request(4_000, number=2))
    assert len(desk.invoices()) == 1
    (came,) = desk.ledger.refunds_among([desk.payer_id])
    assert came.received == 15_000


async def test_a_stranger_is_none_of_homes_business(desk, verify) -> None:
    desk.buy(verify)
    assert not await desk.asks(desk.request(), secret=bytes(32))
    assert not await desk.asks(b"\xff\x00")
    assert (desk.node.kept, desk.node.sent) == ({}, [])


async def test_without_a_way_back_or_with_a_node_that_is_away_nothing_is_written(desk, verify) -> None:
    desk.buy(verify)
    assert await desk.asks(desk.request(), back=False)
    desk.node.broken = True
    assert await desk.asks(desk.request())
    assert desk.invoices() == []


async def test_whoever_asks_often_is_not_heard(desk, verify) -> None:
    desk.buy(verify)
    for number in range(1, 9):
        assert await desk.asks(desk.request(number=number))
    assert len(desk.invoices()) == 4


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"paid": False}, "paid nothing"),
        ({"extra": ()}, "another offer"),
        ({"amount": PAID + 1}, "left of what was paid"),
        ({"late": REFUND_SECONDS}, "too long ago"),
        ({"request": b"\x00"}, "bigsize|truncated|tlv"),
        ({"request": bytes(MAX_REQUEST_BYTES + 1)}, "bytes, at most"),
        ({"chain": bytes(32)}, "another chain"),
    ],
    ids=str,
)
def test_each_rule_refuses_by_itself(desk, verify, how, why) -> None:
    desk.buy(verify, paid=how.get("paid", True), extra=how.get("extra"))
    request = how.get("request") or desk.request(how.get("amount", 4_000))
    message = RefundRequest(payer_id=desk.payer_id, request=request, reply_path=desk.back)
    claim = desk.ledger.claim_for(desk.payer_id)
    terms = {"keys": desk.home.keys, "chain": how.get("chain", desk.shop.REGTEST_CHAIN)}
    with pytest.raises(Refused, match=why) as caught:
        judge_refund(message, claim, (), **terms, now=desk.clock.time + how.get("late", 0))
    assert caught.value.code is Code.REFUND_REFUSED


def test_a_payment_that_home_does_not_know_gives_nothing(desk) -> None:
    message = RefundRequest(payer_id=desk.payer_id, request=desk.request(), reply_path=desk.back)
    with pytest.raises(Refused, match="paid nothing"):
        judge_refund(message, None, (), keys=desk.home.keys, chain=desk.shop.REGTEST_CHAIN, now=desk.clock.time)


def test_the_payer_id_is_read_out_of_the_offer(desk) -> None:
    assert payer_id_of(desk.request()) == desk.payer_id
    for end in range(40):
        payer_id_of(desk.request()[:end])
