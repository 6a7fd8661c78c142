"""What is fuzzed of the air: each target takes any bytes, and answers or refuses them with a named error."""

from collections.abc import Callable
from typing import Final

from bled.errors import PeerError
from bled.gatt.beacon import is_beacon
from bled.gatt.engagement import Engagement, OpenMeeting
from bled.gatt.frames import Reassembler
from bled.gatt.handshake import Beacon, Reader
from bled.gatt.handshake_payloads import decode_hs1, decode_hs2, split_hs3
from bled.gatt.messages import decode_message, encode_message
from bled.gatt.noise import Initiator
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import SERVICE_UUID
from bled.gatt.secure_channel import SecureChannel

KEY: Final = X25519Key(b"\x41" * 32)
OFFER: Final = b"\x10\x01\x2c\x00\x03abc"


class Broken(Exception):
    """A promise of the profile does not hold."""


def _drawn(byte: int) -> Callable[[int], bytes]:
    return lambda length: bytes([byte]) * length


def message(data: bytes) -> None:
    """A message that is read says the same when it is written and read again."""
    read = decode_message(data)
    if read is not None and decode_message(encode_message(read)) != read:
        raise Broken


def frames(data: bytes) -> None:
    """Any values in a row, each with its length before it: messages come out, or the receiver gives up."""
    reassembler, at = Reassembler(), 0
    while at < len(data):
        length = data[at] * 3
        reassembler.receive(data[at + 1 : at + 1 + length], now=float(at) / 1000)
        at += 1 + length


def hs1(data: bytes) -> None:
    """The payload of HS1, and HS1 as it comes off the air."""
    Beacon(meeting=OpenMeeting()).answer(
        Initiator(static=KEY, ephemeral=KEY, psk=bytes(32)).write_first(data), entropy=_drawn(2)
    )
    decode_hs1(data)


def hs1_raw(data: bytes) -> None:
    """What nobody sealed is not answered."""
    Beacon(meeting=OpenMeeting()).answer(data, entropy=_drawn(2))
    raise Broken


def hs2(data: bytes) -> None:
    """The payload of HS2."""
    decode_hs2(data)


def hs2_raw(data: bytes) -> None:
    """What nobody sealed is not taken."""
    reader = Reader(static=KEY, meeting=OpenMeeting(), message=OFFER)
    reader.start(entropy=_drawn(3))
    reader.finish(data)
    raise Broken


def hs3(data: bytes) -> None:
    """The payload of HS3, whatever it promised."""
    split_hs3(data)
    till = Initiator(static=KEY, ephemeral=KEY, psk=bytes(32))
    reader = Reader(static=KEY, meeting=OpenMeeting(), message=OFFER)
    beacon = Beacon(meeting=OpenMeeting())
    beacon.answer(reader.start(entropy=_drawn(3)), entropy=_drawn(2))
    till.write_first(b"")
    beacon.finish(data)
    raise Broken


def sealed(data: bytes) -> None:
    """What the peer did not seal is not opened."""
    SecureChannel(send_key=bytes(32), receive_key=b"\x01" * 32).open(data)
    raise Broken


def code(data: bytes) -> None:
    """A till's code that is read is written as it was."""
    text = data.decode("latin-1")
    if Engagement.parse(text).format() != text.strip():
        raise Broken


def beacon(data: bytes) -> None:
    """Any advertising data is a beacon or none."""
    is_beacon(data, service=SERVICE_UUID)


AIR_TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target for target in (message, frames, hs1, hs1_raw, hs2, hs2_raw, hs3, sealed, code, beacon)
}


def run_air_target(name: str, data: bytes) -> None:
    """Run one target: a PeerError with its code is an answer, everything else comes out."""
    try:
        AIR_TARGETS[name](data)
    except PeerError as error:
        if not error.outcome.buyer:
            raise Broken from error


def air_seeds(name: str) -> list[bytes]:
    """Return where a target begins."""
    reader = Reader(static=KEY, meeting=OpenMeeting(), message=OFFER)
    first = reader.start(entropy=_drawn(3))
    device = Beacon(meeting=OpenMeeting())
    second = device.answer(first, entropy=_drawn(2))
    third, _ = reader.finish(second)
    hello = b"\x01\x01" + b"\x00\x00\x00\x07" + b"\x01\xef" + bytes(32)
    answer = b"\x01" + b"\x00\x00\x00\x07" + b"\x01\xef" + b"\x10\x00" + bytes(16)
    paid = b"\x14\x02\x02\x20" + b"\x22" * 32 + b"\x03\x04paid" + b"\x04\x20" + b"\x33" * 32
    messages = [OFFER, b"\x12\x00\x03\x00\x01b", b"\x14\x00", paid, b"\x15\x02", b"\x17\x01", b"\x18\x00\x05\x02ab"]
    return {
        "message": [*messages, b"\x1a\x01", b"\x15\x02\xfd\x03\xe9\x00"],
        "frames": [b"\x02\xc0\x00\x02\x17\x01\x00", b"\x02\x80\x00\x04\x17\x01\x02\x02\x41abcde"],
        "hs1": [hello, hello + bytes(20)],
        "hs2": [answer, answer + bytes(9)],
        "hs3": [third, bytes(16) + OFFER],
        "hs1_raw": [first[:-1], second],
        "hs2_raw": [second[:-1] + b"\x00", first],
        "sealed": [third, bytes(17)],
        "code": [Engagement.create(KEY.public, entropy=_drawn(5)).format().encode(), b"bled1:"],
        "beacon": [b"\x02\x01\x06\x11\x07" + SERVICE_UUID.bytes[::-1], b"\x1e\xff" + bytes(29)],
    }[name]
