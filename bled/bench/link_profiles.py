"""What other protocols would spend on the same offer and request: 300 and 800 bytes, after discovery.

Reconstructed by hand from each protocol's published framing rules, with Data Length Extension; nobody captured them.
They carry what these protocols add for their own purposes, so that they show orders of magnitude and no winners.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

OFFER_BYTES: Final = 300
REQUEST_BYTES: Final = 800


WAITS: Final[Mapping[str, float]] = {
    "mdoc (ISO 18013-5)": 3,
    "CTAP2": 6,
    "Matter BTP": 10,
    "Jade": 4,
    "Ledger": 3,
    "Tuvali": 10,
    "Trezor THP": 6,
    "bitchat": 3.5,
}
"""Round trips one after the other at ATT_MTU 517, as reconstructed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """ATT PDUs, link-layer data packets, and bytes on the air with the empty answers."""

    att_pdus: int
    ll_packets: int
    bytes_on_air: int

    @property
    def efficiency(self) -> float:
        """Offer and request as a share of all bytes, 0 to 1."""
        return (OFFER_BYTES + REQUEST_BYTES) / self.bytes_on_air


def _row(**by_mtu: tuple[int, int, int]) -> Mapping[int, Spent]:
    return {
        int(name.removeprefix("mtu")): Spent(att_pdus=att, ll_packets=packets, bytes_on_air=total)
        for name, (att, packets, total) in by_mtu.items()
    }


PROFILES: Final[Mapping[str, Mapping[int, Spent]]] = {
    "mdoc (ISO 18013-5)": _row(mtu517=(8, 12, 1564), mtu185=(13, 13, 1624), mtu23=(72, 72, 3276)),
    "CTAP2": _row(mtu517=(13, 17, 1606), mtu185=(18, 18, 1667), mtu23=(84, 84, 3737)),
    "Matter BTP": _row(mtu517=(20, 20, 1662), mtu185=(22, 22, 1717), mtu23=(140, 140, 4962)),
    "Jade": _row(mtu517=(8, 12, 1438), mtu185=(16, 16, 1582), mtu23=(112, 112, 4462)),
    "Ledger": _row(mtu517=(13, 13, 1545), mtu185=(13, 13, 1545), mtu23=(70, 70, 3483)),
    "Tuvali": _row(mtu517=(20, 24, 1806), mtu185=(25, 25, 1871), mtu23=(99, 100, 4045)),
    "Trezor THP": _row(mtu517=(20, 20, 5012), mtu23=(97, 97, 4907)),
    "bitchat": _row(mtu517=(10, 19, 2979), mtu185=(19, 19, 3042), mtu23=(131, 131, 6066)),
}
"""By protocol and ATT_MTU; a protocol without a row at an ATT_MTU does not run there."""
