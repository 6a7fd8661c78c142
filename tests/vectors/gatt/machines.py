"""The program's two machines in one thread: what they say to each other, without radio, node or person."""

from typing import Any

from bled.buyer.meeting import AFTER_EXPIRY_SECONDS, REJOINS
from bled.codes import OUTCOMES, Code
from bled.errors import BledError, PeerError, Refused, Unavailable
from bled.gatt.frames import FramingError, Reassembler, Violation
from bled.gatt.messages import decode_message
from bled.gatt.secure_channel import SecureChannel
from bled.gatt.vocabulary import AbortReason, ErrorMessage, Message
from bled.link.handshaking import RESUME_SECONDS
from bled.link.inbox import MAX_UNREAD_MESSAGES
from bled.sales.judge import judge_request
from bled.session import buyer, buyer_events, merchant, merchant_events
from bled.session.buyer import BuyerSession
from bled.session.merchant import MerchantSession
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

from .make_wire import plain

INVOICE_LEFT = 45


def word(message: Message) -> dict[str, Any]:
    """Return a message as the files have an answer: without the text of an ERROR or STATUS, which is free."""
    return {name: value for name, value in plain(message).items() if name != "text"}


class Device:
    """The buyer's machine and what drives it."""

    def __init__(
        self,
        *,
        clock: UnixTime,
        chain: bytes = REGTEST_CHAIN,
        resumes: bool = True,
        is_clock_right: bool = True,
        passed: int = 0,
    ) -> None:
        self.resumes = resumes
        self.session = BuyerSession(
            chain=chain,
            clock_trusted=is_clock_right,
            not_before=UnixTime(passed),
            time=clock,
            resume_seconds=RESUME_SECONDS,
        )
        self.said: list[Message] = []
        self.closed = False
        self.reason: BledError | None = None
        self.disk_takes = True
        self._known_by = 0.0
        self._rejoins_left = REJOINS
        self._answer: buyer_events.Approved | buyer_events.Declined | None = None

    @property
    def state(self) -> str:
        """The machine's state by the profile's name."""
        return self.session.state.name

    def hear(self, data: bytes, now: float) -> None:
        """Take a message's octets as the driver does; then the person, if they spoke while the link was away."""
        try:
            message = decode_message(data)
        except PeerError as error:
            self.fail(error, now)
            return
        if message is not None:
            self._do(self.session.handle(message, now))
        self._hear_the_person(now)

    def fail(self, error: PeerError, now: float) -> None:
        """Something came that is no message, or frames did not come."""
        if isinstance(error, FramingError) and error.is_late:
            self.drop(now)
        else:
            self._do(self.session.handle(buyer_events.Garbled(error=error), now))

    def approve(self, request: bytes, now: float) -> None:
        """The person says yes."""
        self._answer = buyer_events.Approved(request=request, known_by=self._known_by)
        self._hear_the_person(now)

    def decline(self, reason: AbortReason, now: float) -> None:
        """The person says no."""
        self._answer = buyer_events.Declined(reason=reason)
        self._hear_the_person(now)

    def forbid(self, now: float) -> None:
        """The person said yes, and the device may not pay it."""
        self._do(self.session.handle(buyer_events.Forbidden(error=Refused(Code.OVER_PAYMENT_LIMIT)), now))

    def give_up(self, now: float) -> None:
        """The till is not waited for any longer."""
        lost = buyer_events.LinkLost(error=Unavailable(Code.LINK_LOST))
        self._do(self.session.handle(lost, now))

    def _hear_the_person(self, now: float) -> None:
        if self._answer is not None and self.state == "SHOWING":
            answer, self._answer = self._answer, None
            self._do(self.session.handle(answer, now))

    def wait(self, now: float) -> None:
        """Time passes."""
        self._do(self.session.handle_deadline(now))

    def drop(self, now: float) -> None:
        """The link is lost."""
        if self.state in ("SHOWING", "SENT"):
            lost = buyer_events.LinkLost(error=Unavailable(Code.LINK_LOST))
            is_on = self.resumes and self._rejoins_left > 0
            self._rejoins_left -= 1
            self._do(self.session.handle(buyer_events.LinkDropped() if is_on else lost, now))

    def _do(self, actions: tuple[buyer_events.Action, ...]) -> None:
        for action in actions:
            match action:
                case buyer_events.Send():
                    self.said.append(action.message)
                case buyer_events.Show():
                    self._known_by = action.offer.expires_at - action.offer.now + AFTER_EXPIRY_SECONDS
                case buyer_events.Close():
                    self.closed, self.reason = True, action.reason
                case buyer_events.Finish() if not self.disk_takes:
                    self.said.append(ErrorMessage(code=OUTCOMES[Code.INTERNAL].air or 0))
                    self.closed = True
                    return
                case buyer_events.Progress() | buyer_events.Finish():
                    pass


