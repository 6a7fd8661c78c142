"""The place between messages and frames where privacy comes in (gatt_profile.md, section 6).

Every message passes through `seal` before it is cut into frames and through `open` after it was put together. A link
starts with `PlainChannel`; `bled.gatt.secure_channel.SecureChannel` is what a handshake puts in its place.
"""

from typing import Protocol


class Channel(Protocol):
    """Turns messages into what is cut into frames, and back. One per connection; keeps its own counters."""

    def seal(self, message: bytes) -> bytes:
        """Return what goes over the air for `message`."""
        ...

    def open(self, data: bytes) -> bytes:
        """Return the message in `data`. Raises `PeerError` when it cannot be the peer's next one."""
        ...


class PlainChannel:
    """Passes bytes through, while the handshake makes the keys. It hides nothing, proves nothing, detects no change."""

    def seal(self, message: bytes) -> bytes:
        """Return `message` itself."""
        return message

    def open(self, data: bytes) -> bytes:
        """Return `data` itself."""
        return data
