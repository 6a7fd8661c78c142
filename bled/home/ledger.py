"""Home's ledger: which payer id was used for what. Its commit decides whether a payment is made, and whether one is
revoked in time.

A claim goes CLAIMED -> SENT -> PAID or FAILED, or CLAIMED -> DROPPED; only the node's records bring one back to SENT.
It is never deleted and a payer id has one for ever. Counters are sums over claims, so that they cannot drift from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import MAX_U32
from bled.grants.limits import check_limits, utc_day
from bled.home.ledger_books import is_revoked
from bled.home.ledger_owner import LedgerOwner
from bled.home.ledger_records import LedgerRecords
from bled.home.ledger_refunds import LedgerRefunds
from bled.home.ledger_rows import (
    claim_of,
    hash_is_claimed,
    insert_claim,
    number_books_above,
    read_book,
    read_claim,
    read_claims,
    read_counters,
    read_generation,
    read_number,
    select_claims,
    set_generation,
    set_number,
    update_claim,
)
from bled.home.ledger_tables import claims
from bled.home.ledger_workers import LedgerWorkers
from bled.home.policy import VerifiedInvoice, check_time_to_pay, seconds_for_attempts
from bled.home.rows import Claim, ClaimState, Found
from bled_codec.units import Msat, Point, UnixTime

CLOCK_BACK_SECONDS: Final = 120
"""How far home's clock may stand behind the latest time it has shown. Further back, what expired looks fresh again."""
_HIGHEST_BOOK: Final = MAX_U32 // 2
"""Number from which a home whose node keeps nonsense numbers its books on."""
_TIME_NOTED_EVERY: Final = 60
"""Seconds between two notes of the time: decisions cost strangers nothing, so they must not cost a write each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A claim, and whether this call made it; otherwise the very same invoice had come before."""

    claim: Claim
    is_new: bool


