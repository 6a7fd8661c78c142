"""The buyer's side of one meeting, pure: messages and decisions in, messages and results out (gatt_profile.md).

The driver owns clock, radio, vault and person; it does what the returned actions say, in their order.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, assert_never

from bled.codes import Code
from bled.errors import BledError, PeerError
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
from bled.session.offer_policy import AcceptableOffer, accept_offer
from bled_codec.units import UnixTime

APPROVE_SECONDS: Final = 60
"""How long a person may think; silence is a no."""
KEEP_ALIVE_SECONDS: Final = 10
"""How often the till is told that the person still thinks."""
STATUS_SECONDS: Final = 90
"""How long the device waits for news after it signed; then the outcome is unknown."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Ask the person. The driver answers with `approve` or `decline`."""

    offer: AcceptableOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send this message to the till."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The till reports that it received the request, or sent the invoice."""

    code: StatusCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The till reports the end. Check what can be checked, record it, and tell the person."""

    status: StatusMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Close the link; `reason` is None after a regular end."""

    reason: BledError | None


Action = Show | Send | Progress | Finish | Close

_NEXT: Final = {
    (State.WAITING, OfferMessage): State.SHOWING,
    (State.SHOWING, Wait): State.SHOWING,
    (State.SHOWING, Abort): State.CLOSED,
    (State.SHOWING, ErrorMessage): State.CLOSED,
    (State.PAUSED, OfferMessage): State.SHOWING,
    (State.LOST, OfferMessage): State.SENT,
    (State.LOST, StatusMessage): State.SENT,
    (State.SENT, StatusMessage): State.SENT,
    (State.SENT, Wait): State.SENT,
    (State.SENT, Abort): State.CLOSED,
    (State.SENT, ErrorMessage): State.CLOSED,
}
"""Message by message. No row: the till spoke out of turn, and the meeting ends."""

_AFTER_LOSS: Final = {State.SHOWING: State.PAUSED, State.SENT: State.LOST}
"""Where a broken link leads when there is a way back. No row: the meeting is over."""

_DECLINED: Final = {AbortReason.TIMEOUT: Code.NOT_APPROVED_IN_TIME, AbortReason.CODE_MISMATCH: Code.CODES_DIFFER}

_FINAL_CODES: Final = frozenset({StatusCode.PAID, StatusCode.FAILED, StatusCode.EXPIRED, StatusCode.CANCELLED})


class BuyerSession:
    """One meeting with one till."""

    def __init__(self, *, chain: bytes, clock_trusted: bool, not_before: UnixTime) -> None:
        """Take the chain that the device pays on, whether its clock may be relied on, and a time that has passed."""
        self.state = State.WAITING
        self._chain = chain
        self._clock_trusted = clock_trusted
        self._not_before = not_before
        self._offer: bytes | None = None
        self._request: bytes | None = None

    def receive(self, message: Message, *, now: UnixTime) -> tuple[Action, ...]:
        """Take one message of the till and return what to do. Never raises for what a till can send."""
        after = _NEXT.get((self.state, type(message)))
        if after is None:
            return self._refuse(PeerError(Code.BAD_STATE, detail=f"{type(message).__name__} in {self.state.name}"))
        before, self.state = self.state, after
        match message:
            case OfferMessage():
                return self._first_offer(message, now) if before is State.WAITING else self._same_offer(message, before)
            case StatusMessage():
                return self._status(message)
            case Abort() | ErrorMessage():
                return (Close(reason=_closing_reason(message, sent=before is State.SENT)),)
            case Wait():
                return ()
            case InvreqMessage() | StatusAck():
                raise AssertionError("the table has no row for what only a buyer sends")
            case _:
                assert_never(message)

    def approve(self, request: bytes) -> tuple[Action, ...]:
        """The person said yes and `request` is on disk: send these bytes, the same ones each time."""
        self.state = State.SENT
        self._request = request
        return (Send(message=InvreqMessage(request=request)),)

    def lose(self) -> bool:
        """The link broke, and there is a way back: return whether the meeting waits for the till."""
        after = _AFTER_LOSS.get(self.state)
        if after is not None:
            self.state = after
        return after is not None

    def decline(self, reason: AbortReason = AbortReason.USER_DECLINED) -> tuple[Action, ...]:
        """The person said no, saw another code on the till, or let the time pass."""
        self.state = State.CLOSED
        code = _DECLINED.get(reason, Code.BUYER_DECLINED)
        return (Send(message=Abort(reason=reason)), Close(reason=BledError(code)))

    def refuse(self, error: BledError) -> tuple[Action, ...]:
        """A rule of the device says no: nothing is signed."""
        return self._refuse(error)

    def keep_alive(self) -> tuple[Action, ...]:
        """The person is still thinking: say so."""
        return (Send(message=Wait(reason=WaitReason.USER_DECIDING)),)

    def _same_offer(self, message: OfferMessage, before: State) -> tuple[Action, ...]:
        """The till is back, and has no request yet. Another offer never takes the place of the one on the screen."""
        if message.offer != self._offer:
            return self._refuse(PeerError(Code.BAD_STATE, detail="another offer after the link broke"))
        if before is State.PAUSED or self._request is None:
            return ()
        return (Send(message=InvreqMessage(request=self._request)),)

    def _first_offer(self, message: OfferMessage, now: UnixTime) -> tuple[Action, ...]:
        self._offer = message.offer
        try:
            offer = accept_offer(
                message.offer,
                valid_for=message.valid_for,
                chain=self._chain,
                now=now,
                clock_trusted=self._clock_trusted,
                not_before=self._not_before,
            )
        except BledError as error:
            return self._refuse(error)
        return (Show(offer=offer),)

    def _status(self, status: StatusMessage) -> tuple[Action, ...]:
        if status.code not in _FINAL_CODES:
            return (Progress(code=status.code),)
        self.state = State.DONE
        # Recorded first, acknowledged after: the till may forget once we have said that we know.
        return (Finish(status=status), Send(message=StatusAck(code=status.code)), Close(reason=None))

    def _refuse(self, error: BledError) -> tuple[Action, ...]:
        unknown = self.state in (State.SENT, State.LOST)
        self.state = State.CLOSED
        air = error.outcome.air
        message: Message = (
            ErrorMessage(code=air, text=error.code.value)
            if air is not None
            else Abort(reason=AbortReason.USER_DECLINED)
        )
        reason = BledError(Code.OUTCOME_UNKNOWN, detail=str(error)) if unknown else error
        return (Send(message=message), Close(reason=reason))


def _closing_reason(message: Abort | ErrorMessage, *, sent: bool) -> BledError:
    """Before the signature left nothing can have been paid; after it only home knows."""
    said = message.reason.name.lower() if isinstance(message, Abort) else message.text
    return BledError(Code.OUTCOME_UNKNOWN if sent else Code.CANCELLED, detail=f"the till said {said}")
