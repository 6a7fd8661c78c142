"""One room: tills and buyers' devices on one virtual air, each with the project's own session, vault and radio."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bled.buyer.approval import Answer, Question
from bled.buyer.arrival import Arrival
from bled.buyer.meeting import Meeting, Purchase
from bled.buyer.pay_screen import PayScreen
from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.engagement import Engagement, OpenMeeting
from bled.gatt.messages import OfferMessage, StatusCode, StatusMessage, encode_message
from bled.gatt.primitives import X25519Key
from bled.grants.book import encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.link.air import Air
from bled.link.base import Central, MessageLink, Peripheral
from bled.link.handshaking import greet
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps
from bled.sales.conversation import Conversation
from bled.sales.greeting import HANDSHAKES
from bled.sales.judge import judge_request
from bled.vault.vault import Vault
from bled_codec.blinded_path import create_blinded_path
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import create_invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
AMOUNT = Msat(15_000)
DELAY_SECONDS = 0.03
HOME = HomeKeys.from_master(b"\x05" * 32)
NODES = [SecretKey(bytes([number]) * 32).public_key for number in (1, 2)]
SHOP = SecretKey(b"\x41" * 32)


class SlowAir(Air):
    """Data takes `DELAY_SECONDS` from host to host, as at a connection interval of 30 ms."""

    def __init__(self) -> None:
        super().__init__()
        self._last = 0.0

    def send_acl_data(self, sender_controller, destination_address, transport, data) -> None:
        self._later(super().send_acl_data, sender_controller, destination_address, transport, data)

    def send_ll_control_pdu(self, sender_address, receiver_address, packet) -> None:
        self._later(super().send_ll_control_pdu, sender_address, receiver_address, packet)

    def _later(self, send, *what) -> None:
        loop = asyncio.get_running_loop()
        self._last = max(loop.time() + DELAY_SECONDS, self._last + 1e-6)  # packets never overtake each other
        loop.call_at(self._last, send, *what)


class Room(VirtualAir):
    """A virtual air in which things take time."""

    def __init__(self) -> None:
        super().__init__()
        self._air = SlowAir()


def invoice_for(request: InvoiceRequest, preimage: bytes) -> bytes:
    """Return the invoice that answers `request`, as the till's node makes it."""
    payinfo = BlindedPayinfo(
        fee_base_msat=0,
        fee_proportional_millionths=0,
        cltv_expiry_delta=10,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=Msat(10**9),
    )
    unsigned = create_invoice(
        request,
        payment_hash=sha256(preimage),
        created_at=NOW,
        node_id=SHOP.public_key,
        amount=AMOUNT,
        relative_expiry=300,
        paths=[create_blinded_path([SHOP.public_key], [b""], session_key=SecretKey(b"\x09" * 32))],
        blindedpay=[payinfo],
    )
    return unsigned.sign(SHOP, aux=bytes(32)).encode()


class LoopClock:
    """The event loop's time, which may jump."""

    def now(self) -> UnixTime:
        return UnixTime(NOW + int(self.monotonic()) % 10_000)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def open_vault(folder: Path, number: int, *, payments: int = 4) -> Vault:
    """Return a vault with one book; each number has its own payer ids."""
    chance = random.Random(number)  # noqa: S311 - the same in every run
    end = UnixTime(NOW + 86_400)
    ids = GrantClass(first_index=0, count=payments, per_payment_msat=Msat(100_000), not_before=NOW, not_after=end)
    limits = BookLimits(
        total_msat=Msat(1_000_000),
        per_payment_msat=Msat(100_000),
        per_day_msat=Msat(1_000_000),
        payments=payments,
        not_before=NOW,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(1_000), ppm=0),
        classes=(ids,),
    )
    book = issue_book(
        HOME,
        book_id=number,
        book_salt=chance.randbytes(16),
        device=f"phone {number}",
        chain=REGTEST_CHAIN,
        issued_at=NOW,
        limits=limits,
        home_label="home",
        routes=[NODES],
        entropy=chance.randbytes,
    )
    vault = Vault.open(folder)
    data = encode_book(book, book_key=HOME.book_key, aux=chance.randbytes(32))
    vault.import_book(data, passphrase=None, chain=REGTEST_CHAIN, now=NOW)
    return vault


