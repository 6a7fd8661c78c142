"""Recipe of answers.json: what either side answers in each state to what a peer may send. See `make.py`.

Every case goes on from one link with fixed keys, that of resume.json, after some messages of one purchase.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bled.gatt.frames import split_message
from bled.gatt.vocabulary import (
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
)
from bled.session import merchant_events
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.units import UnixTime

from . import machines, make_resume, make_wire, scene
from .make_gatt import STATIC, plain, text
from .scene import (
    INVREQ,
    NOW,
    OFFER,
    OPENING,
    PAID,
    PURCHASE,
    REQUEST,
    bytes_of,
    content,
    name_of,
    offer,
    request,
)

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent
OTHER_OFFER = offer(text="Flat white, large")
OTHER_REQUEST = request(OTHER_OFFER)
BEFORE = {"SHOWING": 1, "SENT": 3, "OFFERED": 1, "PAYING": 4, "REPORTING": 7}
"""How many messages of the purchase have gone before, HS3's among them."""
STATES = {"device": ("SHOWING", "SENT"), "till": ("OFFERED", "PAYING", "REPORTING")}
AWAY = {"PAUSED": "SHOWING", "LOST": "SENT"}
"""States of the device without a link, and those that they come from."""
VALUE_BYTES = 495


def heard() -> dict[str, Message]:
    """Return one of each message, by the name of the case."""
    every: list[Message] = [OPENING, OfferMessage(valid_for=200, offer=OTHER_OFFER.encode())]
    every += [INVREQ, InvreqMessage(request=OTHER_REQUEST.encode())]
    every += [StatusMessage(code=code) for code in StatusCode] + [StatusAck(code=code) for code in StatusCode]
    every += [Wait(reason=reason) for reason in WaitReason] + [Abort(reason=reason) for reason in AbortReason]
    every += [ErrorMessage(code=5, text="bad state"), ErrorMessage(code=0x7FFF)]
    names = [name_of(message) for message in every]
    names[:4] = ["OFFER, the same", "OFFER, another", "INVREQ, the same", "INVREQ, another"]
    names[-2:] = ["ERROR, a known code", "ERROR, an unknown code"]
    return dict(zip(names, every, strict=True))


def device_in(state: str) -> machines.Device:
    """Return a device that has come to a state."""
    device = machines.Device(clock=NOW)
    if state == "WAITING":
        return device
    device.hear(bytes_of(OPENING), 0.0)
    if AWAY.get(state, state) == "SENT":
        device.approve(REQUEST.encode(), 1.0)
    if state in AWAY:
        device.drop(2.0)
    device.said.clear()
    return device


def till_in(state: str, *, clock: UnixTime = NOW) -> machines.Till:
    """Return a till that has come to a state."""
    till = machines.Till(offer=OFFER, clock=clock)
    till.start(0.0)
    if state != "OFFERED":
        till.hear(bytes_of(INVREQ), 1.0)
    if state == "REPORTING":
        till.tell(merchant_events.Settled(status=PAID), 2.0)
    till.said.clear()
    return till


def answered(side: machines.Device | machines.Till) -> dict[str, Any]:
    """Return what a side has said, whether it closed, and its state."""
    return {"answers": [machines.word(said) for said in side.said], "closes": side.closed, "next": side.state}


def message_case(side: str, state: str, name: str, data: bytes, *, clock: UnixTime = NOW) -> dict[str, Any]:
    """Return the answer to one message that opens."""
    hearer = device_in(state) if side == "device" else till_in(state, clock=clock)
    hearer.hear(data, 3.0)
    later = {} if clock == NOW else {"clock": int(clock)}
    return {"side": side, "state": state, "name": name, **later, "hears": data.hex()} | answered(hearer)


