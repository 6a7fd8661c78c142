"""The messages, byte by byte."""

import pytest

from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.channel import Channel, PlainChannel
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
from bled_codec.errors import Rule

EVERY_MESSAGE = [
    (OfferMessage(valid_for=300, offer=b"\x0a\x01a"), "10012c00030a0161"),
    (OfferMessage(valid_for=300, offer=b"\x0a\x01a", tip_max=500_000), "10012c00030a01610308000000000007a120"),
    (InvreqMessage(request=b"\x00\x01b"), "120003000162"),
    (StatusMessage(code=StatusCode.RECEIVED), "1400"),
    (StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=b"\x11" * 32), "14010420" + "11" * 32),
    (
        StatusMessage(
            code=StatusCode.PAID, invoice=b"\x01", preimage=b"\x22" * 32, text="Té", payment_hash=b"\x33" * 32
        ),
        "14020101010220" + "22" * 32 + "030354c3a90420" + "33" * 32,
    ),
    (StatusMessage(code=StatusCode.CANCELLED, text=""), "14050300"),
    (StatusAck(code=StatusCode.PAID), "1502"),
    (Wait(reason=WaitReason.SIGNING), "1702"),
    (ErrorMessage(code=0x000E, text="defect"), "18000e06646566656374"),
    (ErrorMessage(code=0xFFFF), "18ffff00"),
    (Abort(reason=AbortReason.USER_DECLINED), "1a01"),
]  # fmt: skip


def code_of(data: bytes) -> Code:
    with pytest.raises(PeerError) as caught:
        decode_message(data)
    return caught.value.code


def rule_of(data: bytes) -> Rule | None:
    with pytest.raises(PeerError) as caught:
        decode_message(data)
    return caught.value.rule


@pytest.mark.parametrize(("message", "encoded"), EVERY_MESSAGE)
def test_each_message_has_these_bytes(message: Message, encoded: str) -> None:
    assert encode_message(message).hex() == encoded
    assert decode_message(bytes.fromhex(encoded)) == message


@pytest.mark.parametrize(("message", "encoded"), EVERY_MESSAGE)
def test_a_truncated_message_is_refused_or_is_a_shorter_stream_of_extensions(message: Message, encoded: str) -> None:
    whole = bytes.fromhex(encoded)
    for length in range(len(whole)):
        try:
            shorter = decode_message(whole[:length])
        except PeerError as error:
            assert error.code is Code.FRAMING
        else:
            assert isinstance(shorter, StatusMessage | OfferMessage)


@pytest.mark.parametrize(("message", "encoded"), EVERY_MESSAGE)
def test_an_unknown_odd_extension_is_ignored(message: Message, encoded: str) -> None:
    assert decode_message(bytes.fromhex(encoded) + b"\xfd\x03\xe9\x01x") == message


@pytest.mark.parametrize(("message", "encoded"), EVERY_MESSAGE)
def test_an_unknown_even_extension_is_refused(message: Message, encoded: str) -> None:
    assert code_of(bytes.fromhex(encoded) + b"\xfd\x03\xe8\x00") is Code.MESSAGE_UNKNOWN


@pytest.mark.parametrize(("message", "encoded"), EVERY_MESSAGE)
def test_a_trailing_byte_is_an_extension_cut_short(message: Message, encoded: str) -> None:
    assert code_of(bytes.fromhex(encoded) + b"\x63") is Code.FRAMING


@pytest.mark.parametrize("type_", [0x11, 0x13, 0x01, 0x7F, 0xFF])
def test_an_unknown_odd_type_is_ignored_whatever_follows(type_: int) -> None:
    assert decode_message(bytes([type_, 0xFF, 0xFF])) is None


@pytest.mark.parametrize("type_", [0x00, 0x16, 0x1C, 0xFE])
def test_an_unknown_even_type_is_refused(type_: int) -> None:
    assert code_of(bytes([type_])) is Code.MESSAGE_UNKNOWN


@pytest.mark.parametrize("data", ["1406", "1506", "1700", "1704", "1a00", "1a07"])
def test_a_state_or_reason_outside_its_table_is_refused(data: str) -> None:
    assert code_of(bytes.fromhex(data)) is Code.MESSAGE_UNKNOWN


