"""The till's talk with one buyer: the pure session driven over a link. The sale does not depend on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol, assert_never

from bled.clock import Clock
from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.frames import FramingError
from bled.gatt.messages import Message, StatusMessage, decode_message, encode_message
from bled.link.base import MessageLink
from bled.session.merchant import ACK_SECONDS, KEEP_ALIVE_SECONDS, MerchantSession, State
from bled.session.merchant_events import (
    Action,
    BuyerGone,
    Event,
    Garbled,
    Hangup,
    InvoiceSent,
    Judge,
    KeepAliveDue,
    LinkDropped,
    LinkLost,
    Rejoined,
    RequestAccepted,
    RequestRefused,
    Send,
    Settled,
    Silence,
    Started,
    Stopped,
)


class Buyer(Protocol):
    """Whoever is to hear how the sale goes on."""

    async def invoice_sent(self, payment_hash: bytes) -> None:
        """The invoice is on its way to the buyer's home."""
        ...


class Nobody:
    """The buyer of a sale that an earlier run began: long gone."""

    async def invoice_sent(self, payment_hash: bytes) -> None:
        """Tell nobody."""


Rejoin = Callable[[StatusMessage | None], Awaitable[MessageLink]]
"""Finds the buyer's device again and says the status, or the offer, in the handshake; raises `BledError`."""

REJOINS: Final = 5
"""How often in one sale a link may break and be made again."""


class Conversation:
    """One buyer. Nothing here raises for what a buyer or the radio does after the request came."""

    def __init__(self, link: MessageLink, clock: Clock, *, rejoin: Rejoin | None = None) -> None:
        """Take a private link, on which the offer has left; `rejoin` is the way to another one when it breaks."""
        self._link = link
        self._clock = clock
        self._rejoin = rejoin
        self._rejoins_left = 0 if rejoin is None else REJOINS
        self._linked = asyncio.Event()
        self._linked.set()
        self._session = MerchantSession()
        self._request: bytes | None = None
        self._gone: BuyerGone | None = None
        self._keep_alive_at = 0.0

    async def request(self) -> bytes:
        """Return the bytes that the buyer answers the offer with, not judged yet.

        Raises `PeerError` with the code that says why no request will come.
        """
        await self._handle(Started())
        while self._request is None:
            await self._hear(self._session.patience(self._clock.monotonic()) or 0.0)
            self._check_there()
        return self._request

    def _check_there(self) -> None:
        if self._gone is not None:
            raise PeerError(self._gone.code, detail=self._gone.detail)

    async def refuse(self, code: Code) -> None:
        """Say why the request will not be served, and hang up."""
        await self._handle(RequestRefused(code=code))

    @asynccontextmanager
    async def accepted(self) -> AsyncIterator[None]:
        """Say that the request is on disk, and listen in the background while the sale goes on."""
        await self._handle(RequestAccepted())
        listening = asyncio.create_task(self._listen())
        try:
            yield
            await self._last_words(listening)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def invoice_sent(self, payment_hash: bytes) -> None:
        """Tell the buyer that the invoice is on its way."""
        await self._handle(InvoiceSent(payment_hash=payment_hash))

    async def tell(self, status: StatusMessage) -> None:
        """Tell the buyer how the sale ended."""
        await self._handle(Settled(status=status))

    async def stop(self, code: Code) -> None:
        """Tell the buyer that this till goes away before the end, and hang up."""
        await self._handle(Stopped(code=code))

    @property
    def told(self) -> bool:
        """Whether the buyer acknowledged the outcome."""
        return self._session.told

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()

    async def _last_words(self, listening: asyncio.Task[None]) -> None:
        """Wait for the acknowledgement, at most `ACK_SECONDS` while there is a link."""
        while not listening.done():
            await self._linked.wait()
            await asyncio.wait({listening}, timeout=ACK_SECONDS)
            if self._linked.is_set():
                break
        if self._session.state is State.REPORTING:
            await self._handle(Silence())

    async def _listen(self) -> None:
        self._keep_alive_at = self._clock.monotonic() + KEEP_ALIVE_SECONDS
        while self._session.state in (State.PAYING, State.REPORTING):
            await self._hear(max(0.0, self._keep_alive_at - self._clock.monotonic()))

    async def _hear(self, seconds: float) -> None:
        """Take one message off the link, or the lack of one."""
        try:
            message = decode_message(await self._link.receive(seconds=seconds))
        except PeerError as error:
            if isinstance(error, FramingError) and error.is_late:
                await self._dropped()
            else:
                await self._handle(Garbled(code=error.code))
        except Unavailable as error:
            if error.code is Code.PEER_TIMEOUT:
                await self._handle(self._nothing_heard())
            else:
                await self._dropped()
        else:
            if message is not None:  # None: an odd type that this version may ignore
                await self._handle(message)

    def _nothing_heard(self) -> Event:
        if self._session.state is State.OFFERED:
            return Silence()
        self._keep_alive_at = self._clock.monotonic() + KEEP_ALIVE_SECONDS
        return KeepAliveDue()

    async def _dropped(self) -> None:
        """The link is gone: find the device again, or let it go."""
        if self._rejoin is None or not self._rejoins_left:
            await self._handle(LinkLost())
            return
        self._rejoins_left -= 1
        self._linked.clear()
        try:
            await self._handle(LinkDropped())
            await self._find_again(self._rejoin)
        finally:
            self._linked.set()

    async def _find_again(self, rejoin: Rejoin) -> None:
        said = self._session.news
        try:
            link = await rejoin(said)
        except BledError:
            await self._handle(LinkLost())
            return
        if self._session.state not in (State.LOST, State.SEVERED):  # stopped meanwhile
            await link.close()
            return
        self._link = link
        await self._handle(Rejoined(said=said))

    async def _handle(self, event: Event) -> None:
        for action in self._session.handle(event, self._clock.monotonic()):
            await self._do(action)

    async def _do(self, action: Action) -> None:
        match action:
            case Send():
                await self._send(action.message)
            case Judge():
                self._request = action.request
            case BuyerGone():
                self._gone = action
            case Hangup():
                await self._link.close()
            case _:
                assert_never(action)

    async def _send(self, message: Message) -> None:
        try:
            await self._link.send(encode_message(message))
        except BledError as error:
            if error.code is not Code.LINK_LOST:  # whoever listens hears of a lost link as well
                raise