def every_message() -> Iterator[dict[str, Any]]:
    """Yield each message in each state, and each that is refused or ignored in one state of each side."""
    for side, states in STATES.items():
        for state in states + (tuple(AWAY) if side == "device" else ()):
            for name, message in heard().items():
                opens = isinstance(message, (OfferMessage, StatusMessage))  # HS3 brings nothing else
                if state not in AWAY or opens:
                    yield message_case(side, state, name, bytes_of(message))
        for state in states:
            for name in ("11", "13ffff"):
                yield message_case(side, state, f"an unknown odd type, {name}", bytes.fromhex(name))
            for broken in make_wire.broken_messages():
                if state == "SHOWING" and "offer" in broken["name"]:
                    yield message_case(side, "WAITING", broken["name"], bytes.fromhex(broken["bytes"]))
                if state in ("SENT", "PAYING") or broken["name"] in ("nothing", "an unknown even type"):
                    yield message_case(side, state, broken["name"], bytes.fromhex(broken["bytes"]))


def offers() -> Iterator[dict[str, Any]]:
    """Yield offers that a device accepts and refuses."""
    late = OFFER.encode().replace(b"\x0e\x04", b"\x0e\x05\x7f", 1)
    cases: dict[str, bytes] = {
        "165 s left": offer(expires_in=165).encode(),
        "164 s left": offer(expires_in=164).encode(),
        "600 s left": offer(expires_in=600).encode(),
        "601 s left": offer(expires_in=601).encode(),
        "expired": offer(expires_in=-1).encode(),
        "no expiry": offer(expires_in=None).encode(),
        "an expiry that is no time": OFFER.encode().replace(b"\x0e\x04", b"\x0e\x06\x01\x00", 1),
        "an expiry far away": late,
        "another chain": offer(chain=BITCOIN_CHAIN).encode(),
        "a currency": offer(currency="EUR", amount=350).encode(),
        "no amount": offer(amount=None).encode(),
        "a quantity": offer(quantity=3).encode(),
        "no description": b"".join(part for part in _records(OFFER.encode()) if part[0] != 10),
        "an unknown even field": OFFER.encode() + b"\x18\x00",
        "fields out of order": OFFER.encode() + b"\x03\x00",
        "cut short": OFFER.encode()[:-1],
        "a field of the request": OFFER.encode() + b"\x58\x00",
    }
    for name, stream in cases.items():
        said = OfferMessage(valid_for=300, offer=stream)
        yield message_case("device", "WAITING", f"OFFER: {name}", bytes_of(said))


def _records(stream: bytes) -> list[bytes]:
    """Return the records of a stream whose types and lengths have one octet each."""
    parts, rest = [], stream
    while rest:
        parts.append(rest[: 2 + rest[1]])
        rest = rest[2 + rest[1] :]
    return parts


def requests() -> Iterator[dict[str, Any]]:
    """Yield requests that a till accepts and refuses."""
    good = REQUEST.encode()
    place = good.rindex(b"\xf0\x40") + 2
    cases: dict[str, tuple[bytes, int]] = {
        "46 s left": (good, 254),
        "45 s left": (good, 255),
        "expired": (good, 301),
        "for another offer": (OTHER_REQUEST.encode(), 0),
        "more than the amount": (request(OFFER, amount=scene.Msat(15_001)).encode(), 0),
        "the amount of the offer, not named": (request(OFFER, amount=None).encode(), 0),
        "eight ways home": (request(OFFER, paths=8).encode(), 0),
        "nine ways home": (request(OFFER, paths=9).encode(), 0),
        "no way home": (request(OFFER, paths=0).encode(), 0),
        "a changed signature": (good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :], 0),
        "no signature": (good[: place - 2], 0),
        "cut short": (good[:-1], 0),
        "nonsense": (b"\xff" * 40, 0),
    }
    for name, (stream, later) in cases.items():
        data = bytes_of(InvreqMessage(request=stream))
        yield message_case("till", "OFFERED", f"INVREQ: {name}", data, clock=UnixTime(NOW + later))


Change = Callable[[list[bytes]], list[bytes]]


def _value(change: Callable[[bytes], bytes]) -> Change:
    return lambda frames: [change(frames[0]), *frames[1:]]


def _moved(frame: bytes, numbers: int) -> bytes:
    """Return a frame with a later number."""
    return bytes([(frame[0] & 0xE0) | (frame[0] + numbers) % 32]) + frame[1:]


