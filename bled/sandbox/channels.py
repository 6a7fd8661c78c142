"""Channels of the sandbox, and what the network knows of them."""

from dataclasses import dataclass, field

from bled.sandbox.node_data import ChannelUpdate
from bled_codec.units import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel between two nodes. Who owns how much of it stands in the ledger (`accounts`).

    Attributes:
        scid: short channel id as text, `block x transaction x output`.
        ends: the two nodes, in any order.
        update: what either end asks for passing payments on.
        private: only its ends know of it.
    """

    scid: str
    ends: tuple[Point, Point]
    update: ChannelUpdate = field(default_factory=ChannelUpdate)
    private: bool = False

    def other(self, node_id: Point) -> Point:
        """Return the end that is not `node_id`."""
        first, second = self.ends
        return second if node_id == first else first

    def direction(self, sender: Point) -> int:
        """Return 0 when `sender` is the lesser of the two ids, otherwise 1 (BOLT 7)."""
        return 0 if sender < self.other(sender) else 1

    @property
    def scid_bytes(self) -> bytes:
        """The short channel id as BOLT 7 encodes it, 8 bytes."""
        block, transaction, output = (int(part) for part in self.scid.split("x"))
        return (block << 40 | transaction << 16 | output).to_bytes(8, "big")

    def end(self, direction: int) -> Point:
        """Return the end that sends in `direction` (0 or 1)."""
        return sorted(self.ends)[direction]
