"""Chains by the hash that BOLT 12 messages carry: the genesis block's hash in wire order, 32 bytes."""

from collections.abc import Mapping
from typing import Final

BITCOIN_CHAIN: Final = bytes.fromhex("6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000")
TESTNET_CHAIN: Final = bytes.fromhex("43497fd7f826957108f4a30fd9cec3aeba79972084e90ead01ea330900000000")
SIGNET_CHAIN: Final = bytes.fromhex("f61eee3b63a380a477a063af32b2bbc97c9ff9f01f2c4225e973988108000000")
REGTEST_CHAIN: Final = bytes.fromhex("06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f")

CHAIN_NAMES: Final[Mapping[str, bytes]] = {
    "bitcoin": BITCOIN_CHAIN,
    "testnet": TESTNET_CHAIN,
    "signet": SIGNET_CHAIN,
    "regtest": REGTEST_CHAIN,
}
"""Chain hash by the name that Core Lightning uses for its network."""


def chain_name(chain: bytes) -> str:
    """Return the name of a chain hash, or its hexadecimal form when it is none of ours."""
    names = (name for name, known in CHAIN_NAMES.items() if known == chain)
    return next(names, chain.hex())
