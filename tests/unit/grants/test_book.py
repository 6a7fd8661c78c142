"""Grant books: what is signed is what is read, and nothing else is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.grants.book import MAX_BOOK_BYTES, GrantBook, decode_book, encode_book
from bled.grants.cbor import Value, decode, encode
from bled.grants.keys import HomeKeys
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN
from bled_codec.crypto import SecretKey, tagged_hash
from bled_codec.offer import create_offer
from bled_codec.units import UnixTime

Change = Callable[[Any], None]
Resign = Callable[[Change], bytes]


def refused(data: bytes, *, now: UnixTime, chain: bytes = REGTEST_CHAIN) -> Code:
    with pytest.raises(BledError) as caught:
        decode_book(data, chain=chain, now=now)
    return caught.value.code


@pytest.fixture
def resign(book_bytes: bytes, keys: HomeKeys) -> Resign:
    """Change the content of the book as CBOR and sign it as home would."""

    def resigned(change: Change) -> bytes:
        value: Value = decode(book_bytes[9:-64])
        change(value)
        body = book_bytes[:9] + encode(value)
        return body + keys.book_key.sign(tagged_hash(b"bled/book/1", body), aux=bytes(32))

    return resigned


def test_a_book_is_read_as_it_was_issued(book: GrantBook, book_bytes: bytes, now: UnixTime) -> None:
    assert decode_book(book_bytes, chain=REGTEST_CHAIN, now=now) == book


def test_secrets_and_refund_offers_may_be_absent_or_there(book: GrantBook, keys: HomeKeys, now: UnixTime) -> None:
    offer = create_offer(description="refund", issuer_id=keys.book_key.public_key).encode()
    first, *others = book.grants
    changed = replace(book, grants=(replace(first, secret=None, refund_offer=offer), *others))
    data = encode_book(changed, book_key=keys.book_key, aux=bytes(32))
    assert decode_book(data, chain=REGTEST_CHAIN, now=now) == changed


def test_a_book_cut_anywhere_is_damaged(book_bytes: bytes, now: UnixTime) -> None:
    for length in range(len(book_bytes)):
        assert refused(book_bytes[:length], now=now) is Code.BOOK_DAMAGED


def test_a_book_with_any_byte_changed_is_refused(book_bytes: bytes, now: UnixTime) -> None:
    allowed = {Code.BOOK_DAMAGED, Code.BOOK_SIGNATURE}
    for place in range(len(book_bytes)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(book_bytes)
            changed[place] ^= flip
            assert refused(bytes(changed), now=now) in ({Code.BOOK_VERSION} if place == 8 else allowed)


@pytest.mark.parametrize("tail", [b"\x00", b"\xff", bytes(64), b"bledbook"])
def test_a_book_with_bytes_behind_it_is_damaged(book_bytes: bytes, tail: bytes, now: UnixTime) -> None:
    assert refused(book_bytes + tail, now=now) is Code.BOOK_DAMAGED


@pytest.mark.parametrize("data", [b"", b"\x00", b"bledwrap\x01", b"SQLite format 3\x00", bytes(1000)])
def test_another_file_is_no_book(data: bytes, now: UnixTime) -> None:
    assert refused(data, now=now) is Code.BOOK_DAMAGED


def test_an_endless_book_is_not_read(book_bytes: bytes, now: UnixTime) -> None:
    assert refused(book_bytes + bytes(MAX_BOOK_BYTES), now=now) is Code.BOOK_DAMAGED


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_foreign_version_is_named_before_anything_else(book_bytes: bytes, version: int, now: UnixTime) -> None:
    with pytest.raises(BledError) as caught:
        decode_book(book_bytes[:8] + bytes([version]) + b"?", chain=REGTEST_CHAIN, now=now)
    assert caught.value.code is Code.BOOK_VERSION
    assert f"version {version}" in caught.value.detail


def test_a_book_signed_by_another_key_is_refused(book_bytes: bytes, now: UnixTime) -> None:
    body = book_bytes[:-64]
    signature = SecretKey(b"\x07" * 32).sign(tagged_hash(b"bled/book/1", body), aux=bytes(32))
    assert refused(body + signature, now=now) is Code.BOOK_SIGNATURE


def test_a_signature_for_another_purpose_is_refused(book_bytes: bytes, keys: HomeKeys, now: UnixTime) -> None:
    body = book_bytes[:-64]
    signature = keys.book_key.sign(tagged_hash(b"bled/other/1", body), aux=bytes(32))
    assert refused(body + signature, now=now) is Code.BOOK_SIGNATURE


def test_a_book_of_another_chain_is_refused(book_bytes: bytes, now: UnixTime) -> None:
    with pytest.raises(BledError) as caught:
        decode_book(book_bytes, chain=BITCOIN_CHAIN, now=now)
    assert caught.value.code is Code.BOOK_CHAIN
    assert "regtest" in caught.value.detail


def test_a_book_ends_at_its_not_after(book: GrantBook, book_bytes: bytes) -> None:
    end = book.limits.not_after
    assert decode_book(book_bytes, chain=REGTEST_CHAIN, now=UnixTime(end - 1)) == book
    assert refused(book_bytes, now=end) is Code.BOOK_EXPIRED


def test_unknown_odd_fields_are_ignored(resign: Resign, book: GrantBook, now: UnixTime) -> None:
    def add(value: Any) -> None:
        value[19] = "later"
        value[14][13] = 5
        value[18][0][7] = [b""]

    assert decode_book(resign(add), chain=REGTEST_CHAIN, now=now) == book


@pytest.mark.parametrize("where", [(), (14,), (14, 12, 0), (18, 0)])
def test_unknown_even_fields_need_a_later_program(resign: Resign, where: tuple[int, ...], now: UnixTime) -> None:
    def add(value: Any) -> None:
        for step in where:
            value = value[step]
        value[100] = 1

    assert refused(resign(add), now=now) is Code.BOOK_VERSION


@pytest.mark.parametrize("key", [0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
def test_a_book_without_a_required_field_is_damaged(resign: Resign, key: int, now: UnixTime) -> None:
    assert refused(resign(lambda value: value.pop(key)), now=now) is Code.BOOK_DAMAGED


@pytest.mark.parametrize("key", [0, 2, 4, 6])
def test_a_grant_without_a_required_field_is_damaged(resign: Resign, key: int, now: UnixTime) -> None:
    assert refused(resign(lambda value: value[18][0].pop(key)), now=now) is Code.BOOK_DAMAGED


@pytest.mark.parametrize("bad", [b"", "", [], {}, 2**64 - 1, b"\x00" * 65, "x" * 65, "a\x1b[2J"])
@pytest.mark.parametrize("key", [0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
def test_a_field_of_another_kind_is_refused(resign: Resign, key: int, bad: Value, now: UnixTime) -> None:
    assert refused(resign(lambda value: value.update({key: bad})), now=now) is Code.BOOK_DAMAGED


def swap(value: Any) -> None:
    value[18][0], value[18][1] = value[18][1], value[18][0]


def twice(value: Any) -> None:
    value[18][1] = {**value[18][0], 0: 1}


def outside(value: Any) -> None:
    value[18][-1][0] = 12


def other_secret(value: Any) -> None:
    value[18][0][1] = value[18][1][1]


def fewer_paths(value: Any) -> None:
    value[18][0][6] = value[18][0][6][:1]


def short_path(value: Any) -> None:
    value[18][0][6][0] = value[18][0][6][0][:66] + b"\x01" + value[18][0][6][0][67:]


def two_paths_in_one(value: Any) -> None:
    paths = value[18][0][6]
    value[18][0][6] = [paths[0] + paths[1], paths[1]]


def many_paths(value: Any) -> None:
    for grant in value[18]:
        grant[6] = grant[6][:1] * 4


def long_paths(value: Any) -> None:
    for grant in value[18]:
        grant[6] = [b"\x02" * 1537]


def no_classes(value: Any) -> None:
    value[14][12] = []


def overlapping_classes(value: Any) -> None:
    value[14][12][1][0] = 2


def endless_class(value: Any) -> None:
    value[14][12][1][0] = 2**32 - 1


def backwards(value: Any) -> None:
    value[12] = value[10]


def above_supply(value: Any) -> None:
    value[14][0] = 2**63


def no_scalar(value: Any) -> None:
    value[18][0][1] = bytes(32)


def no_point(value: Any) -> None:
    value[18][0][2] = b"\x05" + value[18][0][2][1:]


def bad_refund(value: Any) -> None:
    value[18][0][3] = b"\x00"


@pytest.mark.parametrize(
    "change",
    [
        swap,
        twice,
        outside,
        other_secret,
        fewer_paths,
        short_path,
        two_paths_in_one,
        many_paths,
        long_paths,
        no_classes,
        overlapping_classes,
        endless_class,
        backwards,
        above_supply,
        no_scalar,
        no_point,
        bad_refund,
    ],
)
def test_what_home_should_not_have_signed_is_damaged(resign: Resign, change: Change, now: UnixTime) -> None:
    assert refused(resign(change), now=now) is Code.BOOK_DAMAGED


def test_nothing_is_signed_that_no_reader_takes(book: GrantBook, keys: HomeKeys) -> None:
    with pytest.raises(ValueError, match="printable"):
        encode_book(replace(book, device="\x1b[2J"), book_key=keys.book_key, aux=bytes(32))
    with pytest.raises(ValueError, match="not the key"):
        encode_book(book, book_key=SecretKey(b"\x07" * 32), aux=bytes(32))


def test_no_secret_shows_in_a_repr(book: GrantBook) -> None:
    shown = repr(book) + repr(book.grants)
    for grant in book.grants:
        assert grant.secret is not None
        assert grant.secret.reveal().hex() not in shown
        assert repr(grant.secret.reveal()) not in shown