FRAMES: dict[str, Change] = {
    "as it should be": lambda frames: frames,
    "a bit of the ciphertext flipped": _value(lambda frame: frame[:4] + bytes([frame[4] ^ 1]) + frame[5:]),
    "a bit of the tag flipped": _value(lambda frame: frame[:-1] + bytes([frame[-1] ^ 1])),
    "the same again": lambda frames: [*frames, _moved(frames[0], 1)],
    "not sealed": _value(lambda frame: frame[:1] + b"\x00\x02" + bytes_of(Wait(reason=WaitReason.SIGNING))),
    "shorter than a tag": _value(lambda frame: frame[:1] + b"\x00\x02ab"),
    "the frame twice": lambda frames: [*frames, frames[0]],
    "sixteen numbers ahead": _value(lambda frame: _moved(frame, 16)),
    "the reserved bit": _value(lambda frame: bytes([frame[0] | 0x20]) + frame[1:]),
    "no octets": _value(lambda _: b""),
    "no data": _value(lambda frame: bytes([frame[0] & 0xBF]) + b"\x00\x05"),
    "LEN 0": _value(lambda frame: frame[:1] + b"\x00\x00a"),
    "LEN 4097": _value(lambda frame: frame[:1] + b"\x10\x01a"),
    "no FIRST": _value(lambda frame: bytes([frame[0] & 0x7F]) + frame[3:]),
    "more than LEN": _value(lambda frame: frame + b"a"),
    "less than LEN": _value(lambda frame: frame[:-1]),
    "LEN without LAST": _value(lambda frame: bytes([frame[0] & 0xBF]) + frame[1:]),
    "513 octets": _value(lambda frame: frame[:1] + b"\x02\x00" + bytes(510)),
}
"""What a peer that has the keys, or one that is in the middle, makes of the frames of a WAIT."""


def frame_case(side: str, state: str, name: str, change: Change) -> dict[str, Any]:
    """Return the answer to frames in place of a peer's next message, a WAIT."""
    link, _ = make_resume.first()
    peer = "till" if side == "device" else "device"
    channels = {"till": link.till.channel, "device": link.device.channel}
    before = PURCHASE[1 : BEFORE[state]]
    numbers = 0
    for sender, message in before:
        sealed = channels[sender].seal(bytes_of(message))
        channels["device" if sender == "till" else "till"].open(sealed)
        numbers += len(split_message(sealed, att_mtu=VALUE_BYTES + 5)) if sender == peer else 0
    numbers += {"till": len(split_message(bytes.fromhex(link.told["hs1"]), att_mtu=VALUE_BYTES + 5))
                + len(split_message(bytes.fromhex(link.told["hs3"]), att_mtu=VALUE_BYTES + 5)),
                "device": 1}[peer]  # fmt: skip
    sealed = channels[peer].seal(bytes_of(Wait(reason=WaitReason.WAITING_FOR_PAYMENT)))
    frames = change(list(split_message(sealed, att_mtu=VALUE_BYTES + 5, first_number=numbers)))
    hearer = device_in(state) if side == "device" else till_in(state)
    machines.receive(hearer, channels[side], frames, earlier=numbers, now=3.0)
    return {
        "side": side,
        "state": state,
        "name": name,
        "messages_before": BEFORE[state],
        "frames_before": numbers,
        "frames": [frame.hex() for frame in frames],
    } | answered(hearer)


def every_frame() -> Iterator[dict[str, Any]]:
    """Yield frames that a side refuses, in each of its states."""
    for side, states in STATES.items():
        for state in states:
            for name, change in FRAMES.items():
                yield frame_case(side, state, name, change)


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    link, _ = make_resume.first()
    return {
        "answers.json": {
            "about": "What either side answers in each state to what a peer may send.",
            "purchase": content(),
            "link": {"meeting": plain(make_resume.OpenMeeting()), "static": STATIC.reveal().hex()} | link.told,
            "conversation": [
                {"from": sender, "name": name_of(message), "message": bytes_of(message).hex()}
                for sender, message in PURCHASE
            ],
            "messages": [*every_message(), *offers(), *requests()],
            "frames": list(every_frame()),
        },
    }  # fmt: skip
