"""A home that answers requests for refunds, the node that it asks, and what both know."""

import asyncio

from bled.clock import Clock
from bled.codes import Code
from bled.errors import Unavailable
from bled.grants.refund_offer import create_refund_offer, refund_offer_record
from bled.home.refund_service import HomeRefunds
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
