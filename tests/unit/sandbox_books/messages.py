"""A clock that is set by hand, and messages for a node's books."""

import hashlib

from bled.sandbox.books import Books
from bled.sandbox.books_rows import OfferArgs, OfferRow
from bled_codec.bolt12_string import INVOICE_PREFIX, format_string, parse_string
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.fields import Field, ordered
from bled_codec.invoice import create_invoice
from bled_codec.invoice_error import InvoiceError
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request, request_digest
from bled_codec.offer import Offer
from bled_codec.tlv import join_records, make_record, split_stream
from bled_codec.units import Msat, UnixTime

NODE = SecretKey(bytes([7]) * 32)
PAYER = SecretKey(bytes([9]) * 32)
PREIMAGE = bytes([5]) * 32
START = UnixTime(1_800_000_000)
AMOUNT = Msat(15_000)


class SetClock:
    """Shows what it was set to."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> UnixTime:
        return self.time

    def monotonic(self) -> float:
        return float(self.time)


def make_offer(books: Books, **changes: object) -> OfferRow:
    args = {"amount": "15000msat", "description": "tea", "single_use": True, "absolute_expiry": START + 300}
    return books.offer(OfferArgs(**(args | changes)))


def make_request(offer: OfferRow, *, amount: int | None = AMOUNT, payer: SecretKey = PAYER) -> InvoiceRequest:
    unsigned = create_invoice_request(
        Offer.from_string(offer.bolt12),
        metadata=bytes(16),
        payer_id=payer.public_key,
        amount=None if amount is None else Msat(amount),
        chain=REGTEST_CHAIN,
    )
    return unsigned.sign(payer, aux=bytes(32))


def altered_request(offer: OfferRow, changes: dict[int, bytes | None], *, payer: SecretKey = PAYER) -> bytes:
    """Return a request with other records (None: without), correctly signed: the codec would not make such."""
    values = {record.type: record.value for record in make_request(offer).records if record.type != Field.SIGNATURE}
    wanted = {type_: value for type_, value in (values | changes).items() if value is not None}
    records = [make_record(type_, value) for type_, value in sorted(wanted.items())]
    signature = make_record(Field.SIGNATURE, payer.sign(request_digest(records), aux=bytes(32)))
    return join_records(ordered([*records, signature]))


def draft(request: InvoiceRequest, preimage: bytes = PREIMAGE, *, relative_expiry: int = 300) -> str:
    unsigned = create_invoice(
        request,
        payment_hash=hashlib.sha256(preimage).digest(),
        created_at=START,
        node_id=request.offer_issuer_id or NODE.public_key,
        amount=AMOUNT,
        relative_expiry=relative_expiry,
    )
    return unsigned.string


def altered_draft(request: InvoiceRequest, changes: dict[int, bytes | None]) -> str:
    """Return a draft with other records; None leaves one out."""
    values = {record.type: record.value for record in split_stream(parse_string(draft(request))[1])} | changes
    records = [make_record(type_, value) for type_, value in sorted(values.items()) if value is not None]
    return format_string(INVOICE_PREFIX, join_records(records))


def label_of(offer: OfferRow, payer: SecretKey = PAYER) -> str:
    return f"{offer.offer_id.hex()}-{payer.public_key.hex()}-0"


def refusal(books: Books, data: bytes, path_id: bytes | None = None) -> str:
    """Return the text of the invoice_error that answers `data`."""
    answer = books.answer(data, path_id)
    assert answer.invoice is None
    assert answer.invoice_error is not None
    return InvoiceError.decode(answer.invoice_error).error


def payment_path_id(books: Books, payment_hash: bytes) -> bytes:
    return hashlib.sha256(books.make_secret(string="bolt12-invoice-base") + payment_hash).digest()
