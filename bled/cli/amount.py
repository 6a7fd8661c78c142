"""Amounts as people type and read them: satoshi unless a unit says otherwise, exact, never a float."""

import re
from typing import Final

from bled.codes import Code
from bled.errors import BledError
from bled_codec.units import Msat

_MSAT_PER_SAT: Final = 1000
_MOST: Final = 2_100_000_000_000_000_000
"""All bitcoin there will ever be, in millisatoshi."""
_AMOUNT: Final = re.compile(
    r"\A(?P<whole>[0-9]{1,19}(?:[_,][0-9]{3})*)(?:\.(?P<part>[0-9]{1,3}))?\s*(?P<unit>msat|sat)?\Z"
)


def parse_amount(text: str) -> Msat:
    """Return the amount that `text` names: `2500`, `2500sat`, `2,500`, `0.5sat` or `2500000msat`; above zero.

    Raises `BledError` (`USAGE`) for anything else.
    """
    found = _AMOUNT.match(text.strip().lower())
    if found is None or (found["unit"] == "msat" and found["part"] is not None):
        raise _bad(text)
    whole = int(re.sub("[_,]", "", found["whole"]))
    part = int((found["part"] or "0").ljust(3, "0"))
    amount = whole if found["unit"] == "msat" else whole * _MSAT_PER_SAT + part
    if not 0 < amount <= _MOST:
        raise _bad(text)
    return Msat(amount)


def format_amount(amount: int) -> str:
    """Return `amount` millisatoshi in satoshi, with thousands apart and no more decimals than it has."""
    whole, part = divmod(abs(amount), _MSAT_PER_SAT)
    sign = "-" if amount < 0 else ""
    decimals = f".{part:03d}".rstrip("0") if part else ""
    return f"{sign}{whole:,}{decimals} sat"


def _bad(text: str) -> BledError:
    return BledError(Code.USAGE, detail=f"{text!r} is no amount; write 2500 or 2500sat, or 2500000msat")
