"""Recipe of three lists of answers.json: what either side answers to frames, to none, and to more than it reads.

See `make.py`. Every case goes on from the link of resume.json, after some messages of one purchase.
"""

from collections.abc import Callable, Iterator
from typing import Any

from bled.gatt.frames import split_message
from bled.gatt.vocabulary import Abort, AbortReason, ErrorMessage, Message, StatusAck, StatusCode, Wait, WaitReason

from . import make_resume
from .machines import Ear
from .scene import PAID, PURCHASE, bytes_of, name_of
from .standing import BEFORE, STATES, answered, device_in, till_in

VALUE_BYTES = 495
WAIT = Wait(reason=WaitReason.WAITING_FOR_PAYMENT)
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


class Peer:
    """What the peer of a side says, in frames, after some messages of the purchase."""

    def __init__(self, side: str, state: str) -> None:
        link, _ = make_resume.first()
        self.name = "till" if side == "device" else "device"
        self.channels = {"till": link.till.channel, "device": link.device.channel}
        hellos = {"till": ("hs1", "hs3"), "device": ("hs2",)}[self.name]
        self.sent = 0
        for hello in hellos:
            self.cut(bytes.fromhex(link.told[hello]))
        for sender, message in PURCHASE[1 : BEFORE[state]]:
            sealed = self.channels[sender].seal(bytes_of(message))
            self.channels["device" if sender == "till" else "till"].open(sealed)
            if sender == self.name:
                self.cut(sealed)
        self.earlier = self.sent

    def cut(self, sealed: bytes, *, size: int = VALUE_BYTES) -> list[bytes]:
        """Return a message's next frames, `size` octets long."""
        frames = list(split_message(sealed, att_mtu=size + 5, first_number=self.sent))
        self.sent += len(frames)
        return frames

    def say(self, message: Message, *, size: int = VALUE_BYTES) -> list[bytes]:
        """Return the frames of the next message."""
        return self.cut(self.channels[self.name].seal(bytes_of(message)), size=size)

    def drip(self, message: Message) -> list[bytes]:
        """Return the frames of the next message, one octet in each."""
        sealed = self.channels[self.name].seal(bytes_of(message))
        first, rest = bytes([0x80 | self.sent % 32]) + len(sealed).to_bytes(2, "big") + sealed[:1], sealed[1:]
        return [first, *(bytes([(self.sent + 1 + index) % 32, octet]) for index, octet in enumerate(rest))]


def case(side: str, state: str, name: str, peer: Peer) -> dict[str, Any]:
    """Return what every case says."""
    return {"side": side, "state": state, "name": name, "messages_before": BEFORE[state], "frames_before": peer.earlier}


def hearer(side: str, state: str, *, resumes: bool = True) -> Any:
    """Return the side that hears."""
    return device_in(state, resumes=resumes) if side == "device" else till_in(state, resumes=resumes)


def frame_case(side: str, state: str, name: str, make: Callable[[Peer], list[bytes]]) -> dict[str, Any]:
    """Return the answer to frames in place of a peer's next message."""
    peer = Peer(side, state)
    frames, listener = make(peer), hearer(side, state)
    ear = Ear(listener, peer.channels[side], earlier=peer.earlier)
    for frame in frames:
        ear.take(frame, 3.0)
    return case(side, state, name, peer) | {"frames": [frame.hex() for frame in frames]} | answered(listener)


LAST_WORDS: dict[str, Message] = {
    "ABORT 6": Abort(reason=AbortReason.DONE),
    "ERROR": ErrorMessage(code=14),
}
MORE_LAST_WORDS: dict[str, dict[str, Message]] = {
    "SENT": {"STATUS 2": PAID},
    "REPORTING": {"STATUS_ACK 2": StatusAck(code=StatusCode.PAID)},
}
"""What ends a session by its peer, in whatever state, and in one alone."""


def sealed_nothing(peer: Peer) -> list[bytes]:
    """Return the frames of a message that has no octets, and is sealed well."""
    send = peer.channels[peer.name]._send
    return [] if send is None else peer.cut(send.encrypt(b""))


