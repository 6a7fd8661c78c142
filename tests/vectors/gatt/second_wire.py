"""A second implementation of frames and messages, from the text of the profile alone. It imports nothing of bled."""

import struct
from collections.abc import Callable
from typing import Any


class Refusal(Exception):
    """The bytes are refused; the name is that of the violation or outcome."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def cut(message: bytes, size: int, first: int) -> list[bytes]:
    """The frames of a message, `size` octets at most each."""
    frames, rest, number = [], message, first
    while rest or not frames:
        head = struct.pack(">H", len(message)) if not frames else b""
        room = size - 1 - len(head)
        octet = (0 if frames else 0x80) | (0x40 if len(rest) <= room else 0) | number % 32
        frames.append(bytes([octet]) + head + rest[:room])
        rest, number = rest[room:], number + 1
    return frames


def room_for(att_mtu: int, rx_frag_max: int) -> int:
    """F of section 5.2."""
    room = min(att_mtu - 5, 495, rx_frag_max)
    if room < 18:
        raise Refusal("fragment-size")
    return room


class Shelf:
    """Whole messages until somebody reads them."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def put(self, messages: list[bytes]) -> None:
        """Keep what was joined."""
        self.messages += messages
        if len(self.messages) > 16:
            raise Refusal("flood")


class Joiner:
    """One direction of one connection."""

    def __init__(self) -> None:
        self.next = 0
        self.early: dict[int, bytes] = {}
        self.length = -1
        self.data = b""
        self.progress = self.started = 0.0

    def due(self) -> tuple[float, str] | None:
        """When the next frame is overdue, and how that is called."""
        if self.length < 0 and not self.early:
            return None
        return min((self.progress + 2, "gap"), (self.started + 8, "timeout"))

    def take(self, frame: bytes, now: float = 0.0) -> list[bytes]:
        """The messages that this frame completes."""
        due = self.due()
        if due is not None and now >= due[0]:
            raise Refusal(due[1])
        if not frame:
            raise Refusal("header")
        if len(frame) > 512:
            raise Refusal("frame-too-long")
        if frame[0] >> 5 & 1:
            raise Refusal("reserved")
        ahead = (frame[0] - self.next) & 31
        if ahead > 15:
            raise Refusal("number")
        if frame[0] & 31 in self.early:
            raise Refusal("duplicate")
        if due is None:
            self.progress = self.started = now
        self.early[frame[0] & 31] = frame
        done = []
        while self.next in self.early:
            joined = self._join(self.early.pop(self.next))
            self.next = (self.next + 1) & 31
            self.progress = now
            self.started = now if joined else self.started
            done += joined
        return done

    def _join(self, frame: bytes) -> list[bytes]:
        body = frame[1:]
        if frame[0] & 0x80:
            body = self._start(body)
        elif self.length < 0:
            raise Refusal("no-first")
        if not body:
            raise Refusal("empty")
        self.data += body
        last = bool(frame[0] & 0x40)
        if len(self.data) > self.length:
            raise Refusal("overrun")
        if last is not (len(self.data) == self.length):
            raise Refusal("short" if last else "last-missing")
        if not last:
            return []
        self.length = -1
        return [self.data]

    def _start(self, body: bytes) -> bytes:
        if self.length >= 0:
            raise Refusal("first-inside")
        if len(body) < 2:
            raise Refusal("header")
        (self.length,) = struct.unpack(">H", body[:2])
        if self.length == 0:
            raise Refusal("length")
        if self.length > 4096:
            raise Refusal("too-large")
        self.data = b""
        return body[2:]


