"""The channel after the handshake: each message under its own counter, so that none is changed, repeated or moved."""

from typing import Final

from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.noise import CipherState
from bled.gatt.primitives import TAG_BYTES
from bled.gatt.profile import MAX_MESSAGE_BYTES

MAX_PLAINTEXT_BYTES: Final = MAX_MESSAGE_BYTES - TAG_BYTES
"""Longest message that fits the fragment layer once it is sealed."""


class SecureChannel:
    """One side of one connection; made by `bled.gatt.handshake`, used as a `bled.gatt.channel.Channel`.

    Messages of one direction arrive in the order in which they were sealed, or the channel is of no more use for
    receiving. It can then still seal: an ERROR may tell the peer why the link is about to be closed.
    """

    __slots__ = ("_limit", "_own_limit", "_receive", "_send")

    def __init__(
        self,
        *,
        send_key: bytes,
        receive_key: bytes,
        peer_limit: int = MAX_MESSAGE_BYTES,
        own_limit: int = MAX_MESSAGE_BYTES,
    ) -> None:
        """Take a 32-byte key for each direction, and the longest sealed message, in bytes, that either side takes."""
        self._send: CipherState | None = CipherState(send_key)
        self._receive: CipherState | None = CipherState(receive_key)
        self._limit = min(peer_limit, MAX_MESSAGE_BYTES)
        self._own_limit = min(own_limit, MAX_MESSAGE_BYTES)

    def seal(self, message: bytes) -> bytes:
        """Return `message` sealed, 16 bytes longer.

        Raises `BledError`: `MESSAGE_TOO_LARGE` above what the peer takes, `BAD_STATE` after `close`. Raises
        `ValueError` for an empty message.
        """
        if self._send is None:
            raise BledError(Code.BAD_STATE, detail="the channel is closed")
        if not message:
            raise ValueError("a message has at least one byte")
        if len(message) + TAG_BYTES > self._limit:
            raise BledError(Code.MESSAGE_TOO_LARGE, detail=f"the peer takes at most {self._limit} bytes, sealed")
        return self._send.encrypt(message)

    def open(self, data: bytes) -> bytes:
        """Return the message in `data`.

        Raises `PeerError`: `MESSAGE_TOO_LARGE` above what this side takes, `CHANNEL_BROKEN` when it is not the
        peer's next message, and for everything after either.
        """
        if self._receive is None:
            raise PeerError(Code.CHANNEL_BROKEN, detail="a message before this one did not verify")
        receive, self._receive = self._receive, None
        if len(data) > self._own_limit:
            raise PeerError(Code.MESSAGE_TOO_LARGE, detail="the message is too long")
        message = receive.decrypt(data)
        if not message:
            raise PeerError(Code.CHANNEL_BROKEN, detail="changed, repeated or out of order")
        self._receive = receive
        return message

    def close(self) -> None:
        """Forget both keys; idempotent. Nothing can be sealed or opened any more."""
        self._send = self._receive = None
