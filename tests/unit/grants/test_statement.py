"""Changed limits in home's own words: whole, signed, and of one book."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.grants.statement import decode_statement, encode_statement, is_statement
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import Msat


@pytest.fixture
def said(keys, limits, now) -> bytes:
    terms = {"book_id": 7, "chain": REGTEST_CHAIN, "issued_at": now + 5, "book_key": keys.book_key, "aux": bytes(32)}
    return encode_statement(replace(limits, total_msat=Msat(20_000_000)), **terms)


def refused(data: bytes) -> Code:
    with pytest.raises(BledError) as caught:
        decode_statement(data)
    return caught.value.code


def test_a_statement_says_the_limits_of_a_book(said, keys, limits, now) -> None:
    statement = decode_statement(said)
    assert is_statement(said)
    assert (statement.book_id, statement.chain, statement.issued_at) == (7, REGTEST_CHAIN, now + 5)
    assert statement.book_key == keys.book_key.public_key[1:]
    assert statement.limits == replace(limits, total_msat=Msat(20_000_000))


def test_a_statement_that_was_changed_or_cut_is_refused(said) -> None:
    codes = {Code.BOOK_DAMAGED, Code.BOOK_VERSION, Code.BOOK_SIGNATURE}
    for place in range(len(said)):
        assert refused(said[:place] + bytes([said[place] ^ 1]) + said[place + 1 :]) in codes
    for length in range(len(said)):
        assert refused(said[:length]) is Code.BOOK_DAMAGED


def test_a_statement_of_somebody_else_is_not_believed_to_be_homes(said, keys) -> None:
    assert refused(said[:-1] + bytes([said[-1] ^ 1])) is Code.BOOK_SIGNATURE


def test_limits_that_nobody_can_mean_are_not_said(keys, limits, now) -> None:
    terms = {"book_id": 7, "chain": REGTEST_CHAIN, "issued_at": now, "book_key": keys.book_key, "aux": bytes(32)}
    with pytest.raises(ValueError, match="ends before"):
        encode_statement(replace(limits, not_after=limits.not_before), **terms)
