"""Keys that a device made: the file that asks home for payer ids, and the book without a secret that comes back."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.grants.book import decode_book, encode_book
from bled.grants.issue import issue_book
from bled.grants.key_request import decode_key_request, encode_key_request
from bled.grants.metadata import open_metadata, salt_tag
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey

MADE = [SecretKey(bytes([number]) * 32) for number in range(1, 6)]
SALT = b"\x5a" * 16


def asked(**changes: object) -> bytes:
    terms: dict[str, object] = {"device": "phone", "made_at": 1_800_000_000, "aux": bytes(32)}
    return encode_key_request(MADE, **terms | changes)


def refused(data: bytes) -> Code:
    with pytest.raises(BledError) as caught:
        decode_key_request(data)
    return caught.value.code


def test_a_request_comes_home_as_the_device_made_it() -> None:
    request = decode_key_request(asked())
    assert (request.device, request.made_at) == ("phone", 1_800_000_000)
    assert request.payer_ids == tuple(key.public_key for key in MADE)


def test_no_secret_leaves_the_device() -> None:
    data = asked()
    assert not any(key.reveal() in data for key in MADE)


def test_a_request_that_was_changed_anywhere_or_cut_is_refused() -> None:
    data = asked()
    for place in range(len(data)):
        damaged = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert refused(damaged) in (Code.BOOK_REQUEST_DAMAGED, Code.BOOK_VERSION)
    for length in range(len(data)):
        assert refused(data[:length]) is Code.BOOK_REQUEST_DAMAGED
    assert refused(data + b"\x00") is Code.BOOK_REQUEST_DAMAGED


def test_a_later_version_is_told_from_damage() -> None:
    data = asked()
    assert refused(data[:8] + b"\x02" + data[9:]) is Code.BOOK_VERSION


@pytest.mark.parametrize("change", [{"device": ""}, {"device": "two\nlines"}])
def test_a_device_has_a_name_that_can_be_shown(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="name"):
        asked(**change)


def test_one_key_is_not_asked_for_twice() -> None:
    twice = encode_key_request([MADE[0], MADE[0]], device="phone", made_at=1, aux=bytes(32))
    assert refused(twice) is Code.BOOK_REQUEST_DAMAGED


def test_a_book_for_keys_of_the_device_holds_no_secret_and_only_its_own_home_opens_its_ids(
    keys, limits, routes, entropy, now
) -> None:
    terms = {"book_id": 7, "book_salt": SALT, "device": "phone", "chain": REGTEST_CHAIN, "issued_at": now}
    terms |= {"limits": limits, "home_label": "home", "routes": routes, "entropy": entropy}
    payer_ids = [key.public_key for key in MADE]
    book = issue_book(keys, **terms, payer_ids=payer_ids)
    data = encode_book(book, book_key=keys.book_key, aux=bytes(32))
    read = decode_book(data, chain=REGTEST_CHAIN, now=now)
    assert read == book
    assert [grant.payer_id for grant in read.grants] == payer_ids
    assert {grant.secret for grant in read.grants} == {None}
    for grant, index in zip(read.grants, (0, 1, 2, 10, 11), strict=True):
        issued = open_metadata(keys, grant.metadata, grant.payer_id)
        assert (issued.book_id, issued.index, issued.salt_tag) == (7, index, salt_tag(SALT))
    for wrong in (payer_ids[:4], [*payer_ids, SecretKey(b"\x09" * 32).public_key], payer_ids[:1] * 5):
        with pytest.raises(ValueError, match="public keys"):
            issue_book(keys, **terms, payer_ids=wrong)


def test_metadata_of_another_length_is_no_metadata(keys, book) -> None:
    odd = replace(book, grants=(replace(book.grants[0], metadata=bytes(28)), *book.grants[1:]))
    with pytest.raises(ValueError, match="24 or 32"):
        encode_book(odd, book_key=keys.book_key, aux=bytes(32))
