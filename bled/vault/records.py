"""What the vault gives out: a reservation, the state of a book, a line of the history."""

from dataclasses import dataclass, field

from bled.codes import Code
from bled_codec.offer import Offer
from bled_codec.units import Msat, Point, UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A signed request that is on the disk. Only one that came out of the vault may be sent.

    Attributes:
        request: the invoice_request's bytes; a retry sends exactly these again.
        payer_id: the id that is burnt.
        amount: what the payee gets, a tip in it.
        max_fee: what the payment may cost beside it.
        offer: the offer that the request answers.
    """

    request: bytes = field(repr=False)
    payer_id: Point
    amount: Msat
    max_fee: Msat
    offer: Offer = field(repr=False)

    @property
    def tip(self) -> Msat:
        """What of the amount is above the offer's."""
        return tip_in(self.amount, self.offer)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSummary:
    """What is left of a book by the device's own count; home's count decides.

    Attributes:
        book_id: home's number of the book.
        device: whom it was issued for.
        home_label: which home.
        ids_left: payments that can still be made now or later, by ids alone.
        ids_total: ids of the book that the device can sign with.
        spent_msat: amounts and maximum fees of everything signed; nothing is ever given back here.
        remaining_msat: what is left of the total; zero once the book has ended.
        not_after: the first second after the book.
    """

    book_id: int
    device: str
    home_label: str
    ids_left: int
    ids_total: int
    spent_msat: Msat
    remaining_msat: Msat
    not_after: UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One signed request and what is known of its outcome.

    Attributes:
        at: when it was signed.
        payer_id: the id that it burnt.
        book_id: the book of that id.
        index: its number in the book.
        amount: what was signed for the payee.
        tip: what of it is above the offer's amount.
        max_fee: the most that may have gone to fees.
        description: the offer's own text; it is the merchant's, and proves nothing.
        code: the outcome; `OUTCOME_UNKNOWN` until the till said something.
        outcome_at: when it was recorded; None when none was.
        proven: whether invoice and preimage prove the payment to anyone.
        offer: the offer, as it was answered.
        request: the signed request, as it was sent or was about to be.
        invoice: what the till supplied.
        preimage: what the till supplied; a proof only when `proven`.
    """

    at: UnixTime
    payer_id: Point
    book_id: int
    index: int
    amount: Msat
    tip: Msat
    max_fee: Msat
    description: str
    code: Code
    outcome_at: UnixTime | None
    proven: bool
    offer: bytes = field(repr=False)
    request: bytes = field(repr=False)
    invoice: bytes | None = field(default=None, repr=False)
    preimage: bytes | None = field(default=None, repr=False)


def tip_in(amount: Msat, offer: Offer) -> Msat:
    """Return what of a signed amount is above the offer's; 0 for an offer without an amount in bitcoin."""
    asked = offer.offer_amount if offer.offer_currency is None else None
    return Msat(0 if asked is None else max(0, amount - asked))
