"""A tip as people name it: a share of the price, or an amount."""

import re
from typing import Final

from bled.cli.amount import parse_amount
from bled.codes import Code
from bled.errors import BledError
from bled_codec.units import Msat

_NONE: Final = frozenset({"none", "0"})
_SHARE: Final = re.compile(r"(?P<whole>[0-9]{1,3})(?:\.(?P<part>[0-9]{1,2}))?\s*%\Z")
_PARTS: Final = 10_000
"""A share is counted in hundredths of a percent."""


def parse_tip(text: str, *, price: Msat) -> Msat:
    """Return the tip that `text` names: `10%` of `price`, cut to the millisatoshi, `200sat` as any amount, or `none`.

    Raises `BledError` (`USAGE`) for anything else.
    """
    words = text.strip().lower()
    if words in _NONE:
        return Msat(0)
    share = _SHARE.match(words)
    if share is not None:
        parts = int(share["whole"]) * 100 + int((share["part"] or "").ljust(2, "0"))
        return Msat(price * parts // _PARTS)
    try:
        return parse_amount(words)
    except BledError as error:
        detail = f"{text!r} is no tip; write a share as 10%, an amount as 200sat, or none"
        raise BledError(Code.USAGE, detail=detail) from error


def most_tip(text: str | None, *, price: Msat) -> Msat:
    """Return how much a till lets the buyer of something for `price` add: at most the price again, 0 without a text.

    Raises `BledError` (`USAGE`).
    """
    return Msat(0) if text is None else Msat(min(parse_tip(text, price=price), price))
