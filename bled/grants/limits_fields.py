"""The limits of a book as CBOR: part of the signed file, and what the device's vault keeps of them."""

from enum import IntEnum
from typing import Final

from bled.grants.cbor import CborError, Value, Writable
from bled.grants.fields import MAX_TIME, open_list, open_map, open_uint
from bled.grants.keys import MAX_U32
from bled.grants.limits import MAX_CLASSES, BookLimits, GrantClass, MaxFee, check_consistent
from bled_codec.units import MAX_MSAT, Msat, UnixTime

MAX_GRANTS: Final = 10_000
"""More payer ids than a person pays with in the life of a book; a reader refuses more."""
_MAX_PPM: Final = 1_000_000


class LimitField(IntEnum):
    """Keys of the limits."""

    TOTAL_MSAT = 0
    PER_PAYMENT_MSAT = 2
    PER_DAY_MSAT = 4
    PAYMENTS = 6
    MAX_FEE_BASE_MSAT = 8
    MAX_FEE_PPM = 10
    CLASSES = 12


class ClassField(IntEnum):
    """Keys of one class."""

    FIRST_INDEX = 0
    COUNT = 2
    PER_PAYMENT_MSAT = 4
    NOT_BEFORE = 6
    NOT_AFTER = 8


def limits_value(limits: BookLimits) -> Writable:
    """Return the limits without `not_before` and `not_after`, which are fields of the book itself."""
    return {
        LimitField.TOTAL_MSAT: limits.total_msat,
        LimitField.PER_PAYMENT_MSAT: limits.per_payment_msat,
        LimitField.PER_DAY_MSAT: limits.per_day_msat,
        LimitField.PAYMENTS: limits.payments,
        LimitField.MAX_FEE_BASE_MSAT: limits.max_fee.base_msat,
        LimitField.MAX_FEE_PPM: limits.max_fee.ppm,
        LimitField.CLASSES: [_class_value(each) for each in limits.classes],
    }


def _class_value(grant_class: GrantClass) -> Writable:
    return {
        ClassField.FIRST_INDEX: grant_class.first_index,
        ClassField.COUNT: grant_class.count,
        ClassField.PER_PAYMENT_MSAT: grant_class.per_payment_msat,
        ClassField.NOT_BEFORE: grant_class.not_before,
        ClassField.NOT_AFTER: grant_class.not_after,
    }


def open_limits(value: Value, *, not_before: UnixTime, not_after: UnixTime) -> BookLimits:
    """Return the limits in a decoded map. Raises `CborError`, also for limits that cannot be meant."""
    fields = open_map(value, required=tuple(LimitField))
    classes = open_list(fields[LimitField.CLASSES], least=1, most=MAX_CLASSES)
    limits = BookLimits(
        total_msat=_msat(fields[LimitField.TOTAL_MSAT]),
        per_payment_msat=_msat(fields[LimitField.PER_PAYMENT_MSAT]),
        per_day_msat=_msat(fields[LimitField.PER_DAY_MSAT]),
        payments=open_uint(fields[LimitField.PAYMENTS], most=MAX_U32),
        not_before=not_before,
        not_after=not_after,
        max_fee=MaxFee(
            base_msat=_msat(fields[LimitField.MAX_FEE_BASE_MSAT]),
            ppm=open_uint(fields[LimitField.MAX_FEE_PPM], most=_MAX_PPM),
        ),
        classes=tuple(_open_class(each) for each in classes),
    )
    try:
        check_consistent(limits)
    except ValueError as error:
        raise CborError(str(error)) from error
    return limits


def _open_class(value: Value) -> GrantClass:
    fields = open_map(value, required=tuple(ClassField))
    first_index = open_uint(fields[ClassField.FIRST_INDEX], most=MAX_U32)
    return GrantClass(
        first_index=first_index,
        count=open_uint(fields[ClassField.COUNT], most=min(MAX_GRANTS, MAX_U32 + 1 - first_index)),
        per_payment_msat=_msat(fields[ClassField.PER_PAYMENT_MSAT]),
        not_before=open_time(fields[ClassField.NOT_BEFORE]),
        not_after=open_time(fields[ClassField.NOT_AFTER]),
    )


def open_time(value: Value) -> UnixTime:
    """Return a time. Raises `CborError`."""
    return UnixTime(open_uint(value, most=MAX_TIME))


def _msat(value: Value) -> Msat:
    return Msat(open_uint(value, most=MAX_MSAT))
