"""One meeting of the buyer's device with a till: session, vault and person joined over a link.

Money rule 1 holds in `_sign`: the vault has the request on disk before a byte of it can leave.
"""

import asyncio
from typing import Any, Final, assert_never

from bled.buyer.approval import Answer, Approver
from bled.buyer.arrival import Met
from bled.buyer.outcome import Outcome
from bled.buyer.person import Person
from bled.buyer.purchase import Purchase
from bled.clock import Clock
from bled.codes import OUTCOMES, Code, Failpoint
from bled.errors import BledError, PeerError, Unavailable
from bled.failpoint import failpoint
from bled.gatt.frames import FramingError
from bled.gatt.messages import (
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    Message,
    decode_message,
    encode_message,
)
from bled.link.handshaking import RESUME_SECONDS
from bled.progress import OnStep
from bled.session.buyer import BuyerSession, State
from bled.session.buyer_events import (
    Action,
    Approved,
    Close,
    Declined,
    Event,
    Finish,
    Forbidden,
    Garbled,
    LinkDropped,
    LinkLost,
    Progress,
    Send,
    Show,
)
from bled.session.offer_policy import AcceptableOffer
from bled.vault.vault import Vault

__all__ = ["Meeting", "Purchase"]

REJOINS: Final = 5
"""How often in one meeting a link may break and be made again."""
AFTER_EXPIRY_SECONDS: Final = 15.0
"""How long after the offer's expiry the device still waits for the outcome."""
MOST_WORDS_FIRST: Final = 16
"""How many messages of the till are looked at before a person's answer that is there; one of them may be its last."""

_AWAY: Final = (State.PAUSED, State.LOST)
_LINKED: Final = (State.SHOWING, State.SENT)


