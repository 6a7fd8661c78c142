"""Units of the codec: money, time and points are types, so that one cannot stand for another."""

from typing import Final, NewType

Msat = NewType("Msat", int)
"""Millisatoshi. The only unit of money in this project; satoshi appear on screens alone."""

UnixTime = NewType("UnixTime", int)
"""Seconds since 1970-01-01T00:00:00Z, without leap seconds."""

Seconds = NewType("Seconds", int)
"""A length of time in whole seconds."""

Point = NewType("Point", bytes)
"""A compressed secp256k1 point, 33 bytes, known to lie on the curve."""

MAX_MSAT: Final = Msat(0x1D24B2DFAC520000)
"""21 million bitcoin: the largest amount that BOLT 1 lets a millisatoshi field carry."""
