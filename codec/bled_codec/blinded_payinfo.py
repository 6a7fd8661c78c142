"""`blinded_payinfo` of BOLT 12: what a payment over a blinded path costs in total."""

import struct
from dataclasses import dataclass
from typing import Final

from bled_codec.primitives import Reader
from bled_codec.units import Msat

_MILLION: Final = 1_000_000
_NUMBERS: Final = struct.Struct(">IIHQQH")
"""Base fee, fee per million, blocks, smallest and largest amount, and how many bytes of features follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindedPayinfo:
    """Costs and limits of one blinded path, summed over its hops.

    Attributes:
        fee_base_msat: fixed fee, 32 bits.
        fee_proportional_millionths: fee per million of the amount, 32 bits.
        cltv_expiry_delta: blocks that the path adds, 16 bits.
        htlc_minimum_msat: smallest amount the path takes.
        htlc_maximum_msat: largest amount the path takes.
        features: feature bits, big endian.
    """

    fee_base_msat: int
    fee_proportional_millionths: int
    cltv_expiry_delta: int
    htlc_minimum_msat: Msat
    htlc_maximum_msat: Msat
    features: bytes = b""

    def fee(self, amount: Msat) -> Msat:
        """Return the fee for forwarding `amount`, rounded down as BOLT 7 computes it."""
        return Msat(self.fee_base_msat + amount * self.fee_proportional_millionths // _MILLION)

    def encode(self) -> bytes:
        """Return the 28 bytes and the features. Raises `struct.error` for a number that does not fit its width."""
        numbers = _NUMBERS.pack(
            self.fee_base_msat,
            self.fee_proportional_millionths,
            self.cltv_expiry_delta,
            self.htlc_minimum_msat,
            self.htlc_maximum_msat,
            len(self.features),
        )
        return numbers + self.features

    @classmethod
    def read(cls, reader: Reader) -> "BlindedPayinfo":
        """Read one. Raises `EncodingError` (`TRUNCATED`)."""
        base, proportional, delta, minimum, maximum, feature_bytes = _NUMBERS.unpack(reader.take(_NUMBERS.size))
        return cls(
            fee_base_msat=base,
            fee_proportional_millionths=proportional,
            cltv_expiry_delta=delta,
            htlc_minimum_msat=Msat(minimum),
            htlc_maximum_msat=Msat(maximum),
            features=reader.take(feature_bytes),
        )


def decode_payinfos(value: bytes) -> tuple[BlindedPayinfo, ...]:
    """Return all of a whole TLV value; none for an empty one. Raises `EncodingError`."""
    reader = Reader(value)
    payinfos = []
    while reader.remaining:
        payinfos.append(BlindedPayinfo.read(reader))
    return tuple(payinfos)
