"""A hall with one till and one buyer's device: real sessions, vault and links, and an air that anybody may own.

Time jumps: where everybody waits, the clock goes on to the next timer, so that a session of minutes takes milliseconds.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from bled.buyer.approval import Answer, Question
from bled.buyer.pay_screen import PayScreen
from bled.buyer.purchase import Purchase
from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.compare_code import grouped
from bled.gatt.engagement import Engagement
from bled.gatt.messages import OfferMessage, StatusCode, StatusMessage, encode_message
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import SERVICE_UUID
from bled.grants.book import encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.progress import OnStep, ignore_steps
from bled.sales.conversation import Conversation
from bled.sales.greeting import Greeting, Return
from bled.sales.judge import judge_request
from bled.sales.till import Till
from bled.sales.times import TIMES
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
SHOP = SecretKey(b"\x41" * 32)
HOME = HomeKeys.from_master(b"\x05" * 32)
NODES = [SecretKey(bytes([number]) * 32).public_key for number in (1, 2)]
TILL, DEVICE = 0, 1
BETWEEN_SECONDS = 700
"""Pause between two meetings: tries in the open count for 600 s."""
SESSION_SECONDS = 1_200.0
"""No session may take longer: 120 s of beacon, 75 s to approve, five times 60 s of resume, and the offer's 300 s."""


class JumpingSelector(selectors.DefaultSelector):
    """Adds the time that a loop would sleep to `skipped` instead."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("everybody waits for ever")
        if not ready and timeout:
            self.skipped += max(timeout, 1e-6)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only when there is nothing else to do."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)
        self.unhandled: list[str] = []
        self.set_exception_handler(lambda _, context: self.unhandled.append(str(context)))

    def time(self) -> float:
        return 1000.0 + self._jumping.skipped


def run_fast(work: Coroutine[Any, Any, Any]) -> Any:
    """Run `work` on a clock that jumps; an exception that nobody took is raised as well."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        result = runner.run(work)
        unhandled = list(runner.get_loop().unhandled)
    if unhandled:
        raise AssertionError(unhandled[0])
    return result


class LoopClock:
    """The loop's time, on the wall as well."""

    def now(self) -> UnixTime:
        return UnixTime(NOW + int(self.monotonic()))

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class Wire:
    """One end of a connection in memory. `att_mtu` is the connection's."""

    peer = "in memory"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)

    def __init__(self, connection: "Connection", side: int, att_mtu: int) -> None:
        self._connection = connection
        self._side = side
        self.att_mtu = att_mtu

    async def write(self, frame: bytes, *, last: bool) -> None:
        await asyncio.sleep(0)
        if self._connection.broken:
            raise Unavailable(Code.LINK_LOST)
        self._connection.carry(self._side, frame)
        if self._connection.broken:
            raise Unavailable(Code.LINK_LOST)

    async def close(self) -> None:
        self._connection.end("the other side closed the link")


class Connection:
    """Two ends; what each writes goes through `middle`, which delivers it when and how it likes."""

    def __init__(self, number: int, middle: "Middle", *, att_mtu: int) -> None:
        self.number = number
        self.broken = False
        self.written: tuple[list[bytes], list[bytes]] = ([], [])
        self._middle = middle
        wires = [Wire(self, side, att_mtu) for side in (TILL, DEVICE)]
        self.ends = [FramedLink(wire, channel=PlainChannel(), on_step=ignore_steps) for wire in wires]

    def carry(self, side: int, frame: bytes) -> None:
        """A frame has left the end `side`."""
        self.written[side].append(frame)
        self._middle.carry(self, side, frame)

    def deliver(self, side: int, frame: bytes) -> None:
        """Let a frame that left `side` come out at the other end."""
        if not self.broken:
            self.ends[1 - side].take_frame(frame)

    def end(self, why: str) -> None:
        """Break the connection; both ends hear of it."""
        if not self.broken:
            self.broken = True
            for end in self.ends:
                end.lose(why)


class Middle:
    """Whoever owns the air. This one passes everything on as it is."""

    def carry(self, connection: Connection, side: int, frame: bytes) -> None:
        """A frame has left the end `side` of a connection."""
        connection.deliver(side, frame)

    def takes_till(self, uuid: UUID) -> bool:
        """Return whether the till that looks for `uuid` gets a link to the attacker instead."""
        return False

    def takes_device(self, uuid: UUID) -> bool:
        """Return whether the device that waits under `uuid` gets a link to the attacker instead."""
        return False

    async def be_device(self, link: FramedLink, uuid: UUID) -> None:
        """Play the device towards the till."""

    async def be_till(self, link: FramedLink, uuid: UUID) -> None:
        """Play the till towards the device."""


