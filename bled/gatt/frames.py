"""Messages cut into frames and put together again (gatt_profile.md, section 5).

A frame is one attribute value: octet 0 has FIRST (bit 7), LAST (bit 6), a reserved zero (bit 5) and the frame's number
modulo 32, counted per direction over the whole connection. FIRST frames carry the message's length in two more octets.
"""

from enum import StrEnum
from typing import Final

from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.profile import (
    FRAGMENT_OVERHEAD_BYTES,
    FRAME_GAP_SECONDS,
    MAX_FRAGMENT_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_VALUE_BYTES,
    MESSAGE_SECONDS,
    MIN_FRAGMENT_BYTES,
    REORDER_WINDOW,
)

FIRST: Final = 0x80
LAST: Final = 0x40
RESERVED: Final = 0x20
NUMBERS: Final = 32
"""Frame numbers wrap here; twice the window, so that late and early cannot be confused."""


class Violation(StrEnum):
    """Why a receiver gives up a connection. The value is the stable name of the reason."""

    HEADER = "header"
    """The frame is shorter than its header."""
    RESERVED = "reserved"
    """The reserved bit is set."""
    FRAME_TOO_LONG = "frame-too-long"
    """The frame is longer than an attribute value can be."""
    EMPTY = "empty"
    """The frame carries no data."""
    DUPLICATE = "duplicate"
    """The frame's number is waiting in the window already."""
    NUMBER = "number"
    """The frame's number is not one of the next 16."""
    NO_FIRST = "no-first"
    """A message began without FIRST."""
    FIRST_INSIDE = "first-inside"
    """FIRST came before the message before was complete."""
    LENGTH = "length"
    """The message's length is zero."""
    TOO_LARGE = "too-large"
    """The message's length is above 4096."""
    OVERRUN = "overrun"
    """More data came than the message's length."""
    SHORT = "short"
    """LAST came before the message's length was reached."""
    LAST_MISSING = "last-missing"
    """The message's length was reached without LAST."""
    GAP = "gap"
    """The next frame did not come within 2 seconds."""
    TIMEOUT = "timeout"
    """The message was not complete within 8 seconds."""
    FLOOD = "flood"
    """More messages came unread than the receiver holds."""
    FRAGMENT_SIZE = "fragment-size"
    """ATT_MTU or the peer's limit leaves less than 18 bytes for a frame."""


class FramingError(PeerError):
    """The peer broke the fragment layer; the connection is of no more use.

    Attributes:
        violation: the rule that was broken.
    """

    def __init__(self, violation: Violation) -> None:
        self.violation = violation
        code = Code.MESSAGE_TOO_LARGE if violation is Violation.TOO_LARGE else Code.FRAMING
        super().__init__(code, detail=f"frames: {violation.value}")

    @property
    def is_late(self) -> bool:
        """Whether frames are missing, not wrong: this connection is over, and another one may resume the session."""
        return self.violation in (Violation.GAP, Violation.TIMEOUT)


def fragment_size(att_mtu: int, *, peer_limit: int = MAX_FRAGMENT_BYTES) -> int:
    """Return F, the longest frame in bytes: min(`att_mtu` - 5, 495, `peer_limit`).

    Raises `FramingError` (`FRAGMENT_SIZE`) when that is below 18.
    """
    size = min(att_mtu - FRAGMENT_OVERHEAD_BYTES, MAX_FRAGMENT_BYTES, peer_limit)
    if size < MIN_FRAGMENT_BYTES:
        raise FramingError(Violation.FRAGMENT_SIZE)
    return size


def split_message(
    message: bytes, *, att_mtu: int, first_number: int = 0, peer_limit: int = MAX_FRAGMENT_BYTES
) -> tuple[bytes, ...]:
    """Return the frames of `message`, each filled to F; the next message starts at `first_number` + their count.

    Args:
        message: 1 to 4096 bytes.
        att_mtu: the connection's ATT_MTU, 23 or more.
        first_number: number of the first frame; any count, taken modulo 32.
        peer_limit: longest frame that the peer takes, in bytes.

    Raises `BledError` (`MESSAGE_TOO_LARGE`) for a message of our own that is too long, `ValueError` for an empty one,
    and `FramingError` as `fragment_size` does.
    """
    if len(message) > MAX_MESSAGE_BYTES:
        raise BledError(Code.MESSAGE_TOO_LARGE, detail=f"a message has at most {MAX_MESSAGE_BYTES} bytes")
    if not message:
        raise ValueError("a message has at least one byte")
    size = fragment_size(att_mtu, peer_limit=peer_limit)
    body = len(message).to_bytes(2, "big") + message
    parts = [body[start : start + size - 1] for start in range(0, len(body), size - 1)]
    return tuple(
        bytes([_flags(index, len(parts)) | (first_number + index) % NUMBERS]) + part for index, part in enumerate(parts)
    )


