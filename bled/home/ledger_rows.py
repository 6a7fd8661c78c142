"""Rows of home's ledger, read into values and written from them, always inside the caller's transaction."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    case,
    cast,
    func,
    insert,
    select,
    update,
)

from bled.codes import Code
from bled.errors import Unavailable
from bled.grants.limits import Counters
from bled.home.ledger_tables import books, claims, events, meta
from bled.home.limits_json import parse_limits
from bled.home.rows import Book, BookSums, Claim, ClaimState, Decision
from bled_codec.units import Msat, Point, UnixTime

_CLAIM_COLUMNS: Final = [
    claims.c.id_index.label("index") if field.name == "index" else claims.c[field.name] for field in fields(Claim)
]
OPEN_STATES: Final = (ClaimState.CLAIMED.value, ClaimState.SENT.value)
# What a claim takes from its book: all that may still be spent while it is open, what was spent when it is paid.
_TAKES: Final = case(
    (claims.c.state == ClaimState.PAID.value, claims.c.amount_sent), else_=claims.c.amount + claims.c.max_fee
)
_LAST_BOOK: Final = "last_book"
_COUNTS: Final = claims.c.state.in_((*OPEN_STATES, ClaimState.PAID.value))


def _sum(value: ColumnElement[Any]) -> ColumnElement[int]:
    """Add up as whole numbers: PostgreSQL would answer with decimals."""
    return cast(func.coalesce(func.sum(value), 0), BigInteger)


# What every claim needs, put together once: that takes longer than the database does.
_CLAIM: Final = select(*_CLAIM_COLUMNS).where(claims.c.payer_id == bindparam("payer_id"))
_HASH: Final = select(claims.c.amount).where(claims.c.payment_hash == bindparam("payment_hash"))
_BOOK: Final = select(books).where(books.c.book_id == bindparam("book_id"))
_NUMBER: Final = select(meta.c.value).where(meta.c.name == bindparam("name"))
_SET_NUMBER: Final = update(meta).where(meta.c.name == bindparam("of"))
_ADD_NUMBER: Final = insert(meta)
_INSERT_CLAIM: Final = insert(claims)
_UPDATE_CLAIM: Final = update(claims).where(claims.c.payer_id == bindparam("of"))
_INSERT_EVENT: Final = insert(events)
_COUNTERS: Final = select(
    func.count().label("payments"),
    _sum(_TAKES).label("takes"),
    _sum(case((claims.c.day == bindparam("day"), _TAKES))).label("today"),
).where(claims.c.book_id == bindparam("book_id"), _COUNTS)


def read_claim(database: Connection, payer_id: Point) -> Claim | None:
    """Return the claim of a payer id."""
    row = database.execute(_CLAIM, {"payer_id": payer_id}).mappings().first()
    return None if row is None else _claim(row)


def claim_of(database: Connection, payer_id: Point) -> Claim:
    """Return the claim of a payer id that has one. Raises `Unavailable` (`STORE_BROKEN`)."""
    claim = read_claim(database, payer_id)
    if claim is None:
        raise Unavailable(Code.STORE_BROKEN, detail="a claim has gone from the ledger")
    return claim


def select_claims() -> Select[Any]:
    """Return the query for all claims, to be narrowed."""
    return select(*_CLAIM_COLUMNS)


def read_claims(database: Connection, query: Select[Any]) -> tuple[Claim, ...]:
    """Return the claims that a query of `select_claims` finds."""
    return tuple(_claim(row) for row in database.execute(query).mappings())


def _claim(row: RowMapping) -> Claim:
    values: dict[str, Any] = dict(row)
    values["state"] = ClaimState(values["state"])
    return Claim(**values)


def hash_is_claimed(database: Connection, payment_hash: bytes) -> bool:
    """Say whether any payer id was used for this payment hash."""
    return database.execute(_HASH, {"payment_hash": payment_hash}).first() is not None


def insert_claim(database: Connection, claim: Claim, *, day: int, worker: int) -> None:
    """Add a new claim, counted on the UTC day `day`, that `worker` brings to its end."""
    values = {field.name: getattr(claim, field.name) for field in fields(claim)}
    values["id_index"] = values.pop("index")
    values |= {"state": claim.state.value, "day": day, "worker": worker}
    database.execute(_INSERT_CLAIM, values)


def update_claim(database: Connection, payer_id: Point, **values: object) -> None:
    """Change columns of a claim."""
    database.execute(_UPDATE_CLAIM, {"of": payer_id, **values})


def read_book(database: Connection, book_id: int) -> Book | None:
    """Return one book."""
    row = database.execute(_BOOK, {"book_id": book_id}).mappings().first()
    return None if row is None else book_from(row)


def book_from(row: RowMapping) -> Book:
    """Return the book in a row."""
    values: dict[str, Any] = dict(row)
    values["limits"] = parse_limits(values["limits"])
    return Book(**values)


def read_counters(database: Connection, book_id: int, *, day: int) -> Counters:
    """Return what a book has used, for its limits; `day` is the present UTC day."""
    row = database.execute(_COUNTERS, {"book_id": book_id, "day": day}).mappings().one()
    return Counters(reserved_and_spent_msat=Msat(row["takes"]), today_msat=Msat(row["today"]), payments=row["payments"])


def read_sums(database: Connection, book_id: int) -> BookSums:
    """Return what a book has used, for its owner."""
    reserved = case((claims.c.state.in_(OPEN_STATES), claims.c.amount + claims.c.max_fee))
    query = select(
        func.count().label("used"), _sum(claims.c.amount_sent).label("spent"), _sum(reserved).label("reserved")
    ).where(claims.c.book_id == book_id)
    row = database.execute(query).mappings().one()
    return BookSums(used=row["used"], spent=Msat(row["spent"]), reserved=Msat(row["reserved"]))


def decision_from(row: Mapping[str, Any]) -> Decision:
    """Return the decision in a row of events."""
    values = dict(row)
    values["code"] = Code(values["code"])
    return Decision(**values)


def insert_event(database: Connection, *, seq: int, at: UnixTime, code: Code, claim: Claim) -> None:
    """Add what became of a claim."""
    decision = Decision(
        seq=seq,
        at=at,
        code=code,
        detail=claim.detail,
        payer_id=claim.payer_id,
        payment_hash=claim.payment_hash,
        amount=claim.amount,
        preimage=claim.preimage,
    )
    database.execute(_INSERT_EVENT, asdict(decision) | {"code": code.value})


def read_number(database: Connection, name: str, *, unset: int = 0) -> int:
    """Return a number that the ledger keeps, `unset` when there is none."""
    value = database.execute(_NUMBER, {"name": name}).scalar_one_or_none()
    return unset if value is None else value


def set_number(database: Connection, name: str, value: int) -> None:
    """Have the ledger keep a number."""
    changed = database.execute(_SET_NUMBER, {"of": name, "value": value})
    if changed.rowcount == 0:
        database.execute(_ADD_NUMBER, {"name": name, "value": value})


def count_up(database: Connection, name: str) -> int:
    """Raise a number that the ledger keeps by one and return it: 1 the first time."""
    value = read_number(database, name) + 1
    set_number(database, name, value)
    return value


def read_generation(database: Connection, node: str = "") -> int:
    """Return the generation of the ledger, or the last one that was begun for a node; 0 when none was."""
    return read_number(database, f"generation {node}".strip())


def set_generation(database: Connection, generation: int, node: str) -> None:
    """Set the generation of the ledger, begun for a node (empty where there is only one)."""
    for name in {"generation", f"generation {node}".strip()}:
        set_number(database, name, generation)


def next_book_number(database: Connection) -> int:
    """Return a number that no book ever had, and that none will have again."""
    last = database.execute(select(func.max(books.c.book_id))).scalar_one() or 0
    number = max(int(last), read_number(database, _LAST_BOOK)) + 1
    set_number(database, _LAST_BOOK, number)
    return number


def number_books_above(database: Connection, number: int) -> None:
    """Have the next book numbered above `number`, and above every book there is."""
    set_number(database, _LAST_BOOK, max(read_number(database, _LAST_BOOK), number))


def is_open() -> ColumnElement[bool]:
    """Return the condition of claims whose end is not known."""
    return claims.c.state.in_(OPEN_STATES)
