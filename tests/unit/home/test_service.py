"""Between the hook and the ledger: what is taken, what is dropped, what is decided."""

import asyncio
from dataclasses import replace
from itertools import repeat

import pytest

from bled.clock import Clock
from bled.codes import Code
from bled.home.adrift import is_clock_adrift
from bled.home.decisions import Decisions
from bled.home.intake import QUEUE_LENGTH
from bled.home.pay import Payer
from bled.home.rows import ClaimState
from bled.home.service import HomeService
from bled.home.witness import Witness
from bled.node.home_base import Paid, Parts, PartsStatus, SentPage, SentPart
from bled_codec.units import Msat


class Node:
    """Pays everything, with a preimage that a test may forget."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.foreign: set[bytes] = set()
        self.parts: list[SentPart] = []
        self.found: dict[bytes, Parts] = {}
        self.kept = 0
        self.page = 1

    async def pay(self, invoice, *, label: str, **_: object) -> Paid:
        self.labels.append(label)
        return Paid(preimage=bytes(32), amount_sent=invoice.invoice_amount)

    async def sent_since(self, number: int) -> SentPage:
        wanted = [part for part in self.parts if part.number >= number]
        return SentPage(parts=wanted[: self.page], is_last=len(wanted) <= self.page)

    async def kept_number(self, name: str) -> int:
        return self.kept

    async def keep_number(self, name: str, number: int) -> int:
        assert number > self.kept
        self.kept = number
        return number

    async def lookup(self, payment_hash: bytes, *, label: str) -> Parts:
        used = payment_hash in self.foreign
        return self.found.get(payment_hash) or Parts(status=PartsStatus.NOTHING, amount_sent=Msat(0), hash_is_used=used)


class At(Clock):
    """A clock that stands."""

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def monotonic(self) -> float:
        return 0.0


class Working:
    """A service that a test feeds, and lets work until it is quiet."""

    def __init__(self, home, ledger, shop) -> None:
        self.is_adrift = False
        self.node, self.clock, self.logs = Node(), At(shop.NOW), []
        self.ledger, self.decisions = ledger, Decisions(ledger)

        def log(level: str, line: str) -> None:
            self.logs.append(line)

        witness = Witness(node=self.node, ledger=ledger, name="home")
        payer = Payer(
            node=self.node, ledger=ledger, witness=witness, clock=self.clock, log=log, pauses=lambda: repeat(0.0)
        )
        self.service = HomeService(
            keys=home.keys,
            chain=shop.REGTEST_CHAIN,
            node=self.node,
            ledger=ledger,
            witness=witness,
            decisions=self.decisions,
            payer=payer,
            clock=self.clock,
            log=log,
            is_adrift=lambda: self.is_adrift,
        )

    async def work(self, *, fresh: bool = False) -> list[Code]:
        """Work until nothing waits any more; return everything that was decided so far."""
        running = asyncio.create_task(self.service.run(node_is_fresh=fresh))
        for _ in range(50):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return [decision.code for decision in self.decisions.since(0, limit=1_000)]


async def never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


async def quiet() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def part_of(invoice, shop, home) -> SentPart:
    return SentPart(
        number=1,
        payment_hash=invoice.invoice_payment_hash,
        created_at=shop.NOW,
        amount_sent=Msat(15_001),
        label=home.grant().payer_id.hex(),
        invoice=invoice.string,
        has_failed=False,
    )


@pytest.fixture
def working(home, ledger, shop) -> Working:
    return Working(home, ledger, shop)


@pytest.fixture
def invoice(home, shop) -> bytes:
    return shop.invoice(shop.request(home.grant())).encode()


async def test_an_honest_invoice_is_ours_and_is_paid(working, home, invoice) -> None:
    assert working.service.receive(invoice, home.secret())
    assert await working.work() == [Code.PAID]
    assert working.node.labels == [home.grant().payer_id.hex()]


async def test_nothing_is_verified_or_written_when_it_is_received(working, home, invoice) -> None:
    assert working.service.receive(invoice, home.secret())
    assert working.ledger.claims() == ()
    assert working.decisions.since(0, limit=9) == []


async def test_a_hash_that_another_wallet_of_the_node_paid_is_refused_before_it_is_claimed(working, home, shop) -> None:
    """The payee answers with the hash of an invoice that home's owner paid last year."""
    bought = shop.invoice(shop.request(home.grant()))
    working.node.foreign.add(bought.invoice_payment_hash)
    working.service.receive(bought.encode(), home.secret())
    assert await working.work() == [Code.PAYMENT_HASH_USED]
    assert working.ledger.claims() == ()
    assert working.node.labels == []


