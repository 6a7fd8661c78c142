"""From a claim to its end: the node is asked once, and its records decide."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice, repeat

import pytest

from bled.codes import Code
from bled.errors import BledError, Refused, Unavailable
from bled.home.pay import GRACE_SECONDS, LOOKS_BEFORE_FAILED, Payer, growing_pauses
from bled.home.rows import ClaimState
from bled.home.witness import Witness
from bled.node.home_base import Failed, Paid, Parts, PartsStatus, Unknown
from bled_codec.units import Msat

NOTHING = Parts(status=PartsStatus.NOTHING, amount_sent=Msat(0))
PENDING = Parts(status=PartsStatus.PENDING, amount_sent=Msat(15_001))
COMPLETE = Parts(status=PartsStatus.COMPLETE, amount_sent=Msat(15_001), preimage=b"\x01" * 32)
GONE = Unavailable(Code.NODE_UNREACHABLE)


class Node:
    """A node whose answers are written down beforehand; the last look-up repeats."""

    def __init__(self, answer, *lookups) -> None:
        self.answer = answer
        self.lookups = list(lookups)
        self.asked: list[dict[str, object]] = []
        self.looked_up = 0
        self.labels: set[str] = set()
        self.kept: list[int] = []
        self.cannot_keep: Unavailable | None = None
        self.before_lookup: Callable[[], None] = lambda: None
        self.htlc: bool | Unavailable = True

    async def pay(self, invoice, **how: object):
        self.asked.append({"invoice": invoice, **how})
        if isinstance(self.answer, Awaitable):
            return await self.answer
        return self.answer

    async def kept_number(self, name: str) -> int:
        return self.kept[-1] if self.kept else 0

    async def keep_number(self, name: str, number: int) -> int:
        if self.cannot_keep is not None:
            raise self.cannot_keep
        self.kept.append(number)
        return number

    async def has_htlc(self, payment_hash: bytes) -> bool:
        if isinstance(self.htlc, Unavailable):
            raise self.htlc
        return self.htlc

    async def lookup(self, payment_hash: bytes, *, label: str) -> Parts:
        self.labels.add(label)
        self.looked_up += 1
        self.before_lookup()
        found = self.lookups.pop(0) if len(self.lookups) > 1 else self.lookups[0]
        if isinstance(found, Unavailable):
            raise found
        return found


class FakeClock:
    def __init__(self, now: int) -> None:
        self.time, self.ticks = now, 0.0

    def now(self) -> int:
        return self.time

    def monotonic(self) -> float:
        return self.ticks


async def payer(node: Node, ledger, clock, *, pauses: Callable[[], Iterator[float]] = lambda: repeat(0.0)) -> Payer:
    witness = Witness(node=node, ledger=ledger, name="home")
    await witness.compare(now=clock.now())
    return Payer(node=node, ledger=ledger, witness=witness, clock=clock, log=lambda *_: None, pauses=pauses)


@pytest.fixture
def clock(shop) -> FakeClock:
    return FakeClock(shop.NOW)


@pytest.fixture
def pays(ledger, bought, clock):
    """Claim a purchase and pay it with `node`; return the claim afterwards."""

    async def run(node: Node, *, verified=None):
        claim = ledger.claim(verified or bought(), now=clock.now()).claim
        await (await payer(node, ledger, clock)).pay(claim)
        return ledger.claim_of_invoice(claim.invoice, payer_id=claim.payer_id)

    return run


async def test_paid_is_recorded_with_its_proof(pays, ledger) -> None:
    node = Node(Paid(preimage=b"\x01" * 32, amount_sent=Msat(15_001)), NOTHING)
    claim = await pays(node)
    assert (claim.state, claim.amount_sent, claim.preimage) == (ClaimState.PAID, 15_001, b"\x01" * 32)
    assert node.looked_up == 0


async def test_the_node_is_asked_with_what_the_claim_reserved(pays) -> None:
    node = Node(Paid(preimage=b"\x01" * 32, amount_sent=Msat(15_001)), NOTHING)
    claim = await pays(node)
    (asked,) = node.asked
    assert asked["invoice"].encode() == claim.invoice
    assert (asked["max_fee"], asked["retry_for"], asked["label"]) == (5_150, 60, claim.payer_id.hex())


async def test_a_failure_is_believed_when_the_records_hold_nothing(pays, ledger) -> None:
    node = Node(Failed(reason="no route"), NOTHING)
    claim = await pays(node)
    assert (claim.state, claim.detail) == (ClaimState.FAILED, "no route")
    assert node.labels == {claim.payer_id.hex()}
    assert ledger.sums(1).reserved == 0


async def test_a_failure_whose_part_is_under_way_stays_reserved_until_that_ends(pays, ledger) -> None:
    node = Node(Failed(reason="one part refused"), PENDING, PENDING, NOTHING)
    reserved: list[int] = []
    node.before_lookup = lambda: reserved.append(ledger.sums(1).reserved)
    claim = await pays(node)
    assert claim.state is ClaimState.FAILED
    assert reserved == [20_150] * 3
    assert [each.code for each in ledger.decisions(since=0, limit=9)] == [Code.OUTCOME_UNKNOWN, Code.PAYMENT_FAILED]


async def test_a_failure_whose_part_arrives_after_all_is_paid(pays) -> None:
    claim = await pays(Node(Failed(reason="one part refused"), PENDING, COMPLETE))
    assert (claim.state, claim.preimage) == (ClaimState.PAID, b"\x01" * 32)


async def test_a_part_that_the_records_show_a_moment_late_is_waited_for(pays, ledger) -> None:
    claim = await pays(Node(Failed(reason="one part refused"), NOTHING, PENDING, COMPLETE))
    assert (claim.state, claim.amount_sent) == (ClaimState.PAID, 15_001)


async def test_a_plain_failure_is_never_called_unknown(pays, ledger) -> None:
    node = Node(Failed(reason="no route"), NOTHING)
    await pays(node)
    assert [each.code for each in ledger.decisions(since=0, limit=9)] == [Code.PAYMENT_FAILED]
    assert node.looked_up == LOOKS_BEFORE_FAILED


async def test_a_clock_that_jumps_while_the_node_pays_leaves_nothing_open(pays, clock) -> None:
    async def jumps():
        clock.time += 10 * 86_400
        return Failed(reason="no route")

    assert (await pays(Node(jumps(), NOTHING))).state is ClaimState.FAILED


async def test_already_paid_is_paid(pays) -> None:
    claim = await pays(Node(Failed(reason="Already paid this invoice successfully"), COMPLETE))
    assert claim.state is ClaimState.PAID


async def test_an_unknown_outcome_is_looked_up_and_never_asked_for_again(pays, ledger) -> None:
    node = Node(Unknown(reason="xpay died"), GONE, PENDING, GONE, COMPLETE)
    claim = await pays(node)
    assert claim.state is ClaimState.PAID
    assert len(node.asked) == 1
    assert [each.code for each in ledger.decisions(since=0, limit=9)] == [Code.OUTCOME_UNKNOWN, Code.PAID]


@pytest.mark.parametrize("jump", [0, 10_000_000, -10_000_000])
async def test_an_unknown_outcome_without_records_is_kept_until_no_attempt_can_begin(pays, clock, ledger, jump) -> None:
    """Whatever is done to the machine's clock meanwhile."""
    node = Node(Unknown(reason="xpay died"), NOTHING)

    def tick() -> None:
        assert ledger.sums(1).reserved == 20_150
        clock.ticks += 13
        clock.time += 13 + jump

    node.before_lookup = tick
    claim = await pays(node)
    assert claim.state is ClaimState.FAILED
    assert clock.ticks >= 60 + GRACE_SECONDS
    assert len(node.asked) == 1


