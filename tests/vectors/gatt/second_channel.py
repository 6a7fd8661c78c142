"""A second implementation of section 6.7 of the profile, from its text alone: it imports nothing of bled."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from .second_wire import Refusal


class Opener:
    """What one side hears: messages under one key, each under its own counter."""

    def __init__(self, key: bytes, *, max_msg: int = 4096) -> None:
        self.cipher = ChaCha20Poly1305(key)
        self.longest = min(max_msg, 4096)
        self.counter = 0

    def open(self, sealed: bytes) -> bytes:
        """The next message."""
        if len(sealed) > self.longest:
            raise Refusal("message-too-large")
        nonce = bytes(4) + self.counter.to_bytes(8, "little")
        try:
            message = self.cipher.decrypt(nonce, sealed, b"")
        except (InvalidTag, ValueError):
            raise Refusal("channel-broken") from None
        self.counter += 1
        if not message:
            raise Refusal("channel-broken")
        return message
