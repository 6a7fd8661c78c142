"""Issuing a book at home: its number and salt are in the ledger before a byte of it leaves."""

import asyncio
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bled.codes import Code, Failpoint
from bled.errors import BledError, PeerError
from bled.failpoint import failpoint
from bled.grants.book import encode_book
from bled.grants.fields import is_name
from bled.grants.issue import issue_book
from bled.grants.key_request import KeyRequest, decode_key_request
from bled.grants.keys import BOOK_SALT_BYTES, HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee, check_consistent
from bled.grants.passphrase import create_passphrase
from bled.grants.wrapping import wrap_book
from bled.home.ledger import Ledger
from bled.home.parameters import Parameters, usage
from bled.home.paths import MOST_PATHS, PATHS, PathResult, TestPath, find_paths
from bled.home.policy import holds
from bled.home.rows import Book
from bled.home.terms import ClassTerms, parse_class
from bled.home.witness import Witness
from bled.node.home_base import HomeNode
from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError
from bled_codec.units import Msat, Point, UnixTime

ISSUE_PARAMETERS: Final = (
    "device",
    "ids",
    "total_msat",
    "per_payment_msat",
    "per_day_msat",
    "valid_seconds",
    "max_fee_base_msat",
    "max_fee_ppm",
    "home_label",
    "passphrase",
    "classes",
    "introductions",
    "allow_one_path",
    "self_test",
    "keys",
)
_CLASS_PARAMETERS: Final = ("count", "per_payment_msat", "valid_seconds")
_MOST_IDS: Final = 10_000
_DEFAULT_IDS: Final = 20
_MOST_SECONDS: Final = 10 * 366 * 86_400
_DEFAULT_SECONDS: Final = 30 * 86_400
_WRAP_SALT_BYTES: Final = 16
_WRAP_NONCE_BYTES: Final = 12
_PASSPHRASE_ENTROPY_BYTES: Final = 10
_STRETCHING: Final = threading.Lock()
"""OpenSSL's Argon2 with lanes waits for ever for its own threads when two threads stretch at once (seen with 4.0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A book as its owner wants it.

    Attributes:
        introductions: where reply paths begin; none: home chooses.
        least_paths: with fewer that home chose no book is issued.
        is_tested: a message must have come home over each path.
        payer_ids: public keys that the device made, one for each index; None: home derives the keys.
    """

    device: str
    home_label: str
    issued_at: UnixTime
    limits: BookLimits
    passphrase: str = field(repr=False)
    introductions: tuple[Point, ...]
    least_paths: int = PATHS
    is_tested: bool = True
    payer_ids: tuple[Point, ...] | None = None

    @property
    def ids(self) -> int:
        """How many indices the book has."""
        return max(each.first_index + each.count for each in self.limits.classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedBook:
    """What leaves home: the book, wrapped under the passphrase, and the passphrase, to be carried apart.

    A book for keys that the device made has no secret and is not wrapped; its passphrase is None.
    """

    book: Book
    paths: Sequence[PathResult]
    passphrase: str | None = field(repr=False)
    data: bytes = field(repr=False)


def parse_order(params: Parameters, *, now: UnixTime) -> Order:
    """Return what the parameters of `bled-issue` ask for. Raises `PeerError` (`USAGE`)."""
    request = _parse_keys(params)
    return Order(
        device=_name(params, "device", None if request is None else request.device),
        home_label=_name(params, "home_label", "home"),
        issued_at=now,
        limits=_parse_limits(params, now, None if request is None else len(request.payer_ids)),
        passphrase=params.text("passphrase", create_passphrase(secrets.token_bytes(_PASSPHRASE_ENTROPY_BYTES))),
        introductions=_parse_introductions(params),
        least_paths=1 if params.flag("allow_one_path") else PATHS,
        is_tested=params.flag("self_test", default=True),
        payer_ids=None if request is None else request.payer_ids,
    )


def _parse_keys(params: Parameters) -> KeyRequest | None:
    """Read the file of `bled buyer keys`, in hexadecimal."""
    if not params.has("keys"):
        return None
    if params.has("passphrase"):
        raise usage("passphrase: a book for keys of the device has no secret to wrap")
    try:
        return decode_key_request(bytes.fromhex(params.text("keys")))
    except (ValueError, BledError) as error:
        raise usage(f"keys: {error}") from error


def _parse_introductions(params: Parameters) -> tuple[Point, ...]:
    values = params.list("introductions")
    if len(values) > MOST_PATHS:
        raise usage(f"introductions: at most {MOST_PATHS}, every payer id has a path from each")
    return tuple(_parse_point(value) for value in values)


def _name(params: Parameters, name: str, default: str | None = None) -> str:
    text = params.text(name, default)
    if not is_name(text):
        raise usage(f"{name}: 1 to 64 printable characters are needed")
    return text


def _parse_limits(params: Parameters, now: UnixTime, keys: int | None) -> BookLimits:
    total = params.msat("total_msat", least=1)
    seconds = params.seconds("valid_seconds", _DEFAULT_SECONDS, least=60, most=_MOST_SECONDS)
    terms = _parse_classes(params, params.msat("per_payment_msat", total, least=1), seconds, keys)
    classes = _classes_from_zero(terms, now)
    limits = BookLimits(
        total_msat=total,
        per_payment_msat=max(each.per_payment_msat for each in classes),
        per_day_msat=params.msat("per_day_msat", total, least=1),
        payments=sum(each.count for each in classes),
        not_before=now,
        not_after=UnixTime(now + seconds),
        max_fee=MaxFee(
            base_msat=params.msat("max_fee_base_msat", Msat(5_000)),
            ppm=params.number("max_fee_ppm", 10_000, most=1_000_000),
        ),
        classes=classes,
    )
    try:
        check_consistent(limits)
    except ValueError as error:
        raise usage(str(error)) from error
    if limits.payments > _MOST_IDS:
        raise usage(f"a book has at most {_MOST_IDS} payer ids")
    return limits


def _parse_classes(params: Parameters, per_payment: Msat, seconds: int, keys: int | None) -> Sequence[ClassTerms]:
    """Return the classes: first that of `ids`, then those that were named.

    With keys of the device the first class is of those that the named ones leave.
    """
    named = [_parse_class(value, per_payment, seconds) for value in params.list("classes")]
    if params.has("classes") and not named:
        raise usage("classes: a list of at least one is needed")
    ids: int | None = None
    if keys is not None:
        ids = keys - sum(terms.count for terms in named)
        if ids < 0 or (params.has("ids") and params.number("ids", most=_MOST_IDS) != ids):
            raise usage(f"ids: the device made {keys} keys, and every payer id needs one")
    elif params.has("ids") or not named:
        ids = params.number("ids", _DEFAULT_IDS, least=1, most=_MOST_IDS)
    return [*([ClassTerms(count=ids, per_payment=per_payment, seconds=seconds)] if ids else []), *named]


def _classes_from_zero(named: Sequence[ClassTerms], now: UnixTime) -> tuple[GrantClass, ...]:
    """Return the classes one behind the other from index 0 on."""
    classes: list[GrantClass] = []
    first = 0
    for terms in named:
        classes.append(_grant_class(first, terms, now))
        first += terms.count
    return tuple(classes)


def _parse_class(value: object, per_payment: Msat, seconds: int) -> ClassTerms:
    """Read a class: text such as `5:2000000sat:7d`, or an object of which all but `count` may be left out."""
    params: object = value
    if isinstance(value, str):
        terms = parse_class(value)
        params = {"count": terms.count, "per_payment_msat": terms.per_payment, "valid_seconds": terms.seconds}
    each = Parameters.bind(params, _CLASS_PARAMETERS)
    return ClassTerms(
        count=each.number("count", least=1, most=_MOST_IDS),
        per_payment=each.msat("per_payment_msat", per_payment, least=1),
        seconds=each.seconds("valid_seconds", seconds, least=60, most=seconds),
    )


def _grant_class(first: int, terms: ClassTerms, now: UnixTime) -> GrantClass:
    return GrantClass(
        first_index=first,
        count=terms.count,
        per_payment_msat=terms.per_payment,
        not_before=now,
        not_after=UnixTime(now + terms.seconds),
    )


def _parse_point(value: object) -> Point:
    try:
        return parse_point(bytes.fromhex(value if isinstance(value, str) else ""))
    except (ValueError, CodecError):
        raise usage("introductions (--via): a node id of 66 hexadecimal digits is needed") from None


async def issue(
    order: Order,
    *,
    keys: HomeKeys,
    chain: bytes,
    ledger: Ledger,
    witness: Witness,
    node: HomeNode,
    test_path: TestPath,
) -> IssuedBook:
    """Issue a book. It is in the ledger, durably, before its bytes exist; if making them fails, it is revoked.

    The node keeps that there is one more before that, so that an old copy of the ledger never gives its number again.
    `test_path` sends a message over a path; nothing is issued unless it comes home over each.

    Raises `Unavailable` when the node or the ledger cannot be asked, `ConfigurationError` when too few peers can begin
    a path, `PeerError` (`USAGE`) for an order that the book's format does not take.
    """
    home = await node.node_id()
    paths = await _paths(order, home, node, test_path)
    salt = secrets.token_bytes(BOOK_SALT_BYTES)
    book = ledger.add_book(
        salt=salt,
        device=order.device,
        home_label=order.home_label,
        issued_at=order.issued_at,
        ids=order.ids,
        limits=order.limits,
    )
    failpoint(Failpoint.HOME_ISSUED)
    routes = [(path.introduction, home) for path in paths]
    try:
        await witness.testify(now=order.issued_at)
        # Argon2id and a thousand curve points: not on the loop that answers the hook.
        data = await asyncio.to_thread(_make, order, book, routes, keys, chain)
    except (BledError, ValueError) as error:
        ledger.revoke_book(book.book_id, now=order.issued_at)
        raise error if isinstance(error, BledError) else PeerError(Code.USAGE, detail=str(error)) from error
    passphrase = order.passphrase if order.payer_ids is None else None
    return IssuedBook(book=book, paths=paths, passphrase=passphrase, data=data)


async def _paths(order: Order, home: Point, node: HomeNode, test_path: TestPath) -> Sequence[PathResult]:
    if home in order.introductions:
        raise usage("introductions: home itself would be seen by every till")
    return await find_paths(
        node,
        order.introductions,
        least=order.least_paths,
        rng=secrets.SystemRandom(),
        test=test_path if order.is_tested else None,
    )


def _make(order: Order, book: Book, routes: Sequence[Sequence[Point]], keys: HomeKeys, chain: bytes) -> bytes:
    grant_book = issue_book(
        keys,
        book_id=book.book_id,
        book_salt=book.salt,
        device=order.device,
        chain=chain,
        issued_at=order.issued_at,
        limits=order.limits,
        home_label=order.home_label,
        routes=routes,
        entropy=secrets.token_bytes,
        payer_ids=order.payer_ids,
        has_refund_offers=True,
    )
    clear = encode_book(grant_book, book_key=keys.book_key, aux=secrets.token_bytes(32))
    if order.payer_ids is not None:
        return clear
    salt, nonce = secrets.token_bytes(_WRAP_SALT_BYTES), secrets.token_bytes(_WRAP_NONCE_BYTES)
    with _STRETCHING:
        return wrap_book(clear, passphrase=order.passphrase, salt=salt, nonce=nonce)


def find_book_of(payer_id: Point, *, keys: HomeKeys, books: Sequence[Book]) -> Book:
    """Return the book that a payer id was issued in, newest books first; derives every key, about 50 us each.

    Raises `PeerError` (`USAGE`) when home issued no such id.
    """
    for book in reversed(books):
        for index in range(book.ids):
            if holds(book, index, payer_id, keys=keys):
                return book
    raise usage("payer_id: home issued no such id")
