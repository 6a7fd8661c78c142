"""Whether home may pay an invoice: every rule that needs no counter. Pure, and nothing is written before it.

The order: size, the path it came over is the payer id's own, the payer id was sealed here, BOLT 12 itself, the book,
field 239, amount, payee, the expiry that the buyer signed, the invoice's own times, chain, the fees of the payee's
paths. What strangers send is refused by the first three, in microseconds; only who holds a request that home's device
made gets curve arithmetic for it.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import HomeKeys
from bled.grants.limits import check_blinded_fees
from bled.grants.metadata import IssuedId, open_metadata, path_secret, salt_tag
from bled.home.rows import Book
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.errors import CodecError, Rule
from bled_codec.fields import Field
from bled_codec.invoice import Invoice
from bled_codec.request_signature import RequestSignature, judge_request_signature
from bled_codec.tlv import readable_values, split_stream
from bled_codec.units import Msat, Point, UnixTime

MAX_INVOICE_BYTES: Final = 16_384
"""A request travels in at most 4096 bytes over the radio; the rest is the payee's paths, several times over."""
FURTHEST_EXPIRY_SECONDS: Final = 600
"""How far ahead of home's clock the signed expiry may lie: a till makes it 300 s, clocks differ a little."""
LEAST_SECONDS_LEFT: Final = 15
"""Below this no payment begins: it could not be given up in time."""
MOST_SECONDS_FOR_ATTEMPTS: Final = 60
"""The node makes attempts for at most this long."""
_SECONDS_TO_GIVE_UP: Final = 5

