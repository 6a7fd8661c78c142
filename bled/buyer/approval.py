"""Who says yes: a rule for small amounts, else the person at the device."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from bled.gatt.compare_code import CompareCode
from bled.session.offer_policy import AcceptableOffer
from bled_codec.units import Msat, UnixTime


class Answer(Enum):
    """What a person can say."""

    YES = auto()
    """Pay. When a code was asked for, the till shows the same."""
    NO = auto()
    """Do not pay."""
    CODE_DIFFERS = auto()
    """The till shows another code, or none: somebody may be in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the person is asked, in the words of the offer that will be signed.

    Attributes:
        accepted: the offer, with the time its checks used.
        max_fee: the most that may be spent on fees beside the amount.
        code: what the till must show as well; None when the device had read the till's own code.
        paid_before: how many payments were made at this till. A hint: it never replaces the code.
    """

    accepted: AcceptableOffer
    max_fee: Msat
    code: CompareCode | None
    paid_before: int

    @property
    def amount(self) -> Msat:
        """What the payee gets."""
        return self.accepted.amount

    @property
    def most(self) -> Msat:
        """The most that can leave the buyer's node: amount and maximum fee."""
        return Msat(self.amount + self.max_fee)

    @property
    def description(self) -> str:
        """The offer's own text; it is the merchant's, and proves nothing."""
        return self.accepted.offer.offer_description or ""

    @property
    def issuer(self) -> str:
        """The issuer's name as the offer gives it; it proves nothing either."""
        return self.accepted.offer.offer_issuer or ""

    @property
    def clock_trusted(self) -> bool:
        """False: the person must also confirm that the till's time, `till_time`, is right."""
        return self.accepted.clock_trusted

    @property
    def till_time(self) -> UnixTime:
        """The time that the checks used."""
        return self.accepted.now


Approver = Callable[[Question], Awaitable[Answer]]
"""Answers a question. Cancelled when the time to think is over."""


def approve_below(limit: Msat | None, person: Approver) -> Approver:
    """Return an approver that says yes by itself to amounts below `limit`, fees included, and else asks `person`.

    It never answers by itself when the device's clock is not trusted, since the expiry could not be judged, nor when a
    code is to be compared, which a walking reader or somebody in between could have made.
    """

    async def approve(question: Question) -> Answer:
        if limit is not None and question.code is None and question.clock_trusted and question.most < limit:
            return Answer.YES
        return await person(question)

    return approve
