"""What a buyer's device asks of an offer before it shows it: near expiry, fixed amount, right chain."""

from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import BledError, PeerError, Refused
from bled_codec.checks import check_offer_usable
from bled_codec.errors import CodecError, Rule
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

OFFER_LEFT_MIN_SECONDS: Final = 165
"""Less is refused: the person needs 60 s, the two nodes the rest. The till sends no offer with less than 180 s."""
LATEST_EXPIRY: Final = UnixTime(0xFFFF_FFFF_FF)
"""No offer ends later (about the year 36800): what goes beyond it is no time."""
OFFER_LEFT_MAX_SECONDS: Final = 600
"""More is refused: the expiry is what stops a "failed" request from being charged later."""

NO_TIP: Final = Msat(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptableOffer:
    """An offer that keeps the device's policy. Only this is shown to a person.

    Attributes:
        offer: the offer as it came.
        amount: the price, exact.
        tip_max: what the person may add to it, 0 to `amount`; 0: nothing.
        now: the time that the checks used: the device's own, or the till's when the device's is not trusted.
        clock_trusted: False: a person must confirm the till's date and time, and nothing is approved automatically.
    """

    offer: Offer
    amount: Msat
    tip_max: Msat = NO_TIP
    now: UnixTime
    clock_trusted: bool

    @property
    def expires_at(self) -> UnixTime:
        """The offer's expiry, which every acceptable offer has."""
        return self.offer.offer_absolute_expiry or UnixTime(0)


def accept_offer(
    data: bytes,
    *,
    valid_for: int,
    chain: bytes,
    now: UnixTime,
    clock_trusted: bool,
    not_before: UnixTime,
    tip_max: int | None = None,
) -> AcceptableOffer:
    """Return the offer that a till sent, or say why not.

    `valid_for` is the till's own count of seconds left, `not_before` a time that has certainly passed. `tip_max` is
    what the till says may be added; more than the price counts as the price.

    Raises `PeerError` (`OFFER_BAD`) for what breaks BOLT 12, `Refused` with another `OFFER_` code for what breaks the
    device's policy.
    """
    try:
        offer = Offer.decode(data)
    except CodecError as error:
        raise PeerError.from_codec(Code.OFFER_BAD, error) from error
    expiry = offer.offer_absolute_expiry
    if expiry is None:
        raise Refused(Code.OFFER_WITHOUT_EXPIRY)
    if expiry > LATEST_EXPIRY:
        raise PeerError(Code.OFFER_BAD, detail="the expiry is no time")
    time = now if clock_trusted else UnixTime(expiry - valid_for)
    if time < not_before:
        raise Refused(
            Code.OFFER_EXPIRES_TOO_SOON, detail=f"the till's time is {not_before - time} s behind a known one"
        )
    _check_time(expiry - time)
    _check_chain(offer, chain, time)
    amount = _fixed_amount(offer)
    return AcceptableOffer(
        offer=offer, amount=amount, tip_max=Msat(min(tip_max or 0, amount)), now=time, clock_trusted=clock_trusted
    )


def _check_time(left: int) -> None:
    if left < OFFER_LEFT_MIN_SECONDS:
        raise Refused(Code.OFFER_EXPIRES_TOO_SOON, detail=f"{left} s left, {OFFER_LEFT_MIN_SECONDS} s needed")
    if left > OFFER_LEFT_MAX_SECONDS:
        raise Refused(Code.OFFER_EXPIRES_TOO_LATE, detail=f"{left} s left, at most {OFFER_LEFT_MAX_SECONDS} s allowed")


def _check_chain(offer: Offer, chain: bytes, now: UnixTime) -> None:
    try:
        check_offer_usable(offer, chain=chain, now=now)
    except CodecError as error:
        code = Code.WRONG_CHAIN if error.rule is Rule.UNSUPPORTED_CHAIN else Code.OFFER_EXPIRES_TOO_SOON
        raise BledError.from_codec(code, error) from error


def _fixed_amount(offer: Offer) -> Msat:
    if offer.offer_currency is not None:
        raise Refused(Code.OFFER_CURRENCY, detail=f"offer_currency {offer.offer_currency}")
    if offer.offer_amount is None or offer.offer_quantity_max is not None:
        raise Refused(Code.OFFER_NOT_FIXED)
    return Msat(offer.offer_amount)
