"""Recipe of frames.json and messages.json: the layers below and above the channel, which need no keys.

See `make.py`, which runs it. `test_wire_vectors.py` holds that the recipe still makes the committed files, and that
`second_wire.py`, which shares no code with ours, cuts, joins, reads and refuses the same bytes. All bytes are in
hexadecimal.
"""

import json
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

from bled.errors import PeerError
from bled.gatt.frames import FramingError, Reassembler, Violation, fragment_size, split_message
from bled.gatt.messages import Message, decode_message, encode_message
from bled.gatt.vocabulary import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    Wait,
    WaitReason,
)
from bled.link.inbox import MAX_UNREAD_MESSAGES

FOLDER = Path(__file__).parent
SIZES = (18, 180, 242, 495)


def content(length: int) -> bytes:
    """Return bytes in which no two neighbours, and no two frames, look alike."""
    return bytes((7 * index + index // 256) % 256 for index in range(length))


def splits() -> Iterator[dict[str, Any]]:
    """Yield messages with their frames, at each size of a value and at the edges of the frames."""
    for size in SIZES:
        for length in sorted({1, size - 3, size - 2, 300, 2 * size - 4, 2 * size - 3}):
            yield split(size, content(length), first=0)
        yield split(size, content(300), first=31)
    yield split(495, content(4096), first=12)
    yield split(18, content(700), first=20)


def split(size: int, message: bytes, *, first: int) -> dict[str, Any]:
    """Return one message and its frames, the first of which is number `first`."""
    frames = split_message(message, att_mtu=size + 5, first_number=first)
    return {"value_bytes": size, "first": first, "message": message.hex(), "frames": [frame.hex() for frame in frames]}


def arrivals() -> Iterator[dict[str, Any]]:
    """Yield frames that a fresh receiver gets in another order than that in which they were sent."""
    messages = [content(300), content(40), content(700)]
    sent: list[bytes] = []
    for message in messages:
        sent += split_message(message, att_mtu=23, first_number=len(sent))
    orders = {
        "in order": list(range(len(sent))),
        "each two exchanged": [index ^ 1 if index ^ 1 < len(sent) else index for index in range(len(sent))],
        "sixteen at a time backwards": [
            index for start in range(0, len(sent), 16) for index in reversed(range(start, min(start + 16, len(sent))))
        ],
        "one comes fifteen late": [*range(5), *range(6, 21), 5, *range(21, len(sent))],
        "by fours: 2, 3, 0, 1": [
            index for start in range(0, len(sent), 4) for index in (start + 2, start + 3, start, start + 1)
            if index < len(sent)
        ],
    }  # fmt: skip
    for name, order in orders.items():
        yield {"name": name, "frames": [sent[index].hex() for index in order], "messages": [m.hex() for m in messages]}


def broken_frames() -> Iterator[dict[str, Any]]:
    """Yield frames of which a fresh receiver refuses the last."""
    far = split_message(content(300), att_mtu=23)
    cases = {
        "no octet": [""],
        "LEN cut": ["c0"], "LEN cut to one octet": ["c000"],
        "reserved bit": ["e0000161"],
        "513 octets": ["80" + "0fff" + "61" * 510],
        "no data": ["800001"], "no data in a second frame": ["80000261", "41"],
        "the same number twice": ["c1000161", "c1000161"],
        "sixteen ahead": ["d0000161"],
        "one that was there already": ["c0000161", "c0000161"],
        "seventeen ahead while the first is missing": [*(frame.hex() for frame in far[1:16]), far[16].hex()],
        "no FIRST": ["4061"],
        "FIRST inside": ["80000561", "c1000161"],
        "LEN 0": ["c0000061"], "LEN 4097": ["c0100161"], "LEN 65535": ["80ffff61"],
        "more than LEN": ["c000016162"], "more than LEN in the end": ["80000261", "416263"],
        "more than LEN before the end": ["80000261", "016263"],
        "less than LEN": ["c0000261"],
        "LEN reached without LAST": ["80000161"],
    }  # fmt: skip
    for name, frames in cases.items():
        yield {"name": name, "frames": frames, "violation": violation(frames)}


def late_frames() -> Iterator[dict[str, Any]]:
    """Yield frames with the seconds at which they come, and when the next one is overdue, and how that is called."""
    one, two, three, *_ = (frame.hex() for frame in split_message(content(300), att_mtu=23))
    drip = ["800064" + "61", *(f"{number:02x}61" for number in range(1, 9))]
    cases: dict[str, list[tuple[float, str]]] = {
        "nothing has come": [],
        "a message that stops": [(0.0, one)],
        "a message that goes on": [(0.0, one), (1.5, two), (3.0, three)],
        "a message that drips": [(float(second), frame) for second, frame in enumerate(drip[:8])],
        "a whole message": [(0.0, "c0000161")],
        "the first frame is missing": [(1.0, two)],
        "one in the middle is missing": [(0.0, one), (1.0, three)],
        "a message after a whole one": [(0.0, "c0000161"), (5.0, "81000561")],
    }
    for name, arrivals in cases.items():
        receiver = Reassembler()
        for at, frame in arrivals:
            receiver.receive(bytes.fromhex(frame), now=at)
        due = receiver.deadline
        yield {
            "name": name,
            "arrivals": [{"at": at, "frame": frame} for at, frame in arrivals],
            "due": due,
            "violation": None if due is None else receiver.overdue().violation.value,
        }


def unread() -> Iterator[dict[str, Any]]:
    """Yield whole messages that nobody reads, and what the receiver says to the last."""
    for count in (16, 17):
        frames = [split_message(b"\x17\x01", att_mtu=23, first_number=number)[0].hex() for number in range(count)]
        yield {"frames": frames, "violation": Violation.FLOOD.value if count > MAX_UNREAD_MESSAGES else None}


def frame_sizes() -> Iterator[dict[str, Any]]:
    """Yield what ATT_MTU and the peer's limit leave for a frame, and the violation where that is too little."""
    for att_mtu, limit in ((23, 495), (22, 495), (185, 495), (500, 495), (517, 495), (517, 100), (517, 18), (517, 17)):
        case: dict[str, Any] = {"att_mtu": att_mtu, "rx_frag_max": limit, "frame": None, "violation": None}
        try:
            yield case | {"frame": fragment_size(att_mtu, peer_limit=limit)}
        except FramingError as error:
            yield case | {"violation": error.violation.value}


def violation(frames: list[str]) -> str:
    """Return why a fresh receiver refuses the last frame."""
    receiver = Reassembler()
    for frame in frames[:-1]:
        receiver.receive(bytes.fromhex(frame), now=0.0)
    try:
        receiver.receive(bytes.fromhex(frames[-1]), now=0.0)
    except FramingError as error:
        return error.violation.value
    raise ValueError(frames)


MESSAGES: tuple[Message, ...] = (
    OfferMessage(valid_for=300, offer=content(40)),
    OfferMessage(valid_for=0, offer=b"\x0a"),
    OfferMessage(valid_for=65535, offer=content(2048)),
    *(OfferMessage(valid_for=300, offer=content(40), tip_max=most) for most in (0, 500_000, 2**64 - 1)),
    InvreqMessage(request=content(60)),
    InvreqMessage(request=content(3900)),
    *(StatusMessage(code=code) for code in StatusCode),
    StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=b"\x11" * 32),
    StatusMessage(
        code=StatusCode.PAID,
        invoice=content(300),
        preimage=b"\x22" * 32,
        text="Danke schön ☕",
        payment_hash=b"\x33" * 32,
    ),
    StatusMessage(code=StatusCode.PAID, text="x" * 200),
    *(StatusAck(code=code) for code in StatusCode),
    *(Wait(reason=reason) for reason in WaitReason),
    ErrorMessage(code=5),
    ErrorMessage(code=0xFFFF, text="é" * 32),
    *(Abort(reason=reason) for reason in AbortReason),
)


def plain(message: Message) -> dict[str, Any]:
    """Return a message as the file writes it: its type's name and its fields."""
    fields = {name: getattr(message, name) for name in type(message).__slots__}
    name = type(message).__name__.removesuffix("Message").lower()
    return {"is": name} | {key: _value(value) for key, value in fields.items() if value is not None}


def _value(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return int(value) if isinstance(value, IntEnum) else value


def readable() -> Iterator[dict[str, Any]]:
    """Yield messages: each kind, its limits, and with extensions that are to be ignored."""
    for message in MESSAGES:
        yield {"bytes": encode_message(message).hex()} | plain(message)
    for data in (
        "1502fd03e900",
        "1701010161",
        "1a0607020000",
        "10012c00030a01610100",
        "10012c00030a016103080000000000003a980501aa",
        "1400050161fd00fd00",
        "1200030001620100",
        "180005000100",
    ):
        decoded = decode_message(bytes.fromhex(data))
        if decoded is None:
            raise ValueError(data)
        yield {"bytes": data} | plain(decoded)


def broken_messages() -> Iterator[dict[str, str]]:
    """Yield messages that are refused, and the outcome."""
    hash_of_31 = "1402041f" + "11" * 31
    cases = {
        "nothing": "", "an unknown even type": "16", "type 0": "00", "an unknown even type with a body": "1cffff",
        "an offer of no bytes": "1000000000", "an offer cut short": "10012c00030a01",
        "no length of the offer": "10012c",
        "an offer of 2049 bytes": "10012c0801" + "00" * 2049, "a request of 3901 bytes": "120f3d" + "00" * 3901,
        "a request of no bytes": "120000", "a status without a code": "14", "no such status": "1406",
        "no such status to acknowledge": "1506", "no such reason to wait": "1700", "no such reason to end": "1a07",
        "status 255": "14ff", "status 255 to acknowledge": "15ff", "status 7 to acknowledge": "1507",
        "reason 4 to wait": "1704", "reason 255 to wait": "17ff",
        "reason 0 to end": "1a00", "reason 255 to end": "1aff",
        "an extension of an offer that must be known": "10012c00030a01610200",
        "a tip of 7 octets in an offer": "10012c00030a01610307" + "00" * 7,
        "a tip of 9 octets in an offer": "10012c00030a01610309" + "00" * 9,
        "a tip of no octets in an offer": "10012c00030a01610300",
        "an extension of a request that must be known": "120003000162fe0001000000",
        "an extension of a status that must be known": "14000600",
        "an extension of a wait that must be known": "17010200",
        "an extension of an end that must be known": "1a010400",
        "an extension of an error that must be known": "180005000000",
        "a payment hash of 31 bytes": hash_of_31, "a preimage of no bytes": "14020200",
        "a text that is not UTF-8": "14020302c328", "a text of 201 bytes": "140203c9" + "78" * 201,
        "an error text of 65 bytes": "18000541" + "78" * 65, "an error text cut short": "1800050a61",
        "an error text that is not UTF-8": "18000502c328", "no length of the error text": "180005",
        "an unknown even extension": "1502fd03e800", "an extension cut short": "150205",
        "an extension without its value": "15020502aa",
        "extensions out of order": "150207000500", "an extension twice": "150205000500",
        "a type in more bytes than it needs": "1502fd000500", "4097 bytes": "11" + "00" * 4096,
    }  # fmt: skip
    for name, data in cases.items():
        yield {"name": name, "bytes": data, "code": refusal(data)}


def refusal(data: str) -> str:
    """Return the outcome with which a message is refused."""
    try:
        decode_message(bytes.fromhex(data))
    except PeerError as error:
        return error.code.value
    raise ValueError(data)


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    return {
        "frames.json": {
            "about": "Messages cut into frames and joined again; each frame is one whole attribute value.",
            "splits": list(splits()), "arrivals": list(arrivals()), "refused": list(broken_frames()),
            "late": list(late_frames()), "unread": list(unread()), "sizes": list(frame_sizes()),
        },
        "messages.json": {
            "about": "Messages before they are sealed. Numbers are those of the profile; absent fields are absent.",
            "messages": list(readable()), "ignored": ["11", "11ffff", "13", "1d00", "ff"],
            "refused": list(broken_messages()),
        },
    }  # fmt: skip


def text(made: dict[str, Any]) -> str:
    """Return a file's text."""
    return json.dumps(made, indent=1) + "\n"