def _flags(index: int, count: int) -> int:
    return (FIRST if index == 0 else 0) | (LAST if index == count - 1 else 0)


def is_last(frame: bytes) -> bool:
    """Return whether `frame` ends a message, by its header alone; False for an empty frame."""
    return bool(frame) and bool(frame[0] & LAST)


class Reassembler:
    """One direction of one connection: puts frames back in order and messages together.

    At most 16 frames and one message are held. After any error the object is spent, as the connection is.
    Time is the caller's: seconds of any monotonic clock.
    """

    def __init__(self) -> None:
        self._expected = 0
        self._waiting: dict[int, bytes] = {}
        self._message = bytearray()
        self._length: int | None = None
        self._progress_at = 0.0
        self._started_at = 0.0

    @property
    def deadline(self) -> float | None:
        """When the next frame is due, on the caller's clock; None while nothing is in progress."""
        if self._length is None and not self._waiting:
            return None
        return min(self._progress_at + FRAME_GAP_SECONDS, self._started_at + MESSAGE_SECONDS)

    def check(self, *, now: float) -> None:
        """Raise `FramingError` (`GAP` or `TIMEOUT`) when the deadline has been reached."""
        if self.deadline is not None and now >= self.deadline:
            raise self.overdue()

    def overdue(self) -> FramingError:
        """Return the error for the deadline, whichever of the two comes first."""
        late_message = self._started_at + MESSAGE_SECONDS < self._progress_at + FRAME_GAP_SECONDS
        return FramingError(Violation.TIMEOUT if late_message else Violation.GAP)

    def receive(self, frame: bytes, *, now: float) -> tuple[bytes, ...]:
        """Take one frame; return the messages that it completes: none, one, or more after a gap was filled.

        Raises `FramingError` with the violation, for the frame itself or because the deadline has been reached.
        """
        self.check(now=now)
        number = self._accept(frame)
        if self.deadline is None:
            self._progress_at = self._started_at = now
        self._waiting[number] = frame
        return tuple(self._completed(now))

    def _accept(self, frame: bytes) -> int:
        """Return the frame's number, once its header alone shows nothing wrong."""
        if not frame:
            raise FramingError(Violation.HEADER)
        if len(frame) > MAX_VALUE_BYTES:
            raise FramingError(Violation.FRAME_TOO_LONG)
        if frame[0] & RESERVED:
            raise FramingError(Violation.RESERVED)
        number = frame[0] % NUMBERS
        if (number - self._expected) % NUMBERS >= REORDER_WINDOW:
            raise FramingError(Violation.NUMBER)
        if number in self._waiting:
            raise FramingError(Violation.DUPLICATE)
        return number

    def _completed(self, now: float) -> list[bytes]:
        messages = []
        while (frame := self._waiting.pop(self._expected, None)) is not None:
            self._expected = (self._expected + 1) % NUMBERS
            self._progress_at = now
            message = self._append(frame)
            if message is not None:
                messages.append(message)
                self._started_at = now
        return messages

    def _append(self, frame: bytes) -> bytes | None:
        """Add a frame that is next in order; return the message if this ends it."""
        header = 1
        if frame[0] & FIRST:
            header = 3
            self._begin(frame)
        if self._length is None:
            raise FramingError(Violation.NO_FIRST)
        if len(frame) == header:
            raise FramingError(Violation.EMPTY)
        self._message += frame[header:]
        if frame[0] & LAST:
            return self._end(self._length)
        self._go_on(self._length)
        return None

    def _begin(self, frame: bytes) -> None:
        if self._length is not None:
            raise FramingError(Violation.FIRST_INSIDE)
        if len(frame) < 3:
            raise FramingError(Violation.HEADER)
        length = int.from_bytes(frame[1:3], "big")
        if length == 0:
            raise FramingError(Violation.LENGTH)
        if length > MAX_MESSAGE_BYTES:
            raise FramingError(Violation.TOO_LARGE)
        self._length = length

    def _go_on(self, length: int) -> None:
        if len(self._message) > length:
            raise FramingError(Violation.OVERRUN)
        if len(self._message) == length:
            raise FramingError(Violation.LAST_MISSING)

    def _end(self, length: int) -> bytes:
        if len(self._message) != length:
            raise FramingError(Violation.SHORT if len(self._message) < length else Violation.OVERRUN)
        message = bytes(self._message)
        self._message.clear()
        self._length = None
        return message
