"""What a node needs that the network does not know: the secret of its offers' paths, and payment paths. Pure.

Core Lightning has no call that makes a blinded path, but it tells the secrets by which it knows its own again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bled_codec.blinded_path import BlindedPath, BlindedPayinfo, EncryptedData, create_blinded_path, pad_to_one_length
from bled_codec.crypto import SecretKey, sha256
from bled_codec.fields import Field
from bled_codec.offer import Offer
from bled_codec.tlv import join_records
from bled_codec.units import Msat, Point

OFFER_SECRET: Final = "offer-blinded-path"  # noqa: S105 - the name that `MakeSecret` takes
"""From its secret follows the path_id with which the node knows a request that came over a path of its offer."""
INVOICE_SECRET: Final = "bolt12-invoice-base"  # noqa: S105 - the name that `MakeSecret` takes
"""From its secret follows the path_id without which the node takes no payment."""
FINAL_CLTV: Final = 18
"""Blocks that the node itself wants; Core Lightning's default."""
PATH_BLOCKS: Final = 1008
"""Blocks, a week, that a payment over the path may take at most: far more than home's own limit of 504."""
MAX_PATHS: Final = 2
"""Payment paths in an invoice: one through each of the peers that can bring the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A channel through which a payment can come, with what the peer asks for passing it on.

    Attributes:
        peer: the node at the other end.
        fee_base_msat: for each payment.
        fee_proportional_millionths: of each million.
        cltv_expiry_delta: blocks that it adds.
        htlc_minimum: smallest payment.
        htlc_maximum: largest payment just now.
    """

    peer: Point
    fee_base_msat: int
    fee_proportional_millionths: int
    cltv_expiry_delta: int
    htlc_minimum: Msat
    htlc_maximum: Msat

    @property
    def relay(self) -> bytes:
        """`payment_relay` (BOLT 4): u16 blocks, u32 fee of each million, base fee without leading zeros."""
        delta, proportional = self.cltv_expiry_delta, self.fee_proportional_millionths
        return delta.to_bytes(2, "big") + proportional.to_bytes(4, "big") + _truncated(self.fee_base_msat)

    def constraints(self, max_cltv_expiry: int) -> bytes:
        """`payment_constraints` (BOLT 4): u32 block height, smallest payment without leading zeros."""
        return max_cltv_expiry.to_bytes(4, "big") + _truncated(self.htlc_minimum)

    @property
    def payinfo(self) -> BlindedPayinfo:
        """What the whole path costs: the peer's part, and the node's own blocks."""
        return BlindedPayinfo(
            fee_base_msat=self.fee_base_msat,
            fee_proportional_millionths=self.fee_proportional_millionths,
            cltv_expiry_delta=self.cltv_expiry_delta + FINAL_CLTV,
            htlc_minimum_msat=self.htlc_minimum,
            htlc_maximum_msat=self.htlc_maximum,
        )


def _truncated(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def best_inbound(channels: Sequence[Inbound], amount: Msat) -> tuple[Inbound, ...]:
    """Return the channels to put into an invoice of `amount`: at most `MAX_PATHS`, one for each peer."""
    best: dict[Point, Inbound] = {}
    for channel in sorted(channels, key=lambda channel: channel.htlc_maximum):
        if channel.htlc_minimum <= amount <= channel.htlc_maximum:
            best[channel.peer] = channel
    return tuple(sorted(best.values(), key=lambda channel: -channel.htlc_maximum)[:MAX_PATHS])


def request_path_id(offer_secret: bytes, offer: Offer) -> bytes:
    """Return what must come with a request for `offer`, which has paths; 32 bytes."""
    bare = [record for record in offer.records if record.type != Field.OFFER_PATHS]
    return sha256(offer_secret + sha256(join_records(bare)))


def payment_path(
    node_id: Point, channel: Inbound, *, invoice_secret: bytes, payment_hash: bytes, height: int, session_key: SecretKey
) -> BlindedPath:
    """Return the path of a payment through `channel` to the node; `session_key` is fresh, `height` the newest block."""
    last_block = height + PATH_BLOCKS + channel.cltv_expiry_delta + FINAL_CLTV
    first = EncryptedData(
        next_node_id=node_id, payment_relay=channel.relay, payment_constraints=channel.constraints(last_block)
    )
    last = EncryptedData(path_id=sha256(invoice_secret + payment_hash))
    return create_blinded_path([channel.peer, node_id], pad_to_one_length([first, last]), session_key=session_key)
