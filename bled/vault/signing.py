"""The request that a payer id signs: checked here as every reader will check it."""

from typing import Final

from bled.codes import Code
from bled.errors import PeerError, Refused
from bled.gatt.profile import MAX_REQUEST_BYTES
from bled.grants.book import Grant
from bled.grants.refund_offer import refund_offer_record
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.checks import check_request_for_offer
from bled_codec.errors import CodecError, Rule
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer
from bled_codec.tlv import TlvRecord
from bled_codec.units import Msat, UnixTime

_OTHER_FIELDS_BYTES: Final = 256
"""Of a request, beside the till's offer, the reply paths and the refund offer: keys, signature, amount, chain."""
_OFFER_CODES: Final = {Rule.UNSUPPORTED_CHAIN: Code.WRONG_CHAIN, Rule.OFFER_EXPIRED: Code.OFFER_EXPIRES_TOO_SOON}


def sign_request(
    grant: Grant,
    offer: Offer,
    *,
    amount: Msat,
    chain: bytes,
    aux: bytes,
    now: UnixTime,
    allows_refund: bool = False,
) -> InvoiceRequest:
    """Return the signed request of `grant` for `offer`, checked as its readers will check it.

    `aux` is 32 bytes of fresh entropy. The amount is always named, and the chain unless it is bitcoin.
    `allows_refund` puts the grant's refund offer under the signature, if there is one and room for it. Raises
    `Refused` (`OFFER_WITHOUT_EXPIRY`), and `PeerError` (`OFFER_BAD`, `WRONG_CHAIN`, `OFFER_EXPIRES_TOO_SOON`).
    """
    if offer.offer_absolute_expiry is None:
        raise Refused(Code.OFFER_WITHOUT_EXPIRY)  # the request could be charged weeks later
    if grant.secret is None:
        raise Refused(Code.NO_GRANT_LEFT, detail="the payer id has no key here")
    try:
        unsigned = create_invoice_request(
            offer,
            metadata=grant.metadata,
            payer_id=grant.payer_id,
            amount=amount,
            chain=None if chain == BITCOIN_CHAIN else chain,
            paths=grant.invreq_paths,
            extra=_refund_records(grant, offer) if allows_refund else (),
        )
        request = unsigned.sign(grant.secret, aux=aux)
        check_request_for_offer(request, offer, chain=chain, now=now)
    except CodecError as error:
        raise PeerError.from_codec(_OFFER_CODES.get(error.rule, Code.OFFER_BAD), error) from error
    if len(request.encode()) > MAX_REQUEST_BYTES:
        raise PeerError(Code.OFFER_BAD, detail=f"a request for it would have more than {MAX_REQUEST_BYTES} bytes")
    return request


def _refund_records(grant: Grant, offer: Offer) -> tuple[TlvRecord, ...]:
    """Return the record of the refund offer; a till's large offer leaves no room for one."""
    if grant.refund_offer is None:
        return ()
    record = refund_offer_record(Offer.decode(grant.refund_offer))
    taken = len(offer.encode()) + sum(map(len, grant.paths)) + len(record.raw)
    return (record,) if taken <= MAX_REQUEST_BYTES - _OTHER_FIELDS_BYTES else ()
