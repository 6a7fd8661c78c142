"""Any order of claims, outcomes, revocations and restarts keeps the promises of home's ledger."""

import importlib.util
import sys
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from bled.codes import Code
from bled.errors import Refused
from bled.home.policy import VerifiedInvoice, verify_invoice
from bled.home.rows import ClaimState
from bled_codec.units import Msat

_PATH = Path(__file__).parents[2] / "unit" / "home" / "purchases.py"
_SPEC = importlib.util.spec_from_file_location("tests_home_purchases_stateful", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
sys.modules[_SPEC.name] = shop = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(shop)
_PLACES = importlib.util.spec_from_file_location("tests_home_places_stateful", _PATH.with_name("places.py"))
assert _PLACES is not None
assert _PLACES.loader is not None
sys.modules[_PLACES.name] = places = importlib.util.module_from_spec(_PLACES)
_PLACES.loader.exec_module(places)

IN_MEMORY = next((path for path in (Path("/dev/shm"),) if path.is_dir()), None)  # noqa: S108 - what is fast to sync
IDS = 6
TOTAL = 100_000
HOME = shop.Purchases(book_limits=shop.limits(ids=IDS, total_msat=Msat(TOTAL), per_payment_msat=Msat(60_000)), ids=IDS)
_made: dict[tuple[int, int, int], VerifiedInvoice] = {}


def purchase(index: int, amount: int, preimage: int) -> VerifiedInvoice:
    """Return the verified invoice of a purchase; each is made once, curve arithmetic is slow."""
    wanted = (index, amount, preimage)
    if wanted not in _made:
        asked = shop.request(HOME.grant(index), shop.offer(amount=amount, lasting=600), amount=amount)
        made = shop.invoice(asked, amount=amount, preimage=bytes([preimage]) * 32, lasting=600)
        _made[wanted] = verify_invoice(
            made.encode(),
            secret=HOME.secret(index),
            keys=HOME.keys,
            chain=shop.REGTEST_CHAIN,
            find_book={1: HOME.row}.get,
            now=shop.NOW,
        )
    return _made[wanted]


class LedgerMachine(RuleBasedStateMachine):
    """The ledger beside a model: what each payer id was first used for, and whether that may have moved money."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=IN_MEMORY)
        self.first_use: dict[bytes, bytes] = {}
        self.sent: dict[bytes, int] = {}
        self.paid: dict[bytes, int] = {}
        self.revoked: set[bytes] = set()
        self.book_revoked = False
        self.now = shop.NOW
        self.open()

    def open(self) -> None:
        self.ledger = self.place(self.folder).open(HOME)

    def place(self, folder) -> object:
        return places.File(Path(folder.name))

    @initialize()
    def issue(self) -> None:
        row = HOME.row
        self.ledger.add_book(
            salt=row.salt,
            device=row.device,
            home_label=row.home_label,
            issued_at=row.issued_at,
            ids=row.ids,
            limits=row.limits,
        )

    @rule(
        target=claims,
        index=st.integers(0, IDS - 1),
        amount=st.sampled_from([1_000, 20_000, 60_000]),
        preimage=st.integers(1, 8),
    )
    def claim(self, index: int, amount: int, preimage: int):
        verified = purchase(index, amount, preimage)
        payer_id, data = verified.invoice.invreq_payer_id, verified.invoice.encode()
        before = self.ledger.sums(1)
        try:
            claimed = self.ledger.claim(verified, now=self.now)
        except Refused as refused:
            assert self.ledger.sums(1) == before
            assert refused.code is not Code.PAYER_ID_USED or payer_id in self.first_use
            return multiple()
        assert claimed.is_new is (payer_id not in self.first_use)
        assert self.first_use.setdefault(payer_id, data) == data
        if claimed.is_new:
            assert not self.book_revoked
            assert payer_id not in self.revoked
        return payer_id

    @rule(payer_id=claims)
    def ask_the_node(self, payer_id: bytes) -> None:
        try:
            claim = self.ledger.begin_payment(payer_id, now=self.now)
        except Refused:
            return
        assert payer_id not in self.sent, "the node was asked twice"
        self.sent[payer_id] = claim.amount + claim.max_fee

    @rule(payer_id=claims, fee=st.integers(0, 5_000))
    def it_is_paid(self, payer_id: bytes, fee: int) -> None:
        claim = self._claim(payer_id)
        if claim.state in (ClaimState.SENT, ClaimState.PAID):
            spent = claim.amount + min(fee, claim.max_fee)
            self.ledger.record_paid(claim.payer_id, amount_sent=Msat(spent), preimage=None, now=self.now)
            self.paid.setdefault(payer_id, spent)

    @rule(payer_id=claims)
    def it_fails(self, payer_id: bytes) -> None:
        self.ledger.record_failed(self._claim(payer_id).payer_id, detail="no route", now=self.now)

    @rule(payer_id=claims)
    def it_is_unknown(self, payer_id: bytes) -> None:
        self.ledger.record_unknown(self._claim(payer_id).payer_id, detail="who knows", now=self.now)

    @rule(index=st.integers(0, IDS - 1))
    def revoke_an_id(self, index: int) -> None:
        payer_id = HOME.grant(index).payer_id
        answer = self.ledger.revoke_id(payer_id, book_id=1, now=self.now)
        self.revoked.add(payer_id)
        assert bool(answer.already_paid) is (payer_id in self.paid)
        assert not (answer.payer_ids and (answer.in_flight or answer.already_paid))

    @rule(really=st.sampled_from([False, False, False, True]))
    def revoke_the_book(self, really: bool) -> None:
        if really:
            answer = self.ledger.revoke_book(1, now=self.now)
            self.book_revoked = True
            assert {claim.payer_id for claim in answer.already_paid} == set(self.paid)
            assert {claim.payer_id for claim in answer.in_flight} <= set(self.sent) - set(self.paid)

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.open()

    @rule(seconds=st.sampled_from([1, 60, 400]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    def _claim(self, payer_id: bytes):
        return self.ledger.claim_of_invoice(self.first_use[payer_id], payer_id=payer_id)

    @invariant()
    def no_more_is_spent_or_reserved_than_the_book_has(self) -> None:
        sums = self.ledger.sums(1)
        assert sums.spent + sums.reserved <= TOTAL
        assert sums.spent == sum(self.paid.values())

    @invariant()
    def every_payer_id_has_the_one_claim_it_was_first_used_for(self) -> None:
        claims = self.ledger.claims()
        assert {claim.payer_id: claim.invoice for claim in claims} == self.first_use
        assert len({claim.payment_hash for claim in claims}) == len(claims)

    @invariant()
    def what_is_paid_stays_paid(self) -> None:
        paid = {claim.payer_id for claim in self.ledger.claims() if claim.state is ClaimState.PAID}
        assert paid == set(self.paid)

    @invariant()
    def decisions_are_numbered_in_order(self) -> None:
        numbers = [decision.seq for decision in self.ledger.decisions(since=0, limit=1_000)]
        assert numbers == sorted(set(numbers))

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()


LedgerMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestLedger = LedgerMachine.TestCase


def test_the_same_holds_in_postgresql(postgres) -> None:
    database = places.Database(postgres)

    class InPostgres(LedgerMachine):
        def __init__(self) -> None:
            database.clear()
            super().__init__()

        def place(self, folder) -> object:
            return database

    try:
        run_state_machine_as_test(InPostgres, settings=settings(max_examples=8, stateful_step_count=25, deadline=None))
    finally:
        database.close()
