"""Issuing: every id of every class, sealed for home alone, with paths that only home can end."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bled.grants.book import GrantBook
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits
from bled.grants.metadata import IssuedId, open_metadata, path_secret
from bled_codec.blinded_path import BlindedPath, decode_paths, unblind
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.encrypted_data import EncryptedData
from bled_codec.units import Point, UnixTime

Issue = Callable[..., GrantBook]


@pytest.fixture
def issue(
    keys: HomeKeys, limits: BookLimits, routes: list[list[Point]], entropy: Callable[[int], bytes], now: UnixTime
) -> Issue:
    def issued(**changes: object) -> GrantBook:
        arguments: dict[str, object] = {
            "book_id": 7,
            "book_salt": b"\x5a" * 16,
            "device": "phone",
            "chain": REGTEST_CHAIN,
            "issued_at": now,
            "limits": limits,
            "home_label": "home",
            "routes": routes,
            "entropy": entropy,
        }
        return issue_book(keys, **(arguments | changes))

    return issued


def opened(path: BlindedPath, keys: list[SecretKey]) -> list[EncryptedData]:
    clear, path_key = [], path.first_path_key
    for key, hop in zip(keys, path.hops, strict=True):
        unblinded = unblind(key, path_key, hop.encrypted_recipient_data)
        clear.append(EncryptedData.decode(unblinded.data))
        path_key = unblinded.next_path_key
    return clear


def test_every_index_of_every_class_gets_an_id(book: GrantBook) -> None:
    assert [grant.index for grant in book.grants] == [0, 1, 2, 10, 11]


def test_home_recomputes_every_key(book: GrantBook, keys: HomeKeys) -> None:
    for grant in book.grants:
        assert grant.secret == keys.payer_key(b"\x5a" * 16, 7, grant.index)


def test_home_recognises_every_id(book: GrantBook, keys: HomeKeys) -> None:
    for grant in book.grants:
        assert open_metadata(keys, grant.metadata, grant.payer_id) == IssuedId(book_id=7, index=grant.index)


def test_every_path_ends_at_home_with_the_secret_of_its_id(book: GrantBook, keys: HomeKeys) -> None:
    hops = {number: SecretKey(bytes([number]) * 32) for number in (1, 2, 3, 4)}
    for grant in book.grants:
        short, long = grant.invreq_paths
        for path, nodes in ((short, (1, 3)), (long, (2, 4, 3))):
            clear = opened(path, [hops[number] for number in nodes])
            assert [data.next_node_id for data in clear[:-1]] == [hops[number].public_key for number in nodes[1:]]
            assert clear[-1].path_id == path_secret(keys, grant.payer_id)
            assert all(data.path_id is None for data in clear[:-1])


def test_the_length_of_a_hop_tells_nothing(book: GrantBook) -> None:
    paths = [path for grant in book.grants for path in grant.invreq_paths]
    assert len({len(hop.encrypted_recipient_data) for path in paths for hop in path.hops}) == 1


def test_no_key_of_a_path_comes_twice(book: GrantBook) -> None:
    paths = [path for grant in book.grants for path in grant.invreq_paths]
    points = [point for path in paths for point in (path.first_path_key, *(hop.blinded_node_id for hop in path.hops))]
    assert len(set(points)) == len(points)


def test_no_path_starts_at_home(book: GrantBook, routes: list[list[Point]]) -> None:
    introductions = {path.introduction for grant in book.grants for path in decode_paths(b"".join(grant.paths))}
    assert introductions == {route[0] for route in routes}
    assert routes[0][-1] not in introductions


def test_another_salt_is_another_book_of_keys(issue: Issue, book: GrantBook) -> None:
    again = issue(book_salt=b"\x5b" * 16)
    assert not {grant.payer_id for grant in again.grants} & {grant.payer_id for grant in book.grants}


def test_the_book_carries_what_was_asked_for(
    book: GrantBook, keys: HomeKeys, limits: BookLimits, now: UnixTime
) -> None:
    assert (book.book_key, book.limits, book.issued_at) == (keys.book_key.public_key[1:], limits, now)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\x1b[31m"])
@pytest.mark.parametrize("field", ["device", "home_label"])
def test_names_that_cannot_be_shown_are_refused(issue: Issue, field: str, name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        issue(**{field: name})


def test_routes_that_would_give_home_away_are_refused(issue: Issue, routes: list[list[Point]]) -> None:
    first, home = routes[0][0], routes[0][-1]
    for bad in ([], [[home]], [[first]], [[home, home]], [[first, home], [home, first, home]], [routes[0]] * 4):
        with pytest.raises(ValueError, match="path"):
            issue(routes=bad)
    with pytest.raises(ValueError, match="different"):
        issue(routes=[[first, home], [home, first]])


def test_more_ids_than_a_reader_takes_are_refused(issue: Issue, limits: BookLimits) -> None:
    many = replace(limits.classes[0], count=10_001)
    with pytest.raises(ValueError, match="at most"):
        issue(limits=replace(limits, classes=(many,)))


def test_limits_that_cannot_be_meant_are_refused(issue: Issue, limits: BookLimits) -> None:
    with pytest.raises(ValueError, match="ends before"):
        issue(limits=replace(limits, not_after=limits.not_before))
