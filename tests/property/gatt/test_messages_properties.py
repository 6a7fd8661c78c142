"""Properties of the messages."""

from hypothesis import given
from hypothesis.strategies import binary, builds, integers, none, one_of, sampled_from, text

from bled.codes import Code
from bled.errors import PeerError
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
    decode_message,
    encode_message,
)
from bled_codec.primitives import encode_bigsize

hashes = one_of(none(), binary(min_size=32, max_size=32))
every_message = one_of(
    builds(OfferMessage, valid_for=integers(0, 65535), offer=binary(min_size=1, max_size=2048)),
    builds(InvreqMessage, request=binary(min_size=1, max_size=3900)),
    builds(
        StatusMessage,
        code=sampled_from(StatusCode),
        invoice=one_of(none(), binary(max_size=3000)),
        preimage=hashes,
        text=one_of(none(), text(max_size=50)),
        payment_hash=hashes,
    ),
    builds(StatusAck, code=sampled_from(StatusCode)),
    builds(Wait, reason=sampled_from(WaitReason)),
    builds(ErrorMessage, code=integers(0, 65535), text=text(max_size=16)),
    builds(Abort, reason=sampled_from(AbortReason)),
)


@given(message=every_message)
def test_a_message_survives_encoding(message: Message) -> None:
    assert decode_message(encode_message(message)) == message


@given(message=every_message, type_=integers(2**16, 2**40))
def test_it_is_okay_to_be_odd(message: Message, type_: int) -> None:
    extended = encode_message(message) + encode_bigsize(type_) + b"\x00"
    if len(extended) > 4096:
        return
    try:
        decoded = decode_message(extended)
    except PeerError as error:
        assert type_ % 2 == 0
        assert error.code is Code.MESSAGE_UNKNOWN
    else:
        assert type_ % 2 == 1
        assert decoded == message


@given(data=binary(max_size=300))
def test_garbage_is_a_message_or_ignored_or_a_peer_error(data: bytes) -> None:
    try:
        decode_message(data)
    except PeerError as error:
        assert error.code in {Code.FRAMING, Code.MESSAGE_UNKNOWN, Code.MESSAGE_TOO_LARGE}


@given(type_=sampled_from([0x10, 0x12, 0x14, 0x15, 0x17, 0x18, 0x1A]), data=binary(max_size=100))
def test_garbage_behind_a_known_type_is_a_message_or_a_peer_error(type_: int, data: bytes) -> None:
    try:
        assert decode_message(bytes([type_]) + data) is not None
    except PeerError as error:
        assert error.code in {Code.FRAMING, Code.MESSAGE_UNKNOWN, Code.MESSAGE_TOO_LARGE}
