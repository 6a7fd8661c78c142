"""What the handshake messages carry (gatt_profile.md, section 6): versions, features, limits, commitment, nonces.

    HS1  min_ver 1 | max_ver 1 | features 4 | rx_frag_max 2 | commit 32
    HS2  ver 1 | features 4 | rx_frag_max 2 | max_msg 2 | Nb 16
    HS3  Nm 16 | one OFFER, or on a resume one STATUS

Integers are big endian. Bytes after the fields of HS1 and HS2 are ignored: room for later versions.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from bled.codes import Code
from bled.errors import PeerError
from bled.gatt.primitives import KEY_BYTES, TAG_BYTES
from bled.gatt.profile import MAX_FRAGMENT_BYTES, MAX_MESSAGE_BYTES, MAX_VALUE_BYTES, MIN_FRAGMENT_BYTES
from bled.gatt.vocabulary import MessageType
from bled_codec.errors import CodecError
from bled_codec.primitives import Reader as FieldReader

NO_VERSION: Final = 0
"""In HS2: the buyer speaks none of the versions that HS1 offers, and closes after it."""
FIRST_VERSION: Final = 1
"""Lowest version that this program speaks."""
LAST_VERSION: Final = 1
"""Highest version that this program speaks."""
NONCE_BYTES: Final = 16
"""Length of Nm and Nb."""
COMMIT_BYTES: Final = 32
"""SHA-256, not cut: a shorter one could be opened in two ways by whoever has the time."""
MAX_HELLO_BYTES: Final = 256
"""Longest HS1 or HS2, key and tag included."""
MIN_MESSAGE_LIMIT: Final = 1285
"""Least that `max_msg` may say: HS3 with an offer of 1200 bytes, which every buyer must accept."""
HS3_OVERHEAD_BYTES: Final = KEY_BYTES + TAG_BYTES + NONCE_BYTES + TAG_BYTES
"""What HS3 adds to the OFFER or STATUS that it carries: 80 bytes."""


class Feature(IntFlag):
    """Bits of `features`."""

    COMPARE_CODE = 1
    """The committed compare code of this version. Always set; without it there is no version 1."""
    INVOICE = 2
    """STATUS carries the whole invoice."""
    RESUME = 4
    """A dropped link is resumed under its own key."""
    CERTIFICATE = 8
    """Reserved: a node's signature over the reader's key."""
    L2CAP = 16
    """Reserved: a connection-oriented channel in place of the characteristics."""


FEATURES: Final = Feature.COMPARE_CODE | Feature.INVOICE | Feature.RESUME
"""What this program can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hs1:
    """Payload of message 1.

    Attributes:
        min_version: lowest version that the till speaks, at least 1.
        max_version: highest version that the till speaks.
        features: bits of `Feature` that the till offers; unknown ones may be set.
        rx_frag_max: longest frame, as an attribute value in bytes, that the till can receive; 18 to 65535.
        commit: 32 bytes, what `bled.gatt.handshake.commitment` makes of the message 3 that will come.
    """

    min_version: int
    max_version: int
    features: int
    rx_frag_max: int
    commit: bytes

    def encode(self) -> bytes:
        """Return the 40 bytes."""
        versions = bytes([self.min_version, self.max_version])
        return versions + _u32(self.features) + _u16(self.rx_frag_max) + self.commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Hs2:
    """Payload of message 2.

    Attributes:
        version: the one that is spoken from now on; 0 when there is none in common.
        features: bits in use: some or all of those of HS1, no other.
        rx_frag_max: longest frame that the buyer can receive, as in HS1.
        max_msg: longest message that the buyer takes, sealed, in bytes; 1285 to 65535, of which 4096 can be used.
        nonce: Nb, 16 bytes.
    """

    version: int
    features: int
    rx_frag_max: int
    max_msg: int
    nonce: bytes

    def encode(self) -> bytes:
        """Return the 25 bytes."""
        limits = _u16(self.rx_frag_max) + _u16(self.max_msg)
        return bytes([self.version]) + _u32(self.features) + limits + self.nonce


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def check_hello(message: bytes, name: str) -> None:
    """Refuse a whole HS1 or HS2 that is too long. Raises `PeerError` (`HANDSHAKE_MALFORMED`)."""
    if len(message) > MAX_HELLO_BYTES:
        raise malformed(f"{name} has more than {MAX_HELLO_BYTES} bytes")


def malformed(detail: str) -> PeerError:
    """Return the error for a handshake message that is not what it should be."""
    return PeerError(Code.HANDSHAKE_MALFORMED, detail=detail)


def check_own_limit(rx_frag_max: int) -> None:
    """Refuse a limit of our own that no frame or attribute value has. Raises `ValueError`."""
    if not MIN_FRAGMENT_BYTES <= rx_frag_max <= MAX_VALUE_BYTES:
        raise ValueError("rx_frag_max is 18 to 512 bytes")


def check_own_message_limit(max_msg: int) -> None:
    """Refuse a limit of our own that is below every buyer's duty, or above what frames carry. Raises `ValueError`."""
    if not MIN_MESSAGE_LIMIT <= max_msg <= MAX_MESSAGE_BYTES:
        raise ValueError(f"max_msg is {MIN_MESSAGE_LIMIT} to {MAX_MESSAGE_BYTES} bytes")


