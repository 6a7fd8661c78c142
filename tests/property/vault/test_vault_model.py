"""The vault against a model that tries every id of every book: same choice, same refusals, through any history."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from bled.codes import Code
from bled.errors import Refused
from bled.grants.book import GrantBook, encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, Counters, GrantClass, MaxFee, check_limits
from bled.vault.vault import HistoryEntry, Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

START = UnixTime(1_800_000_000)
DAY = 86_400
KEYS = HomeKeys.from_master(bytes(range(32)))
NODES = [SecretKey(bytes([number]) * 32).public_key for number in (1, 2)]


def make_class(first: int, count: int, limit: int, days: int) -> GrantClass:
    return GrantClass(
        first_index=first,
        count=count,
        per_payment_msat=Msat(limit),
        not_before=START,
        not_after=UnixTime(START + days * DAY),
    )


class VaultMachine(RuleBasedStateMachine):
    """Imports, pays, waits, records and starts again, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.vault = Vault.open(self.folder)
        self.chance = random.Random(3)  # noqa: S311 - the same in every run
        self.books: dict[int, GrantBook] = {}
        self.signed: list[bytes] = []
        self.now = START

    def teardown(self) -> None:
        self.vault.close()
        shutil.rmtree(self.folder)

    @precondition(lambda self: len(self.books) < 3)
    @rule(
        small=integers(0, 3),
        large=integers(1, 3),
        total=sampled_from([100, 1_000, 100_000]),
        per_day=sampled_from([500, 100_000]),
        payments=integers(1, 5),
        days=integers(1, 5),
    )
    def import_book(self, *, small: int, large: int, total: int, per_day: int, payments: int, days: int) -> None:
        number = len(self.books) + 1
        classes = [make_class(10, large, 1_000, days)]
        if small:
            classes.append(make_class(0, small, 100, 1))
        limits = BookLimits(
            total_msat=Msat(total),
            per_payment_msat=Msat(900),
            per_day_msat=Msat(per_day),
            payments=payments,
            not_before=START,
            not_after=UnixTime(START + 5 * DAY),
            max_fee=MaxFee(base_msat=Msat(7), ppm=20_000),
            classes=tuple(classes),
        )
        book = issue_book(
            KEYS,
            book_id=number,
            book_salt=self.chance.randbytes(16),
            device="phone",
            chain=REGTEST_CHAIN,
            issued_at=START,
            limits=limits,
            home_label="home",
            routes=[NODES],
            entropy=self.chance.randbytes,
        )
        data = encode_book(book, book_key=KEYS.book_key, aux=bytes(32))
        if self.now >= limits.not_after:
            return
        self.vault.import_book(data, passphrase=None, chain=REGTEST_CHAIN, now=self.now)
        self.books[number] = book

    @rule(amount=sampled_from([1, 99, 100, 101, 500, 900, 901]))
    def pay(self, amount: int) -> None:
        offer = create_offer(
            description="coffee",
            amount=amount,
            chains=[REGTEST_CHAIN],
            issuer_id=NODES[0],
            absolute_expiry=UnixTime(self.now + 300),
        )
        options = sorted(self._options(Msat(amount)))
        try:
            reservation = self.vault.reserve(offer, amount=Msat(amount), now=self.now)
        except Refused:
            assert not options
            return
        _, _, book_id, index, fee = options[0]
        entry = self.vault.history()[-1]
        assert (entry.book_id, entry.index, entry.max_fee) == (book_id, index, fee)
        self.signed.append(reservation.request)

    @precondition(lambda self: self.signed)
    @rule(which=integers(0), code=sampled_from([Code.PAID, Code.NOT_CONFIRMED, Code.OUTCOME_UNKNOWN]))
    def record(self, which: int, code: Code) -> None:
        payer_id = InvoiceRequest.decode(self.signed[which % len(self.signed)]).invreq_payer_id
        self.vault.record_outcome(payer_id, code, invoice=None, preimage=None, now=self.now)

    @rule(seconds=sampled_from([1, 3_600, DAY]))
    def wait(self, seconds: int) -> None:
        self.now = UnixTime(self.now + seconds)

    @rule(again=booleans())
    def start_again(self, again: bool) -> None:
        self.vault.close()
        self.vault = Vault.open(self.folder, create=again)

    @invariant()
    def everything_signed_is_there_once_and_in_order(self) -> None:
        entries = self.vault.history()
        assert [entry.request for entry in entries] == self.signed
        assert len({entry.payer_id for entry in entries}) == len(entries)

    @invariant()
    def no_book_is_overdrawn(self) -> None:
        entries = self.vault.history()
        for number, book in self.books.items():
            of_book = [entry for entry in entries if entry.book_id == number]
            assert len(of_book) <= book.limits.payments
            assert cost(of_book) <= book.limits.total_msat
            for day in {entry.at // DAY for entry in of_book}:
                assert cost([entry for entry in of_book if entry.at // DAY == day]) <= book.limits.per_day_msat

    def _options(self, amount: Msat) -> Iterator[tuple[int, int, int, int, Msat]]:
        """Every id that may pay `amount` now, with what the choice among them goes by."""
        entries = self.vault.history()
        burnt = {entry.payer_id for entry in entries}
        for number, book in self.books.items():
            of_book = [entry for entry in entries if entry.book_id == number]
            counters = Counters(
                reserved_and_spent_msat=cost(of_book),
                today_msat=cost([entry for entry in of_book if entry.at // DAY == self.now // DAY]),
                payments=len(of_book),
            )
            for grant in book.grants:
                grant_class = book.limits.class_of(grant.index)
                try:
                    fee = check_limits(book.limits, grant.index, counters, amount=amount, now=self.now)
                except Refused:
                    continue
                if grant.payer_id not in burnt:
                    limit = min(grant_class.per_payment_msat, book.limits.per_payment_msat)
                    yield limit, grant_class.not_after, number, grant.index, fee


def cost(entries: list[HistoryEntry]) -> Msat:
    return Msat(sum(entry.amount + entry.max_fee for entry in entries))


TestVaultAgainstModel = VaultMachine.TestCase
TestVaultAgainstModel.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
