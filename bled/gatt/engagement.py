"""Secrets that two devices share before they meet in the air: from a QR code or NFC tag, or from a link that dropped.

Each is a way to meet that `bled.gatt.handshake` takes; each gives the pre-shared key of the handshake, and the UUID
under which the buyer's device advertises and registers its service, so that nobody else finds or recognises it.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from bled.codes import Code
from bled.errors import PeerError
from bled.gatt.primitives import KEY_BYTES, derive, is_equal, sha256
from bled.gatt.profile import SERVICE_UUID

Entropy = Callable[[int], bytes]
"""Gives that many fresh random bytes; the caller owns where they come from."""

SECRET_BYTES: Final = 16
"""Length of the secret of an engagement."""
FINGERPRINT_BYTES: Final = 16
"""How much of SHA-256 of the reader's key an engagement carries: a second key that fits needs 2^128 tries."""
ENGAGEMENT_SECONDS: Final = 120
"""How long a till honours an engagement that it shows, and a buyer one that it read."""
SESSION_ID_BYTES: Final = 16
"""How much of the handshake hash names a meeting."""

_UUID_INFO: Final = b"bled1 uuid"
_PSK_INFO: Final = b"bled1 psk"
_RESUME_INFO: Final = b"bled1 resume"
WHITE_SPACE: Final = " \t\r\n"
"""No other: what a language takes for white space differs from one to the next."""
_TEXT: Final = re.compile(r"bled1:([A-Za-z0-9_-]{43})")


def fingerprint(reader_key: bytes) -> bytes:
    """Return the 16 bytes by which an engagement names a reader's 32-byte public key."""
    return sha256(reader_key)[:FINGERPRINT_BYTES]


def session_uuid(secret: bytes) -> UUID:
    """Return the service UUID of those who know `secret`: 16 bytes of HKDF with RFC 9562's version 8 and variant."""
    data = bytearray(derive(secret, info=_UUID_INFO, length=16))
    data[6] = data[6] & 0x0F | 0x80
    data[8] = data[8] & 0x3F | 0x80
    return UUID(bytes=bytes(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """What a till shows as a QR code or on a tag, and a buyer's device reads: it replaces the compare code.

    Whoever photographs it learns the pre-shared key; the fingerprint is what keeps him from passing for the till.

    Attributes:
        secret: 16 bytes, for one meeting, honoured for `ENGAGEMENT_SECONDS`.
        fingerprint: the first 16 bytes of SHA-256 of the reader's public key.
    """

    secret: bytes = field(repr=False)
    fingerprint: bytes

    def __post_init__(self) -> None:
        """Raise `ValueError` for another length."""
        if len(self.secret) != SECRET_BYTES or len(self.fingerprint) != FINGERPRINT_BYTES:
            raise ValueError("an engagement has a secret and a fingerprint of 16 bytes each")

    @classmethod
    def create(cls, reader_key: bytes, *, entropy: Entropy) -> "Engagement":
        """Return a new engagement for the reader with this 32-byte public key; draws 16 bytes."""
        return cls(secret=entropy(SECRET_BYTES), fingerprint=fingerprint(reader_key))

    @classmethod
    def parse(cls, text: str) -> "Engagement":
        """Return the engagement that `format` wrote; spaces, tabs and line ends around it are ignored.

        Raises `PeerError` (`ENGAGEMENT_BAD`) for anything else, also another spelling of the same bytes.
        """
        found = _TEXT.fullmatch(text.strip(WHITE_SPACE))
        try:
            data = base64.b64decode(found.group(1) + "=", altchars=b"-_", validate=True) if found else b""
        except binascii.Error:
            data = b""
        if not found or _base64url(data) != found.group(1):
            raise PeerError(Code.ENGAGEMENT_BAD, detail="a till's code is bled1: and 43 letters, digits, - or _")
        return cls(secret=data[:SECRET_BYTES], fingerprint=data[SECRET_BYTES:])

    def format(self) -> str:
        """Return the text of the QR code: `bled1:` and 43 characters of base64url without padding."""
        return f"bled1:{_base64url(self.secret + self.fingerprint)}"

    @property
    def psk(self) -> bytes:
        """The pre-shared key of the handshake, 32 bytes."""
        return derive(self.secret, info=_PSK_INFO, length=KEY_BYTES)

    @property
    def uuid(self) -> UUID:
        """The service UUID under which the buyer waits."""
        return session_uuid(self.secret)

    def is_of(self, reader_key: bytes) -> bool:
        """Return whether the till that showed this has `reader_key`, 32 bytes."""
        return is_equal(self.fingerprint, fingerprint(reader_key))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """What both sides keep of a meeting to find each other again within 60 s after the link dropped.

    The first handshake of a meeting makes it and later ones hand it on unchanged: were it renewed each time, a message
    3 that got lost would leave the two sides with different keys.

    Attributes:
        psk: the pre-shared key of the next handshake, 32 bytes, never all zero.
        reader_key: the reader's public key, 32 bytes; the one that comes back must have it.
        session_id: the first 16 bytes of the handshake hash of the meeting's first handshake.
    """

    psk: bytes = field(repr=False)
    reader_key: bytes
    session_id: bytes

    def __post_init__(self) -> None:
        """Raise `ValueError` for another length, and for the key that everybody knows: it would let strangers in."""
        if (len(self.psk), len(self.reader_key), len(self.session_id)) != (KEY_BYTES, KEY_BYTES, SESSION_ID_BYTES):
            raise ValueError("a resumption has a key of 32 bytes, a reader's key of 32 and a session id of 16")
        if self.psk == bytes(KEY_BYTES):
            raise ValueError("the zero key is not for resuming")

    @classmethod
    def of(cls, *, chaining_key: bytes, handshake_hash: bytes, reader_key: bytes) -> "Resumption":
        """Return what a handshake that ended well leaves for the next one."""
        return cls(
            psk=derive(chaining_key, salt=handshake_hash, info=_RESUME_INFO, length=KEY_BYTES),
            reader_key=reader_key,
            session_id=handshake_hash[:SESSION_ID_BYTES],
        )

    @property
    def uuid(self) -> UUID:
        """The service UUID under which the buyer waits to go on."""
        return session_uuid(self.psk)

    def is_of(self, reader_key: bytes) -> bool:
        """Return whether `reader_key`, 32 bytes, is that of the till of this meeting."""
        return is_equal(self.reader_key, reader_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMeeting:
    """Two strangers: the key that everybody knows, the public UUID, and the compare code on both screens."""

    @property
    def psk(self) -> bytes:
        """32 zero bytes."""
        return bytes(KEY_BYTES)

    @property
    def uuid(self) -> UUID:
        """The profile's public service UUID."""
        return SERVICE_UUID

    def is_of(self, reader_key: bytes) -> bool:  # noqa: ARG002 (one signature for every way to meet)
        """Return True: any reader may be the till; the people compare codes."""
        return True


Meeting = OpenMeeting | Engagement | Resumption
"""Why these two devices talk. It is chosen before the first byte, and nothing that comes later weakens it."""