# Rules of the codec that an attack on a signed request runs into first, by the name that people know.
_RULE_CODES: Final = {
    Rule.AMOUNT_MISMATCH: Code.AMOUNT_MISMATCH,
    Rule.NODE_ID_MISMATCH: Code.PAYEE_MISMATCH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedInvoice:
    """An invoice that home may pay if the book's counters allow it. Only `verify_invoice` makes one.

    `pay_before` is the end of the invoice or of what the buyer signed, whichever comes first.
    """

    invoice: Invoice
    issued: IssuedId
    pay_before: UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What an unchecked invoice says about itself, as far as it can be read; for records, never for a decision.

    Attributes:
        metadata: `invreq_metadata`, or None.
        payer_id: 33 bytes, or None.
        payment_hash: 32 bytes, or None.
        amount: `invoice_amount`, or None.
        has_request_signature: whether field 239 is there.
    """

    metadata: bytes | None = None
    payer_id: bytes | None = None
    payment_hash: bytes | None = None
    amount: Msat | None = None
    has_request_signature: bool = False


def glimpse(data: bytes) -> Glimpse:
    """Return what can be read of an invoice that may be broken anywhere. Raises nothing."""
    values = _readable_records(data, up_to=Field.SIGNATURE)
    amount = values.get(Field.INVOICE_AMOUNT, b"")
    return Glimpse(
        metadata=values.get(Field.INVREQ_METADATA),
        payer_id=_of_length(values.get(Field.INVREQ_PAYER_ID), 33),
        payment_hash=_of_length(values.get(Field.INVOICE_PAYMENT_HASH), 32),
        amount=Msat(int.from_bytes(amount, "big")) if 1 <= len(amount) <= 8 else None,
        has_request_signature=Field.INVOICE_REQUEST_SIGNATURE in values,
    )


def _readable_records(data: bytes, *, up_to: int) -> dict[int, bytes]:
    """Return the records up to a type, as far as they ascend: at most one for each type, whatever is sent."""
    return readable_values(data[:MAX_INVOICE_BYTES], up_to=up_to)


def _of_length(value: bytes | None, length: int) -> bytes | None:
    return value if value is not None and len(value) == length else None


def is_ours(keys: HomeKeys, payer_id: bytes | None, secret: bytes) -> bool:
    """Say whether a message came over a reply path that home made for this payer id. Takes constant time."""
    return payer_id is not None and hmac.compare_digest(path_secret(keys, Point(payer_id)), secret)


def verify_invoice(
    data: bytes,
    *,
    secret: bytes,
    keys: HomeKeys,
    chain: bytes,
    find_book: Callable[[int], Book | None],
    now: UnixTime,
) -> VerifiedInvoice:
    """Return the invoice when every rule holds; `secret` is the path secret that the message came with.

    Raises `Refused` with the code of the first rule that is broken.
    """
    issued = _issued_id(data, secret=secret, keys=keys)  # strangers come no further
    invoice = _decode(data)
    book = _issuing_book(keys, issued, invoice.invreq_payer_id, find_book)
    _check_request_signature(invoice.request_signature)
    _check_amount(invoice)
    _check_payee(invoice)
    signed_expiry = _check_signed_expiry(invoice, now)
    pay_before = _check_time_left(invoice, signed_expiry, now)
    _check_chain(invoice, chain)
    _check_fees(invoice, book)
    return VerifiedInvoice(invoice=invoice, issued=issued, pay_before=pay_before)


def _issued_id(data: bytes, *, secret: bytes, keys: HomeKeys) -> IssuedId:
    """Return where home issued the payer id of an invoice that came over the path made for it.

    Takes microseconds, unlike reading an invoice whole: so this comes first. The records up to the payer id are read as
    they will be then, so that both readings see the same id.
    """
    if len(data) > MAX_INVOICE_BYTES:
        raise Refused(Code.BAD_INVOICE, detail=f"{len(data)} bytes, at most {MAX_INVOICE_BYTES} are read")
    values = _readable_records(data, up_to=Field.INVREQ_PAYER_ID)
    metadata = values.get(Field.INVREQ_METADATA)
    payer_id = _of_length(values.get(Field.INVREQ_PAYER_ID), 33)
    if metadata is None or payer_id is None:
        raise Refused(Code.BAD_INVOICE, detail="it names no payer id")
    if not is_ours(keys, payer_id, secret):
        raise Refused(Code.WRONG_PATH)
    return open_metadata(keys, metadata, Point(payer_id))


def _decode(data: bytes) -> Invoice:
    """Read an invoice by the rules of BOLT 12, which compare amount and payee and check the invoice's signature.

    What was changed after the buyer signed it may break any of them; then that it was changed is what is said.
    """
    try:
        return Invoice.decode(data)
    except CodecError as error:
        _check_request_signature_of(data)
        raise Refused.from_codec(_RULE_CODES.get(error.rule, Code.BAD_INVOICE), error) from error


def _check_request_signature_of(data: bytes) -> None:
    """Judge field 239 of an invoice that breaks BOLT 12; where it is no TLV stream there is nothing to judge."""
    try:
        records = split_stream(data)
    except CodecError:
        return
    _check_request_signature(judge_request_signature(records))


def _issuing_book(keys: HomeKeys, issued: IssuedId, payer_id: Point, find_book: Callable[[int], Book | None]) -> Book:
    """Return the book of an authentic payer id.

    Metadata alone is not enough: after an old back-up was restored, another book may have the same number. Its salt is
    another one, so the key tells them apart.
    """
    book = find_book(issued.book_id)
    if book is None or issued.index >= book.ids:
        raise Refused(Code.PAYER_ID_NOT_ISSUED, detail=f"home knows no id {issued.index} of a book {issued.book_id}")
    book.limits.class_of(issued.index)
    if not is_of(book, issued, payer_id, keys=keys):
        raise Refused(Code.PAYER_ID_NOT_ISSUED, detail=f"of another book with the number {issued.book_id}")
    return book


def holds(book: Book, index: int, payer_id: Point, *, keys: HomeKeys) -> bool:
    """Say whether `payer_id` is the one that home derives for this index of the book."""
    return keys.payer_id(book.salt, book.book_id, index) == payer_id


def is_of(book: Book, issued: IssuedId, payer_id: Point, *, keys: HomeKeys) -> bool:
    """Say whether an authentic payer id with the number of `book` is of that book and of no other with its number.

    Of a key that was made on the device home has nothing to derive; the salt's tag in the sealed metadata tells.
    """
    if issued.salt_tag is not None:
        return hmac.compare_digest(issued.salt_tag, salt_tag(book.salt))
    return holds(book, issued.index, payer_id, keys=keys)


def _check_request_signature(verdict: RequestSignature) -> None:
    if verdict is RequestSignature.INVALID:
        raise Refused(Code.REQUEST_SIGNATURE_INVALID, tlv_type=Field.INVOICE_REQUEST_SIGNATURE)
    if verdict is RequestSignature.ABSENT:
        raise Refused(Code.REQUEST_SIGNATURE_ABSENT, tlv_type=Field.INVOICE_REQUEST_SIGNATURE)


def _check_chain(invoice: Invoice, chain: bytes) -> None:
    if (invoice.invreq_chain or BITCOIN_CHAIN) != chain:
        raise Refused(Code.WRONG_CHAIN, tlv_type=Field.INVREQ_CHAIN)


def _check_payee(invoice: Invoice) -> None:
    """The codec has compared the payee with the offer's issuer or its paths; here an offer must name somebody at all.

    Without an offer anybody could have written the invoice, and both signatures would verify.
    """
    if invoice.offer_issuer_id is None and not invoice.offer_paths:
        raise Refused(Code.PAYEE_MISMATCH, detail="the signed request names no payee", tlv_type=Field.OFFER_ISSUER_ID)


def _check_amount(invoice: Invoice) -> None:
    if invoice.invreq_amount is None:
        raise Refused(Code.AMOUNT_MISMATCH, detail="no amount was signed", tlv_type=Field.INVREQ_AMOUNT)
    if invoice.invreq_amount != invoice.invoice_amount or invoice.invoice_amount == 0:
        raise Refused(Code.AMOUNT_MISMATCH, tlv_type=Field.INVOICE_AMOUNT)


def _check_signed_expiry(invoice: Invoice, now: UnixTime) -> UnixTime:
    """This is what keeps a sale that "failed" at the till from being charged weeks later."""
    expiry = invoice.offer_absolute_expiry
    field = Field.OFFER_ABSOLUTE_EXPIRY
    if expiry is None:
        raise Refused(Code.REQUEST_WITHOUT_EXPIRY, detail="no expiry was signed", tlv_type=field)
    if now >= expiry:
        raise Refused(Code.REQUEST_EXPIRED, detail=f"{now - expiry} s ago by home's clock", tlv_type=field)
    if expiry - now > FURTHEST_EXPIRY_SECONDS:
        raise Refused(Code.REQUEST_WITHOUT_EXPIRY, detail=f"{expiry - now} s ahead of home's clock", tlv_type=field)
    return expiry


def _check_time_left(invoice: Invoice, signed_expiry: UnixTime, now: UnixTime) -> UnixTime:
    if invoice.invoice_created_at - now > FURTHEST_EXPIRY_SECONDS:
        detail = f"{invoice.invoice_created_at - now} s ahead of home's clock"
        raise Refused(Code.INVOICE_NOT_YET, detail=detail, tlv_type=Field.INVOICE_CREATED_AT)
    if now >= invoice.expires_at:
        raise Refused(Code.INVOICE_EXPIRED, detail=f"{now - invoice.expires_at} s ago by home's clock")
    pay_before = min(signed_expiry, invoice.expires_at)
    check_time_to_pay(pay_before, now=now)
    return pay_before


def check_time_to_pay(pay_before: UnixTime, *, now: UnixTime) -> None:
    """Refuse to begin a payment with less than 15 s left. Raises `Refused` (`TOO_LATE_TO_PAY`)."""
    if seconds_for_attempts(pay_before, now=now) is None:
        raise Refused(Code.TOO_LATE_TO_PAY, detail=f"{max(0, pay_before - now)} s left")


def seconds_for_attempts(pay_before: UnixTime, *, now: UnixTime) -> int | None:
    """Return how long the node may make attempts, 10 to 60 s; None when it is too late to begin."""
    left = pay_before - now
    return None if left < LEAST_SECONDS_LEFT else min(MOST_SECONDS_FOR_ATTEMPTS, left - _SECONDS_TO_GIVE_UP)


def _check_fees(invoice: Invoice, book: Book) -> None:
    for payinfo in invoice.invoice_blindedpay:
        fees = payinfo.fee(invoice.invoice_amount)
        check_blinded_fees(book.limits, amount=invoice.invoice_amount, blinded_fees=fees)
