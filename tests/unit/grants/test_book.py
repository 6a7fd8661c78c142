"""Grant books: what is signed is what is read, and nothing else is."""

from bled.grants.book import GrantBook, decode_book
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import UnixTime


def test_a_book_is_read_as_it_was_issued(book: GrantBook, book_bytes: bytes, now: UnixTime) -> None:
    assert decode_book(book_bytes, chain=REGTEST_CHAIN, now=now) == book
