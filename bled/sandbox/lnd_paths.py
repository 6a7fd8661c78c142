"""Blinded paths for money, as LND builds them: through the peer of each channel, named by the channel."""

import secrets
from collections.abc import Iterator
from typing import Final

from bled.sandbox.lnd_books import Paths
from bled.sandbox.node import SandboxNode
from bled.sandbox.node_data import BLOCK_HEIGHT, ChannelInfo, ChannelUpdate
from bled_codec.blinded_path import BlindedPath, create_blinded_path
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.crypto import SecretKey
from bled_codec.encrypted_data import EncryptedData, pad_to_one_length
from bled_codec.units import Msat

MAX_PATHS: Final = 3
"""LND's default."""
FINAL_DELTA: Final = 83
"""Blocks that LND wants for itself: its default of 80, and three in case some are found meanwhile."""


Way = tuple[BlindedPath, BlindedPayinfo]


def paths_to(node: SandboxNode, path_id: bytes, amount: Msat, expiry: int) -> Paths:
    """Return up to three ways for `amount` to `node`; `expiry` in seconds decides how long they are good."""
    return tuple(_paths(node, path_id, amount, expiry))[:MAX_PATHS]


def _paths(node: SandboxNode, path_id: bytes, amount: Msat, expiry: int) -> Iterator[Way]:
    for channel in node.list_channels():
        if channel.peer_connected and channel.receivable >= amount:
            yield _path(node, channel, path_id, expiry)


def _path(node: SandboxNode, channel: ChannelInfo, path_id: bytes, expiry: int) -> Way:
    update = channel.remote
    last_block = BLOCK_HEIGHT + blocks_until(expiry) + FINAL_DELTA
    scid = next(way for way in node.network.channels if way.scid == channel.short_channel_id).scid_bytes
    first = EncryptedData(
        short_channel_id=scid,
        payment_relay=_relay(update),
        payment_constraints=(last_block + update.cltv_expiry_delta).to_bytes(4, "big"),
    )
    last = EncryptedData(path_id=path_id, payment_constraints=last_block.to_bytes(4, "big"))
    key = SecretKey(secrets.token_bytes(32))
    path = create_blinded_path([channel.peer_id, node.node_id], pad_to_one_length([first, last]), session_key=key)
    return path, _payinfo(update, channel.receivable)


def blocks_until(expiry: int) -> int:
    """Return how many blocks a path is good for: twice the whole ten minutes in the invoice's time."""
    return expiry // 600 * 2


def _relay(update: ChannelUpdate) -> bytes:
    base = update.fee_base.to_bytes((update.fee_base.bit_length() + 7) // 8, "big")
    return update.cltv_expiry_delta.to_bytes(2, "big") + update.fee_proportional_millionths.to_bytes(4, "big") + base


def _payinfo(update: ChannelUpdate, receivable: Msat) -> BlindedPayinfo:
    return BlindedPayinfo(
        fee_base_msat=update.fee_base,
        fee_proportional_millionths=update.fee_proportional_millionths,
        cltv_expiry_delta=update.cltv_expiry_delta + FINAL_DELTA,
        htlc_minimum_msat=update.htlc_minimum,
        htlc_maximum_msat=min(update.htlc_maximum, receivable),
    )
