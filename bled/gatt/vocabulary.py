"""What the two sides can say to each other: message types, their numbers, and one frozen class for each message."""

from dataclasses import dataclass
from enum import IntEnum


class MessageType(IntEnum):
    """First octet of a message."""

    OFFER = 0x10
    INVREQ = 0x12
    STATUS = 0x14
    STATUS_ACK = 0x15
    WAIT = 0x17
    ERROR = 0x18
    ABORT = 0x1A


class StatusCode(IntEnum):
    """How far the till's sale has come."""

    RECEIVED = 0
    INVOICE_SENT = 1
    PAID = 2
    FAILED = 3
    EXPIRED = 4
    CANCELLED = 5


class WaitReason(IntEnum):
    """What the sender of a WAIT is doing."""

    USER_DECIDING = 1
    SIGNING = 2
    WAITING_FOR_PAYMENT = 3


class AbortReason(IntEnum):
    """Why the sender of an ABORT ends the session."""

    USER_DECLINED = 1
    CODE_MISMATCH = 2
    TIMEOUT = 3
    BUSY = 4
    WRONG_CUSTOMER = 5
    DONE = 6


class OfferExtension(IntEnum):
    """Extension TLVs of OFFER."""

    TIP_MAX = 3


class StatusExtension(IntEnum):
    """Extension TLVs of STATUS."""

    INVOICE = 1
    PREIMAGE = 2
    TEXT = 3
    PAYMENT_HASH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMessage:
    """Merchant to buyer: what is for sale.

    Attributes:
        valid_for: seconds until the offer ends, 0 to 65535, as the till counts them.
        offer: the BOLT 12 TLV stream, not bech32; 1 to 2048 bytes, at most 1200 to be sure to be accepted.
        tip_max: millisatoshi that the buyer may add to the offer's amount, 0 to 2^64 - 1; None: nothing.
    """

    valid_for: int
    offer: bytes
    tip_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvreqMessage:
    """Buyer to merchant: the signed invoice_request, a TLV stream of 1 to 3900 bytes (at most 2500 to be sure)."""

    request: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMessage:
    """Merchant to buyer: how far the sale has come.

    Attributes:
        code: the state.
        invoice: the signed invoice's TLV stream, when the till sends it.
        preimage: 32 bytes, with PAID.
        text: receipt for people, at most 200 bytes of UTF-8. Anybody may have written it.
        payment_hash: 32 bytes, once an invoice exists.
    """

    code: StatusCode
    invoice: bytes | None = None
    preimage: bytes | None = None
    text: str | None = None
    payment_hash: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAck:
    """Buyer to merchant: the STATUS with this code has come."""

    code: StatusCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Either way: still there, and this is why it takes time."""

    reason: WaitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorMessage:
    """Either way: the session has failed and the sender expects the link to be closed.

    Attributes:
        code: a code of gatt_profile.md section 9, 0 to 65535; codes that are not in the table are allowed.
        text: for people; the sender cuts it to 64 bytes of UTF-8. Anybody may have written it.
    """

    code: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """Either way: the session ends here, by somebody's choice."""

    reason: AbortReason


Message = OfferMessage | InvreqMessage | StatusMessage | StatusAck | Wait | ErrorMessage | Abort