@pytest.mark.parametrize("answer", [Paid(preimage=b"\x01" * 32, amount_sent=Msat(15_001)), Unknown(reason="died")])
async def test_a_ledger_that_cannot_take_down_the_outcome_is_tried_again(ledger, place, bought, clock, answer) -> None:
    """A proven payment does not depend on the node's records any more: here they have lost it."""
    node = Node(None, NOTHING if isinstance(answer, Paid) else COMPLETE)
    pauses: list[float] = []

    async def breaks():
        place.break_writing(ledger)
        return answer

    def mending() -> Iterator[float]:
        for _ in range(3):
            pauses.append(0.0)
            yield 0.0
        place.mend_writing(ledger)
        yield from repeat(0.0)

    node.answer = breaks()
    claim = ledger.claim(bought(), now=clock.now()).claim
    lasting = await payer(node, ledger, clock, pauses=mending)
    await lasting.pay(claim)
    assert ledger.claims()[0].state is ClaimState.PAID
    assert len(pauses) >= 3


async def test_nothing_is_asked_of_the_node_before_that_is_on_the_disk(pays, ledger, bought, clock) -> None:
    node = Node(Paid(preimage=b"\x01" * 32, amount_sent=Msat(15_001)), COMPLETE)
    states: list[ClaimState] = []

    async def answer():
        states.extend(claim.state for claim in ledger.open_claims())
        return Paid(preimage=b"\x01" * 32, amount_sent=Msat(15_001))

    node.answer = answer()
    await pays(node)
    assert states == [ClaimState.SENT]


