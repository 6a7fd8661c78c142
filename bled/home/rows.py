"""What home's ledger keeps, as values."""

from dataclasses import dataclass, field
from enum import StrEnum

from bled.codes import Code
from bled.grants.limits import BookLimits
from bled_codec.units import Msat, Point, UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One issued book: enough to know its payer ids again and to judge what they may spend.

    Attributes:
        salt: 16 random bytes that went into every payer key of the book.
        ids: payer ids have the indices from 0 to just below this.
        revoked_at: when the whole book was revoked, None while it is good.
    """

    book_id: int
    salt: bytes = field(repr=False)
    device: str
    home_label: str
    issued_at: UnixTime
    ids: int
    limits: BookLimits
    revoked_at: UnixTime | None = None


class ClaimState(StrEnum):
    """Life of a claim. The payer id stays used in every one of them."""

    CLAIMED = "claimed"
    """Committed; the node has not been asked to pay, and nobody asks it before `SENT` is on the disk."""
    SENT = "sent"
    """The node was asked, or may have been: from here on the outcome is looked up, never asked for again."""
    PAID = "paid"
    FAILED = "failed"
    """The node's records hold nothing that arrived or may still arrive."""
    DROPPED = "dropped"
    """Ended before the node was asked: revoked, or too late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The one use of a payer id.

    Attributes:
        invoice: the TLV stream as it came; what is paid.
        max_fee: reserved beside the amount.
        pay_before: no attempt begins at or after this: the invoice or what the buyer signed has ended.
        sent_at: when the node was asked.
        retry_for: seconds that the node was given for its attempts.
        amount_sent: with fees; None unless paid.
        preimage: the proof; None unless paid.
        detail: why it failed or was dropped, or what is known of it while it is open.
        node: the node that pays it, where several share one ledger.
    """

    payer_id: Point
    book_id: int
    index: int
    payment_hash: bytes
    amount: Msat
    max_fee: Msat
    invoice: bytes = field(repr=False)
    claimed_at: UnixTime
    pay_before: UnixTime
    state: ClaimState
    sent_at: UnixTime | None = None
    retry_for: int | None = None
    amount_sent: Msat | None = None
    preimage: bytes | None = field(default=None, repr=False)
    detail: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A claim as the node's records show it: the node was asked for it, whatever the ledger says.

    Attributes:
        claim: SENT, put together from one part.
        may_have_arrived: the part has not failed.
    """

    claim: Claim
    may_have_arrived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What home decided about one invoice, for its owner.

    Attributes:
        seq: strictly increasing, also over restarts.
        payer_id: as the invoice names it; None when the invoice was too broken to tell.
    """

    seq: int
    at: UnixTime
    code: Code
    detail: str
    payer_id: bytes | None
    payment_hash: bytes | None
    amount: Msat | None
    preimage: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSums:
    """What a book has used. `reserved` covers open claims with their maximum fee, `spent` is with fees."""

    used: int
    spent: Msat
    reserved: Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Answer to a revocation. Each payer id that was ever used is in exactly one of the last two, or in neither when
    its claim ended without money.

    Attributes:
        books: book ids revoked by this or an earlier call.
        payer_ids: single payer ids revoked, those dropped before the node was asked too.
        in_flight: the node was asked already; money may still move.
        already_paid: too late.
    """

    books: tuple[int, ...]
    payer_ids: tuple[Point, ...]
    in_flight: tuple[Claim, ...]
    already_paid: tuple[Claim, ...]