class Till:
    """The till's machine and what drives it."""

    def __init__(
        self,
        *,
        offer: Offer,
        clock: UnixTime,
        chain: bytes = REGTEST_CHAIN,
        resumes: bool = True,
        judges_at_once: bool = True,
        tip_max: int = 0,
        payer_ids_before: tuple[bytes, ...] = (),
    ) -> None:
        self.tip_max = Msat(tip_max)
        self.payer_ids_before = payer_ids_before
        self.session = MerchantSession(resume_seconds=RESUME_SECONDS)
        self.resumes, self.judges_at_once = resumes, judges_at_once
        self.to_judge: bytes | None = None
        self.is_cancelled = False
        self._rejoins_left = REJOINS
        self._unread: list[bytes] = []
        self.offer, self.clock, self.chain = offer, clock, chain
        self.said: list[Message] = []
        self.closed = False

    @property
    def state(self) -> str:
        """The machine's state by the profile's name."""
        return self.session.state.name

    def start(self, now: float) -> None:
        """HS3 with the offer has left."""
        self.tell(merchant_events.Started(), now)

    def hear(self, data: bytes, now: float) -> None:
        """Take a message's octets as the driver does: nothing is read while a request is judged."""
        if self.state == "JUDGING":
            self._unread.append(data)
            return
        try:
            message = decode_message(data)
        except PeerError as error:
            self.fail(error, now)
            return
        if message is not None:
            self.tell(message, now)

    def fail(self, error: PeerError, now: float) -> None:
        """Something came that is no message, or frames did not come."""
        if isinstance(error, FramingError) and error.is_late:
            self.drop(now)
        else:
            self.tell(merchant_events.Garbled(code=error.code), now)

    def wait(self, now: float) -> None:
        """Time passes."""
        self._do(self.session.handle_deadline(now), now)

    def drop(self, now: float) -> None:
        """The link is lost."""
        if self.state in ("OFFERED", "PAYING", "REPORTING"):
            is_on = self.resumes and self._rejoins_left > 0
            self._rejoins_left -= 1
            self.tell(merchant_events.LinkDropped() if is_on else merchant_events.LinkLost(), now)

    def tell(self, event: merchant_events.Event, now: float) -> None:
        """Give the machine an event."""
        self._do(self.session.handle(event, now), now)

    def _do(self, actions: tuple[merchant_events.Action, ...], now: float) -> None:
        for action in actions:
            match action:
                case merchant_events.Send():
                    self.said.append(action.message)
                case merchant_events.Hangup():
                    self.closed = True
                case merchant_events.Judge():
                    self.to_judge = action.request
                    if self.judges_at_once:
                        self.judge(now)
                case merchant_events.BuyerGone():
                    self.is_cancelled = True

    def judge(self, now: float) -> None:
        """Judge the request that came."""
        request, self.to_judge = self.to_judge, None
        if request is not None:
            code = self._judge(request)
            refused = code and merchant_events.RequestRefused(code=code)
            self.is_cancelled = code is not None
            self.tell(refused or merchant_events.RequestAccepted(), now)
            unread, self._unread = self._unread, []
            for data in unread:
                self.hear(data, now)

    def _judge(self, request: bytes) -> Code | None:
        amount = Msat(self.offer.offer_amount or 0)
        terms = {"offer": self.offer, "amount": amount, "tip_max": self.tip_max, "chain": self.chain}
        try:
            judged = judge_request(request, **terms, left=INVOICE_LEFT, now=self.clock)
        except (PeerError, Refused) as error:
            return error.code
        return Code.REQUEST_BAD if judged.invreq_payer_id in self.payer_ids_before else None


class Ear:
    """Brings frames to a side, as its link and its driver do. `earlier` frames have come before."""

    def __init__(self, side: Device | Till, channel: SecureChannel, *, earlier: int) -> None:
        self.side, self.channel = side, channel
        self.joiner = Reassembler()
        for number in range(earlier):
            self.joiner.receive(bytes([0xC0 | number % 32]) + b"\x00\x01x", now=0.0)

    def take(self, frame: bytes, now: float) -> None:
        """A frame has come; what it completes is heard at once."""
        try:
            for data in self.joiner.receive(frame, now=now):
                self.side.hear(self.channel.open(data), now)
        except PeerError as error:
            self.side.fail(error, now)

    def keep(self, frames: list[bytes], now: float) -> None:
        """Frames have come before the side hears any; then it does."""
        unread: list[bytes] = []
        fault: PeerError | None = None
        try:
            for frame in frames:
                unread += self.joiner.receive(frame, now=now)
                if len(unread) > MAX_UNREAD_MESSAGES:
                    raise FramingError(Violation.FLOOD)
        except PeerError as error:
            fault = error
        if isinstance(self.side, Till):
            self.side.judge(now)
        for data in unread[:MAX_UNREAD_MESSAGES]:
            self.side.hear(self.channel.open(data), now)
        if fault is not None:
            self.side.fail(fault, now)

    def overdue(self, now: float) -> None:
        """Nothing more has come."""
        try:
            self.joiner.check(now=now)
        except PeerError as error:
            self.side.fail(error, now)


STATES = {"device": {state.name for state in buyer.State}, "till": {state.name for state in merchant.State}}
