"""Books and grants as CBOR, and back with every rule checked that does not need a clock or a chain."""

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Final

from bled.grants.cbor import CborError, Value, Writable
from bled.grants.fields import open_bytes, open_list, open_map, open_name, open_uint
from bled.grants.grant import Grant, GrantBook
from bled.grants.keys import MAX_U32, scalar_key
from bled.grants.limits import BookLimits
from bled.grants.limits_fields import MAX_GRANTS, limits_value, open_limits, open_time
from bled.grants.metadata import DEVICE_METADATA_BYTES, METADATA_BYTES
from bled.grants.refund_offer import create_refund_offer
from bled_codec.blinded_path import decode_paths
from bled_codec.crypto import SecretKey, parse_point
from bled_codec.errors import CodecError
from bled_codec.offer import Offer
from bled_codec.units import Point

HASH_BYTES: Final = 32
"""Length of an x-only key, a chain hash and a secret key."""
POINT_BYTES: Final = 33
MAX_PATHS: Final = 3
"""Reply paths of one payer id."""
MAX_PATHS_BYTES: Final = 1536
"""All paths of one payer id: a request must still hold the largest offer (2048) in 3900 bytes."""
MIN_HOPS: Final = 2
"""A path of one hop would name home to every till."""
_MAX_REFUND_OFFER_BYTES: Final = 1024


class BookField(IntEnum):
    """Keys of the book. Even: a reader must know it; odd: it may be ignored."""

    BOOK_KEY = 0
    BOOK_ID = 2
    DEVICE = 4
    CHAIN = 6
    ISSUED_AT = 8
    NOT_BEFORE = 10
    NOT_AFTER = 12
    LIMITS = 14
    HOME_LABEL = 16
    GRANTS = 18


class GrantField(IntEnum):
    """Keys of one grant."""

    INDEX = 0
    SECRET = 1
    PAYER_ID = 2
    REFUND_OFFER = 3
    METADATA = 4
    REFUND_KEY = 5
    PATHS = 6


_GRANT_REQUIRED: Final = (GrantField.INDEX, GrantField.PAYER_ID, GrantField.METADATA, GrantField.PATHS)


def book_value(book: GrantBook) -> Writable:
    """Return the book as a value for CBOR."""
    return {
        BookField.BOOK_KEY: book.book_key,
        BookField.BOOK_ID: book.book_id,
        BookField.DEVICE: book.device,
        BookField.CHAIN: book.chain,
        BookField.ISSUED_AT: book.issued_at,
        BookField.NOT_BEFORE: book.limits.not_before,
        BookField.NOT_AFTER: book.limits.not_after,
        BookField.LIMITS: limits_value(book.limits),
        BookField.HOME_LABEL: book.home_label,
        BookField.GRANTS: [_grant_value(grant, book.chain) for grant in book.grants],
    }


def _grant_value(grant: Grant, chain: bytes) -> Writable:
    value: dict[int, Writable] = {
        GrantField.INDEX: grant.index,
        GrantField.PAYER_ID: grant.payer_id,
        GrantField.METADATA: grant.metadata,
        GrantField.PATHS: grant.paths,
    }
    if grant.secret is not None:
        value[GrantField.SECRET] = grant.secret.reveal()
    if grant.refund_offer is not None:
        value |= _refund_value(grant, grant.refund_offer, chain)
    return value


def _refund_value(grant: Grant, data: bytes, chain: bytes) -> dict[int, Writable]:
    """Return the key of a refund offer that is otherwise made of its own grant, which is a seventh as long; any other
    offer whole.
    """
    key = Offer.decode(data).offer_issuer_id
    if key is not None and _refund_offer_of(grant, key, chain) == data:
        return {GrantField.REFUND_KEY: key}
    return {GrantField.REFUND_OFFER: data}


def _refund_offer_of(grant: Grant, key: Point, chain: bytes) -> bytes:
    return create_refund_offer(grant.payer_id, issuer_id=key, paths=grant.paths, chain=chain).encode()


def open_book_key(value: Value) -> bytes:
    """Return the x-only key that a decoded book says it is signed with. Raises `CborError`."""
    fields = open_map(value, required=(BookField.BOOK_KEY,), optional=tuple(BookField))
    return _hash(fields[BookField.BOOK_KEY])