def rows(state: str) -> Iterator[tuple[str, Callable[[Peer], list[bytes]]]]:
    """Yield what a peer sends besides one WAIT: a name, and what makes the frames."""
    broken = FRAMES["the reserved bit"]
    yield "a sealed message of no octets", sealed_nothing
    yield (
        "a bit of the ciphertext flipped, then one that opens",
        lambda peer: [*FRAMES["a bit of the ciphertext flipped"](peer.say(WAIT)), *peer.say(WAIT)],
    )
    yield "a WAIT, then the reserved bit", lambda peer: [*peer.say(WAIT), *broken(peer.say(WAIT))]
    for name, word in (LAST_WORDS | MORE_LAST_WORDS.get(state, {})).items():
        yield f"{name}, then a WAIT", lambda peer, word=word: [*peer.say(word), *peer.say(WAIT)]
        yield f"{name}, then the same", lambda peer, word=word: [*peer.say(word), *peer.say(word)]
        yield f"{name}, then the reserved bit", lambda peer, word=word: [*peer.say(word), *broken(peer.say(WAIT))]


def every_frame() -> Iterator[dict[str, Any]]:
    """Yield frames that a side refuses, or that come after a last word, in each of its states."""
    for side, states in STATES.items():
        for state in states:
            for name, change in FRAMES.items():
                yield frame_case(side, state, name, lambda peer, change=change: change(peer.say(WAIT)))
            for name, make in rows(state):
                yield frame_case(side, state, name, make)


Arrivals = list[tuple[float, bytes]]


def _stops(peer: Peer) -> Arrivals:
    return [(0.0, peer.say(WAIT, size=18)[0])]


LATE: dict[str, Callable[[Peer], Arrivals]] = {
    "a message that stops": _stops,
    "its second frame comes in time": lambda peer: list(zip((0.0, 1.75), peer.say(WAIT, size=18), strict=True)),
    "its second frame comes too late": lambda peer: list(zip((0.0, 2.0), peer.say(WAIT, size=18), strict=True)),
    "its first frame does not come": lambda peer: [(0.0, peer.say(WAIT, size=18)[1])],
    "a message that drips": lambda peer: [(float(at), frame) for at, frame in enumerate(peer.drip(WAIT)[:8])],
    "a whole message, and one that stops": lambda peer: [(0.0, frame) for frame in peer.say(WAIT)] + _stops(peer),
    "ABORT 6, and a message that stops": lambda peer: [
        (0.0, frame) for frame in peer.say(LAST_WORDS["ABORT 6"])
    ] + _stops(peer),
}  # fmt: skip


def late_case(side: str, state: str, name: str, *, resumes: bool = True) -> dict[str, Any]:
    """Return what a side does when frames come late, or not at all."""
    peer = Peer(side, state)
    arrivals, listener = LATE[name](peer), hearer(side, state, resumes=resumes)
    ear = Ear(listener, peer.channels[side], earlier=peer.earlier)
    due: float | None = None
    for at, frame in arrivals:
        due = ear.joiner.deadline
        ear.take(frame, at)
    if ear.side.state == state:
        due = ear.joiner.deadline
    if due is not None:
        ear.overdue(due)
    told = {"arrivals": [{"at": at, "frame": frame.hex()} for at, frame in arrivals], "due": due}
    return case(side, state, name, peer) | ({} if resumes else {"resumes": False}) | told | answered(listener)


def late() -> Iterator[dict[str, Any]]:
    """Yield frames that do not come in time, in each state, with and without a way to resume."""
    for side, states in STATES.items():
        for state in states:
            for name in LATE:
                if (state, name) != ("REPORTING", "a message that drips"):  # T_ACK is over before
                    yield late_case(side, state, name)
            yield late_case(side, state, "a message that stops", resumes=False)


def unread_case(side: str, state: str, name: str, said: list[Message]) -> dict[str, Any]:
    """Return what a side does when so many messages have come before it reads one."""
    peer, listener = Peer(side, state), hearer(side, state)
    frames = [frame for message in said for frame in peer.say(message)]
    Ear(listener, peer.channels[side], earlier=peer.earlier).keep(frames, 3.0)
    return case(side, state, name, peer) | {"frames": [frame.hex() for frame in frames]} | answered(listener)


def unread() -> Iterator[dict[str, Any]]:
    """Yield as many messages as a side holds unread, and one more."""
    for side, states in (("device", STATES["device"]), ("till", ("JUDGING", *STATES["till"]))):
        for state in states:
            yield unread_case(side, state, "16 times WAIT", [WAIT] * 16)
            yield unread_case(side, state, "17 times WAIT", [WAIT] * 17)
            last = LAST_WORDS["ABORT 6"]
            yield unread_case(side, state, f"{name_of(last)}, then 16 times WAIT", [last, *[WAIT] * 16])


def lists() -> dict[str, list[dict[str, Any]]]:
    """Return the lists by their names."""
    return {"frames": list(every_frame()), "late": list(late()), "unread": list(unread())}