class Bytes:
    """What is left of a message."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def take(self, length: int) -> bytes:
        """The next octets."""
        if len(self.left) < length:
            raise Refusal("framing")
        taken, self.left = self.left[:length], self.left[length:]
        return taken

    def number(self, length: int) -> int:
        """The next octets as a big-endian number."""
        return int.from_bytes(self.take(length), "big")

    def bigsize(self) -> int:
        """BOLT 1's number, in as few octets as it needs."""
        first = self.number(1)
        length = {0xFD: 2, 0xFE: 4, 0xFF: 8}.get(first)
        if length is None:
            return first
        value = self.number(length)
        if value < {2: 0xFD, 4: 1 << 16, 8: 1 << 32}[length]:
            raise Refusal("framing")
        return value

    def sized(self, limit: int) -> str:
        """A length in two octets and so many octets, at least one."""
        length = self.number(2)
        if length > limit:
            raise Refusal("message-too-large")
        if not length:
            raise Refusal("framing")
        return self.take(length).hex()

    def one_of(self, highest: int, lowest: int = 0) -> int:
        """A code or reason that is in its table."""
        value = self.number(1)
        if not lowest <= value <= highest:
            raise Refusal("message-unknown")
        return value

    def extensions(self, known: tuple[int, ...] = ()) -> dict[int, bytes]:
        """The TLV stream to the end."""
        found: dict[int, bytes] = {}
        while self.left:
            kind = self.bigsize()
            if found and kind <= max(found):
                raise Refusal("framing")
            found[kind] = self.take(self.bigsize())
        if any(kind % 2 == 0 and kind not in known for kind in found):
            raise Refusal("message-unknown")
        return found


def utf8(data: bytes) -> str:
    """The text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("framing") from None


def offer(rest: Bytes) -> dict[str, Any]:
    """0x10."""
    valid_for = rest.number(2)
    read: dict[str, Any] = {"is": "offer", "valid_for": valid_for, "offer": rest.sized(2048)}
    tip = rest.extensions().get(3)
    if tip is not None:
        if len(tip) != 8:
            raise Refusal("framing")
        read["tip_max"] = int.from_bytes(tip, "big")
    return read


def invreq(rest: Bytes) -> dict[str, Any]:
    """0x12."""
    stream = rest.sized(3900)
    rest.extensions()
    return {"is": "invreq", "request": stream}


def status(rest: Bytes) -> dict[str, Any]:
    """0x14."""
    read: dict[str, Any] = {"is": "status", "code": rest.one_of(5)}
    found = rest.extensions((2, 4))
    for kind, name in ((1, "invoice"), (2, "preimage"), (4, "payment_hash")):
        if kind in found:
            read[name] = found[kind].hex()
            if kind % 2 == 0 and len(found[kind]) != 32:
                raise Refusal("framing")
    if 3 in found:
        if len(found[3]) > 200:
            raise Refusal("message-too-large")
        read["text"] = utf8(found[3])
    return read


def error(rest: Bytes) -> dict[str, Any]:
    """0x18."""
    code, length = rest.number(2), rest.number(1)
    if length > 64:
        raise Refusal("message-too-large")
    text = utf8(rest.take(length))
    rest.extensions()
    return {"is": "error", "code": code, "text": text}


def small(name: str, field: str, lowest: int, highest: int) -> Callable[[Bytes], dict[str, Any]]:
    """A message of one number from a table."""

    def read(rest: Bytes) -> dict[str, Any]:
        value = rest.one_of(highest, lowest)
        rest.extensions()
        return {"is": name, field: value}

    return read


READERS: dict[int, Callable[[Bytes], dict[str, Any]]] = {
    0x10: offer,
    0x12: invreq,
    0x14: status,
    0x15: small("statusack", "code", 0, 5),
    0x17: small("wait", "reason", 1, 3),
    0x18: error,
    0x1A: small("abort", "reason", 1, 6),
}


def read_message(data: bytes) -> dict[str, Any] | None:
    """The message's fields; None for one that is to be ignored."""
    if len(data) > 4096:
        raise Refusal("message-too-large")
    rest = Bytes(data)
    kind = rest.number(1)
    if kind in READERS:
        return READERS[kind](rest)
    if kind % 2 == 0:
        raise Refusal("message-unknown")
    return None