async def test_the_node_keeps_the_generation_before_it_is_asked(pays, ledger) -> None:
    node = Node(None, NOTHING)
    kept: list[tuple[int, int]] = []

    async def answer():
        kept.append((node.kept[-1], ledger.generation()))
        return Paid(preimage=b"\x01" * 32, amount_sent=Msat(15_001))

    node.answer = answer()
    await pays(node)
    assert kept == [(2, 2)]


async def test_a_node_that_cannot_keep_the_generation_is_not_asked(pays, ledger) -> None:
    node = Node(None, NOTHING)
    node.cannot_keep = GONE
    claim = await pays(node)
    assert (claim.state, node.asked) == (ClaimState.FAILED, [])
    assert ledger.sums(1).reserved == 0


async def test_a_claim_that_was_revoked_in_between_is_not_paid(ledger, bought, clock) -> None:
    node = Node(Paid(preimage=b"\x01" * 32, amount_sent=Msat(15_001)), NOTHING)
    claim = ledger.claim(bought(), now=clock.now()).claim
    ledger.revoke_all(now=clock.now())
    await (await payer(node, ledger, clock)).pay(claim)
    assert node.asked == []
    assert ledger.claims()[0].state is ClaimState.DROPPED


async def test_a_claim_that_waited_too_long_is_not_paid(ledger, bought, clock) -> None:
    node = Node(Paid(preimage=b"\x01" * 32, amount_sent=Msat(15_001)), NOTHING)
    claim = ledger.claim(bought(), now=clock.now()).claim
    clock.time += 290
    await (await payer(node, ledger, clock)).pay(claim)
    assert node.asked == []
    assert [each.code for each in ledger.decisions(since=0, limit=9)] == [Code.TOO_LATE_TO_PAY]


@pytest.mark.parametrize(
    ("fresh", "lookup", "ended"),
    [(False, NOTHING, False), (True, NOTHING, True), (True, PENDING, False), (False, COMPLETE, True)],
)
async def test_a_claim_of_an_earlier_run_ends_as_far_as_the_records_can_tell(sent, fresh, lookup, ended) -> None:
    claim, ledger, clock = sent
    assert await (await payer(Node(None, lookup), ledger, clock)).look_once(claim, node_is_fresh=fresh) is ended
    assert bool(ledger.open_claims()) is not ended


async def test_a_node_that_may_have_forgotten_a_payment_releases_nothing(sent) -> None:
    """A day later its records may have been cleaned: nothing in them proves nothing."""
    claim, ledger, clock = sent
    clock.time += 86_400
    assert not await (await payer(Node(None, NOTHING), ledger, clock)).look_once(claim, node_is_fresh=True)
    assert ledger.sums(1).reserved == 20_150


HELD = Parts(status=PartsStatus.PENDING, amount_sent=Msat(15_001), under_way=frozenset({7}))
HELD_TWICE = Parts(status=PartsStatus.PENDING, amount_sent=Msat(15_001), under_way=frozenset({7, 8}))
CAME_BACK = Parts(status=PartsStatus.NOTHING, amount_sent=Msat(0), failed=frozenset({7}))


async def test_a_payment_that_its_payee_held_for_days_is_released_when_the_money_is_back(sent) -> None:
    """The chain has reached `maxdelay`: what was seen under way has failed, and that the node has not forgotten."""
    claim, ledger, clock = sent
    clock.time += 3 * 86_400
    node = Node(None, HELD, HELD, CAME_BACK)

    def tick() -> None:
        clock.ticks += 86_400

    node.before_lookup = tick
    await (await payer(node, ledger, clock)).resume(claim, node_is_fresh=False)
    assert node.looked_up == 2 + LOOKS_BEFORE_FAILED
    assert (ledger.sums(1).reserved, ledger.open_claims()) == (0, ())


@pytest.mark.parametrize(
    "seen", [(HELD_TWICE, CAME_BACK), (HELD, NOTHING), (CAME_BACK, CAME_BACK), (NOTHING, CAME_BACK)]
)
async def test_a_part_that_the_node_has_forgotten_is_not_believed_to_be_back(sent, seen) -> None:
    """It may have arrived and been cleaned away: only its owner can say."""
    claim, ledger, clock = sent
    clock.time += 3 * 86_400
    node = Node(None, *seen)
    pausing = await payer(node, ledger, clock, pauses=lambda: islice(repeat(0.0), 20))
    await pausing.resume(claim, node_is_fresh=True)
    assert node.looked_up == 20
    assert ledger.sums(1).reserved == 20_150


