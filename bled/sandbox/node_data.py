"""What a sandbox node tells about itself and its neighbours, whichever interface asks."""

from dataclasses import dataclass, field
from typing import Final

from bled_codec.units import Msat, Point

VERSION: Final = "v26.06.6-sandbox"
"""The Core Lightning version whose behaviour is kept, marked so that nobody takes this for a real node."""

NETWORK: Final = "regtest"
_LABELS_SINCE: Final = "v26.06"
"""The version that brought labels to `xpay`."""
BLOCK_HEIGHT: Final = 144
"""No block is ever mined in the sandbox."""

INIT_FEATURES: Final = bytes.fromhex("800898880a8a59a1")
NODE_FEATURES: Final = bytes.fromhex("808898880a8a59a1")
INVOICE_FEATURES: Final = bytes.fromhex("02000002024100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a node says it listens. Messages pass inside this process: behind the port is nobody."""

    host: str = "127.0.0.1"
    port: int = 9735

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInfo:
    """What `getinfo` says."""

    node_id: Point
    alias: str
    color: bytes
    num_peers: int
    num_active_channels: int
    lightning_dir: str
    fees_collected: Msat
    address: Address
    version: str = VERSION
    blockheight: int = BLOCK_HEIGHT
    network: str = NETWORK


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerInfo:
    """One entry of `listpeers`."""

    node_id: Point
    connected: bool
    num_channels: int
    netaddr: tuple[str, ...]
    features: bytes = INIT_FEATURES


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedPeer:
    """Answer of `connect`. `outgoing` says that this node opened the connection."""

    node_id: Point
    outgoing: bool
    address: Address
    features: bytes = INIT_FEATURES


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUpdate:
    """What one end of a channel asks for passing a payment on into it."""

    fee_base: Msat = field(default=Msat(1))
    fee_proportional_millionths: int = 10
    cltv_expiry_delta: int = 6
    htlc_minimum: Msat = field(default=Msat(0))
    htlc_maximum: Msat = field(default=Msat(9_900_000_000))

    def fee(self, amount: Msat) -> Msat:
        """Return the fee for passing `amount` on, rounded down (BOLT 7)."""
        return Msat(self.fee_base + amount * self.fee_proportional_millionths // 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInfo:
    """One entry of `listpeerchannels`; `local` and `remote` are the updates of both ends.

    `ours` is this node's share of `total`; `spendable` is the part that no payment under way holds.
    """

    peer_id: Point
    peer_connected: bool
    short_channel_id: str
    private: bool
    spendable: Msat
    receivable: Msat
    ours: Msat
    total: Msat
    local: ChannelUpdate
    remote: ChannelUpdate


def takes_labels(version: str) -> bool:
    """Say whether `xpay` of a version knows labels."""
    return version >= _LABELS_SINCE
