"""The till's talk with one buyer: the pure session driven over a link. The sale does not depend on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, assert_never

from bled.clock import Clock
from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.frames import FramingError
from bled.gatt.messages import Message, StatusMessage, decode_message, encode_message
from bled.link.base import MessageLink
from bled.link.handshaking import RESUME_SECONDS
from bled.sales.greeting import Return
from bled.session.merchant import MerchantSession, State
from bled.session.merchant_events import (
    Action,
    BuyerGone,
    Event,
    Garbled,
    Hangup,
    InvoiceSent,
    Judge,
    LinkDropped,
    LinkLost,
    Rejoined,
    RequestAccepted,
    RequestRefused,
    Send,
    Settled,
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


Rejoin = Callable[[StatusMessage | None, bool], Awaitable[Return]]
"""Finds the buyer's device again and says the status, or the offer, in the handshake; is told whether it was ever
heard; raises `BledError`."""

REJOINS: Final = 5
"""How often in one sale a link may break and be made again."""
_LINKED: Final = (State.OFFERED, State.PAYING, State.REPORTING)
_AWAY: Final = (State.LOST, State.SEVERED)
_ATTENDED: Final = (State.PAYING, State.REPORTING, State.SEVERED)


class Conversation:
    """One buyer. Nothing here raises for what a buyer or the radio does after the request came."""

    def __init__(self, link: MessageLink, clock: Clock, *, rejoin: Rejoin | None = None) -> None:
        """Take a private link, on which the offer has left; `rejoin` is the way to another one when it breaks."""
        self._link = link
        self._clock = clock
        self._rejoin = rejoin
        self._rejoins_left = 0 if rejoin is None else REJOINS
        self._watchers: set[asyncio.Future[None]] = set()
        self._session = MerchantSession(resume_seconds=RESUME_SECONDS)
        self._request: bytes | None = None
        self._gone: BuyerGone | None = None

    async def request(self) -> bytes:
        """Return the bytes that the buyer answers the offer with, not judged yet.

        Raises `PeerError` with the code that says why no request will come.
        """
        await self._handle(Started())
        while self._request is None:
            await self._hear()
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
            await self._attend(listening, _ATTENDED)
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

    async def _listen(self) -> None:
        while self._session.state in (State.PAYING, State.REPORTING):
            await self._hear()

    async def _attend(self, task: "asyncio.Future[Any]", states: tuple[State, ...]) -> None:
        """Wait for `task` while the session is in one of `states`, and do what is due meanwhile."""
        while not task.done() and self._session.state in states:
            changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.add(changed)
            try:
                either: set[asyncio.Future[Any]] = {task, changed}
                await asyncio.wait(either, timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._watchers.remove(changed)
            await self._do_due()

    def _patience(self) -> float | None:
        """Return how many seconds there are until something is due."""
        deadline = self._session.next_deadline
        return None if deadline is None else max(0.0, deadline - self._clock.monotonic())

    async def _hear(self) -> None:
        """Take one message off the link, or the lack of one, and do what is due by then."""
        try:
            message = decode_message(await self._link.receive(seconds=self._patience() or 0.0))
        except PeerError as error:
            if isinstance(error, FramingError) and error.is_late:
                await self._dropped()
            else:
                await self._handle(Garbled(code=error.code))
        except Unavailable as error:
            if error.code is not Code.PEER_TIMEOUT:
                await self._dropped()
        else:
            if message is not None:  # None: an odd type that this version may ignore
                await self._handle(message)
        await self._do_due()

    async def _dropped(self) -> None:
        """The link is gone: find the device again, or let it go."""
        if self._rejoin is None or not self._rejoins_left or self._session.state not in _LINKED:
            await self._handle(LinkLost())
            return
        self._rejoins_left -= 1
        await self._handle(LinkDropped())
        await self._link.close()  # where frames do not come it may be up still, and the device would go on waiting
        await self._find_again(self._rejoin)

    async def _find_again(self, rejoin: Rejoin) -> None:
        said = self._session.news
        finding = asyncio.ensure_future(rejoin(said, self._session.heard))
        try:
            await self._attend(finding, _AWAY)
        finally:
            finding.cancel()
            await asyncio.wait({finding})
        try:
            back = finding.result()
        except (BledError, asyncio.CancelledError):  # cancelled here, when the session has ended meanwhile
            await self._handle(LinkLost())
            return
        if self._session.state not in _AWAY:
            await back.link.close()
            return
        self._link = back.link
        await self._handle(Started() if back.anew else Rejoined(said=said))

    async def _handle(self, event: Event) -> None:
        await self._do_all(self._session.handle(event, self._clock.monotonic()))

    async def _do_due(self) -> None:
        actions = self._session.handle_deadline(self._clock.monotonic())
        if actions:  # two that wait would else wake each other for ever
            await self._do_all(actions)

    async def _do_all(self, actions: tuple[Action, ...]) -> None:
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)
        for action in actions:
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
