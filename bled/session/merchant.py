"""The till's side of one session: which message may come when, and what the till says (gatt_profile.md, 8.2). Pure.

A session ends; a sale does not end with it. Once a request was received, the loss of the buyer's radio only detaches
the session: the sale goes on at the node until it is paid or has expired. The driver waits until `next_deadline` at the
longest and calls `handle_deadline` then.
"""

from enum import Enum
from typing import Final, assert_never

from bled.codes import OUTCOMES, Code
from bled.errors import BledError
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
from bled.session.merchant_events import (
    Action,
    BuyerGone,
    Due,
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

APPROVE_SECONDS: Final = 75.0
"""Longest time from the offer to the request: the buyer's 60 s to approve, and signing and the way back."""

SILENCE_SECONDS: Final = 15.0
"""A buyer who decides says WAIT every 10 s; after this long without one nobody is there."""

ACK_SECONDS: Final = 3.0
"""Longest wait for the acknowledgement of the last status, whatever else comes."""

KEEP_ALIVE_SECONDS: Final = 10.0
"""While the node works the buyer hears from the till this often."""


class State(Enum):
    """Where the session stands."""

    READY = "ready"
    OFFERED = "offered"
    JUDGING = "judging"
    PAYING = "paying"
    REPORTING = "reporting"
    LOST = "lost"
    """The link broke before a request; the device may come back."""
    SEVERED = "severed"
    """The link broke after the request; the device may come back."""
    DETACHED = "detached"
    CLOSED = "closed"


_NEXT: Final[dict[tuple[State, type[Event]], State]] = {
    (State.READY, Started): State.OFFERED,
    (State.READY, LinkLost): State.CLOSED,
    (State.READY, Stopped): State.CLOSED,
    (State.OFFERED, Wait): State.OFFERED,
    (State.OFFERED, InvreqMessage): State.JUDGING,
    (State.OFFERED, Abort): State.CLOSED,
    (State.OFFERED, ErrorMessage): State.CLOSED,
    (State.OFFERED, Garbled): State.CLOSED,
    (State.OFFERED, Due): State.CLOSED,
    (State.OFFERED, LinkDropped): State.LOST,
    (State.OFFERED, LinkLost): State.CLOSED,
    (State.OFFERED, Stopped): State.CLOSED,
    (State.JUDGING, Stopped): State.CLOSED,
    (State.JUDGING, RequestAccepted): State.PAYING,
    (State.JUDGING, RequestRefused): State.CLOSED,
    (State.PAYING, InvoiceSent): State.PAYING,
    (State.PAYING, Due): State.PAYING,
    (State.PAYING, Wait): State.PAYING,
    (State.PAYING, StatusAck): State.PAYING,
    (State.PAYING, InvreqMessage): State.PAYING,
    (State.PAYING, Settled): State.REPORTING,
    (State.PAYING, Stopped): State.DETACHED,
    (State.PAYING, Abort): State.DETACHED,
    (State.PAYING, ErrorMessage): State.DETACHED,
    (State.PAYING, Garbled): State.DETACHED,
    (State.PAYING, LinkDropped): State.SEVERED,
    (State.PAYING, LinkLost): State.DETACHED,
    (State.REPORTING, Wait): State.REPORTING,
    (State.REPORTING, InvreqMessage): State.REPORTING,
    (State.REPORTING, StatusAck): State.CLOSED,
    (State.REPORTING, Abort): State.CLOSED,
    (State.REPORTING, ErrorMessage): State.CLOSED,
    (State.REPORTING, Garbled): State.CLOSED,
    (State.REPORTING, Due): State.CLOSED,
    (State.REPORTING, LinkDropped): State.SEVERED,
    (State.REPORTING, LinkLost): State.CLOSED,
    (State.REPORTING, Stopped): State.CLOSED,
    (State.LOST, Rejoined): State.OFFERED,
    (State.LOST, Started): State.OFFERED,  # only while the device was never heard
    (State.LOST, LinkLost): State.CLOSED,
    (State.LOST, Due): State.CLOSED,
    (State.LOST, Stopped): State.CLOSED,
    (State.SEVERED, InvoiceSent): State.SEVERED,
    (State.SEVERED, Settled): State.SEVERED,
    (State.SEVERED, Rejoined): State.PAYING,  # or REPORTING, when the sale has ended meanwhile
    (State.SEVERED, LinkLost): State.DETACHED,  # or CLOSED, likewise
    (State.SEVERED, Due): State.DETACHED,  # likewise
    (State.SEVERED, Stopped): State.DETACHED,  # likewise
    (State.DETACHED, InvoiceSent): State.DETACHED,
    (State.DETACHED, Settled): State.CLOSED,
    (State.DETACHED, LinkLost): State.DETACHED,
    (State.DETACHED, Stopped): State.DETACHED,
    (State.CLOSED, LinkLost): State.CLOSED,
    (State.CLOSED, Stopped): State.CLOSED,
}
"""No row: a message out of turn ends the session, anything else is a defect of ours."""

_FROM_THE_AIR: Final = (OfferMessage, InvreqMessage, StatusMessage, StatusAck, Wait, ErrorMessage, Abort)
_OFFER_ERRORS: Final = {0x0006: Code.OFFER_BAD, 0x0007: Code.OFFER_EXPIRES_TOO_SOON}


class MerchantSession:
    """One session with one buyer. Times are a monotonic clock's seconds."""

    def __init__(self, *, resume_seconds: float) -> None:
        """Take how long a device whose link broke is looked for."""
        self.state = State.READY
        self.told = self.heard = False
        """Whether the buyer acknowledged the outcome; whether anything came that only who has HS3 can say."""
        self._resume_seconds = resume_seconds
        self._offered_at = self._heard_at = self._said_at = self._reported_at = 0.0
        self._request: bytes | None = None
        self._reported: StatusCode | None = None
        self._news: StatusMessage | None = None
        self._lost_at = 0.0

    @property
    def news(self) -> StatusMessage | None:
        """The newest that the buyer is to know; None while there is no request."""
        return self._news

    @property
    def next_deadline(self) -> float | None:
        """When `handle_deadline` is to be called at the latest; None where there is nothing to wait for."""
        match self.state:
            case State.OFFERED:
                return min(self._offered_at + APPROVE_SECONDS, self._heard_at + SILENCE_SECONDS)
            case State.PAYING:
                return self._said_at + KEEP_ALIVE_SECONDS
            case State.REPORTING:
                return self._reported_at + ACK_SECONDS
            case State.LOST | State.SEVERED:
                return self._lost_at + self._resume_seconds
            case State.READY | State.JUDGING | State.DETACHED | State.CLOSED:
                return None
            case _:
                assert_never(self.state)

    def handle_deadline(self, now: float) -> tuple[Action, ...]:
        """Return what is due at `now`: nothing before `next_deadline`."""
        deadline = self.next_deadline
        return () if deadline is None or now < deadline else self.handle(Due(), now)

    def handle(self, event: Event, now: float) -> tuple[Action, ...]:
        """Take one event and return what is to be done, in this order.

        Raises `BledError` (`INTERNAL`) for an event of our own that cannot come now.
        """
        before = self.state
        after = _NEXT.get((before, type(event)))
        if after is None:
            return self._out_of_turn(event)
        if isinstance(event, StatusAck) and not self._acknowledges(event):
            return ()
        if isinstance(event, InvreqMessage) and self._request not in (None, event.request):
            return self._out_of_turn(event)
        if isinstance(event, Started) and self.heard:  # the first device has the offer: no other takes its place
            return self._out_of_turn(event)
        self.state = after
        self.heard |= isinstance(event, (Rejoined, *_FROM_THE_AIR))
        if isinstance(event, (Started, Rejoined, *_FROM_THE_AIR)):
            self._heard_at = now
        actions = self._act(before, event, now)
        if isinstance(event, (RequestAccepted, Rejoined)) or any(isinstance(action, Send) for action in actions):
            self._said_at = now
        return actions

    def _acknowledges(self, ack: StatusAck) -> bool:
        return self.state is State.PAYING or ack.code is self._reported

    def _out_of_turn(self, event: Event) -> tuple[Action, ...]:
        if not isinstance(event, _FROM_THE_AIR) and not isinstance(event, Garbled):
            raise BledError(Code.INTERNAL, detail=f"{type(event).__name__} in state {self.state.value}")
        if self.state in (State.LOST, State.SEVERED, State.DETACHED, State.CLOSED):  # a word that was on its way
            return ()
        return self._give_up(Code.BAD_STATE, f"{type(event).__name__} in state {self.state.value}")

    def _give_up(self, code: Code, detail: str) -> tuple[Action, ...]:
        """Tell the buyer what was wrong and end; a request that was received lives on."""
        request_came = self._request is not None
        self.state = State.DETACHED if request_came and self._reported is None else State.CLOSED
        gone = () if request_came else (BuyerGone(code=code, detail=detail),)
        return (Send(message=_error(code)), Hangup(), *gone)

    def _act(self, before: State, event: Event, now: float) -> tuple[Action, ...]:
        match event:
            case Started():
                self._offered_at = now
                return ()
            case InvreqMessage():
                return self._first_request(before, event)
            case RequestRefused():
                return (Send(message=_error(event.code)), Hangup())
            case RequestAccepted() | InvoiceSent() | Settled():
                return self._progress(event, now)
            case Due():
                return self._due(before)
            case LinkDropped() | Rejoined():
                return self._drop_or_rejoin(event, now)
            case Stopped():
                return self._stop(before, event.code)
            case StatusAck():
                self.told = self.state is State.CLOSED
                return (Hangup(),) if self.told else ()
            case Garbled():
                return self._garbled(before, event.code)
            case Abort() | ErrorMessage() | LinkLost():
                return self._ended(before, event)
            case Wait() | OfferMessage() | StatusMessage():  # the last two are a till's own: no row lets them in
                return ()
            case _:
                assert_never(event)

    def _first_request(self, before: State, event: InvreqMessage) -> tuple[Action, ...]:
        self._request = event.request
        return (Judge(request=event.request),) if before is State.OFFERED else ()

    def _progress(self, event: RequestAccepted | InvoiceSent | Settled, now: float) -> tuple[Action, ...]:
        if isinstance(event, RequestAccepted):
            return self._tell(StatusMessage(code=StatusCode.RECEIVED))
        if isinstance(event, InvoiceSent):
            return self._tell(StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=event.payment_hash))
        self._reported = event.status.code
        self._reported_at = now
        return self._tell(event.status)

    def _due(self, before: State) -> tuple[Action, ...]:
        """The state's time is over: say that the node still works, or give the buyer up."""
        match before:
            case State.PAYING:
                return (Send(message=Wait(reason=WaitReason.WAITING_FOR_PAYMENT)),)
            case State.OFFERED:
                gone = BuyerGone(code=Code.PEER_TIMEOUT, detail="no request came")
                return (Send(message=Abort(reason=AbortReason.TIMEOUT)), Hangup(), gone)
            case State.LOST:
                return (Hangup(), BuyerGone(code=Code.BUYER_LEFT, detail="the buyer's device did not come back"))
            case _:
                self._close_if_settled()
                return (Hangup(),)

    def _tell(self, status: StatusMessage) -> tuple[Action, ...]:
        """Say `status` now, or keep it for a device that comes back."""
        self._news = status
        return (Send(message=status),) if self.state in (State.PAYING, State.REPORTING) else ()

    def _drop_or_rejoin(self, event: LinkDropped | Rejoined, now: float) -> tuple[Action, ...]:
        """Stop where the link broke, or go on there. What happened since the handshake began is said then."""
        if isinstance(event, LinkDropped):
            self._lost_at = now
            return ()
        self._offered_at += now - self._lost_at  # the person's time stood still
        if self._reported is not None:
            self.state = State.REPORTING
            self._reported_at = now
        return () if event.said == self._news or self._news is None else (Send(message=self._news),)

    def _stop(self, before: State, code: Code) -> tuple[Action, ...]:
        if before in (State.LOST, State.SEVERED, State.DETACHED, State.CLOSED):
            self._close_if_settled()
            return ()
        word: Message = _error(code) if OUTCOMES[code].air is not None else Abort(reason=AbortReason.DONE)
        return (Send(message=word), Hangup())

    def _close_if_settled(self) -> None:
        """A sale that has ended goes on nowhere."""
        if self.state is State.DETACHED and self._reported is not None:
            self.state = State.CLOSED

    def _garbled(self, before: State, code: Code) -> tuple[Action, ...]:
        gone = (BuyerGone(code=code, detail="the buyer's device sent no message"),) if before is State.OFFERED else ()
        return (Send(message=_error(code)), Hangup(), *gone)

    def _ended(self, before: State, event: Abort | ErrorMessage | LinkLost) -> tuple[Action, ...]:
        if before not in (State.OFFERED, State.LOST):
            self._close_if_settled()
            return (Hangup(),)
        match event:
            case Abort():
                return (
                    Hangup(),
                    BuyerGone(code=_abort_code(event.reason), detail=f"the buyer's device: {event.reason.name}"),
                )
            case ErrorMessage():
                code = _OFFER_ERRORS.get(event.code, Code.BUYER_LEFT)
                return (Hangup(), BuyerGone(code=code, detail=f"the buyer's device: error {event.code:#06x}"))
            case LinkLost():
                return (Hangup(), BuyerGone(code=Code.BUYER_LEFT, detail="the link broke before the request"))
            case _:
                assert_never(event)


def _abort_code(reason: AbortReason) -> Code:
    match reason:
        case AbortReason.USER_DECLINED | AbortReason.WRONG_CUSTOMER:
            return Code.BUYER_DECLINED
        case AbortReason.CODE_MISMATCH:
            return Code.CODES_DIFFER
        case AbortReason.TIMEOUT:
            return Code.NOT_APPROVED_IN_TIME
        case AbortReason.BUSY | AbortReason.DONE:
            return Code.BUYER_LEFT
        case _:
            assert_never(reason)


def _error(code: Code) -> ErrorMessage:
    """Return what the buyer's device hears: the registry's number, INTERNAL where the row has none."""
    row = OUTCOMES[code]
    air = row.air if row.air is not None else OUTCOMES[Code.INTERNAL].air
    return ErrorMessage(code=air or 0, text=row.buyer)