class Air:
    """Where till and device find each other by UUID, unless `middle` comes between."""

    def __init__(self, middle: Middle, *, att_mtu: int) -> None:
        self.middle = middle
        self.connections: list[Connection] = []
        self._att_mtu = att_mtu
        self._waiting: dict[UUID, asyncio.Future[FramedLink]] = {}
        self._came = asyncio.Event()
        self._players: list[asyncio.Task[None]] = []

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> FramedLink:
        if self.middle.takes_device(uuid):
            connection = self._connection()
            self._play(self.middle.be_till(connection.ends[TILL], uuid), connection)
            return connection.ends[DEVICE]
        self._waiting[uuid] = asyncio.get_running_loop().create_future()
        self._came.set()
        try:
            async with asyncio.timeout(seconds):
                return await self._waiting[uuid]
        except TimeoutError:
            raise Unavailable(Code.NO_BUYER) from None
        finally:
            self._waiting.pop(uuid, None)

    async def connect_any(self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]) -> tuple[UUID, FramedLink]:
        await asyncio.sleep(0)
        for uuid in uuids:
            if self.middle.takes_till(uuid):
                connection = self._connection()
                self._play(self.middle.be_device(connection.ends[DEVICE], uuid), connection)
                return uuid, connection.ends[TILL]
        try:
            async with asyncio.timeout(seconds):
                while not (here := [uuid for uuid in uuids if self._is_waiting(uuid)]):
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise Unavailable(Code.NO_BUYER) from None
        connection = self._connection()
        self._waiting[here[0]].set_result(connection.ends[DEVICE])
        return here[0], connection.ends[TILL]

    def _is_waiting(self, uuid: UUID) -> bool:
        return uuid in self._waiting and not self._waiting[uuid].done()

    async def close(self) -> None:
        """End everything that an attacker still plays."""
        for player in self._players:
            player.cancel()
        for end in await asyncio.gather(*self._players, return_exceptions=True):
            if isinstance(end, Exception) and not isinstance(end, BledError):
                raise end

    def _connection(self) -> Connection:
        self.connections.append(Connection(len(self.connections), self.middle, att_mtu=self._att_mtu))
        return self.connections[-1]

    def _play(self, part: Coroutine[Any, Any, None], connection: Connection) -> None:
        async def play() -> None:
            try:
                await part
            finally:
                connection.end("the other side closed the link")

        self._players.append(asyncio.create_task(play()))


@dataclass
class Ends:
    """How one meeting ended on both screens.

    Attributes:
        till: `PAID`, or why the till has no money.
        told: whether the till knows that the device knows.
        bought: the purchase, or None when no till was met; `missed` then says why.
        sold: payer ids of the requests that the till accepted; home has paid each.
        shown: codes on the till's screen.
        asked: what the person was asked.
        signed: the requests that the device has signed in this meeting.
        offers: what the till has made; a first handshake that begins anew may take a new one.
        taps: how often the cashier has allowed another code.
        seconds: how long it took.
    """

    till: Code = Code.INTERNAL
    told: bool = False
    bought: Purchase | None = None
    missed: Code | None = None
    sold: list[bytes] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    signed: list[bytes] = field(default_factory=list)
    offers: list[bytes] = field(default_factory=list)
    taps: int = 0
    seconds: float = 0.0

    @property
    def is_paid(self) -> bool:
        """Whether both screens say that it was paid."""
        return self.till is Code.PAID and self.bought is not None and self.bought.code is Code.PAID


def new_vault(folder: Path, random: Random, *, number: int = 1, payments: int = 12) -> Vault:
    """Return an open vault with one book."""
    end = UnixTime(NOW + 86_400 * 30)
    ids = GrantClass(first_index=0, count=payments, per_payment_msat=Msat(100_000), not_before=NOW, not_after=end)
    limits = BookLimits(
        total_msat=Msat(10_000_000),
        per_payment_msat=Msat(100_000),
        per_day_msat=Msat(10_000_000),
        payments=payments,
        not_before=NOW,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(1_000), ppm=0),
        classes=(ids,),
    )
    book = issue_book(
        HOME,
        book_id=number,
        book_salt=random.randbytes(16),
        device=f"phone {number}",
        chain=REGTEST_CHAIN,
        issued_at=NOW,
        limits=limits,
        home_label="home",
        routes=[NODES],
        entropy=random.randbytes,
    )
    vault = Vault.open(folder)
    data = encode_book(book, book_key=HOME.book_key, aux=random.randbytes(32))
    vault.import_book(data, passphrase=None, chain=REGTEST_CHAIN, now=NOW)
    return vault


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