class Ledger(LedgerWorkers, LedgerOwner, LedgerRecords, LedgerRefunds):
    """All reads and writes of home's ledger. Every method that changes something is durable when it returns.

    Any method may raise `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`), and has changed nothing then; or everything,
    where a connection to PostgreSQL was lost during the commit. So each may be called again.
    """

    def claim(self, verified: VerifiedInvoice, *, now: UnixTime) -> Claimed:
        """Use the payer id of `verified` for it, when the book allows; the money is reserved when this returns.

        Raises `Refused`: `PAYER_ID_USED`, `PAYMENT_HASH_USED`, `TOO_LATE_TO_PAY`, `CLOCK_WRONG`, `REVOKED`, or what
        `check_limits` says.
        """
        with self._store.transaction() as database:
            before = _earlier_claim(database, verified)
            if before is not None:
                return Claimed(claim=before, is_new=False)
            check_time_to_pay(verified.pay_before, now=now)
            latest = _check_clock(database, now)
            max_fee = _allowed_fee(database, verified, now)
            claim = _new_claim(verified, max_fee=max_fee, now=now, node=self._node)
            insert_claim(database, claim, day=utc_day(now), worker=self._worker)
            if now > latest:
                _set_latest_time(database, now)
            self._write_records_read(database)
        return Claimed(claim=claim, is_new=True)

    def claim_of_invoice(self, invoice: bytes, *, payer_id: bytes | None) -> Claim | None:
        """Return the claim that was made for these very bytes."""
        with self._store.reading() as database:
            claim = None if payer_id is None else read_claim(database, Point(payer_id))
        return claim if claim is not None and claim.invoice == invoice else None

    def begin_payment(self, payer_id: Point, *, now: UnixTime) -> Claim:
        """Mark a claim as sent and return it; only then may the node be asked, and it is asked once.

        Raises `Refused`: `TOO_LATE_TO_PAY` or `CLOCK_WRONG` (the claim is dropped then), or `REVOKED` when somebody was
        faster.
        """
        with self._store.transaction() as database:
            claim = claim_of(database, payer_id)
            if claim.state is not ClaimState.CLAIMED:
                raise Refused(Code.REVOKED, detail=f"the claim is {claim.state.value}")
            refused = _too_late(database, claim, now)
            retry_for = seconds_for_attempts(claim.pay_before, now=now)
            if refused is None:
                update_claim(database, payer_id, state=ClaimState.SENT.value, sent_at=now, retry_for=retry_for)
                self._advance(database)
            else:
                self._end(database, claim, ClaimState.DROPPED, refused.code, detail=refused.detail, now=now)
        if refused is not None:
            raise refused
        return replace(claim, state=ClaimState.SENT, sent_at=now, retry_for=retry_for)

    def record_paid(self, payer_id: Point, *, amount_sent: Msat, preimage: bytes | None, now: UnixTime) -> None:
        """Record that the payee has the money. Does nothing when that is known."""
        with self._store.transaction() as database:
            claim = claim_of(database, payer_id)
            if claim.state is ClaimState.PAID:
                return
            paid = {"amount_sent": amount_sent, "preimage": preimage, "detail": ""}
            update_claim(database, payer_id, state=ClaimState.PAID.value, **paid)
            self._record(database, Code.PAID, claim, now=now)

    def record_failed(self, payer_id: Point, *, detail: str, now: UnixTime) -> None:
        """Record that nothing arrived nor can arrive, and release what was reserved. For a sent claim alone."""
        with self._store.transaction() as database:
            claim = claim_of(database, payer_id)
            if claim.state is ClaimState.SENT:
                self._end(database, claim, ClaimState.FAILED, Code.PAYMENT_FAILED, detail=detail, now=now)

    def record_unknown(self, payer_id: Point, *, detail: str, now: UnixTime) -> None:
        """Record, once, that the outcome of a sent claim is not known yet."""
        with self._store.transaction() as database:
            claim = claim_of(database, payer_id)
            if claim.state is not ClaimState.SENT or claim.detail:
                return
            update_claim(database, payer_id, detail=detail)
            self._record(database, Code.OUTCOME_UNKNOWN, claim, now=now)

    def begin_generation(self, *, kept: int, now: UnixTime) -> bool:
        """Begin a generation above any before, and above the one that the node has kept; say whether that was newer.

        Then this file is an old copy: every book is revoked, and books are numbered on from above any that a later
        state can have issued, for each of those began a generation.
        """
        with self._store.transaction() as database:
            is_older = kept > read_generation(database, self._node)
            if is_older:
                self._revoke_every_book(database, now)
                number_books_above(database, min(kept, _HIGHEST_BOOK))
            set_generation(database, max(kept, read_generation(database)) + 1, self._node)
        self._counts_generations = True
        return is_older

    def adopt(self, found: Sequence[Found], *, now: UnixTime) -> bool:
        """Take over what the node's records show and this ledger does not; say whether it is an old copy.

        Then every book is revoked in the same transaction. A claim whose book it does not know either is added all the
        same, under a book that pays nothing, unless another book has that number now.
        """
        with self._store.transaction() as database:
            is_older = False
            for each in found:
                is_older = self._reconcile(database, each) or is_older
            if is_older:
                self._revoke_every_book(database, now)
        return is_older

    def see_time(self, now: UnixTime) -> None:
        """Note the time, at most once a minute: a clock that goes back behind it is not believed any more."""
        with self._store.reading() as database:
            if now < _latest_time(database) + _TIME_NOTED_EVERY:
                return
        with self._store.transaction() as database:
            _set_latest_time(database, now)

    def trust_time(self, now: UnixTime) -> None:
        """Forget every later time: home's owner says that the clock was ahead and is right now."""
        with self._store.transaction() as database:
            _set_latest_time(database, now)

    def is_open(self, payer_id: Point) -> bool:
        """Say whether the end of a claim is not known."""
        with self._store.reading() as database:
            return claim_of(database, payer_id).state in (ClaimState.CLAIMED, ClaimState.SENT)

    def claim_for(self, payer_id: Point) -> Claim | None:
        """Return the claim of a payer id, None when it was never used."""
        with self._store.reading() as database:
            return read_claim(database, payer_id)

    def claims(self, *, limit: int = 1000) -> tuple[Claim, ...]:
        """Return the newest claims, newest first."""
        newest = select_claims().order_by(claims.c.claimed_at.desc(), claims.c.payer_id).limit(limit)
        with self._store.reading() as database:
            return read_claims(database, newest)

    def _reconcile(self, database: Connection, found: Found) -> bool:
        """Take a claim over from the node's records; say whether only a later state of this ledger can have sent it."""
        claim = found.claim
        known = read_claim(database, claim.payer_id)
        if known is None or known.payment_hash != claim.payment_hash:
            is_free = known is None and not hash_is_claimed(database, claim.payment_hash)
            if is_free and self._find_book(database, claim):
                insert_claim(database, claim, day=utc_day(claim.claimed_at), worker=self._worker)
            return True
        match known.state:
            case ClaimState.SENT | ClaimState.PAID:
                return False  # as it should be; or the second part of one payment
            case ClaimState.CLAIMED | ClaimState.DROPPED:
                self._reopen(database, claim)
                return True  # SENT is on the disk before the node is asked, but in this file it is not
            case ClaimState.FAILED:
                if found.may_have_arrived:
                    self._reopen(database, claim)  # the failure was believed too early: its end is looked up anew
                return False

    def _reopen(self, database: Connection, claim: Claim) -> None:
        sent = {"sent_at": claim.sent_at, "retry_for": claim.retry_for, "detail": "", "worker": self._worker}
        update_claim(database, claim.payer_id, state=ClaimState.SENT.value, **sent)


