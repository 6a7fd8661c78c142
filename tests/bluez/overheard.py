"""What the virtual air itself hears: the ATT PDUs that one controller's host sends and is sent, in their order."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from bled.link.air import AirController

from .hub import Hub

_L2CAP_HEADER_BYTES: Final = 4
_ATT_CHANNEL: Final = 0x0004
_EXCHANGE_MTU: Final = 0x02
_QUESTIONS: Final = frozenset({_EXCHANGE_MTU, 0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x20})
"""Requests of a client that only asks: ATT_MTU, information, find, read by type, read, blob, multiple, by group."""


@dataclass(slots=True)
class Overheard:
    """Listens in the air of `hub` to the links of `adapter`, while it is open as a context manager.

    Attributes:
        pdus: each ATT PDU, and whether the adapter's host sent it.
    """

    hub: Hub
    adapter: AirController
    pdus: list[tuple[bool, bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self.hub.listeners.append(self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        self.hub.listeners.remove(self._hear)

    def _hear(self, sender: object, receiver: object, frame: bytes) -> None:
        if self.adapter not in {sender, receiver} or int.from_bytes(frame[2:4], "little") != _ATT_CHANNEL:
            return
        self.pdus.append((sender is self.adapter, frame[_L2CAP_HEADER_BYTES:]))

    def questions(self) -> tuple[bytes, ...]:
        """Return the requests, other than writes, that the adapter's host sent: each is a round trip.

        Those of the last connection alone, which begins with the request for an ATT_MTU: a first try may have failed.
        """
        asked = [pdu for sent, pdu in self.pdus if sent and pdu[0] in _QUESTIONS]
        begins = max((place for place, pdu in enumerate(asked) if pdu[0] == _EXCHANGE_MTU), default=0)
        return tuple(asked[begins:])
