"""Importing books: whole or not at all, and every reason by its name; the next import goes on as if nothing was."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bled.codes import OUTCOMES, Code
from bled.errors import BledError
from bled.grants.key_request import decode_key_request
from bled.grants.wrapping import wrap_book
from bled.vault.vault import Vault
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN
from bled_codec.units import Msat, UnixTime

PASSPHRASE = "abcd-efgh-2345-6789"
DAY = 86_400


@pytest.fixture
def empty(folder: Path) -> Any:
    with Vault.open(folder) as vault:
        yield vault


def take(vault: Vault, data: bytes, now: int, *, passphrase: str | None = None, chain: bytes = REGTEST_CHAIN) -> None:
    vault.import_book(data, passphrase=passphrase, chain=chain, now=UnixTime(now))


def state(vault: Vault) -> list[str]:
    return list(vault._store._db.iterdump())


def refused(vault: Vault, data: bytes, now: int, **how: Any) -> Code:
    """Return why an import is refused, after seeing that it changed nothing and that people are told what to do."""
    before = state(vault)
    with pytest.raises(BledError) as caught:
        take(vault, data, now, **how)
    assert state(vault) == before
    assert caught.value.outcome.buyer
    assert caught.value.outcome.exit_code in {65, 77}
    return caught.value.code


def wrapped(book: bytes) -> bytes:
    return wrap_book(book, passphrase=PASSPHRASE, salt=bytes(16), nonce=bytes(12))


def test_a_book_is_taken_and_returned(empty: Vault, home: Any, now: int) -> None:
    book = home.book()
    assert empty.import_book(home.signed(book), passphrase=None, chain=REGTEST_CHAIN, now=UnixTime(now)) == book
    (summary,) = empty.books(now=UnixTime(now))
    assert (summary.ids_left, summary.remaining_msat) == (4, 10_000_000)


def test_a_wrapped_book_is_taken_with_its_passphrase(empty: Vault, home: Any, now: int) -> None:
    data = wrapped(home.signed(home.book()))
    assert refused(empty, data, now) is Code.BOOK_PASSPHRASE
    assert refused(empty, data, now, passphrase="abcd-efgh-2345-678a") is Code.BOOK_PASSPHRASE
    take(empty, data, now, passphrase="ABCD EFGH 2345 6789")
    assert len(empty.books(now=UnixTime(now))) == 1


def test_a_book_is_taken_once(vault: Vault, home: Any, now: int) -> None:
    home.chance.seed(5)
    assert refused(vault, home.signed(home.book()), now) is Code.BOOK_ALREADY_IMPORTED


def test_a_second_book_with_the_same_number_is_not_taken(vault: Vault, home: Any, now: int) -> None:
    assert refused(vault, home.signed(home.book()), now) is Code.BOOK_ALREADY_IMPORTED


def test_an_id_that_is_here_is_not_taken_with_another_book(vault: Vault, home: Any, now: int) -> None:
    home.chance.seed(5)
    copied = replace(home.book(), book_id=9)
    assert refused(vault, home.signed(copied), now) is Code.BOOK_ALREADY_IMPORTED


def test_books_of_one_home_add_up(vault: Vault, home: Any, now: int) -> None:
    take(vault, home.signed(home.book(2)), now)
    assert [book.book_id for book in vault.books(now=UnixTime(now))] == [1, 2]


def test_the_first_home_is_the_only_one(vault: Vault, home: Any, now: int) -> None:
    stranger = replace(home, master=b"\x01" * 32)
    assert refused(vault, stranger.signed(stranger.book(2)), now) is Code.BOOK_OTHER_HOME
    take(vault, home.signed(home.book(2)), now)


def test_the_home_stays_pinned_when_the_vault_is_opened_again(vault: Vault, folder: Path, home: Any, now: int) -> None:
    vault.close()
    stranger = replace(home, master=b"\x01" * 32)
    with Vault.open(folder) as reopened:
        assert refused(reopened, stranger.signed(stranger.book(2)), now) is Code.BOOK_OTHER_HOME


def test_a_refused_book_pins_nothing(empty: Vault, home: Any, now: int) -> None:
    stranger = replace(home, master=b"\x01" * 32)
    assert refused(empty, stranger.signed(stranger.book(ends_in=1)), now + 1) is Code.BOOK_EXPIRED
    take(empty, home.signed(home.book()), now)


def test_a_book_of_another_chain_is_not_taken(vault: Vault, home: Any, now: int) -> None:
    other = home.signed(home.book(2, chain=BITCOIN_CHAIN))
    assert refused(vault, other, now) is Code.BOOK_CHAIN
    assert refused(vault, other, now, chain=BITCOIN_CHAIN) is Code.BOOK_CHAIN


def test_a_book_that_has_ended_is_not_taken(vault: Vault, home: Any, now: int) -> None:
    assert refused(vault, home.signed(home.book(2, ends_in=DAY)), now + DAY) is Code.BOOK_EXPIRED


def test_a_book_without_keys_is_not_taken(vault: Vault, home: Any, now: int) -> None:
    book = home.book(2)
    bare = replace(book, grants=tuple(replace(grant, secret=None) for grant in book.grants))
    assert refused(vault, home.signed(bare), now) is Code.BOOK_KEYS_ELSEWHERE


def test_a_book_for_keys_of_the_device_joins_them_and_pays(vault: Vault, home: Any, make_offer: Any, now: int) -> None:
    asked = decode_key_request(vault.make_keys(4, device="phone", now=UnixTime(now)))
    book = home.book(2, payer_ids=asked.payer_ids)
    assert {grant.secret for grant in book.grants} == {None}
    taken = vault.import_book(home.signed(book), passphrase=None, chain=REGTEST_CHAIN, now=UnixTime(now))
    assert [grant.secret.public_key for grant in taken.grants if grant.secret] == list(asked.payer_ids)
    reserved = [vault.reserve(make_offer(), amount=Msat(15_000), now=UnixTime(now)).payer_id for _ in range(3)]
    assert asked.payer_ids[2] in reserved  # the ids of the other book come first
    assert refused(vault, home.signed(home.book(3, payer_ids=asked.payer_ids)), now) is Code.BOOK_ALREADY_IMPORTED


def test_changed_limits_are_taken_and_never_from_an_older_statement(vault: Vault, home: Any, now: int) -> None:
    first, second = home.statement(1, at=now + 5, total=30_000_000), home.statement(1, at=now + 9, ends_in=60 * DAY)
    vault.import_limits(first)
    assert vault.books(now=UnixTime(now))[0].remaining_msat == 30_000_000
    vault.import_limits(second)
    assert vault.books(now=UnixTime(now))[0].not_after == now + 60 * DAY
    vault.import_limits(second)
    with pytest.raises(BledError) as caught:
        vault.import_limits(first)
    assert caught.value.code is Code.BOOK_NEWER_HERE
    assert vault.earliest_now() >= now + 9


def test_of_two_statements_of_one_second_the_wider_one_is_the_later(vault: Vault, home: Any, now: int) -> None:
    longer = home.statement(1, at=now + 5, ends_in=60 * DAY, total=30_000_000)
    richer = home.statement(1, at=now + 5, ends_in=60 * DAY, total=40_000_000)
    for each in (longer, richer):
        vault.import_limits(each)
    with pytest.raises(BledError) as caught:
        vault.import_limits(longer)
    assert caught.value.code is Code.BOOK_NEWER_HERE
    assert vault.books(now=UnixTime(now))[0].remaining_msat == 40_000_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"book_id": 9}, Code.BOOK_UNKNOWN),
        ({"chain": BITCOIN_CHAIN}, Code.BOOK_CHAIN),
        ({"master": b"\x01" * 32}, Code.BOOK_OTHER_HOME),
    ],
)
def test_limits_of_another_book_chain_or_home_change_nothing(vault: Vault, home: Any, now: int, change, code) -> None:
    before = vault.books(now=UnixTime(now))
    with pytest.raises(BledError) as caught:
        vault.import_limits(home.statement(**{"book_id": 1, "at": now + 5} | change))
    assert caught.value.code is code
    assert vault.books(now=UnixTime(now)) == before


def cut(data: bytes) -> bytes:
    return data[:-1]


def flipped(data: bytes) -> bytes:
    return data[:500] + bytes([data[500] ^ 1]) + data[501:]


def resigned(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def newer(data: bytes) -> bytes:
    return data[:8] + b"\x02" + data[9:]


def longer(data: bytes) -> bytes:
    return data + b"\n"


def nothing(data: bytes) -> bytes:
    return b""


BARE = [
    (cut, {Code.BOOK_DAMAGED}),
    (flipped, {Code.BOOK_DAMAGED, Code.BOOK_SIGNATURE}),
    (resigned, {Code.BOOK_SIGNATURE}),
    (newer, {Code.BOOK_VERSION}),
    (longer, {Code.BOOK_DAMAGED}),
    (nothing, {Code.BOOK_DAMAGED}),
]


@pytest.mark.parametrize(("spoil", "codes"), BARE)
def test_a_spoilt_book_changes_nothing_and_its_whole_copy_is_taken(
    empty: Vault, home: Any, now: int, spoil: Callable[[bytes], bytes], codes: set[Code]
) -> None:
    data = home.signed(home.book())
    assert refused(empty, spoil(data), now) in codes
    take(empty, data, now)


@pytest.mark.parametrize("spoil", [cut, flipped, resigned, newer, longer])
def test_a_spoilt_wrapped_book_changes_nothing_and_its_whole_copy_is_taken(
    empty: Vault, home: Any, now: int, spoil: Callable[[bytes], bytes]
) -> None:
    data = wrapped(home.signed(home.book()))
    code = Code.BOOK_VERSION if spoil is newer else Code.BOOK_DAMAGED
    assert refused(empty, spoil(data), now, passphrase=PASSPHRASE) is code
    take(empty, data, now, passphrase=PASSPHRASE)


def test_a_bad_book_in_a_good_wrapping_is_refused_as_the_book_is(empty: Vault, home: Any, now: int) -> None:
    assert refused(empty, wrapped(newer(home.signed(home.book()))), now, passphrase=PASSPHRASE) is Code.BOOK_VERSION


def test_every_refusal_of_a_book_has_its_own_sentence() -> None:
    sentences = [row.buyer for code, row in OUTCOMES.items() if code.value.startswith("book-")]
    assert len(set(sentences)) == len(sentences) == 14
