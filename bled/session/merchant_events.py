"""What can happen in a till's session, and what the till is to do. Pure; `bled.session.merchant` is the machine."""

from dataclasses import dataclass

from bled.codes import Code
from bled.gatt.messages import Message, StatusMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The OFFER has left with the last message of a first handshake; whether it came is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAccepted:
    """The request was checked and is on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused:
    """The request was checked and will not be served; `code` says why."""

    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSent:
    """The invoice is on its way to the buyer's home."""

    payment_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The sale has ended; `status` is what the buyer is to know."""

    status: StatusMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The till goes away before the sale has ended; `code` says why."""

    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The deadline of the state has been reached. Only `handle_deadline` makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbled:
    """Something came that is no message; `code` says what was wrong with it."""

    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDropped:
    """The radio link is gone, and the buyer's device may come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejoined:
    """The device is back on a new link; `said` is the status that the handshake carried, None for the offer."""

    said: StatusMessage | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLost:
    """The radio link is gone for good."""


Event = (
    Started
    | RequestAccepted
    | RequestRefused
    | InvoiceSent
    | Settled
    | Stopped
    | Due
    | Garbled
    | LinkDropped
    | Rejoined
    | LinkLost
    | Message
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Say this to the buyer."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Check these bytes, store them, then answer with `RequestAccepted` or `RequestRefused`."""

    request: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerGone:
    """No request will come: cancel the sale. `code` and `detail` say why."""

    code: Code
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    """Close the link: nothing more is to be said or heard."""


Action = Send | Judge | BuyerGone | Hangup
