"""Whether a receipt proves the payment: the invoice must answer what was signed, the preimage must open its hash."""

from bled.codes import Code
from bled.errors import PeerError
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError
from bled_codec.fields import MIRRORED_TYPES, select
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest


def check_receipt(*, request: bytes, invoice: bytes, preimage: bytes | None) -> None:
    """Check the till's proof against the request that this device signed. Raises `PeerError` (`PROOF_MISMATCH`).

    Expiry is not looked at: a receipt is for a payment that was made, and is kept for ever.
    """
    try:
        received = Invoice.decode(invoice)
        signed = InvoiceRequest.decode(request)
    except CodecError as error:
        raise PeerError.from_codec(Code.PROOF_MISMATCH, error) from error
    if received.request_records != select(signed.records, MIRRORED_TYPES):
        raise _mismatch("the invoice does not answer the request that was signed here")
    if received.invoice_request_signature != signed.signature:  # not even another one that is valid
        verdict = received.request_signature.value
        raise _mismatch(f"the request's signature in the invoice is {verdict}, and not the one that was made here")
    if preimage is None or sha256(preimage) != received.invoice_payment_hash:
        raise _mismatch("the preimage does not belong to the invoice")


def _mismatch(detail: str) -> PeerError:
    return PeerError(Code.PROOF_MISMATCH, detail=detail)
