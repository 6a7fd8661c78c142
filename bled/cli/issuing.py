"""What `bled home issue` asks the plugin for, checked as far as that is possible without it."""

from collections.abc import Sequence
from pathlib import Path

from bled.cli.amount import parse_amount
from bled.cli.books import read_book
from bled.codes import Code
from bled.errors import BledError
from bled.home.terms import ClassTerms, parse_class, parse_duration
from bled_codec.units import Msat

_DEFAULT_COUNT = 50


def order_of(
    *,
    device: str | None,
    keys: Path | None,
    budget: str,
    count: int | None,
    valid_for: str,
    per_payment: str | None,
    per_day: str | None,
    classes: Sequence[str],
    max_fee_base: str | None,
) -> dict[str, object]:
    """Return the parameters of `bled-issue`. Raises `BledError` (`USAGE`) for terms that cannot be meant."""
    if device is None and keys is None:
        raise BledError(Code.USAGE, detail="--device NAME is needed, or --keys FILE of a device")
    total, seconds = parse_amount(budget), parse_duration(valid_for)
    most = parse_amount(per_payment) if per_payment else total
    named = [parse_class(text) for text in classes]
    _check(named, most, total, seconds)
    return {
        "device": device,
        "keys": None if keys is None else read_book(keys).hex(),
        "ids": _DEFAULT_COUNT if count is None and keys is None else count,
        "total_msat": total,
        "per_payment_msat": most,
        "per_day_msat": parse_amount(per_day) if per_day else total,
        "valid_seconds": seconds,
        "classes": list(classes) or None,
        "max_fee_base_msat": parse_amount(max_fee_base) if max_fee_base else None,
    }


def _check(named: Sequence[ClassTerms], most: Msat, total: Msat, seconds: int) -> None:
    if max([most, *(terms.per_payment for terms in named)]) > total:
        raise BledError(Code.USAGE, detail="one payment cannot be more than the whole budget")
    if any(terms.seconds > seconds for terms in named):
        raise BledError(Code.USAGE, detail="a class cannot be good for longer than the book; raise --valid-for")