def _earlier_claim(database: Connection, verified: VerifiedInvoice) -> Claim | None:
    invoice = verified.invoice
    claim = read_claim(database, invoice.invreq_payer_id)
    if claim is not None:
        if claim.invoice == invoice.encode():
            return claim
        raise Refused(Code.PAYER_ID_USED, detail=f"{claim.state.value} since {claim.claimed_at}")
    if hash_is_claimed(database, invoice.invoice_payment_hash):
        raise Refused(Code.PAYMENT_HASH_USED)
    return None


def _check_clock(database: Connection, now: UnixTime) -> UnixTime:
    """Return the latest time that is known.

    Expiry is judged by home's clock: one that went back would let an old request in again.
    """
    latest = _latest_time(database)
    behind = latest - now
    if behind > CLOCK_BACK_SECONDS:
        raise Refused(Code.CLOCK_WRONG, detail=f"{behind} s behind what it said before")
    return latest


def _too_late(database: Connection, claim: Claim, now: UnixTime) -> Refused | None:
    """Return why a claim must not be paid any more; it may be of an earlier run."""
    try:
        _check_clock(database, now)
        check_time_to_pay(claim.pay_before, now=now)
    except Refused as refused:
        return refused
    return None


def _latest_time(database: Connection) -> UnixTime:
    return UnixTime(read_number(database, "latest_time"))


def _set_latest_time(database: Connection, now: UnixTime) -> None:
    set_number(database, "latest_time", now)


def _allowed_fee(database: Connection, verified: VerifiedInvoice, now: UnixTime) -> Msat:
    issued, invoice = verified.issued, verified.invoice
    book = read_book(database, issued.book_id)
    if book is None:
        raise Refused(Code.PAYER_ID_NOT_ISSUED, detail=f"there is no book {issued.book_id}")
    if book.revoked_at is not None or is_revoked(database, invoice.invreq_payer_id):
        raise Refused(Code.REVOKED)
    counters = read_counters(database, issued.book_id, day=utc_day(now))
    return check_limits(book.limits, issued.index, counters, amount=invoice.invoice_amount, now=now)


def _new_claim(verified: VerifiedInvoice, *, max_fee: Msat, now: UnixTime, node: str) -> Claim:
    invoice = verified.invoice
    return Claim(
        payer_id=invoice.invreq_payer_id,
        book_id=verified.issued.book_id,
        index=verified.issued.index,
        payment_hash=invoice.invoice_payment_hash,
        amount=invoice.invoice_amount,
        max_fee=max_fee,
        invoice=invoice.encode(),
        claimed_at=now,
        pay_before=verified.pay_before,
        state=ClaimState.CLAIMED,
        node=node,
    )
