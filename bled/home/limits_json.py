"""Limits of a book as text in the ledger."""

import json

from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled_codec.units import Msat, UnixTime


def format_limits(limits: BookLimits) -> str:
    """Return the limits as JSON with the names of `BookLimits`."""
    classes = [
        {
            "first_index": each.first_index,
            "count": each.count,
            "per_payment_msat": each.per_payment_msat,
            "not_before": each.not_before,
            "not_after": each.not_after,
        }
        for each in limits.classes
    ]
    return json.dumps(
        {
            "total_msat": limits.total_msat,
            "per_payment_msat": limits.per_payment_msat,
            "per_day_msat": limits.per_day_msat,
            "payments": limits.payments,
            "not_before": limits.not_before,
            "not_after": limits.not_after,
            "max_fee_base_msat": limits.max_fee.base_msat,
            "max_fee_ppm": limits.max_fee.ppm,
            "classes": classes,
        }
    )


def parse_limits(text: str) -> BookLimits:
    """Return the limits that `format_limits` wrote."""
    data = json.loads(text)
    return BookLimits(
        total_msat=Msat(data["total_msat"]),
        per_payment_msat=Msat(data["per_payment_msat"]),
        per_day_msat=Msat(data["per_day_msat"]),
        payments=data["payments"],
        not_before=UnixTime(data["not_before"]),
        not_after=UnixTime(data["not_after"]),
        max_fee=MaxFee(base_msat=Msat(data["max_fee_base_msat"]), ppm=data["max_fee_ppm"]),
        classes=tuple(_parse_class(each) for each in data["classes"]),
    )


def _parse_class(data: dict[str, int]) -> GrantClass:
    return GrantClass(
        first_index=data["first_index"],
        count=data["count"],
        per_payment_msat=Msat(data["per_payment_msat"]),
        not_before=UnixTime(data["not_before"]),
        not_after=UnixTime(data["not_after"]),
    )
