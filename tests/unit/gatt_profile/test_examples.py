"""The short vectors inside `gatt_profile.md`, and the files that it names."""

import re
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import PeerError
from bled.gatt.frames import FramingError, Reassembler, split_message
from bled.gatt.messages import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    Message,
    MessageType,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    Wait,
    WaitReason,
    decode_message,
    encode_message,
)

from .text import Row, hexes, section, table

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "gatt"


def test_the_files_of_vectors_are_those_that_are_there() -> None:
    assert {row[0].strip("`") for row in table("14", "file")} == {path.name for path in FOLDER.glob("*.json")}
    command = re.findall(r"`python -m (\S+)`", section("14"))
    assert command == ["tests.vectors.gatt.make"]
    assert (FOLDER / "make.py").is_file()


@pytest.mark.parametrize("row", table("14", "message", "ATT_MTU"), ids=lambda row: row[0])
def test_frames_are_what_is_sent_and_received(row: Row) -> None:
    message, frames = hexes(row[0])[0], hexes(row[3])
    number = int(row[2])
    assert list(split_message(message, att_mtu=int(row[1]), first_number=number)) == frames
    reassembler = Reassembler()
    for earlier in range(number):
        reassembler.receive(bytes([0xC0 | earlier]) + b"\x00\x01x", now=0.0)
    assert [done for frame in frames for done in reassembler.receive(frame, now=0.0)] == [message]


@pytest.mark.parametrize("row", table("14", "frames"), ids=lambda row: row[1])
def test_bad_frames_are_refused_for_their_reason(row: Row) -> None:
    reassembler = Reassembler()
    *before, last = hexes(row[0])
    for frame in before:
        reassembler.receive(frame, now=0.0)
    with pytest.raises(FramingError) as caught:
        reassembler.receive(last, now=0.0)
    assert caught.value.violation == row[1].strip("`")


MEANINGS: dict[str, Message] = {
    "OFFER: `valid_for` 300, offer `0a0161`": OfferMessage(valid_for=300, offer=bytes.fromhex("0a0161")),
    "INVREQ: request `000162`": InvreqMessage(request=bytes.fromhex("000162")),
    "STATUS 0": StatusMessage(code=StatusCode.RECEIVED),
    "STATUS 1, payment hash 32 x `11`": StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=b"\x11" * 32),
    'STATUS 2, preimage 32 x `22`, text "paid", payment hash 32 x `33`': StatusMessage(
        code=StatusCode.PAID, preimage=b"\x22" * 32, text="paid", payment_hash=b"\x33" * 32
    ),
    "STATUS_ACK 2": StatusAck(code=StatusCode.PAID),
    "WAIT 1": Wait(reason=WaitReason.USER_DECIDING),
    'ERROR 0x0005, text "bad state"': ErrorMessage(code=5, text="bad state"),
    "ABORT 1": Abort(reason=AbortReason.USER_DECLINED),
}


@pytest.mark.parametrize("row", table("14", "bytes"), ids=lambda row: row[0][:20])
def test_a_message_means_what_is_written_beside_it(row: Row) -> None:
    data, meaning = hexes(row[0])[0], row[1]
    if meaning.startswith("refused"):
        with pytest.raises(PeerError) as caught:
            decode_message(data)
        assert caught.value.code is Code(re.findall(r"`([a-z-]+)`", meaning)[0])
    elif meaning.startswith("ignored"):
        assert decode_message(data) is None
    elif meaning.endswith("ignored"):
        assert decode_message(data) == MEANINGS[meaning.split(", an unknown")[0]]
    else:
        assert decode_message(data) == MEANINGS[meaning]
        assert encode_message(MEANINGS[meaning]) == data


def test_every_kind_of_message_has_an_example() -> None:
    named = {row[1].split(":")[0].split(" ")[0].split(",")[0] for row in table("14", "bytes")}
    assert {member.name for member in MessageType} <= named
