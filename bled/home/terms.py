"""Terms of a book as its owner writes them: durations such as `30d`, classes of ids such as `5:2000000sat:7d`. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import PeerError
from bled_codec.units import MAX_MSAT, Msat

_SECONDS: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"\A(?P<number>[0-9]{1,9})(?P<unit>s|min|h|d|w)\Z", re.ASCII)
_MSAT: Final = {"sat": 1_000, "msat": 1}
_AMOUNT: Final = re.compile(r"\A(?P<number>[0-9]{1,19})(?P<unit>sat|msat)\Z", re.ASCII)
_COUNT: Final = re.compile(r"\A[0-9]{1,9}\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTerms:
    """One class of payer ids: how many, the most for one payment, and for how many seconds from now they are good."""

    count: int
    per_payment: Msat
    seconds: int


def parse_duration(text: str) -> int:
    """Return the seconds of `30d`, `12h`, `2w`, `90min` or `600s`. Raises `PeerError` (`USAGE`)."""
    found = _DURATION.match(text.strip())
    if found is None:
        raise PeerError(Code.USAGE, detail=f"{text!r} is no duration; write 30d, 12h, 2w or 90min")
    return int(found["number"]) * _SECONDS[found["unit"]]


def parse_amount_with_unit(text: str) -> Msat:
    """Return the amount of `2000sat` or `2000000msat`; the unit must be there. Raises `PeerError` (`USAGE`)."""
    found = _AMOUNT.match(text.strip())
    amount = MAX_MSAT + 1 if found is None else int(found["number"]) * _MSAT[found["unit"]]
    if amount > MAX_MSAT:
        raise PeerError(Code.USAGE, detail=f"{text!r} is no amount; write 2000sat or 2000000msat")
    return Msat(amount)


def parse_class(text: str) -> ClassTerms:
    """Return the class that `COUNT:AMOUNT:DURATION` names, as `5:2000000sat:7d`. Raises `PeerError` (`USAGE`)."""
    parts = text.split(":")
    if len(parts) != 3 or not _COUNT.match(parts[0]):
        raise PeerError(Code.USAGE, detail=f"{text!r} is no class of ids; write COUNT:AMOUNT:DURATION, 5:2000000sat:7d")
    return ClassTerms(
        count=int(parts[0]), per_payment=parse_amount_with_unit(parts[1]), seconds=parse_duration(parts[2])
    )
