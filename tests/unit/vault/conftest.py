"""A home that issues books, an offer of a till, and a vault in a folder of its own."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bled.grants.book import GrantBook, encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.grants.statement import encode_statement
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, Point, UnixTime

NOW = UnixTime(1_800_000_000)
DAY = 86_400
MERCHANT = SecretKey(b"\x41" * 32)


def small_and_large(first: int = 0) -> tuple[GrantClass, ...]:
    """Two ids up to 20,000 msat and, at lower indices, two up to 1,000,000."""
    end = UnixTime(NOW + 30 * DAY)
    return (
        GrantClass(first_index=first, count=2, per_payment_msat=Msat(1_000_000), not_before=NOW, not_after=end),
        GrantClass(first_index=first + 2, count=2, per_payment_msat=Msat(20_000), not_before=NOW, not_after=end),
    )


@dataclass
class Home:
    """Issues books; every entropy is seeded."""

    master: bytes = bytes(range(32))
    chance: random.Random = field(default_factory=lambda: random.Random(5))  # noqa: S311 - the same in every run

    def book(
        self,
        book_id: int = 1,
        *,
        classes: Sequence[GrantClass] | None = None,
        total: int = 10_000_000,
        per_day: int = 10_000_000,
        payments: int = 100,
        issued_at: int = NOW,
        ends_in: int = 30 * DAY,
        chain: bytes = REGTEST_CHAIN,
        payer_ids: Sequence[Point] | None = None,
    ) -> GrantBook:
        limits = BookLimits(
            total_msat=Msat(total),
            per_payment_msat=Msat(2_000_000),
            per_day_msat=Msat(per_day),
            payments=payments,
            not_before=NOW,
            not_after=UnixTime(NOW + ends_in),
            max_fee=MaxFee(base_msat=Msat(1_000), ppm=10_000),
            classes=tuple(small_and_large() if classes is None else classes),
        )
        nodes = [SecretKey(bytes([number]) * 32).public_key for number in (1, 2, 3)]
        return issue_book(
            HomeKeys.from_master(self.master),
            book_id=book_id,
            book_salt=self.chance.randbytes(16),
            device="phone",
            chain=chain,
            issued_at=UnixTime(issued_at),
            limits=limits,
            home_label="home",
            routes=[[nodes[0], nodes[2]], [nodes[1], nodes[2]]],
            entropy=self.chance.randbytes,
            payer_ids=payer_ids,
        )

    def statement(
        self, book_id: int, *, at: int, master: bytes | None = None, chain: bytes = REGTEST_CHAIN, **changes: int
    ) -> bytes:
        """Return changed limits of a book, as home says them at a time."""
        keys = HomeKeys.from_master(master or self.master)
        limits = self.book(book_id, **changes).limits
        terms = {"book_id": book_id, "chain": chain, "issued_at": UnixTime(at), "book_key": keys.book_key}
        return encode_statement(limits, **terms, aux=self.chance.randbytes(32))

    def signed(self, book: GrantBook) -> bytes:
        key = HomeKeys.from_master(self.master).book_key
        return encode_book(book, book_key=key, aux=self.chance.randbytes(32))


MakeOffer = Callable[..., Offer]


@pytest.fixture
def now() -> UnixTime:
    return NOW


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture
def merchant() -> SecretKey:
    return MERCHANT


@pytest.fixture
def make_offer() -> MakeOffer:
    def make(amount: int = 15_000, *, chain: bytes = REGTEST_CHAIN, expires_at: int | None = NOW + 300) -> Offer:
        return create_offer(
            description="coffee",
            amount=amount,
            chains=[chain],
            issuer_id=MERCHANT.public_key,
            absolute_expiry=None if expires_at is None else UnixTime(expires_at),
        )

    return make


@pytest.fixture
def offer(make_offer: MakeOffer) -> Offer:
    return make_offer()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def vault(folder: Path, home: Home) -> Iterator[Vault]:
    """A vault with one book."""
    with Vault.open(folder) as opened:
        opened.import_book(home.signed(home.book()), passphrase=None, chain=REGTEST_CHAIN, now=NOW)
        yield opened
