"""Properties of the grants: CBOR against `cbor2`, limits against plain sums, bytes that nobody made on purpose."""

import contextlib
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis.strategies import (
    binary,
    builds,
    dictionaries,
    integers,
    just,
    lists,
    recursive,
    sampled_from,
    text,
    tuples,
)

from bled.codes import Code
from bled.errors import BledError, Refused
from bled.grants.book import decode_book
from bled.grants.cbor import CborError, decode, encode
from bled.grants.limits import BookLimits, Counters, GrantClass, MaxFee, check_limits
from bled.grants.passphrase import create_passphrase, passphrase_bytes
from bled.grants.wrapping import unwrap_book
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import sha256
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
UINTS = integers(0, 2**64 - 1)
VALUES = recursive(
    UINTS | binary(max_size=300) | text(max_size=50),
    lambda inner: lists(inner, max_size=30) | dictionaries(UINTS, inner, max_size=30),
    max_leaves=30,
)


def depth(value: Any) -> int:
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 0


@given(value=VALUES)
def test_a_value_survives_and_cbor2_reads_the_same(value: Any) -> None:
    encoded = encode(value)
    assert cbor2.loads(encoded) == value
    if depth(value) <= 8:
        assert decode(encoded) == value


@given(data=binary(max_size=200))
def test_whatever_is_read_has_exactly_one_encoding(data: bytes) -> None:
    try:
        value = decode(data)
    except CborError:
        return
    assert encode(value) == data


@given(value=VALUES, place=integers(0), flip=integers(1, 255))
def test_a_changed_encoding_is_another_value_or_none(value: Any, place: int, flip: int) -> None:
    changed = bytearray(encode(value))
    changed[place % len(changed)] ^= flip
    with contextlib.suppress(CborError):
        assert decode(bytes(changed)) != value


@given(
    data=binary(max_size=400), head=sampled_from([b"", b"bledbook", b"bledbook\x01", b"bledbook\x01\xa1\x00\x58\x20"])
)
def test_bytes_that_nobody_signed_are_no_book(data: bytes, head: bytes) -> None:
    with pytest.raises(BledError) as caught:
        decode_book(head + data, chain=REGTEST_CHAIN, now=NOW)
    assert caught.value.code in {Code.BOOK_DAMAGED, Code.BOOK_SIGNATURE, Code.BOOK_VERSION}


@given(data=binary(max_size=400), head=sampled_from([b"", b"bledwrap", b"bledwrap\x01"]))
def test_bytes_that_nobody_wrapped_are_refused(data: bytes, head: bytes) -> None:
    with pytest.raises(BledError) as caught:
        unwrap_book(head + data, passphrase="x")
    assert caught.value.code in {Code.BOOK_DAMAGED, Code.BOOK_VERSION}


@given(data=binary(max_size=60).filter(lambda data: data[:3] != bytes(3) or not any(data[3:4])))
def test_a_whole_file_with_any_header_is_refused_without_great_cost(data: bytes) -> None:
    huge = b"bledwrap\x01" + b"\xff" + data + bytes(60)  # more than 4 TiB of memory
    with pytest.raises(BledError) as caught:
        unwrap_book(huge + sha256(huge), passphrase="x")
    assert caught.value.code is Code.BOOK_DAMAGED


@given(entropy=binary(min_size=10, max_size=16))
def test_a_passphrase_is_itself_in_capitals_and_without_separators(entropy: bytes) -> None:
    made = create_passphrase(entropy)
    assert len(made) == 19
    assert passphrase_bytes(made.upper().replace("-", "")) == passphrase_bytes(made) == made.encode()


AMOUNTS = integers(0, 10_000).map(Msat)
TIMES = integers(0, 100).map(UnixTime)
CLASSES = builds(
    GrantClass, first_index=just(0), count=just(1), per_payment_msat=AMOUNTS, not_before=TIMES, not_after=TIMES
)
LIMITS = builds(
    BookLimits,
    total_msat=AMOUNTS,
    per_payment_msat=AMOUNTS,
    per_day_msat=AMOUNTS,
    payments=integers(0, 5),
    not_before=just(UnixTime(0)),
    not_after=just(UnixTime(101)),
    max_fee=builds(MaxFee, base_msat=integers(0, 100).map(Msat), ppm=integers(0, 100_000)),
    classes=tuples(CLASSES),
)
COUNTERS = builds(Counters, reserved_and_spent_msat=AMOUNTS, today_msat=AMOUNTS, payments=integers(0, 5))


@given(limits=LIMITS, used=COUNTERS, amount=AMOUNTS, now=TIMES)
def test_a_payment_is_allowed_exactly_when_no_limit_is_passed(
    limits: BookLimits, used: Counters, amount: Msat, now: UnixTime
) -> None:
    (only,) = limits.classes
    cost = amount + limits.max_fee.base_msat + amount * limits.max_fee.ppm // 1_000_000
    fits = (
        only.not_before <= now < only.not_after
        and amount <= min(limits.per_payment_msat, only.per_payment_msat)
        and used.payments < limits.payments
        and used.reserved_and_spent_msat + cost <= limits.total_msat
        and used.today_msat + cost <= limits.per_day_msat
    )
    try:
        assert check_limits(limits, 0, used, amount=amount, now=now) == cost - amount
        assert fits
    except Refused:
        assert not fits
