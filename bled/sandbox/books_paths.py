"""Blinded paths to a sandbox node: the stub for a public node, and the way through the peer of a private one."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bled_codec.blinded_path import BlindedPath, BlindedPayinfo, create_blinded_path
from bled_codec.crypto import SecretKey
from bled_codec.encrypted_data import EncryptedData
from bled_codec.units import MAX_MSAT, Msat, Point

STUB_PAYINFO: Final = BlindedPayinfo(
    fee_base_msat=0,
    fee_proportional_millionths=0,
    cltv_expiry_delta=10,
    htlc_minimum_msat=Msat(0),
    htlc_maximum_msat=MAX_MSAT,
)
"""Costs of the one-hop path that Core Lightning puts into an invoice without paths: none, ten blocks."""


def _random_path(nodes: Sequence[Point], data: Sequence[bytes]) -> BlindedPath:
    return create_blinded_path(nodes, data, session_key=SecretKey(secrets.token_bytes(32)))


def _random_preimage() -> bytes:
    return secrets.token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Where a node's random values come from; a recording is replayed by giving its own.

    Attributes:
        preimage: a fresh preimage, 32 bytes.
        make_path: a blinded path over nodes, introduction first, with the clear data of each.
    """

    preimage: Callable[[], bytes] = _random_preimage
    make_path: Callable[[Sequence[Point], Sequence[bytes]], BlindedPath] = _random_path


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateChannel:
    """The one channel of a node that nobody else knows of; offers and invoices then name the peer.

    Attributes:
        peer: the node at the other end, introduction of every path.
        fee_base_msat: what the peer takes for each payment, in millisatoshi.
        fee_proportional_millionths: what it takes of each million.
        cltv_expiry_delta: blocks that it adds.
        max_cltv_expiry: last block height at which a payment over the path may still expire.
        htlc_maximum: largest payment, in millisatoshi.
    """

    peer: Point
    fee_base_msat: int = 1
    fee_proportional_millionths: int = 10
    cltv_expiry_delta: int = 6
    max_cltv_expiry: int = 0xFFFFFFFF
    htlc_maximum: Msat = field(default=MAX_MSAT)

    @property
    def payinfo(self) -> BlindedPayinfo:
        """Costs of the path: the peer's, and ten blocks for the node itself."""
        return BlindedPayinfo(
            fee_base_msat=self.fee_base_msat,
            fee_proportional_millionths=self.fee_proportional_millionths,
            cltv_expiry_delta=self.cltv_expiry_delta + STUB_PAYINFO.cltv_expiry_delta,
            htlc_minimum_msat=Msat(0),
            htlc_maximum_msat=self.htlc_maximum,
        )

    @property
    def relay(self) -> bytes:
        """`payment_relay`: u16 blocks, u32 fee of each million, base fee without leading zeros (BOLT 4)."""
        base = self.fee_base_msat.to_bytes((self.fee_base_msat.bit_length() + 7) // 8, "big")
        return self.cltv_expiry_delta.to_bytes(2, "big") + self.fee_proportional_millionths.to_bytes(4, "big") + base

    @property
    def constraints(self) -> bytes:
        """`payment_constraints`: u32 block height, smallest payment without leading zeros (BOLT 4)."""
        return self.max_cltv_expiry.to_bytes(4, "big")


def offer_path(node: Point, channel: PrivateChannel, path_secret: bytes, *, chance: Chance) -> BlindedPath:
    """Return the path of a private node's offer; `path_secret` (32 bytes) comes back with each request."""
    data = (EncryptedData(next_node_id=node), EncryptedData(path_id=path_secret))
    return chance.make_path((channel.peer, node), [part.encode() for part in data])


def payment_path(
    node: Point, channel: PrivateChannel | None, path_id: bytes, *, chance: Chance
) -> tuple[BlindedPath, BlindedPayinfo]:
    """Return a path for payments to `node`, and what it costs; `path_id` (32 bytes) comes with the payment."""
    last = EncryptedData(path_id=path_id).encode()
    if channel is None:
        return chance.make_path((node,), (last,)), STUB_PAYINFO
    first = EncryptedData(next_node_id=node, payment_relay=channel.relay, payment_constraints=channel.constraints)
    return chance.make_path((channel.peer, node), (first.encode(), last)), channel.payinfo
