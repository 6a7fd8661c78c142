"""The link protocol: whole messages between one till and one buyer's device, whatever radio carries them.

Every radio fits the same three protocols. A new link carries messages as they are: whoever opens it makes it private
with `bled.link.handshaking` before anything is said.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from bled.gatt.channel import Channel
from bled.gatt.profile import SERVICE_UUID
from bled.progress import OnStep


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStats:
    """What one connection cost, from its first ATT PDU on, discovery included; both directions together.

    Attributes:
        att_pdus: ATT PDUs that this side's host sent or received.
        bytes_on_air: bytes of the link-layer packets that carry them, by the model of `bled.link.air_cost`.
    """

    att_pdus: int
    bytes_on_air: int


class MessageLink(Protocol):
    """A connection that carries whole messages of 1 to 4096 bytes, in order, one direction at a time."""

    @property
    def att_mtu(self) -> int:
        """The negotiated ATT_MTU, 23 to 517."""
        ...

    @property
    def peer(self) -> str:
        """The other side's Bluetooth address as text. It is random, and new each time."""
        ...

    @property
    def stats(self) -> LinkStats:
        """What the connection has cost so far; readable after its end."""
        ...

    async def send(self, message: bytes, *, answered: bool = False) -> None:
        """Send one whole message; return when it has left this host (a till: when the peer's host has it).

        With `answered`, for a message that the peer's program answers at once, a till does not wait for the peer's
        host as well, and the air carries one ATT PDU less: the answer says that it came.

        Raises `Unavailable` (`LINK_LOST`), also when the peer takes no whole message within 8 s, and `BledError`
        (`MESSAGE_TOO_LARGE`) above 4096 bytes. A message that was cut off ends the link.
        """
        ...

    async def receive(self, *, seconds: float) -> bytes:
        """Return the next whole message. What had arrived before the link's end is returned first.

        Raises `Unavailable` (`PEER_TIMEOUT`) when none came within `seconds`, `Unavailable` (`LINK_LOST`) when the link
        is gone, `FramingError` when the peer broke the fragment layer: the link is then of no more use for receiving.
        """
        ...

    def secure(self, channel: Channel, *, frame_limit: int) -> None:
        """Seal what is sent from now on, and open what is received from now on, with `channel`.

        A message that has arrived and was not received yet is opened by the new channel too. `frame_limit` is the
        longest frame that the peer takes, 18 to 495 bytes.
        """
        ...

    async def close(self) -> None:
        """Close the connection; idempotent, never hangs, raises nothing for what a peer or radio can do.

        Whoever has sent a message and did not ask for another lets the other side disconnect first, for 3 s at most:
        some hosts drop what they have not read when a link ends.
        """
        ...


class Central(Protocol):
    """The till's radio."""

    async def connect(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> MessageLink:
        """Find the beacon of a buyer who waits under `uuid`, the strongest first; return once notifications are on.

        Each device gets 3 tries. Raises `Unavailable`: `NO_BUYER` when none led to a link within `seconds`,
        `RADIO_UNAVAILABLE` when the radio itself is gone.
        """
        ...

    async def connect_any(
        self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]
    ) -> tuple[UUID, MessageLink]:
        """Find a buyer who waits under one of `uuids`; of those heard together, under the first. Return which it was.

        Raises what `connect` raises.
        """
        ...

    async def close(self) -> None:
        """Close the link, if any, and give the radio back; idempotent, never hangs."""
        ...


class Peripheral(Protocol):
    """The buyer's radio."""

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> MessageLink:
        """Show the beacon until a central has subscribed and written, and return the link to that one alone.

        Beacon and service have the UUID `uuid`. The beacon stays on for 120 s at most. Raises `Unavailable`: `NO_BUYER`
        when no till came in time, `RADIO_UNAVAILABLE` when the radio itself is gone.
        """
        ...

    async def close(self) -> None:
        """Close the link, if any, stop the beacon and give the radio back; idempotent, never hangs."""
        ...