@pytest.mark.parametrize(
    "data",
    [
        b"\x10\x00\x00" + (2049).to_bytes(2, "big") + bytes(2049),
        b"\x12" + (3901).to_bytes(2, "big") + bytes(3901),
        b"\x14\x02\x03\xc9" + b"a" * 201,
        b"\x18\x00\x01\x41" + b"a" * 65,
        b"\x01" * 4097,
    ],
)
def test_content_above_its_limit_is_refused_as_too_large(data: bytes) -> None:
    assert code_of(data) is Code.MESSAGE_TOO_LARGE


@pytest.mark.parametrize("size", [1200, 2048])
def test_an_offer_of_the_size_that_everyone_accepts_passes(size: int) -> None:
    message = OfferMessage(valid_for=0, offer=bytes(size))
    assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize("size", [2500, 3900])
def test_a_request_of_the_size_that_everyone_accepts_passes(size: int) -> None:
    message = InvreqMessage(request=bytes(size))
    assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize("data", ["1000000000", "120000"])
def test_an_empty_offer_or_request_is_refused(data: str) -> None:
    assert rule_of(bytes.fromhex(data)) is Rule.WRONG_LENGTH


@pytest.mark.parametrize("type_", [2, 4])
@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_has_32_bytes(type_: int, length: int) -> None:
    assert rule_of(bytes([0x14, 2, type_, length]) + bytes(length)) is Rule.WRONG_LENGTH


@pytest.mark.parametrize("data", ["14020301ff", "18000101ff"])
def test_text_must_be_utf8(data: str) -> None:
    assert rule_of(bytes.fromhex(data)) is Rule.NOT_UTF8


@pytest.mark.parametrize(
    ("data", "rule"), [("140203000100", Rule.TLV_OUT_OF_ORDER), ("140203000300", Rule.TLV_DUPLICATE)]
)
def test_extensions_are_a_strict_tlv_stream(data: str, rule: Rule) -> None:
    assert rule_of(bytes.fromhex(data)) is rule


@pytest.mark.parametrize(
    "message",
    [
        OfferMessage(valid_for=1, offer=bytes(2049)),
        InvreqMessage(request=bytes(3901)),
        StatusMessage(code=StatusCode.PAID, text="é" * 101),
        StatusMessage(code=StatusCode.PAID, invoice=bytes(4091)),
    ],
)
def test_content_of_our_own_above_its_limit_cannot_be_encoded(message: Message) -> None:
    with pytest.raises(BledError) as caught:
        encode_message(message)
    assert caught.value.code is Code.MESSAGE_TOO_LARGE


@pytest.mark.parametrize(
    "message",
    [
        OfferMessage(valid_for=1, offer=b""),
        OfferMessage(valid_for=65536, offer=b"a"),
        OfferMessage(valid_for=-1, offer=b"a"),
        InvreqMessage(request=b""),
        StatusMessage(code=StatusCode.PAID, preimage=bytes(31)),
        StatusMessage(code=StatusCode.PAID, payment_hash=bytes(33)),
        ErrorMessage(code=65536),
    ],
)
def test_what_no_message_can_say_is_a_mistake_of_the_caller(message: Message) -> None:
    with pytest.raises(ValueError, match=r"bytes|byte|u16"):
        encode_message(message)


def test_the_text_of_an_error_is_cut_at_a_character() -> None:
    assert decode_message(encode_message(ErrorMessage(code=1, text="a" + "é" * 60))) == ErrorMessage(
        code=1, text="a" + "é" * 31
    )


def test_the_plain_channel_changes_nothing() -> None:
    channel: Channel = PlainChannel()
    assert channel.open(channel.seal(b"abc")) == b"abc"


@pytest.mark.parametrize("tip", ["0300", "030100", "0307" + "00" * 7, "0309" + "00" * 9])
def test_a_tip_has_eight_octets(tip: str) -> None:
    data = bytes.fromhex("10012c00030a0161" + tip)
    assert (code_of(data), rule_of(data)) == (Code.FRAMING, Rule.WRONG_LENGTH)


@pytest.mark.parametrize("tip", [0, 1, 2**64 - 1])
def test_every_tip_of_its_field_passes(tip: int) -> None:
    message = OfferMessage(valid_for=0, offer=b"a", tip_max=tip)
    assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize("tip", [-1, 2**64])
def test_a_tip_outside_its_field_is_not_sent(tip: int) -> None:
    with pytest.raises(ValueError, match="u64"):
        encode_message(OfferMessage(valid_for=0, offer=b"a", tip_max=tip))