async def test_the_same_invoice_is_paid_once_and_said_once(working, home, invoice) -> None:
    for _ in range(3):
        working.service.receive(invoice, home.secret())
    await working.work()
    working.clock.time += 10_000
    working.service.receive(invoice, home.secret())
    assert await working.work() == [Code.PAID]
    assert len(working.node.labels) == 1


async def test_a_refusal_is_told_with_what_the_invoice_says_of_itself(working, home, invoice) -> None:
    working.service.receive(invoice[:-1] + bytes([invoice[-1] ^ 1]), home.secret())
    assert await working.work() == [Code.BAD_INVOICE]
    (refusal,) = working.decisions.since(0, limit=9)
    assert (refusal.payer_id, refusal.amount) == (home.grant().payer_id, 15_000)
    assert "signature-invalid" in refusal.detail


async def test_refusals_are_never_written(working, home, invoice, ledger) -> None:
    working.service.receive(invoice + b"\x00", home.secret())
    await working.work()
    assert ledger.decisions(since=0, limit=9) == []


async def test_a_refusal_stands_when_the_clock_goes_back(working, home, invoice) -> None:
    """A till kept an invoice for two days; then home boots with the time of a clock that nobody set."""
    working.clock.time += 2 * 86_400
    working.service.receive(invoice, home.secret())
    assert await working.work() == [Code.REQUEST_EXPIRED]
    working.clock.time -= 2 * 86_400
    working.service.receive(invoice, home.secret())
    assert await working.work() == [Code.REQUEST_EXPIRED, Code.CLOCK_WRONG]
    assert working.node.labels == []


async def test_the_time_is_noted_at_the_start_when_nothing_is_decided(working, home, invoice) -> None:
    working.clock.time += 2 * 86_400
    await working.work()
    working.clock.time -= 2 * 86_400
    working.service.receive(invoice, home.secret())
    assert await working.work() == [Code.CLOCK_WRONG]


async def test_nothing_is_paid_while_nothing_keeps_the_clock_in_step(working, home, invoice) -> None:
    working.is_adrift = True
    working.clock.time += 86_400  # nor is such a time remembered
    working.service.receive(invoice, home.secret())
    assert await working.work() == [Code.CLOCK_WRONG]
    working.is_adrift = False
    working.clock.time -= 86_400
    working.service.receive(invoice, home.secret())
    assert await working.work() == [Code.CLOCK_WRONG, Code.PAID]


@pytest.mark.parametrize(("answer", "adrift"), [(5, True), (0, False), (1, False), (4, False), (-1, False)])
def test_only_a_kernel_that_says_so_calls_its_clock_adrift(answer, adrift) -> None:
    """-1 is what a container answers that forbids the question."""
    assert is_clock_adrift(lambda _: answer) is adrift
    assert is_clock_adrift() in (True, False)


async def test_what_came_over_no_path_of_ours_is_not_ours_but_is_told(working, home, invoice) -> None:
    assert not working.service.receive(invoice, home.secret(1))
    assert await working.work() == [Code.WRONG_PATH]


async def test_an_ordinary_invoice_for_the_node_itself_is_none_of_our_business(working, home, shop) -> None:
    bare = shop.invoice(shop.request(home.grant()), with_request_signature=False)
    assert not working.service.receive(bare.encode(), bytes(32))
    assert not working.service.receive(b"", bytes(32))
    assert await working.work() == []


async def test_a_flood_over_one_path_does_not_fill_the_queue(working, home, shop, invoice) -> None:
    for _ in range(1_000):
        assert working.service.receive(invoice + b"\x00", home.secret())
    other = shop.invoice(shop.request(home.grant(1)), preimage=b"q" * 32)
    assert working.service.receive(other.encode(), home.secret(1))
    decided = await working.work()
    assert decided.count(Code.BAD_INVOICE) == 4
    assert decided.count(Code.PAID) == 1


async def test_strangers_fill_only_a_part_of_the_queue(working, home, shop, invoice) -> None:
    for number in range(1_000):
        data = bytearray(invoice)
        place = invoice.index(home.grant().payer_id) + 5
        data[place : place + 2] = number.to_bytes(2, "big")
        assert not working.service.receive(bytes(data), bytes(32))
    assert working.service.receive(invoice, home.secret())
    decided = await working.work()
    assert len(decided) < QUEUE_LENGTH
    assert Code.PAID in decided


async def test_strangers_push_no_refusal_of_the_owners_out_and_fill_no_log(working, home, invoice) -> None:
    working.service.receive(invoice + b"\x00", home.secret())
    await working.work()
    logged = len(working.logs)
    for _ in range(300):
        for _ in range(4):
            assert not working.service.receive(invoice, bytes(32))
        decided = await working.work()
    assert decided.count(Code.BAD_INVOICE) == 1
    assert decided.count(Code.WRONG_PATH) == 100
    assert len(working.logs) <= logged + 1