@dataclass
class Phone:
    """A buyer with a device: what the person was shown, and how each meeting ended."""

    name: str
    vault: Vault
    peripheral: Peripheral
    trusts: Callable[[str], bool] = lambda issuer: True
    """What stands for looking at the till's screen: whether this issuer is the till before the person."""
    desk: "Till | None" = None
    """Where the person goes when strangers have burnt the device's tries: this till shows a code to be read."""
    think: Callable[[], Awaitable[None]] | None = None
    shown: list[str] = field(default_factory=list)
    ends: list[Purchase] = field(default_factory=list)

    async def approve(self, question: Question) -> Answer:
        self.shown.append(question.issuer)
        if self.think is not None:
            await self.think()
        return Answer.YES if self.trusts(question.issuer) else Answer.NO

    async def pay_once(self, *, seconds: float = 120.0, engagement: Engagement | None = None) -> Purchase:
        """Open the pay screen until one till has come and the meeting is over."""
        try:
            self.ends.append(await self._meet(seconds, engagement))
        except BledError as error:
            self.ends.append(Purchase(code=error.code, detail=error.detail))
        return self.ends[-1]

    async def _meet(self, seconds: float, engagement: Engagement | None) -> Purchase:
        clock = LoopClock()
        arrival = Arrival(
            peripheral=self.peripheral, vault=self.vault, engagement=engagement, clock=clock, on_step=ignore_steps
        )
        met = await arrival.run(seconds=seconds)
        meeting = Meeting(
            met=met, vault=self.vault, chain=REGTEST_CHAIN, clock=clock, approve=self.approve, on_step=ignore_steps
        )
        return await meeting.run()

    async def wait_on(self, *, seconds: float = 120.0) -> Purchase:
        """Open the pay screen once; whoever lets the device go does not end it."""
        screen = PayScreen(
            peripheral=self.peripheral,
            vault=self.vault,
            engagement=None,
            chain=REGTEST_CHAIN,
            clock=LoopClock(),
            approve=self.approve,
            on_step=ignore_steps,
        )
        self.ends.append(await screen.run(seconds=seconds))
        return self.ends[-1]

    async def pay(self, *, tries: int = 1) -> Purchase:
        """Open the pay screen again, up to `tries` times in all, until a purchase is paid."""
        for _ in range(tries):
            end = await self.pay_once()
            if end.code is Code.OPEN_TRIES_SPENT and self.desk is not None:
                await self.desk.sell_to(self)
                end = self.ends[-1]
            if end.code is Code.PAID:
                break
        return end


@dataclass
class Till:
    """A cashier with a reader who sells the same thing again and again."""

    name: str
    central: Central
    key: X25519Key = field(default_factory=lambda: X25519Key(os.urandom(32)))
    queue: asyncio.Lock = field(default_factory=asyncio.Lock)
    sold: list[bytes] = field(default_factory=list)
    """Payer ids, in the order of the sales."""
    failed: list[Code] = field(default_factory=list)

    def offer(self) -> Offer:
        return create_offer(
            description="tea",
            amount=AMOUNT,
            chains=[REGTEST_CHAIN],
            issuer=self.name,
            issuer_id=SHOP.public_key,
            absolute_expiry=UnixTime(LoopClock().now() + 300),
        )

    async def sell_until_nobody_is_left(self, *, seconds: float) -> None:
        """Sell until no buyer came for so many seconds."""
        while await self.sell(seconds=seconds):
            pass

    async def sell_to(self, phone: Phone) -> None:
        """Show a code that this phone reads, one customer after the other."""
        async with self.queue:
            engagement = Engagement.create(self.key.public, entropy=os.urandom)
            async with asyncio.TaskGroup() as group:
                group.create_task(phone.pay_once(seconds=30, engagement=engagement))
                await self.sell(seconds=30, meeting=engagement)

    async def sell_by_code(self, phone: Phone) -> None:
        """Show one code that this phone reads, and go on when somebody else answers under its name, as a till does."""
        engagement = Engagement.create(self.key.public, entropy=os.urandom)
        before = len(self.sold)
        async with asyncio.TaskGroup() as group:
            group.create_task(phone.pay_once(seconds=60, engagement=engagement))
            for _ in range(HANDSHAKES):
                await self.sell(seconds=60, meeting=engagement)
                if len(self.sold) > before:
                    break

    async def sell(self, *, seconds: float, meeting: OpenMeeting | Engagement | None = None) -> bool:
        """Sell once; return whether there was anybody."""
        way = meeting or OpenMeeting()
        try:
            link = await self.central.connect(seconds=seconds, on_step=ignore_steps, uuid=way.uuid)
        except Unavailable as error:
            assert error.code is Code.NO_BUYER
            return False
        offer = self.offer()
        try:
            await self._greet(link, offer, way)
            await self._meet(Conversation(link, LoopClock()), offer)
        except BledError as error:
            self.failed.append(error.code)
        finally:
            await link.close()
        return True

    async def _greet(self, link: MessageLink, offer: Offer, way: OpenMeeting | Engagement) -> None:
        message = encode_message(OfferMessage(valid_for=300, offer=offer.encode()))
        await greet(link, static=self.key, meeting=way, message=message, before_hs3=lambda _: None)

    async def show_offer_and_step_on(self, *, seconds: float) -> None:
        """Meet somebody and see that it is the wrong customer: the cashier goes to the next."""
        link = await self.central.connect(seconds=seconds, on_step=ignore_steps)
        try:
            await self._greet(link, self.offer(), OpenMeeting())
        except (PeerError, Unavailable):
            return
        await Conversation(link, LoopClock()).stop(Code.CANCELLED)

    async def _meet(self, buyer: Conversation, offer: Offer) -> None:
        data = await buyer.request()
        try:
            request = judge_request(
                data, offer=offer, amount=AMOUNT, chain=REGTEST_CHAIN, left=20, now=LoopClock().now()
            )
        except PeerError as error:
            await buyer.refuse(error.code)
            raise
        preimage = sha256(request.invreq_payer_id)
        paid = StatusMessage(
            code=StatusCode.PAID,
            preimage=preimage,
            payment_hash=sha256(preimage),
            invoice=invoice_for(request, preimage),
        )
        async with buyer.accepted():
            await buyer.invoice_sent(sha256(preimage))
            self.sold.append(request.invreq_payer_id)
            await buyer.tell(paid)
        assert buyer.told