class Meeting:
    """Runs one session to its end."""

    def __init__(
        self,
        *,
        met: Met,
        vault: Vault,
        chain: bytes,
        clock: Clock,
        approve: Approver,
        on_step: OnStep,
        allows_refund: bool = False,
    ) -> None:
        """Take a till that was met, and everything the session needs; nothing happens before `run`."""
        self._met = met
        self._link = met.link
        self._vault = vault
        self._clock = clock
        self._began = clock.monotonic()
        """When the offer was looked at, for the time of its expiry on this clock."""
        self._on_step = on_step
        self._session = BuyerSession(
            chain=chain,
            clock_trusted=vault.clock_trusted(clock.now()),
            not_before=vault.earliest_now(),
            time=clock.now(),
            resume_seconds=RESUME_SECONDS,
        )
        self._accepted: AcceptableOffer | None = None
        self._person = Person(vault, approve=approve, on_step=on_step, allows_refund=allows_refund)
        self._outcome = Outcome(vault, clock=clock, on_step=on_step)
        self._hearing: asyncio.Future[Any] | None = None
        self._words_first = 0
        self._lost: BledError | None = None
        self._rejoins_left = REJOINS

    async def run(self) -> Purchase:
        """Meet the till and return the outcome. Raises nothing for what a till or the radio can do."""
        try:
            await self._take(self._met.opening)
            while not self._session.is_over:
                await self._step()
        except BledError as error:
            self._outcome.broken(error)
        finally:
            await _stop(self._person.thinking)
            await _stop(self._hearing)
            await self._link.close()
        return self._outcome.purchase

    async def _step(self) -> None:
        """Wait for the till, the person or the deadline, and do what follows.

        The till is looked at first: one that is gone must not get a signature. But nobody keeps the person's answer or
        the deadline away by talking on and on.
        """
        hearing = self._hearing = self._hearing or asyncio.ensure_future(self._hear())
        waiting: set[asyncio.Future[Any]] = {hearing}
        if self._person.thinking is not None and self._session.state is State.SHOWING:
            waiting.add(self._person.thinking)
        await asyncio.wait(waiting, timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED)
        self._words_first = self._words_first + 1 if hearing.done() else 0
        if hearing.done():
            self._hearing = None
            await self._heard(hearing)
        if self._words_first % MOST_WORDS_FIRST == 0:
            await self._hear_the_person()
        await self._do(self._session.handle_deadline(self._clock.monotonic()))

    async def _hear(self) -> "bytes | Met | None":
        """Return the till's next message; while it is away, the till; None when nothing came."""
        if self._session.state in _AWAY and self._met.rejoin is not None:
            return await self._met.rejoin()
        try:
            return await self._link.receive(seconds=self._patience() or 0.0)
        except Unavailable as error:
            if error.code is Code.PEER_TIMEOUT:
                return None
            raise

    async def _heard(self, hearing: "asyncio.Future[Any]") -> None:
        try:
            heard = hearing.result()
        except BledError as error:
            await self._not_heard(error)
        else:
            if isinstance(heard, Met):
                await self._rejoined(heard)
            elif heard is not None:
                await self._take(heard)

    async def _not_heard(self, error: BledError) -> None:
        if self._session.state in _AWAY:
            await self._handle(LinkLost(error=self._lost or error))
        elif isinstance(error, Unavailable) or (isinstance(error, FramingError) and error.is_late):
            await self._drop(error)
        else:
            await self._handle(Garbled(error=error))

    async def _rejoined(self, met: Met) -> None:
        self._met, self._link = met, met.link
        self._on_step("the till is back", {})
        await self._take(met.opening)

    async def _drop(self, error: BledError) -> None:
        """The link is gone: wait for the till if there is a way back; when it does not come, say what broke first."""
        if self._session.state in _LINKED and self._met.rejoin is not None and self._rejoins_left:
            self._rejoins_left -= 1
            self._lost = error
            await _stop(self._hearing)
            self._hearing = None
            self._on_step("link lost, waiting for the till", {})
            await self._handle(LinkDropped())
            await self._link.close()  # where frames do not come it may be up still, and the till would go on waiting
        else:
            await self._handle(LinkLost(error=error))  # frames that do not come are a lost link too

    async def _take(self, data: bytes) -> None:
        """Take one message of the till."""
        try:
            message = decode_message(data)
        except PeerError as error:
            await self._handle(Garbled(error=error))
            return
        if message is not None:  # None: an odd type that this version may ignore
            await self._handle(message)

    def _patience(self) -> float | None:
        """Return how many seconds there are until something is due."""
        deadline = self._session.next_deadline
        return None if deadline is None else max(0.0, deadline - self._clock.monotonic())

    async def _handle(self, event: Event) -> None:
        await self._do(self._session.handle(event, self._clock.monotonic()))

    async def _do(self, actions: tuple[Action, ...]) -> None:
        """Do the actions in order."""
        for action in actions:
            match action:
                case Send():
                    await self._send(action.message)
                case Show():
                    await self._ask(action.offer)
                case Progress():
                    self._on_step(f"status {action.code.name.lower().replace('_', ' ')}", {})
                case Finish():
                    if not self._outcome.finish(action.status, reader_key=self._met.reader_key):
                        # The till must not hear that it is on the disk.
                        internal = ErrorMessage(code=OUTCOMES[Code.INTERNAL].air or 0, text="not recorded")
                        await self._send(internal)
                        return
                case Close():
                    if action.reason is not None:
                        self._outcome.broken(action.reason)
                case _:
                    assert_never(action)

    async def _send(self, message: Message) -> None:
        try:
            await self._link.send(encode_message(message))
        except Unavailable as error:
            if not self._session.is_over:
                await self._drop(error)
        else:
            if isinstance(message, InvreqMessage):
                failpoint(Failpoint.BUYER_SENT)

    async def _ask(self, accepted: AcceptableOffer) -> None:
        """Show the person what is asked; the answer is taken while there is a link."""
        self._accepted = accepted
        try:
            self._person.ask(accepted, code=self._met.code, reader_key=self._met.reader_key)
        except BledError as error:
            await self._handle(Forbidden(error=error))

    async def _hear_the_person(self) -> None:
        """Do what the person said, once, and not before the till is there."""
        if self._session.state is not State.SHOWING:
            return
        match self._person.answer():
            case None:
                return
            case Answer.YES:
                await self._sign()
            case Answer.NO:
                await self._handle(Declined())
            case Answer.CODE_DIFFERS:
                now = self._clock.now()
                self._vault.keep_open_tries(self._vault.open_tries().end(now=now))
                await self._handle(Declined(reason=AbortReason.CODE_MISMATCH))
            case unexpected:
                assert_never(unexpected)

    async def _sign(self) -> None:
        accepted = self._accepted
        if accepted is None:
            return
        try:
            reservation = self._person.sign()
        except BledError as error:
            await self._handle(Forbidden(error=error))
            return
        self._outcome.signed(reservation)
        known_by = self._began + (accepted.expires_at - accepted.now) + AFTER_EXPIRY_SECONDS
        await self._handle(Approved(request=reservation.request, known_by=known_by))


async def _stop(task: "asyncio.Future[Any] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
