"""Messages to bytes and back (gatt_profile.md, section 7): type, fixed fields, then extension TLVs.

Extensions follow BOLT 1: an unknown odd type may be ignored, an unknown even one refuses the message. The same rule
holds for message types themselves.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final, TypeVar, assert_never

from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.profile import (
    MAX_ERROR_TEXT_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_OFFER_BYTES,
    MAX_RECEIPT_TEXT_BYTES,
    MAX_REQUEST_BYTES,
)
from bled.gatt.vocabulary import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    Message,
    MessageType,
    OfferExtension,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusExtension,
    StatusMessage,
    Wait,
    WaitReason,
)
from bled_codec.errors import CodecError, EncodingError, Rule
from bled_codec.primitives import Reader
from bled_codec.tlv import encode_stream, require_known_even, split_stream

__all__ = [
    "Abort",
    "AbortReason",
    "ErrorMessage",
    "InvreqMessage",
    "Message",
    "MessageType",
    "OfferExtension",
    "OfferMessage",
    "StatusAck",
    "StatusCode",
    "StatusExtension",
    "StatusMessage",
    "Wait",
    "WaitReason",
    "decode_message",
    "encode_message",
]

_OFFER_KNOWN: Final = frozenset(int(extension) for extension in OfferExtension)
_STATUS_KNOWN: Final = frozenset(int(extension) for extension in StatusExtension)
_HASH_BYTES: Final = 32
_TIP_BYTES: Final = 8

_Number = TypeVar("_Number", bound=IntEnum)


def encode_message(message: Message) -> bytes:
    """Return the bytes of `message`.

    Raises `BledError` (`MESSAGE_TOO_LARGE`) for content of our own above its limit, and `ValueError` for a hash or
    preimage that is not 32 bytes, an empty offer or request, or a number outside its field.
    """
    encoded = _encode(message)
    if len(encoded) > MAX_MESSAGE_BYTES:
        raise _too_large("message", MAX_MESSAGE_BYTES)
    return encoded


def _encode(message: Message) -> bytes:
    match message:
        case OfferMessage():
            type_ = MessageType.OFFER
            body = _u16(message.valid_for) + _sized(message.offer, MAX_OFFER_BYTES) + _offer_extensions(message)
        case InvreqMessage():
            type_, body = MessageType.INVREQ, _sized(message.request, MAX_REQUEST_BYTES)
        case StatusMessage():
            type_, body = MessageType.STATUS, bytes([message.code]) + encode_stream(_status_extensions(message))
        case StatusAck():
            type_, body = MessageType.STATUS_ACK, bytes([message.code])
        case Wait():
            type_, body = MessageType.WAIT, bytes([message.reason])
        case ErrorMessage():
            text = _cut(message.text, MAX_ERROR_TEXT_BYTES)
            type_, body = MessageType.ERROR, _u16(message.code) + bytes([len(text)]) + text
        case Abort():
            type_, body = MessageType.ABORT, bytes([message.reason])
        case _:
            assert_never(message)
    return bytes([type_]) + body


def _u16(value: int) -> bytes:
    if not 0 <= value <= 0xFFFF:
        raise ValueError("a u16 is 0 to 65535")
    return value.to_bytes(2, "big")


def _offer_extensions(message: OfferMessage) -> bytes:
    if message.tip_max is None:
        return b""
    if not 0 <= message.tip_max < 1 << 8 * _TIP_BYTES:
        raise ValueError("a tip is a u64")
    return encode_stream({int(OfferExtension.TIP_MAX): message.tip_max.to_bytes(_TIP_BYTES, "big")})


def _sized(data: bytes, limit: int) -> bytes:
    if not data:
        raise ValueError("an offer or request has at least one byte")
    if len(data) > limit:
        raise _too_large("offer or request", limit)
    return _u16(len(data)) + data


def _too_large(what: str, limit: int) -> BledError:
    return BledError(Code.MESSAGE_TOO_LARGE, detail=f"a {what} of more than {limit} bytes cannot be sent")


def _cut(text: str, limit: int) -> bytes:
    """Return `text` in UTF-8, without the characters that do not fit."""
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore").encode()


def _status_extensions(message: StatusMessage) -> dict[int, bytes]:
    text = None if message.text is None else message.text.encode("utf-8", "replace")
    if text is not None and len(text) > MAX_RECEIPT_TEXT_BYTES:
        raise _too_large("receipt text", MAX_RECEIPT_TEXT_BYTES)
    if any(value is not None and len(value) != _HASH_BYTES for value in (message.preimage, message.payment_hash)):
        raise ValueError("a preimage and a payment hash have 32 bytes")
    values = {
        StatusExtension.INVOICE: message.invoice,
        StatusExtension.PREIMAGE: message.preimage,
        StatusExtension.TEXT: text,
        StatusExtension.PAYMENT_HASH: message.payment_hash,
    }
    return {int(type_): value for type_, value in values.items() if value is not None}


def decode_message(data: bytes) -> Message | None:
    """Return the message in `data`, or None for an unknown odd type, which is to be ignored.

    Raises `PeerError`: `MESSAGE_UNKNOWN` for an unknown even type or extension and for a state or reason that is not
    in its table, `MESSAGE_TOO_LARGE` for content above its limit, `FRAMING` for a body that is not what it should be.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise PeerError(Code.MESSAGE_TOO_LARGE, detail="the message is too long")
    reader = Reader(data)
    try:
        type_ = reader.uint(1)
        decoder = _DECODERS.get(type_)
        if decoder is None:
            _require_odd(type_)
            return None
        return decoder(reader)
    except CodecError as error:
        code = Code.MESSAGE_UNKNOWN if error.rule is Rule.TLV_UNKNOWN_EVEN else Code.FRAMING
        raise PeerError.from_codec(code, error) from error


