"""The program's two machines in one thread: what they say to each other, without radio, node or person."""

from typing import Any

from bled.codes import Code
from bled.errors import PeerError, Refused
from bled.gatt.frames import Reassembler
from bled.gatt.messages import decode_message
from bled.gatt.secure_channel import SecureChannel
from bled.gatt.vocabulary import AbortReason, Message
from bled.sales.judge import judge_request
from bled.session import buyer, buyer_events, merchant, merchant_events
from bled.session.buyer import BuyerSession
from bled.session.merchant import MerchantSession
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

from .make_wire import plain

RESUME_SECONDS = 60.0
LONG = 10_000.0
INVOICE_LEFT = 45


def word(message: Message) -> dict[str, Any]:
    """Return a message as the files have an answer: without the text of an ERROR or STATUS, which is free."""
    return {name: value for name, value in plain(message).items() if name != "text"}


class Device:
    """The buyer's machine and what drives it."""

    def __init__(self, *, clock: UnixTime, chain: bytes = REGTEST_CHAIN) -> None:
        self.session = BuyerSession(
            chain=chain, clock_trusted=True, not_before=UnixTime(0), time=clock, resume_seconds=RESUME_SECONDS
        )
        self.said: list[Message] = []
        self.closed = False

    @property
    def state(self) -> str:
        """The machine's state by the profile's name."""
        return self.session.state.name

    def hear(self, data: bytes, now: float) -> None:
        """Take a message's octets as the driver does."""
        try:
            message = decode_message(data)
        except PeerError as error:
            self.fail(error, now)
            return
        if message is not None:
            self._do(self.session.handle(message, now))

    def fail(self, error: PeerError, now: float) -> None:
        """Something came that is no message."""
        self._do(self.session.handle(buyer_events.Garbled(error=error), now))

    def approve(self, request: bytes, now: float) -> None:
        """The person says yes."""
        self._do(self.session.handle(buyer_events.Approved(request=request, known_by=now + LONG), now))

    def decline(self, reason: AbortReason, now: float) -> None:
        """The person says no."""
        self._do(self.session.handle(buyer_events.Declined(reason=reason), now))

    def wait(self, now: float) -> None:
        """Time passes."""
        self._do(self.session.handle_deadline(now))

    def drop(self, now: float) -> None:
        """The link is lost."""
        if self.state in ("SHOWING", "SENT"):
            self._do(self.session.handle(buyer_events.LinkDropped(), now))

    def _do(self, actions: tuple[buyer_events.Action, ...]) -> None:
        self.said += [action.message for action in actions if isinstance(action, buyer_events.Send)]
        self.closed |= any(isinstance(action, buyer_events.Close) for action in actions)


class Till:
    """The till's machine and what drives it."""

    def __init__(self, *, offer: Offer, clock: UnixTime, chain: bytes = REGTEST_CHAIN) -> None:
        self.session = MerchantSession(resume_seconds=RESUME_SECONDS)
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
        """Take a message's octets as the driver does."""
        try:
            message = decode_message(data)
        except PeerError as error:
            self.fail(error, now)
            return
        if message is not None:
            self.tell(message, now)

    def fail(self, error: PeerError, now: float) -> None:
        """Something came that is no message."""
        self.tell(merchant_events.Garbled(code=error.code), now)

    def wait(self, now: float) -> None:
        """Time passes."""
        self._do(self.session.handle_deadline(now), now)

    def drop(self, now: float) -> None:
        """The link is lost."""
        if self.state in ("OFFERED", "PAYING", "REPORTING"):
            self.tell(merchant_events.LinkDropped(), now)

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
                    code = self._judge(action.request)
                    refused = code and merchant_events.RequestRefused(code=code)
                    self.tell(refused or merchant_events.RequestAccepted(), now)
                case merchant_events.BuyerGone():
                    pass

    def _judge(self, request: bytes) -> Code | None:
        amount = Msat(self.offer.offer_amount or 0)
        try:
            judge_request(request, offer=self.offer, amount=amount, chain=self.chain, left=INVOICE_LEFT, now=self.clock)
        except (PeerError, Refused) as error:
            return error.code
        return None


def receive(side: Device | Till, channel: SecureChannel, frames: list[bytes], *, earlier: int, now: float) -> None:
    """Bring frames to a side, `earlier` of which have come before, as its link and its driver do."""
    reassembler = Reassembler()
    for number in range(earlier):
        reassembler.receive(bytes([0xC0 | number % 32]) + b"\x00\x01x", now=now)
    try:
        for frame in frames:
            for data in reassembler.receive(frame, now=now):
                side.hear(channel.open(data), now)
    except PeerError as error:
        side.fail(error, now)


STATES = {"device": {state.name for state in buyer.State}, "till": {state.name for state in merchant.State}}
