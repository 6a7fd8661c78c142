"""The program's whole drivers at one end of a link each, in a time that passes when nothing else is to be done."""

import asyncio
import random
import selectors
from pathlib import Path
from typing import Any

from bled.buyer.approval import Answer, Question
from bled.buyer.arrival import Met
from bled.buyer.meeting import Meeting
from bled.codes import Code
from bled.errors import PeerError, Unavailable
from bled.gatt.messages import decode_message
from bled.gatt.vocabulary import Message, StatusCode, StatusMessage
from bled.grants.book import GrantBook, encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.progress import ignore_steps
from bled.sales.conversation import Conversation
from bled.sales.greeting import Return
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat, UnixTime

from .scene import NOW, OPENING, bytes_of

READER = b"\x0f" * 32


class _Patience(selectors.SelectSelector):
    """Waits for nothing: what is waited for is over at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready; when nothing is, so much time has passed."""
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("nothing will ever happen")
        self.now += 0.0 if ready else max(0.0, timeout or 0.0)
        return ready


class StillLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still while anything is to be done."""

    def __init__(self) -> None:
        self._patience = _Patience()
        super().__init__(self._patience)

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self._patience.now


async def settle() -> None:
    """Let everybody do what there is to do now."""
    for _ in range(60):
        await asyncio.sleep(0)


async def until(at: float) -> None:
    """Let time pass, and everybody do what is due."""
    left = at - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)
    await settle()


class LoopClock:
    """The loop's time, and the purchase's clock."""

    def now(self) -> UnixTime:
        """Return the wall clock's time."""
        return UnixTime(NOW + int(asyncio.get_running_loop().time()))

    def monotonic(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()


class Pipe:
    """One end of a private link."""

    def __init__(self, said: list[Message]) -> None:
        self.said = said
        self.closed = False
        self._arrivals: asyncio.Queue[bytes | None] = asyncio.Queue()

    def bring(self, message: bytes | None) -> None:
        """A message comes; None: the link is lost."""
        self._arrivals.put_nowait(message)

    async def receive(self, *, seconds: float) -> bytes:
        """Return the next message."""
        try:
            async with asyncio.timeout(seconds):
                message = await self._arrivals.get()
        except TimeoutError:
            raise Unavailable(Code.PEER_TIMEOUT) from None
        if message is None or self.closed:
            self.closed = True
            raise Unavailable(Code.LINK_LOST, detail="gone")
        return message

    async def send(self, message: bytes) -> None:
        """Say a message."""
        if self.closed:
            raise Unavailable(Code.LINK_LOST, detail="gone")
        self.said.append(decode_message(message))

    async def close(self) -> None:
        """Close the link."""
        self.closed = True
        self.bring(None)


class DeviceRig:
    """A device's driver with its vault, and a person who says what they are told to say."""

    def __init__(self, vault: Vault, *, resumes: bool = True) -> None:
        self.vault, self.resumes = vault, resumes
        self.said: list[Message] = []
        self._returns: asyncio.Future[Met] | None = None
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.asked = 0

    def met(self, link: Any, opening: bytes) -> Met:
        """Return a till that has come."""
        rejoin = self._rejoin if self.resumes else None
        return Met(link=link, opening=opening, code=None, reader_key=READER, rejoin=rejoin)

    async def _rejoin(self) -> Met:
        self._returns = asyncio.get_running_loop().create_future()
        return await self._returns

    async def _approve(self, _: Question) -> Answer:
        self.asked += 1
        return await asyncio.shield(self._answer)

    async def begin(self, state: str, link: Any = None, opening: bytes = bytes_of(OPENING)) -> None:
        """Get the offer; in SENT the person has said yes."""
        self.link = link or Pipe(self.said)
        self.meeting = Meeting(
            met=self.met(self.link, opening),
            vault=self.vault,
            chain=REGTEST_CHAIN,
            clock=LoopClock(),
            approve=self._approve,
            on_step=ignore_steps,
        )
        self.running = asyncio.ensure_future(self.meeting.run())
        await settle()
        if state == "SENT":
            self.person(Answer.YES)
            await settle()

    @property
    def state(self) -> str:
        """The session's state."""
        return self.meeting._session.state.name

    def person(self, answer: Answer) -> None:
        """The person says what they have to say."""
        if not self._answer.done():
            self._answer.set_result(answer)

    def back(self, opening: bytes) -> None:
        """The till is back on a new link."""
        self.link = Pipe(self.said)
        if self._returns is not None and not self._returns.done():
            self._returns.set_result(self.met(self.link, opening))

    def no_more(self) -> None:
        """The till is not waited for any longer."""
        if self._returns is not None and not self._returns.done():
            self._returns.set_exception(Unavailable(Code.LINK_LOST))

    async def end(self) -> None:
        """Stop whatever goes on."""
        self.running.cancel()
        self._answer.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


class TillRig:
    """A till's driver, with a node that tells what it is told to tell."""

    def __init__(self, judge: Any, *, resumes: bool = True) -> None:
        self._judge, self.resumes = judge, resumes
        self.said: list[Message] = []
        self.carried: list[StatusMessage | None] = []
        self._returns: asyncio.Future[Return] | None = None
        self.was_heard = False
        self.is_cancelled = False
        self._may_judge = asyncio.Event()
        self._news: asyncio.Queue[StatusMessage] = asyncio.Queue()

    async def _rejoin(self, status: StatusMessage | None, heard: bool) -> Return:
        self.was_heard = heard
        self.carried.append(status)
        self._returns = asyncio.get_running_loop().create_future()
        return await self._returns

    async def begin(self, state: str, link: Any = None) -> None:
        """The link is private, and in every state but READY the offer has left."""
        self.link = link or Pipe(self.said)
        self.talk = Conversation(self.link, LoopClock(), rejoin=self._rejoin if self.resumes else None)
        if state != "JUDGING":
            self._may_judge.set()
        self.running = asyncio.ensure_future(self._sell())

    async def _sell(self) -> None:
        try:
            request = await self.talk.request()
        except PeerError:
            self.is_cancelled = True
            return
        await self._may_judge.wait()
        code = self._judge(request)
        if code is not None:
            await self.talk.refuse(code)
            self.is_cancelled = True
            return
        async with self.talk.accepted():
            while not is_last(status := await self._news.get()):
                await self.talk.invoice_sent(status.payment_hash or b"")
            await self.talk.tell(status)

    @property
    def state(self) -> str:
        """The session's state."""
        return self.talk._session.state.name

    def judge(self) -> None:
        """The request is judged."""
        self._may_judge.set()

    def tell(self, status: StatusMessage) -> None:
        """The node tells of the sale."""
        self._news.put_nowait(status)

    def back(self, *, anew: bool = False) -> None:
        """The device is back, and HS3 has left, or that of a first handshake."""
        self.link = Pipe(self.said)
        if self._returns is not None and not self._returns.done():
            self._returns.set_result(Return(link=self.link, anew=anew))

    def no_more(self) -> None:
        """The device is not looked for any longer."""
        if self._returns is not None and not self._returns.done():
            self._returns.set_exception(Unavailable(Code.NO_BUYER))

    async def end(self) -> None:
        """Stop whatever goes on."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


def is_last(status: StatusMessage) -> bool:
    """Whether nothing more comes of the sale after this."""
    return status.code not in (StatusCode.RECEIVED, StatusCode.INVOICE_SENT)


def make_book(*, ids: int = 3) -> tuple[GrantBook, bytes]:
    """Return a device's book and its file, the same in every run."""
    end = UnixTime(NOW + 86_400)
    some = GrantClass(first_index=0, count=ids, per_payment_msat=Msat(100_000), not_before=NOW, not_after=end)
    limits = BookLimits(
        total_msat=Msat(10**9),
        per_payment_msat=Msat(100_000),
        per_day_msat=Msat(10**9),
        payments=ids,
        not_before=NOW,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(1_000), ppm=0),
        classes=(some,),
    )
    keys = HomeKeys.from_master(b"\x05" * 32)
    chance = random.Random(1)  # noqa: S311 - the same in every run
    book = issue_book(
        keys,
        book_id=1,
        book_salt=chance.randbytes(16),
        device="phone",
        chain=REGTEST_CHAIN,
        issued_at=NOW,
        limits=limits,
        home_label="home",
        routes=[[SecretKey(bytes([number]) * 32).public_key for number in (1, 2)]],
        entropy=chance.randbytes,
    )
    return book, encode_book(book, book_key=keys.book_key, aux=chance.randbytes(32))


def make_vault(folder: Path, *, ids: int = 3) -> None:
    """Make a device's store with that book in it."""
    _, data = make_book(ids=ids)
    with Vault.open(folder) as vault:
        vault.import_book(data, passphrase=None, chain=REGTEST_CHAIN, now=NOW)