async def test_claims_of_an_earlier_run_come_to_their_end(working, bought, ledger) -> None:
    now = working.clock.now()
    never_sent = ledger.claim(bought(0), now=now).claim
    lost = ledger.claim(bought(1), now=now).claim
    ledger.begin_payment(lost.payer_id, now=now)
    await working.work(fresh=True)
    states = {claim.payer_id: claim.state for claim in ledger.claims()}
    assert states == {never_sent.payer_id: ClaimState.PAID, lost.payer_id: ClaimState.FAILED}
    assert working.node.labels == [never_sent.payer_id.hex()]


async def test_a_claim_that_lies_idle_goes_on_when_its_invoice_comes_again(working, bought, ledger, home) -> None:
    verified = bought()
    task = asyncio.create_task(working.service.run(node_is_fresh=False))
    await asyncio.sleep(0)
    ledger.claim(verified, now=working.clock.now())
    working.service.receive(verified.invoice.encode(), home.secret())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ledger.claims()[0].state is ClaimState.PAID


async def test_a_payment_that_the_ledger_does_not_know_is_found_before_the_next_claim(working, home, shop) -> None:
    """An old copy was put back while the node still sought a route, and the node keeps no number of it."""
    request = shop.request(home.grant())
    first, second = (shop.invoice(request, preimage=preimage * 32) for preimage in (b"1", b"2"))
    running = asyncio.create_task(working.service.run(node_is_fresh=False))
    for _ in range(20):
        await asyncio.sleep(0)
    part = SentPart(
        number=1,
        payment_hash=first.invoice_payment_hash,
        created_at=shop.NOW,
        amount_sent=Msat(15_001),
        label=home.grant().payer_id.hex(),
        invoice=first.string,
        has_failed=False,
    )
    working.node.parts.append(part)
    working.node.found[first.invoice_payment_hash] = Parts(status=PartsStatus.COMPLETE, amount_sent=Msat(15_001))
    working.service.receive(second.encode(), home.secret())
    for _ in range(50):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert working.node.labels == []
    (claim,) = working.ledger.claims()
    assert (claim.payment_hash, claim.state) == (first.invoice_payment_hash, ClaimState.PAID)
    assert [each.code for each in working.decisions.since(0, limit=9)] == [
        Code.REVOKED,
        Code.PAYER_ID_USED,
        Code.PAID,
    ]


async def test_all_pages_of_the_records_are_read_and_kept(working, bought, home, shop, ledger) -> None:
    """A part that nobody named, one of a payment that is known, and another one for the same id: an old copy."""
    verified = bought()
    claim = ledger.claim(verified, now=shop.NOW).claim
    ledger.begin_payment(claim.payer_id, now=shop.NOW)
    other = shop.invoice(shop.request(home.grant()), preimage=b"o" * 32)
    known = SentPart(
        number=2,
        payment_hash=claim.payment_hash,
        created_at=shop.NOW,
        amount_sent=Msat(15_001),
        label=claim.payer_id.hex(),
        invoice=verified.invoice.string,
        has_failed=True,
    )
    working.node.parts += [replace(known, number=1, label=None), known]
    await working.work()
    assert (ledger.books()[0].revoked_at, ledger.records_read()) == (None, 2)
    working.node.parts.append(replace(known, number=3, payment_hash=other.invoice_payment_hash, invoice=other.string))
    await working.work()
    assert (ledger.books()[0].revoked_at, ledger.records_read()) == (shop.NOW, 3)


async def test_an_id_is_not_used_again_in_a_copy_that_is_put_back_at_work(working, home, shop, place) -> None:
    """The copy misses one payment alone: the next one brings its generation up to what the node has kept."""
    request = shop.request(home.grant())
    first, second = (shop.invoice(request, preimage=preimage * 32) for preimage in (b"1", b"2"))
    running = asyncio.create_task(working.service.run(node_is_fresh=False))
    await quiet()
    place.copy()
    working.service.receive(first.encode(), home.secret())
    await quiet()
    working.node.parts.append(part_of(first, shop, home))
    working.service.receive(second.encode(), home.secret())  # refused, after the records were read
    await quiet()
    assert [each.state for each in working.ledger.claims()] == [ClaimState.PAID]
    place.put_back()
    working.service.receive(second.encode(), home.secret())
    await quiet()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(working.node.labels) == 1
    assert [each.payment_hash for each in working.ledger.claims()] == [first.invoice_payment_hash]
    assert working.ledger.books()[0].revoked_at == shop.NOW


