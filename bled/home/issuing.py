"""Issuing a book at home: its number and salt are in the ledger before a byte of it leaves."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bled.codes import Code, Failpoint
from bled.errors import BledError, ConfigurationError, PeerError
from bled.failpoint import failpoint
from bled.grants.book import encode_book
from bled.grants.fields import is_name
from bled.grants.issue import issue_book
from bled.grants.keys import BOOK_SALT_BYTES, HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee, check_consistent
from bled.grants.passphrase import create_passphrase
from bled.grants.wrapping import wrap_book
from bled.home.ledger import Ledger
from bled.home.parameters import Parameters, usage
from bled.home.policy import holds
from bled.home.rows import Book
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
)
_CLASS_PARAMETERS: Final = ("count", "per_payment_msat", "valid_seconds")
_MOST_IDS: Final = 10_000
_MOST_SECONDS: Final = 10 * 366 * 86_400
_DEFAULT_SECONDS: Final = 30 * 86_400
_DEFAULT_PATHS: Final = 2
_MOST_PATHS: Final = 3
_WRAP_SALT_BYTES: Final = 16
_WRAP_NONCE_BYTES: Final = 12
_PASSPHRASE_ENTROPY_BYTES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A book as its owner wants it."""

    device: str
    home_label: str
    issued_at: UnixTime
    limits: BookLimits
    passphrase: str = field(repr=False)
    introductions: tuple[Point, ...]

    @property
    def ids(self) -> int:
        """How many indices the book has."""
        return max(each.first_index + each.count for each in self.limits.classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedBook:
    """What leaves home: the book, wrapped under the passphrase, and the passphrase, to be carried apart."""

    book: Book
    passphrase: str = field(repr=False)
    wrapped: bytes = field(repr=False)


def parse_order(params: Parameters, *, now: UnixTime) -> Order:
    """Return what the parameters of `bled-issue` ask for. Raises `PeerError` (`USAGE`)."""
    return Order(
        device=_name(params, "device"),
        home_label=_name(params, "home_label", "home"),
        issued_at=now,
        limits=_parse_limits(params, now),
        passphrase=params.text("passphrase", create_passphrase(secrets.token_bytes(_PASSPHRASE_ENTROPY_BYTES))),
        introductions=_parse_introductions(params),
    )


def _parse_introductions(params: Parameters) -> tuple[Point, ...]:
    values = params.list("introductions")
    if len(values) > _MOST_PATHS:
        raise usage(f"introductions: at most {_MOST_PATHS}, every payer id has a path from each")
    return tuple(_parse_point(value) for value in values)


def _name(params: Parameters, name: str, default: str | None = None) -> str:
    text = params.text(name, default)
    if not is_name(text):
        raise usage(f"{name}: 1 to 64 printable characters are needed")
    return text


def _parse_limits(params: Parameters, now: UnixTime) -> BookLimits:
    total = params.msat("total_msat", least=1)
    per_payment = params.msat("per_payment_msat", total, least=1)
    seconds = params.number("valid_seconds", _DEFAULT_SECONDS, least=60, most=_MOST_SECONDS)
    classes = _parse_classes(params, per_payment, seconds, now)
    limits = BookLimits(
        total_msat=total,
        per_payment_msat=per_payment,
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


def _parse_classes(params: Parameters, per_payment: Msat, seconds: int, now: UnixTime) -> tuple[GrantClass, ...]:
    """Return the classes one behind the other from index 0 on; without any given, one for all ids."""
    if not params.has("classes"):
        ids = params.number("ids", 20, least=1, most=_MOST_IDS)
        return (_grant_class(0, ids, per_payment, now, seconds),)
    if params.has("ids"):
        raise usage("ids: the classes say how many")
    classes: list[GrantClass] = []
    first = 0
    for value in params.list("classes"):
        each = Parameters.bind(value, _CLASS_PARAMETERS)
        count = each.number("count", least=1, most=_MOST_IDS)
        lasting = each.number("valid_seconds", seconds, least=60, most=seconds)
        classes.append(_grant_class(first, count, each.msat("per_payment_msat", per_payment, least=1), now, lasting))
        first += count
    return tuple(classes)


def _grant_class(first: int, count: int, per_payment: Msat, now: UnixTime, seconds: int) -> GrantClass:
    return GrantClass(
        first_index=first,
        count=count,
        per_payment_msat=per_payment,
        not_before=now,
        not_after=UnixTime(now + seconds),
    )


def _parse_point(value: object) -> Point:
    try:
        return parse_point(bytes.fromhex(value if isinstance(value, str) else ""))
    except (ValueError, CodecError):
        raise usage("introductions: node ids are needed") from None


async def issue(
    order: Order, *, keys: HomeKeys, chain: bytes, ledger: Ledger, witness: Witness, node: HomeNode
) -> IssuedBook:
    """Issue a book. It is in the ledger, durably, before its bytes exist; if making them fails, it is revoked.

    The node keeps that there is one more before that, so that an old copy of the ledger never gives its number again.

    Raises `Unavailable` when the node or the ledger cannot be asked, `ConfigurationError` when no peer can begin a
    path, `PeerError` (`USAGE`) for an order that the book's format does not take.
    """
    routes = await _routes(order, node)
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
    try:
        await witness.testify()
        # Argon2id and a thousand curve points: not on the loop that answers the hook.
        wrapped = await asyncio.to_thread(_make, order, book, routes, keys, chain)
    except (BledError, ValueError) as error:
        ledger.revoke_book(book.book_id, now=order.issued_at)
        raise error if isinstance(error, BledError) else PeerError(Code.USAGE, detail=str(error)) from error
    return IssuedBook(book=book, passphrase=order.passphrase, wrapped=wrapped)


async def _routes(order: Order, node: HomeNode) -> Sequence[Sequence[Point]]:
    home = await node.node_id()
    introductions = order.introductions or tuple(await node.peers_for_paths())[:_DEFAULT_PATHS]
    if not introductions:
        raise ConfigurationError(
            Code.CONFIG_BAD, detail="no connected peer with a channel can begin a reply path; name introductions"
        )
    if home in introductions:
        raise usage("introductions: home itself would be seen by every till")
    return [(introduction, home) for introduction in introductions]


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
    )
    clear = encode_book(grant_book, book_key=keys.book_key, aux=secrets.token_bytes(32))
    salt, nonce = secrets.token_bytes(_WRAP_SALT_BYTES), secrets.token_bytes(_WRAP_NONCE_BYTES)
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