def open_book(value: Value) -> GrantBook:
    """Return the book in a decoded value. Raises `CborError`, `UnknownFieldError` for a later version's field."""
    fields = open_map(value, required=tuple(BookField))
    limits = open_limits(
        fields[BookField.LIMITS],
        not_before=open_time(fields[BookField.NOT_BEFORE]),
        not_after=open_time(fields[BookField.NOT_AFTER]),
    )
    chain = _hash(fields[BookField.CHAIN])
    grants = tuple(_open_grant(each, chain) for each in open_list(fields[BookField.GRANTS], least=1, most=MAX_GRANTS))
    _check_grants(grants, limits)
    return GrantBook(
        book_key=_hash(fields[BookField.BOOK_KEY]),
        book_id=open_uint(fields[BookField.BOOK_ID], most=MAX_U32),
        device=open_name(fields[BookField.DEVICE]),
        chain=chain,
        issued_at=open_time(fields[BookField.ISSUED_AT]),
        limits=limits,
        home_label=open_name(fields[BookField.HOME_LABEL]),
        grants=grants,
    )


def _open_grant(value: Value, chain: bytes) -> Grant:
    fields = open_map(value, required=_GRANT_REQUIRED)
    payer_id = _point(fields[GrantField.PAYER_ID])
    grant = Grant(
        index=open_uint(fields[GrantField.INDEX], most=MAX_U32),
        payer_id=payer_id,
        metadata=_metadata(fields[GrantField.METADATA]),
        paths=_paths(fields[GrantField.PATHS]),
        secret=_secret(fields.get(GrantField.SECRET), payer_id),
        refund_offer=_refund_offer(fields.get(GrantField.REFUND_OFFER)),
    )
    key = fields.get(GrantField.REFUND_KEY)
    return grant if key is None else replace(grant, refund_offer=_refund_offer_of(grant, _point(key), chain))


def _check_grants(grants: Sequence[Grant], limits: BookLimits) -> None:
    last = -1
    for grant in grants:
        if grant.index <= last:
            raise CborError(f"payer id {grant.index} stands after {last}")
        last = grant.index
        if not any(grant_class.covers(grant.index) for grant_class in limits.classes):
            raise CborError(f"payer id {grant.index} is in no class")
    if len({grant.payer_id for grant in grants}) != len(grants):
        raise CborError("a payer id is there twice")
    # Another number of paths would tell one payer id of a book from the others.
    if len({len(grant.paths) for grant in grants}) != 1:
        raise CborError("the payer ids have different numbers of paths")


def _hash(value: Value) -> bytes:
    return open_bytes(value, least=HASH_BYTES, most=HASH_BYTES)


def _point(value: Value) -> Point:
    try:
        return parse_point(open_bytes(value, least=POINT_BYTES, most=POINT_BYTES))
    except CodecError as error:
        raise CborError("a key is no point") from error


def _metadata(value: Value) -> bytes:
    metadata = open_bytes(value, least=METADATA_BYTES, most=DEVICE_METADATA_BYTES)
    if len(metadata) not in (METADATA_BYTES, DEVICE_METADATA_BYTES):
        raise CborError(f"metadata has {METADATA_BYTES} or {DEVICE_METADATA_BYTES} bytes")
    return metadata


def _secret(value: Value | None, payer_id: Point) -> SecretKey | None:
    if value is None:
        return None
    secret = scalar_key(_hash(value))
    if secret is None or secret.public_key != payer_id:
        raise CborError("a secret key is not that of its payer id")
    return secret


def _paths(value: Value) -> tuple[bytes, ...]:
    paths = tuple(open_bytes(path, least=1, most=MAX_PATHS_BYTES) for path in open_list(value, least=1, most=MAX_PATHS))
    if sum(map(len, paths)) > MAX_PATHS_BYTES:
        raise CborError(f"the paths of a payer id have more than {MAX_PATHS_BYTES} bytes")
    for path in paths:
        _check_path(path)
    return paths


def _check_path(data: bytes) -> None:
    try:
        paths = decode_paths(data)
    except CodecError as error:
        raise CborError(f"a path is damaged: {error}") from error
    if len(paths) != 1 or len(paths[0].hops) < MIN_HOPS:
        raise CborError(f"a path has at least {MIN_HOPS} hops")


def _refund_offer(value: Value | None) -> bytes | None:
    if value is None:
        return None
    data = open_bytes(value, least=1, most=_MAX_REFUND_OFFER_BYTES)
    try:
        Offer.decode(data)
    except CodecError as error:
        raise CborError(f"a refund offer is damaged: {error}") from error
    return data