async def test_nothing_is_claimed_in_a_copy_that_is_put_back_while_the_node_seeks_a_route(
    working, home, shop, place
) -> None:
    """The node has no part of the payment yet that the copy lacks."""
    request = shop.request(home.grant())
    first, second = (shop.invoice(request, preimage=preimage * 32) for preimage in (b"1", b"2"))
    working.node.pay = never
    running = asyncio.create_task(working.service.run(node_is_fresh=False))
    await quiet()
    place.copy()
    working.service.receive(first.encode(), home.secret())
    await quiet()
    assert [each.state for each in working.ledger.claims()] == [ClaimState.SENT]
    place.put_back()
    working.service.receive(second.encode(), home.secret())
    await quiet()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert working.ledger.claims() == ()
    assert working.ledger.books()[0].revoked_at == shop.NOW
    assert [each.code for each in working.decisions.since(0, limit=9)] == [Code.STORE_BROKEN]


async def test_what_the_owner_has_settled_stays_settled_at_the_next_start(working, bought, home, shop, place) -> None:
    """The node lists the part as under way for ever: it was read while that was still true."""
    ledger = working.ledger
    verified = bought()
    claim = ledger.claim(verified, now=shop.NOW).claim
    ledger.begin_payment(claim.payer_id, now=shop.NOW)
    working.node.parts.append(part_of(verified.invoice, shop, home))
    working.node.found[claim.payment_hash] = Parts(status=PartsStatus.PENDING, amount_sent=Msat(15_001))
    await working.work()
    ledger.record_failed(claim.payer_id, detail="settled by home's owner", now=shop.NOW)
    ledger.close()
    again = place.open(home)
    starting = Working(home, again, shop)
    starting.node = starting.service._node = working.node
    await starting.work()
    assert [each.state for each in again.claims()] == [ClaimState.FAILED]
    again.close()


async def test_a_book_that_is_issued_after_an_old_copy_was_found_outlives_the_next_start(
    working, bought, home, shop, place
) -> None:
    """The node's part for an id that paid something else is in its records for ever."""
    ledger, issued = working.ledger, home.row
    claim = ledger.claim(bought(), now=shop.NOW).claim
    ledger.begin_payment(claim.payer_id, now=shop.NOW)
    other = shop.invoice(shop.request(home.grant()), preimage=b"o" * 32)
    working.node.parts.append(part_of(other, shop, home))
    await working.work()
    ledger.add_book(
        salt=b"n" * 16, device="d", home_label="h", issued_at=shop.NOW, ids=issued.ids, limits=issued.limits
    )
    ledger.close()
    again = place.open(home)
    starting = Working(home, again, shop)
    starting.node = starting.service._node = working.node
    await starting.work()
    assert [each.revoked_at for each in sorted(again.books(), key=lambda book: book.book_id)] == [shop.NOW, None]
    again.close()


async def test_a_failure_that_was_seen_after_the_records_were_read_stands(working, bought, ledger, home, shop) -> None:
    """Another worker looked the payment up in between: what the page shows under way has failed by now."""
    verified = bought()
    claim = ledger.claim(verified, now=shop.NOW).claim
    ledger.begin_payment(claim.payer_id, now=shop.NOW)
    ledger.record_failed(claim.payer_id, detail="no route", now=shop.NOW)
    working.node.parts.append(
        SentPart(
            number=1,
            payment_hash=claim.payment_hash,
            created_at=shop.NOW,
            amount_sent=Msat(15_001),
            label=claim.payer_id.hex(),
            invoice=verified.invoice.string,
            has_failed=False,
        )
    )
    assert await working.work() == [Code.PAYMENT_FAILED]
    assert (ledger.claims()[0].state, ledger.sums(1).reserved) == (ClaimState.FAILED, 0)


async def test_decisions_come_in_order_and_in_portions(working, home, shop, invoice) -> None:
    working.service.receive(invoice + b"\x00", home.secret())
    working.service.receive(invoice, home.secret())
    working.service.receive(shop.invoice(shop.request(home.grant()), preimage=b"q" * 32).encode(), home.secret())
    decided = await working.work()
    assert sorted(decided) == sorted([Code.BAD_INVOICE, Code.PAID, Code.PAYER_ID_USED])
    first = working.decisions.since(0, limit=1)
    rest = working.decisions.since(first[0].seq, limit=1_000)
    numbers = [decision.seq for decision in [*first, *rest]]
    assert len(numbers) == 3
    assert numbers == sorted(numbers)


def test_the_ring_of_refusals_is_bounded(working) -> None:
    from bled.errors import Refused
    from bled.home.policy import Glimpse

    for _ in range(2_500):
        working.decisions.refuse(Refused(Code.BAD_INVOICE), Glimpse(), now=working.clock.now())
    kept = working.decisions.since(0, limit=10_000)
    assert (len(kept), kept[-1].seq) == (1_000, 2_500)
    assert working.decisions.counts == {"bad-invoice": 2_500}, "each is counted, whatever is still listed"
