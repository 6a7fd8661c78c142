"""`blinded_payinfo` of BOLT 12: what a payment over a blinded path costs in total."""

from dataclasses import dataclass

from bled_codec.primitives import Reader
from bled_codec.units import Msat

_MILLION = 1_000_000


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
        """Return the 28 bytes and the features."""
        return b"".join(
            (
                self.fee_base_msat.to_bytes(4, "big"),
                self.fee_proportional_millionths.to_bytes(4, "big"),
                self.cltv_expiry_delta.to_bytes(2, "big"),
                self.htlc_minimum_msat.to_bytes(8, "big"),
                self.htlc_maximum_msat.to_bytes(8, "big"),
                len(self.features).to_bytes(2, "big"),
                self.features,
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> "BlindedPayinfo":
        """Read one. Raises `EncodingError` (`TRUNCATED`)."""
        return cls(
            fee_base_msat=reader.uint(4),
            fee_proportional_millionths=reader.uint(4),
            cltv_expiry_delta=reader.uint(2),
            htlc_minimum_msat=Msat(reader.uint(8)),
            htlc_maximum_msat=Msat(reader.uint(8)),
            features=reader.take(reader.uint(2)),
        )


def decode_payinfos(value: bytes) -> tuple[BlindedPayinfo, ...]:
    """Return all of a whole TLV value; none for an empty one. Raises `EncodingError`."""
    reader = Reader(value)
    payinfos = []
    while reader.remaining:
        payinfos.append(BlindedPayinfo.read(reader))
    return tuple(payinfos)
