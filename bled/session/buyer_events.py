"""What can happen in a meeting of the buyer's device, and what the device is to do. Pure; `bled.session.buyer` is the
machine."""

from dataclasses import dataclass

from bled.errors import BledError
from bled.gatt.messages import AbortReason, Message, StatusCode, StatusMessage
from bled.session.offer_policy import AcceptableOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The person said yes, and `request` is on disk.

    Attributes:
        request: the bytes to send, the same ones each time.
        known_by: when the outcome is not waited for any longer, on the clock of `BuyerSession.handle`.
    """

    request: bytes
    known_by: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The person said no, or saw another code on the till."""

    reason: AbortReason = AbortReason.USER_DECLINED


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden:
    """A rule of the device says no: nothing is signed."""

    error: BledError


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbled:
    """Something came that is no message; `error` says what was wrong with it."""

    error: BledError


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDropped:
    """The radio link is gone, and there is a way back: the till may come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLost:
    """The radio link is gone for good."""

    error: BledError


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The deadline of the state has been reached. Only `handle_deadline` makes it."""


Event = Approved | Declined | Forbidden | Garbled | LinkDropped | LinkLost | Due | Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Ask the person; answer with `Approved`, `Declined` or `Forbidden`."""

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
