"""The buyer's side of one meeting, pure: events and deadlines in, messages and results out (gatt_profile.md, 8.1).

The driver owns clock, radio, vault and person; it does what the returned actions say, in their order. It waits until
`next_deadline` at the longest and calls `handle_deadline` then.
"""

from enum import Enum, auto
from typing import Final, assert_never

from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.messages import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    Message,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    Wait,
    WaitReason,
)
from bled.session.buyer_events import (
    Action,
    Approved,
    Close,
    Declined,
    Due,
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
from bled.session.offer_policy import accept_offer
from bled_codec.units import UnixTime

APPROVE_SECONDS: Final = 60
"""How long a person may think; silence is a no. It stands still while the link is away."""
KEEP_ALIVE_SECONDS: Final = 10
"""How often the till is told that the person still thinks."""
STATUS_SECONDS: Final = 90
"""How long the device waits for a word after it signed; then the outcome is unknown."""


class State(Enum):
    """Where the meeting stands."""

    WAITING = auto()
    SHOWING = auto()
    PAUSED = auto()
    """The link broke while the person thinks; the till may come back."""
    SENT = auto()
    LOST = auto()
    """The link broke after the request; the till may come back."""
    DONE = auto()
    CLOSED = auto()


_NEXT: Final[dict[tuple[State, type[Event]], State]] = {
    (State.WAITING, OfferMessage): State.SHOWING,  # or CLOSED, when the offer breaks a rule
    (State.WAITING, Garbled): State.CLOSED,
    (State.WAITING, LinkLost): State.CLOSED,
    (State.SHOWING, Wait): State.SHOWING,
    (State.SHOWING, Abort): State.CLOSED,
    (State.SHOWING, ErrorMessage): State.CLOSED,
    (State.SHOWING, Garbled): State.CLOSED,
    (State.SHOWING, Approved): State.SENT,
    (State.SHOWING, Declined): State.CLOSED,
    (State.SHOWING, Forbidden): State.CLOSED,
    (State.SHOWING, LinkDropped): State.PAUSED,
    (State.SHOWING, LinkLost): State.CLOSED,
    (State.SHOWING, Due): State.SHOWING,  # or CLOSED, when the time to think is over
    (State.PAUSED, OfferMessage): State.SHOWING,  # or CLOSED, when it is another one
    (State.PAUSED, Garbled): State.CLOSED,
    (State.PAUSED, LinkLost): State.CLOSED,
    (State.PAUSED, Due): State.CLOSED,
    (State.SENT, StatusMessage): State.SENT,  # or DONE, when the status is final
    (State.SENT, Wait): State.SENT,
    (State.SENT, Abort): State.CLOSED,
    (State.SENT, ErrorMessage): State.CLOSED,
    (State.SENT, Garbled): State.CLOSED,
    (State.SENT, Forbidden): State.CLOSED,
    (State.SENT, LinkDropped): State.LOST,
    (State.SENT, LinkLost): State.CLOSED,
    (State.SENT, Due): State.CLOSED,
    (State.LOST, OfferMessage): State.SENT,  # or CLOSED, when it is another one
    (State.LOST, StatusMessage): State.SENT,  # or DONE
    (State.LOST, Garbled): State.CLOSED,
    (State.LOST, LinkLost): State.CLOSED,
    (State.LOST, Due): State.CLOSED,
    (State.DONE, LinkLost): State.DONE,
    (State.CLOSED, LinkLost): State.CLOSED,
}
"""No row: a message out of turn ends the meeting, and after its end it is passed over. Else a defect of ours."""

_DECLINED: Final = {AbortReason.TIMEOUT: Code.NOT_APPROVED_IN_TIME, AbortReason.CODE_MISMATCH: Code.CODES_DIFFER}
_FINAL_CODES: Final = frozenset({StatusCode.PAID, StatusCode.FAILED, StatusCode.EXPIRED, StatusCode.CANCELLED})
_FROM_THE_AIR: Final = (OfferMessage, InvreqMessage, StatusMessage, StatusAck, Wait, ErrorMessage, Abort)


class BuyerSession:
    """One meeting with one till. `now` is everywhere a monotonic clock's seconds."""

    def __init__(
        self, *, chain: bytes, clock_trusted: bool, not_before: UnixTime, time: UnixTime, resume_seconds: float
    ) -> None:
        """Take what the device goes by.

        Args:
            chain: the chain that it pays on.
            clock_trusted: whether its clock may be relied on.
            not_before: a time that has passed.
            time: what its clock says as the meeting begins.
            resume_seconds: how long a till whose link broke is waited for.
        """
        self.state = State.WAITING
        self._chain = chain
        self._clock_trusted = clock_trusted
        self._not_before = not_before
        self._time = time
        self._resume_seconds = resume_seconds
        self._offer: tuple[bytes, int | None] | None = None
        """What is on the screen: the offer, and what may be added to it."""
        self._request: bytes | None = None
        self._decide_by = self._keep_alive_at = self._heard_at = self._known_by = self._lost_at = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be said or heard."""
        return self.state in (State.DONE, State.CLOSED)

    @property
    def next_deadline(self) -> float | None:
        """When `handle_deadline` is to be called at the latest; None where there is nothing to wait for."""
        match self.state:
            case State.SHOWING:
                return min(self._keep_alive_at, self._decide_by)
            case State.SENT:
                return min(self._heard_at + STATUS_SECONDS, self._known_by)
            case State.PAUSED | State.LOST:
                return self._lost_at + self._resume_seconds
            case State.WAITING | State.DONE | State.CLOSED:
                return None
            case _:
                assert_never(self.state)

    def handle_deadline(self, now: float) -> tuple[Action, ...]:
        """Return what is due at `now`: nothing before `next_deadline`."""
        deadline = self.next_deadline
        return () if deadline is None or now < deadline else self.handle(Due(), now)

    def handle(self, event: Event, now: float) -> tuple[Action, ...]:
        """Take one event and return what is to be done, in this order.

        Never raises for what a till can send. Raises `BledError` (`INTERNAL`) for an event of our own that cannot come
        now.
        """
        after = _NEXT.get((self.state, type(event)))
        if after is None:
            return self._out_of_turn(event)
        before, self.state = self.state, after
        if isinstance(event, _FROM_THE_AIR):
            self._heard_at = now
        return self._act(before, event, now)

    def _out_of_turn(self, event: Event) -> tuple[Action, ...]:
        if not isinstance(event, (*_FROM_THE_AIR, Garbled)):
            raise BledError(Code.INTERNAL, detail=f"{type(event).__name__} in {self.state.name}")
        if self.is_over:  # a word that was on its way
            return ()
        return self._refuse(PeerError(Code.BAD_STATE, detail=f"{type(event).__name__} in {self.state.name}"))

    def _act(self, before: State, event: Event, now: float) -> tuple[Action, ...]:
        match event:
            case OfferMessage():
                return self._first_offer(event, now) if before is State.WAITING else self._same_offer(event, now)
            case StatusMessage():
                return self._status(event)
            case Abort() | ErrorMessage():
                return (self._close(BledError(Code.CANCELLED, detail=f"the till said {_word(event)}")),)
            case Approved():
                return self._approve(event, now)
            case Declined():
                return self._decline(event.reason)
            case Forbidden() | Garbled():
                return self._refuse(event.error)
            case LinkLost():
                return () if before in (State.DONE, State.CLOSED) else (self._close(event.error),)
            case LinkDropped():
                self._lost_at = now
                return ()
            case Due():
                return self._due(before, now)
            case Wait() | InvreqMessage() | StatusAck():  # the last two are a buyer's own: no row lets them in
                return ()
            case _:
                assert_never(event)

    def _first_offer(self, message: OfferMessage, now: float) -> tuple[Action, ...]:
        self._offer = message.offer, message.tip_max
        self._decide_by = now + APPROVE_SECONDS
        self._keep_alive_at = now + KEEP_ALIVE_SECONDS
        try:
            offer = accept_offer(
                message.offer,
                valid_for=message.valid_for,
                chain=self._chain,
                now=self._time,
                clock_trusted=self._clock_trusted,
                not_before=self._not_before,
                tip_max=message.tip_max,
            )
        except BledError as error:
            return self._refuse(error)
        return (Show(offer=offer),)

    def _same_offer(self, message: OfferMessage, now: float) -> tuple[Action, ...]:
        """The till is back, and has no request yet. Another offer never takes the place of the one on the screen."""
        if (message.offer, message.tip_max) != self._offer:
            return self._refuse(PeerError(Code.BAD_STATE, detail="another offer after the link broke"))
        if self._request is None:
            self._decide_by += now - self._lost_at  # the person's time stood still
            self._keep_alive_at = now + KEEP_ALIVE_SECONDS
            return ()
        return (Send(message=InvreqMessage(request=self._request)),)

    def _approve(self, event: Approved, now: float) -> tuple[Action, ...]:
        self._request = event.request
        self._heard_at = now
        self._known_by = event.known_by
        return (Send(message=InvreqMessage(request=event.request)),)

    def _decline(self, reason: AbortReason) -> tuple[Action, ...]:
        self.state = State.CLOSED
        code = _DECLINED.get(reason, Code.BUYER_DECLINED)
        return (Send(message=Abort(reason=reason)), Close(reason=BledError(code)))

    def _due(self, before: State, now: float) -> tuple[Action, ...]:
        if before is State.SHOWING and now < self._decide_by:
            self._keep_alive_at = now + KEEP_ALIVE_SECONDS
            return (Send(message=Wait(reason=WaitReason.USER_DECIDING)),)
        if before is State.SHOWING:
            return self._decline(AbortReason.TIMEOUT)
        if before is State.SENT:
            return (self._close(Unavailable(Code.PEER_TIMEOUT, detail="the till did not say how it ended")),)
        return (self._close(Unavailable(Code.LINK_LOST, detail="the till did not come back")),)

    def _status(self, status: StatusMessage) -> tuple[Action, ...]:
        if status.code not in _FINAL_CODES:
            return (Progress(code=status.code),)
        self.state = State.DONE
        # Recorded first, acknowledged after: the till may forget once we have said that we know.
        return (Finish(status=status), Send(message=StatusAck(code=status.code)), Close(reason=None))

    def _refuse(self, error: BledError) -> tuple[Action, ...]:
        air = error.outcome.air
        message: Message = (
            ErrorMessage(code=air, text=error.code.value)
            if air is not None
            else Abort(reason=AbortReason.USER_DECLINED)
        )
        return (Send(message=message), self._close(error))

    def _close(self, error: BledError) -> Close:
        """End the meeting. Before the signature left nothing can have been paid; after it only home knows."""
        self.state = State.CLOSED
        return Close(reason=error if self._request is None else BledError(Code.OUTCOME_UNKNOWN, detail=str(error)))


def _word(message: Abort | ErrorMessage) -> str:
    return message.reason.name.lower() if isinstance(message, Abort) else message.text
