"""The till's own checks of a request before its node hears of it: what the node refuses, the till never sees. Pure."""

from typing import Final

from bled.codes import Code
from bled.errors import PeerError, Refused
from bled.session.offer_policy import NO_TIP
from bled_codec.checks import check_request_for_offer
from bled_codec.errors import CodecError, Rule
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.request_rules import expected_amount
from bled_codec.units import Msat, UnixTime

MAX_REPLY_PATHS: Final = 8
"""A grant has one to three; each is tried in turn, so a longer list would only cost time."""
MAX_PATH_HOPS: Final = 16
"""Hops of a reply path. An onion message has room for more, but none is that far away."""


def judge_request(
    data: bytes, *, offer: Offer, amount: Msat, tip_max: Msat = NO_TIP, chain: bytes, left: int, now: UnixTime
) -> InvoiceRequest:
    """Return the request in `data`, whose signature verifies, if it buys exactly what was offered.

    It may be for up to `tip_max` more than `amount`. `left` is how many seconds the offer must still have.

    Raises `PeerError` (`REQUEST_BAD` for what breaks BOLT 12 or has no usable way back, `REQUEST_MISMATCH` for another
    offer, chain or amount), `Refused` (`SALE_EXPIRED`).
    """
    try:
        request = InvoiceRequest.decode(data)
    except CodecError as error:
        raise PeerError.from_codec(Code.REQUEST_BAD, error) from error
    try:
        check_request_for_offer(request, offer, chain=chain, now=UnixTime(now + left))
    except CodecError as error:
        if error.rule is Rule.OFFER_EXPIRED:
            raise Refused(Code.SALE_EXPIRED, detail=f"less than {left} s were left") from error
        raise PeerError.from_codec(Code.REQUEST_MISMATCH, error) from error
    _check_amount(request, amount, tip_max)
    _check_paths(request)
    return request


def _check_amount(request: InvoiceRequest, amount: Msat, tip_max: Msat) -> None:
    asked = request.invreq_amount if request.invreq_amount is not None else expected_amount(request)
    # BOLT 12 lets a payer give more; a till that keeps the change owes an explanation.
    if asked is None or not amount <= asked <= amount + tip_max:
        most = f" and a tip of at most {tip_max} msat" if tip_max else ""
        raise PeerError(Code.REQUEST_MISMATCH, detail=f"{asked} msat for an offer of {amount} msat{most}")


def tip_of(request: InvoiceRequest, amount: Msat) -> Msat:
    """Return what an accepted request gives above the offer's `amount`."""
    return NO_TIP if request.invreq_amount is None else Msat(request.invreq_amount - amount)


def _check_paths(request: InvoiceRequest) -> None:
    paths = request.invreq_paths or ()
    if not 0 < len(paths) <= MAX_REPLY_PATHS:
        raise PeerError(Code.REQUEST_BAD, detail=f"{len(paths)} ways back; 1 to {MAX_REPLY_PATHS} are needed")
    if any(len(path.hops) > MAX_PATH_HOPS for path in paths):
        raise PeerError(Code.REQUEST_BAD, detail=f"a way back has more than {MAX_PATH_HOPS} hops")