async def test_a_look_up_without_an_answer_is_no_evidence(sent) -> None:
    claim, ledger, clock = sent
    node = Node(None, *[GONE] * 9, NOTHING)
    await (await payer(node, ledger, clock)).resume(claim, node_is_fresh=True)
    assert node.looked_up == 9 + LOOKS_BEFORE_FAILED
    assert ledger.sums(1).reserved == 0


@pytest.mark.parametrize(
    ("lookup", "was_paid", "state", "sums"),
    [
        (NOTHING, True, ClaimState.PAID, (20_150, 0)),
        (NOTHING, False, ClaimState.FAILED, (0, 0)),
        (COMPLETE, False, ClaimState.PAID, (15_001, 0)),
    ],
)
async def test_an_owner_settles_what_the_node_has_forgotten(sent, lookup, was_paid, state, sums) -> None:
    claim, ledger, clock = sent
    clock.time += 86_400
    await (await payer(Node(None, lookup), ledger, clock)).settle(claim, was_paid=was_paid)
    assert ledger.claims()[0].state is state
    assert (ledger.sums(1).spent, ledger.sums(1).reserved) == sums


@pytest.mark.parametrize(("lookup", "later"), [(NOTHING, 86_399), (PENDING, 10 * 86_400)])
async def test_an_owner_cannot_settle_what_the_node_may_still_pay(sent, lookup, later) -> None:
    claim, ledger, clock = sent
    clock.time += later
    with pytest.raises(Refused):
        await (await payer(Node(None, lookup), ledger, clock)).settle(claim, was_paid=False)
    assert ledger.sums(1).reserved == 20_150


@pytest.mark.parametrize(
    ("was_paid", "state", "sums"), [(True, ClaimState.PAID, (20_150, 0)), (False, ClaimState.FAILED, (0, 0))]
)
async def test_an_owner_settles_a_part_that_stays_pending_without_an_htlc(sent, was_paid, state, sums) -> None:
    claim, ledger, clock = sent
    clock.time += 86_400
    node = Node(None, PENDING)
    node.htlc = False
    await (await payer(node, ledger, clock)).settle(claim, was_paid=was_paid)
    assert ledger.claims()[0].state is state
    assert (ledger.sums(1).spent, ledger.sums(1).reserved) == sums


@pytest.mark.parametrize(("htlc", "later"), [(False, 86_399), (GONE, 86_400)])
async def test_a_pending_part_stands_for_a_day_and_while_its_htlcs_are_not_known(sent, htlc, later) -> None:
    claim, ledger, clock = sent
    clock.time += later
    node = Node(None, PENDING)
    node.htlc = htlc
    with pytest.raises(BledError):
        await (await payer(node, ledger, clock)).settle(claim, was_paid=False)
    assert ledger.sums(1).reserved == 20_150


async def test_what_an_owner_has_settled_is_not_looked_up_any_more(sent) -> None:
    claim, ledger, clock = sent
    clock.time += 86_400
    node = Node(None, NOTHING)
    following = await payer(node, ledger, clock)

    def settle() -> None:
        if node.looked_up == 3:
            ledger.record_failed(claim.payer_id, detail="settled", now=clock.now())

    node.before_lookup = settle
    await following.resume(claim, node_is_fresh=True)
    assert node.looked_up == 3


@pytest.fixture
def sent(ledger, bought, clock):
    """A claim for which the node was asked, its ledger and the clock."""
    claim = ledger.claim(bought(), now=clock.now()).claim
    return ledger.begin_payment(claim.payer_id, now=clock.now()), ledger, clock


async def test_payments_do_not_wait_for_each_other(ledger, bought, clock) -> None:
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def stuck():
        asked.set()
        await given_up.wait()
        return Failed(reason="given up")

    first = await payer(Node(stuck(), NOTHING), ledger, clock)
    second = await payer(Node(Paid(preimage=b"\x02" * 32, amount_sent=Msat(15_001)), NOTHING), ledger, clock)
    waiting = asyncio.create_task(first.pay(ledger.claim(bought(0), now=clock.now()).claim))
    await asked.wait()
    await second.pay(ledger.claim(bought(1), now=clock.now()).claim)
    assert sorted(claim.state for claim in ledger.claims()) == [ClaimState.PAID, ClaimState.SENT]
    given_up.set()
    await waiting


def test_pauses_between_look_ups_grow_to_a_minute() -> None:
    assert list(islice(growing_pauses(), 10)) == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