def decode_hs1(payload: bytes) -> Hs1:
    """Return the fields of message 1.

    Raises `PeerError`: `HANDSHAKE_MALFORMED` for too few bytes, an empty range of versions, version 0, or a frame
    limit below 18 bytes.
    """
    reader = FieldReader(payload)
    try:
        hs1 = Hs1(
            min_version=reader.uint(1),
            max_version=reader.uint(1),
            features=reader.uint(4),
            rx_frag_max=reader.uint(2),
            commit=reader.take(COMMIT_BYTES),
        )
    except CodecError as error:
        raise PeerError.from_codec(Code.HANDSHAKE_MALFORMED, error) from error
    if not FIRST_VERSION <= hs1.min_version <= hs1.max_version:
        raise malformed(f"versions {hs1.min_version} to {hs1.max_version}")
    _check_frame_limit(hs1.rx_frag_max)
    return hs1


def decode_hs2(payload: bytes) -> Hs2:
    """Return the fields of message 2; whether they answer message 1 is for the reader to judge.

    Raises `PeerError`: `HANDSHAKE_VERSION` for version 0, `HANDSHAKE_MALFORMED` for too few bytes, a frame limit below
    18 bytes or a message limit below 1285.
    """
    reader = FieldReader(payload)
    try:
        hs2 = Hs2(
            version=reader.uint(1),
            features=reader.uint(4),
            rx_frag_max=reader.uint(2),
            max_msg=reader.uint(2),
            nonce=reader.take(NONCE_BYTES),
        )
    except CodecError as error:
        raise PeerError.from_codec(Code.HANDSHAKE_MALFORMED, error) from error
    if hs2.version == NO_VERSION:
        raise PeerError(Code.HANDSHAKE_VERSION, detail="the buyer's device speaks none of our versions")
    _check_frame_limit(hs2.rx_frag_max)
    if hs2.max_msg < MIN_MESSAGE_LIMIT:
        raise malformed(f"a longest message of {hs2.max_msg} bytes; at least {MIN_MESSAGE_LIMIT} are needed")
    return hs2


def _check_frame_limit(rx_frag_max: int) -> None:
    if rx_frag_max < MIN_FRAGMENT_BYTES:
        raise malformed(f"a longest frame of {rx_frag_max} bytes; at least {MIN_FRAGMENT_BYTES} are needed")


def frame_limit(rx_frag_max: int) -> int:
    """Return what a sender makes of the peer's limit: never above 495 bytes."""
    return min(rx_frag_max, MAX_FRAGMENT_BYTES)


def choose_version(hs1: Hs1, *, first: int = FIRST_VERSION, last: int = LAST_VERSION) -> int:
    """Return the highest version that both speak, or 0 when there is none."""
    best = min(hs1.max_version, last)
    return best if best >= max(hs1.min_version, first) else NO_VERSION


def choose_features(offered: int, ours: int) -> Feature:
    """Return the bits that both have, with 32 bits each: only these may be used.

    Raises `PeerError` (`HANDSHAKE_FEATURES`) without `COMPARE_CODE`.
    """
    return check_features(offered & ours, offered=offered)


def check_features(chosen: int, *, offered: int) -> Feature:
    """Return what the other side chose of what was offered.

    Raises `PeerError` (`HANDSHAKE_FEATURES`) for a bit that was not offered, and without `COMPARE_CODE`.
    """
    more = chosen & ~int(offered)  # of a Feature the complement has the named bits only
    if more:
        raise PeerError(Code.HANDSHAKE_FEATURES, detail=f"features {more:#x} were not offered")
    if not chosen & Feature.COMPARE_CODE:
        raise PeerError(Code.HANDSHAKE_FEATURES, detail="the compare code is missing")
    return Feature(chosen)


def split_hs3(payload: bytes) -> tuple[bytes, bytes]:
    """Return Nm and the message of HS3's payload. Raises `PeerError` (`HANDSHAKE_MALFORMED`) for too few bytes."""
    if len(payload) <= NONCE_BYTES:
        raise malformed("HS3 carries no message")
    return payload[:NONCE_BYTES], payload[NONCE_BYTES:]


def check_opening(message: bytes, *, resuming: bool) -> None:
    """Refuse another message in HS3 than OFFER, or than STATUS too on a resume. Raises `PeerError` (`BAD_STATE`)."""
    if not may_open_with(message, resuming=resuming):
        raise PeerError(Code.BAD_STATE, detail=f"message type {message[0]:#04x} in HS3")


def may_open_with(message: bytes, *, resuming: bool) -> bool:
    """Return whether HS3 may carry `message`, at least one byte, by its type alone.

    STATUS may bring a preimage: only the device that was there before gets one.
    """
    return message[0] == MessageType.OFFER or (resuming and message[0] == MessageType.STATUS)


def longest_hs3_message(max_msg: int) -> int:
    """Return how long an OFFER or STATUS in HS3 may be for a peer that takes `max_msg` bytes at once."""
    return min(max_msg, MAX_MESSAGE_BYTES) - HS3_OVERHEAD_BYTES