class Hall:
    """One till and one device that meet again and again."""

    def __init__(self, vault: Vault, random: Random, *, att_mtu: int = 517) -> None:
        self.vault = vault
        self.random = random
        self.att_mtu = att_mtu
        self.key = X25519Key(random.randbytes(32))
        self.clock = LoopClock()
        self.think_seconds = 2.0
        self.pay_seconds = 1.0
        self.tap_seconds = 5.0

    async def meet(
        self,
        middle: Middle | None = None,
        *,
        engage: bool = False,
        seconds: float = 120.0,
        read_by: Callable[[Engagement], object] | None = None,
    ) -> Ends:
        """Let the two meet once, with `middle` owning the air; return what both screens say in the end.

        With `engage` the device reads the till's code, and so does `read_by`.
        """
        air, ends = Air(middle or Middle(), att_mtu=self.att_mtu), Ends()
        began, before = self.clock.monotonic(), {entry.payer_id for entry in self.vault.history()}
        read: asyncio.Future[Engagement] = asyncio.get_running_loop().create_future()
        if read_by is not None:
            read.add_done_callback(lambda done: done.cancelled() or read_by(done.result()))
        paying = asyncio.create_task(self._pay(air, ends, read if engage else None, seconds))
        try:
            await self._sell(air, ends, read, engage=engage, seconds=seconds)
            await paying
        finally:
            read.cancel()
            paying.cancel()
            await air.close()
        ends.seconds = self.clock.monotonic() - began
        ends.signed = [entry.request for entry in self.vault.history() if entry.payer_id not in before]
        return ends

    async def pause(self) -> None:
        """Wait until tries in the open count no more."""
        await asyncio.sleep(BETWEEN_SECONDS)

    async def _pay(self, air: Air, ends: Ends, read: "asyncio.Future[Engagement] | None", seconds: float) -> None:
        async def approve(question: Question) -> Answer:
            ends.asked.append(question)
            await asyncio.sleep(self.think_seconds)
            same = question.code is None or [grouped(question.code)] == ends.shown[-1:]
            return Answer.YES if same else Answer.CODE_DIFFERS

        screen = PayScreen(
            peripheral=air,
            vault=self.vault,
            engagement=None if read is None else await read,
            chain=REGTEST_CHAIN,
            clock=self.clock,
            approve=approve,
            on_step=ignore_steps,
        )
        try:
            ends.bought = await screen.run(seconds=seconds)
        except BledError as error:
            ends.missed = error.code

    async def _sell(
        self, air: Air, ends: Ends, read: "asyncio.Future[Engagement]", *, engage: bool, seconds: float
    ) -> None:
        def on_step(name: str, facts: Any) -> None:
            if name == "compare code":
                ends.shown.append(str(facts["code"]))
            if name == "engagement":
                read.set_result(Engagement.parse(str(facts["text"])))

        till = Till(node=None, ledger=None, clock=self.clock, on_step=on_step, times=TIMES)
        greeting = Greeting(till, reader=self.key, engage=engage, tap=lambda: self._tap(ends))
        buyer: Conversation | None = None
        try:
            link = await greeting.run(air, seconds=seconds, opening=lambda: self._opening(ends))
            rejoin = self._rejoin(air, greeting, ends)
            buyer = Conversation(link, self.clock, rejoin=rejoin)
            await self._serve(buyer, ends)
        except BledError as error:
            ends.till = error.code
        finally:
            if buyer is not None:
                await buyer.close()

    async def _opening(self, ends: Ends) -> bytes:
        offer = create_offer(
            description="tea",
            amount=AMOUNT,
            chains=[REGTEST_CHAIN],
            issuer_id=SHOP.public_key,
            absolute_expiry=UnixTime(self.clock.now() + 300),
        ).encode()
        if not ends.offers or self.random.random() < 0.5:  # the one before is still good, or too old
            ends.offers.append(offer)
        return encode_message(OfferMessage(valid_for=300, offer=ends.offers[-1]))

    async def _tap(self, ends: Ends) -> bool:
        """The cashier sees that the link broke, after a while."""
        await asyncio.sleep(self.tap_seconds)
        ends.taps += 1
        return True

    def _rejoin(self, air: Air, greeting: Greeting, ends: Ends) -> Callable[..., Coroutine[Any, Any, Return]]:
        async def rejoin(status: StatusMessage | None, heard: bool) -> Return:
            offer = encode_message(OfferMessage(valid_for=200, offer=ends.offers[-1]))
            message = offer if status is None else encode_message(status)
            opening = None if heard else lambda: self._opening(ends)
            return await greeting.rejoin(air, seconds=TIMES.rejoin, message=message, opening=opening)

        return rejoin

    async def _serve(self, buyer: Conversation, ends: Ends) -> None:
        data = await buyer.request()
        try:
            request = judge_request(
                data,
                offer=Offer.decode(ends.offers[-1]),
                amount=AMOUNT,
                chain=REGTEST_CHAIN,
                left=20,
                now=self.clock.now(),
            )
        except PeerError as error:
            await buyer.refuse(error.code)
            raise
        preimage = sha256(request.invreq_payer_id)
        async with buyer.accepted():
            await buyer.invoice_sent(sha256(preimage))
            await asyncio.sleep(self.pay_seconds)
            ends.sold.append(request.encode())
            ends.till = Code.PAID
            await buyer.tell(
                StatusMessage(
                    code=StatusCode.PAID,
                    preimage=preimage,
                    payment_hash=sha256(preimage),
                    invoice=invoice_for(request, preimage),
                )
            )
        ends.told = buyer.told