def _require_odd(type_: int) -> None:
    if type_ % 2 == 0:
        raise PeerError(Code.MESSAGE_UNKNOWN, detail=f"message type {type_:#04x}")


def _decode_offer(reader: Reader) -> OfferMessage:
    valid_for = reader.uint(2)
    offer = _take_sized(reader, MAX_OFFER_BYTES)
    tip_max = _extensions(reader, known=_OFFER_KNOWN).get(OfferExtension.TIP_MAX)
    if tip_max is not None and len(tip_max) != _TIP_BYTES:
        raise EncodingError(Rule.WRONG_LENGTH, tlv_type=OfferExtension.TIP_MAX)
    return OfferMessage(
        valid_for=valid_for, offer=offer, tip_max=None if tip_max is None else int.from_bytes(tip_max, "big")
    )


def _decode_invreq(reader: Reader) -> InvreqMessage:
    request = _take_sized(reader, MAX_REQUEST_BYTES)
    _extensions(reader)
    return InvreqMessage(request=request)


def _decode_status(reader: Reader) -> StatusMessage:
    code = _number(reader, StatusCode)
    extensions = _extensions(reader, known=_STATUS_KNOWN)
    return StatusMessage(
        code=code,
        invoice=extensions.get(StatusExtension.INVOICE),
        preimage=_hash(extensions, StatusExtension.PREIMAGE),
        text=_receipt(extensions),
        payment_hash=_hash(extensions, StatusExtension.PAYMENT_HASH),
    )


def _decode_status_ack(reader: Reader) -> StatusAck:
    code = _number(reader, StatusCode)
    _extensions(reader)
    return StatusAck(code=code)


def _decode_wait(reader: Reader) -> Wait:
    reason = _number(reader, WaitReason)
    _extensions(reader)
    return Wait(reason=reason)


def _decode_error(reader: Reader) -> ErrorMessage:
    code = reader.uint(2)
    length = reader.uint(1)
    _require_at_most(length, MAX_ERROR_TEXT_BYTES, "error text")
    text = _text(reader.take(length))
    _extensions(reader)
    return ErrorMessage(code=code, text=text)


def _decode_abort(reader: Reader) -> Abort:
    reason = _number(reader, AbortReason)
    _extensions(reader)
    return Abort(reason=reason)


_DECODERS: Final[dict[int, Callable[[Reader], Message]]] = {
    MessageType.OFFER: _decode_offer,
    MessageType.INVREQ: _decode_invreq,
    MessageType.STATUS: _decode_status,
    MessageType.STATUS_ACK: _decode_status_ack,
    MessageType.WAIT: _decode_wait,
    MessageType.ERROR: _decode_error,
    MessageType.ABORT: _decode_abort,
}


def _take_sized(reader: Reader, limit: int) -> bytes:
    length = reader.uint(2)
    _require_at_most(length, limit, "offer or request")
    if length == 0:
        raise reader.fail(Rule.WRONG_LENGTH)
    return reader.take(length)


def _require_at_most(length: int, limit: int, what: str) -> None:
    if length > limit:
        raise PeerError(Code.MESSAGE_TOO_LARGE, detail=f"{what} of {length} bytes; the limit is {limit}")


def _number(reader: Reader, numbers: type[_Number]) -> _Number:
    value = reader.uint(1)
    if value not in {member.value for member in numbers}:
        raise PeerError(Code.MESSAGE_UNKNOWN, detail=f"{numbers.__name__} {value}")
    return numbers(value)


def _extensions(reader: Reader, *, known: frozenset[int] = frozenset()) -> dict[int, bytes]:
    """Read the TLV stream that fills the rest of the message."""
    records = split_stream(reader.take(reader.remaining))
    require_known_even(records, known)
    return {record.type: record.value for record in records}


def _hash(extensions: dict[int, bytes], type_: StatusExtension) -> bytes | None:
    value = extensions.get(type_)
    if value is not None and len(value) != _HASH_BYTES:
        raise EncodingError(Rule.WRONG_LENGTH, tlv_type=type_)
    return value


def _receipt(extensions: dict[int, bytes]) -> str | None:
    value = extensions.get(StatusExtension.TEXT)
    if value is None:
        return None
    _require_at_most(len(value), MAX_RECEIPT_TEXT_BYTES, "receipt text")
    return _text(value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EncodingError(Rule.NOT_UTF8) from None
