"""Issuing: home makes a book of payer ids for a device. Nothing per id is stored; home can recompute all of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bled.grants.fields import is_name
from bled.grants.grant import Grant, GrantBook
from bled.grants.grant_fields import MAX_PATHS, MIN_HOPS
from bled.grants.keys import HomeKeys, scalar_key
from bled.grants.limits import BookLimits, check_consistent
from bled.grants.limits_fields import MAX_GRANTS
from bled.grants.metadata import IssuedId, path_secret, salt_tag, seal_metadata
from bled.grants.refund_offer import create_refund_offer
from bled_codec.blinded_path import create_blinded_path
from bled_codec.crypto import SecretKey
from bled_codec.encrypted_data import EncryptedData, pad_to_one_length
from bled_codec.units import Point, UnixTime

Routes = Sequence[Sequence[Point]]
"""Ways to home, each from the introduction to home itself."""
Entropy = Callable[[int], bytes]
"""Returns so many fresh random bytes."""


def issue_book(
    keys: HomeKeys,
    *,
    book_id: int,
    book_salt: bytes,
    device: str,
    chain: bytes,
    issued_at: UnixTime,
    limits: BookLimits,
    home_label: str,
    routes: Routes,
    entropy: Entropy,
    payer_ids: Sequence[Point] | None = None,
    has_refund_offers: bool = False,
) -> GrantBook:
    """Return a book with one payer id for every index of the classes in `limits`.

    `book_salt` is 16 random bytes, new for each book, kept with it at home. `routes` give one reply path each to
    every id. `payer_ids` were made on the device, one for each index in order, and the book then holds no secret key.
    `has_refund_offers` gives each id an offer of home's to which money can come back.
    Raises `ValueError` for limits that cannot be meant, more than 10,000 ids, names that cannot be shown,
    and routes that are not 1 to 3 ways of at least two nodes to one home that is never its own introduction.
    """
    check_consistent(limits)
    _check_routes(routes)
    indices = _indices(limits)
    if payer_ids is not None and len(set(payer_ids)) != len(indices):
        raise ValueError(f"{len(indices)} different public keys are needed, one for each payer id")
    issued = _derived(keys, book_id, book_salt, indices) if payer_ids is None else zip(indices, payer_ids, strict=True)
    tag = None if payer_ids is None else salt_tag(book_salt)
    if not (is_name(device) and is_name(home_label)):
        raise ValueError("names have 1 to 64 printable characters")
    book = GrantBook(
        book_key=keys.book_key.public_key[1:],
        book_id=book_id,
        device=device,
        chain=chain,
        issued_at=issued_at,
        limits=limits,
        home_label=home_label,
        grants=tuple(
            _issue_grant(keys, IssuedId(book_id=book_id, index=index, salt_tag=tag), key, routes, entropy)
            for index, key in issued
        ),
    )
    if not has_refund_offers:
        return book
    return replace(book, grants=tuple(_with_refund_offer(grant, keys, chain) for grant in book.grants))


def _indices(limits: BookLimits) -> list[int]:
    if sum(each.count for each in limits.classes) > MAX_GRANTS:
        raise ValueError(f"a book has at most {MAX_GRANTS} payer ids")
    return sorted(each.first_index + offset for each in limits.classes for offset in range(each.count))


def _derived(
    keys: HomeKeys, book_id: int, book_salt: bytes, indices: Sequence[int]
) -> Iterator[tuple[int, SecretKey | Point]]:
    for index in indices:
        secret = keys.payer_key(book_salt, book_id, index)
        if secret is not None:  # none is there once in 2**127: that index is skipped
            yield index, secret


def _issue_grant(keys: HomeKeys, issued: IssuedId, key: SecretKey | Point, routes: Routes, entropy: Entropy) -> Grant:
    secret = key if isinstance(key, SecretKey) else None
    payer_id = key.public_key if isinstance(key, SecretKey) else key
    return Grant(
        index=issued.index,
        payer_id=payer_id,
        metadata=seal_metadata(keys, issued, payer_id=payer_id),
        paths=create_reply_paths(routes, path_secret(keys, payer_id), entropy=entropy),
        secret=secret,
    )


def _with_refund_offer(grant: Grant, keys: HomeKeys, chain: bytes) -> Grant:
    key = keys.refund_key(grant.payer_id)
    if key is None:  # once in 2**127: money for that id comes back by hand
        return grant
    offer = create_refund_offer(grant.payer_id, issuer_id=key.public_key, paths=grant.paths, chain=chain)
    return replace(grant, refund_offer=offer.encode())


def create_reply_paths(routes: Routes, secret: bytes, *, entropy: Entropy) -> tuple[bytes, ...]:
    """Return one encoded blinded path for each route, its last hop holding `secret` as `path_id`.

    The encrypted data of all hops of all paths have one length: it tells neither place nor kind of a hop.
    """
    hops = [_hop(route, place, secret) for route in routes for place in range(len(route))]
    padded = iter(pad_to_one_length(hops))
    paths = []
    for route in routes:
        data = [next(padded) for _ in route]
        paths.append(create_blinded_path(route, data, session_key=_fresh_key(entropy)).encode())
    return tuple(paths)


def _hop(route: Sequence[Point], place: int, secret: bytes) -> EncryptedData:
    if place == len(route) - 1:
        return EncryptedData(path_id=secret)
    return EncryptedData(next_node_id=route[place + 1])


def _fresh_key(entropy: Entropy) -> SecretKey:
    """Return a new key for each path: two paths with one key could be linked."""
    while (key := scalar_key(entropy(32))) is None:
        pass
    return key


def _check_routes(routes: Routes) -> None:
    if not 1 <= len(routes) <= MAX_PATHS:
        raise ValueError(f"a payer id has 1 to {MAX_PATHS} reply paths")
    if any(len(route) < MIN_HOPS for route in routes):
        raise ValueError(f"a reply path has at least {MIN_HOPS} nodes")
    home = {route[-1] for route in routes}
    if len(home) != 1:
        raise ValueError("the reply paths end at different nodes")
    # The introduction is read by every till.
    if any(route[0] in home for route in routes):
        raise ValueError("home must not be the introduction of its own reply path")
