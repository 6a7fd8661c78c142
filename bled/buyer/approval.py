"""Who says yes: a rule for small amounts, else the person at the device."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from bled.gatt.compare_code import CompareCode
from bled.session.offer_policy import NO_TIP, AcceptableOffer
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
class WithTip:
    """Not yet: ask again, with this tip in place of the one before."""

    tip: Msat


Reply = Answer | WithTip
"""What a person can do with a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the person is asked, in the words of the offer that will be signed. A yes signs exactly this.

    Attributes:
        accepted: the offer, with the time its checks used.
        tip: what the person has added to the price so far, at most `accepted.tip_max`.
        max_fee: the most that may be spent on fees beside the amount.
        code: what the till must show as well; None when the device had read the till's own code.
        paid_before: how many payments were made at this till. A hint: it never replaces the code.
        note: why the tip that the person named last is not in it.
    """

    accepted: AcceptableOffer
    tip: Msat = NO_TIP
    max_fee: Msat
    code: CompareCode | None
    paid_before: int
    note: str = ""

    @property
    def price(self) -> Msat:
        """What the offer asks for."""
        return self.accepted.amount

    @property
    def amount(self) -> Msat:
        """What the payee gets, the tip in it."""
        return Msat(self.price + self.tip)

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


Approver = Callable[[Question], Awaitable[Reply]]
"""Answers a question. Cancelled when the time to think is over."""


def approve_below(limit: Msat | None, person: Approver) -> Approver:
    """Return an approver that says yes by itself to amounts below `limit`, fees included, and else asks `person`.

    It never answers by itself when the device's clock is not trusted, since the expiry could not be judged, nor when a
    code is to be compared, which a walking reader or somebody in between could have made. It never tips.
    """

    async def approve(question: Question) -> Reply:
        is_simple = question.code is None and question.clock_trusted and not question.tip
        if limit is not None and is_simple and question.most < limit:
            return Answer.YES
        return await person(question)

    return approve
