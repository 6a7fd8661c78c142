"""How large a book is: what a person carries to a device."""

import os

from bled.grants.book import encode_book
from bled.grants.issue import issue_book
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.grants.wrapping import wrap_book
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat, UnixTime

HOME, FIRST, SECOND = (SecretKey(bytes([number]) * 32).public_key for number in (1, 2, 3))


def _limits(now: int, count: int) -> BookLimits:
    end = UnixTime(now + 2_592_000)
    one = GrantClass(first_index=0, count=count, per_payment_msat=Msat(50_000_000), not_before=now, not_after=end)
    return BookLimits(
        total_msat=Msat(500_000_000),
        per_payment_msat=Msat(50_000_000),
        per_day_msat=Msat(500_000_000),
        payments=count,
        not_before=now,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(5_000), ppm=10_000),
        classes=(one,),
    )


def test_a_book_of_200_ids_with_refund_offers_and_two_paths_of_two_hops_stays_small(keys, now, record_property) -> None:
    book = issue_book(
        keys,
        book_id=1,
        book_salt=bytes(16),
        device="phone",
        chain=REGTEST_CHAIN,
        issued_at=now,
        limits=_limits(now, 200),
        home_label="home",
        routes=[(FIRST, HOME), (SECOND, HOME)],
        entropy=os.urandom,
        has_refund_offers=True,
    )
    data = encode_book(book, book_key=keys.book_key, aux=bytes(32))
    size = len(wrap_book(data, passphrase="abcd-efgh-2345-6789", salt=bytes(16), nonce=bytes(12)))
    record_property("bytes", size)
    assert 100_000 < size < 130_000
