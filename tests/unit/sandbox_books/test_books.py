"""Offers, requests and invoices of a sandbox node."""

import asyncio
import hashlib

import pytest

from bled.clock import Clock
from bled.sandbox.books import Books
from bled.sandbox.books_rows import InvoiceStatus, OfferArgs, OfferRow
from bled.sandbox.books_store import BookStore
from bled.sandbox.rpc_error import NodeDied, RpcError
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.fields import Field, ordered
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_error import InvoiceError
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer
from bled_codec.request_signature import RequestSignature
from bled_codec.tlv import join_records, make_record
from bled_codec.units import Msat, UnixTime

NODE = SecretKey(bytes([7]) * 32)
PAYER = SecretKey(bytes([9]) * 32)
PREIMAGE = bytes([5]) * 32
START = UnixTime(1_800_000_000)


class SetClock:
    """Shows what it was set to."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> UnixTime:
        return self.time

    def monotonic(self) -> float:
        return float(self.time)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store():
    store = BookStore(None)
    yield store
    store.close()


@pytest.fixture
def books(store: BookStore, clock: Clock) -> Books:
    return Books(key=NODE, chain=REGTEST_CHAIN, store=store, clock=clock)


def make_offer(books: Books, **changes: object) -> OfferRow:
    args = {"amount": "15000msat", "description": "tea", "single_use": True, "absolute_expiry": START + 300}
    return books.offer(OfferArgs(**(args | changes)))


def make_request(offer: OfferRow, *, amount: int | None = 15_000, payer: SecretKey = PAYER) -> InvoiceRequest:
    unsigned = create_invoice_request(
        Offer.from_string(offer.bolt12),
        metadata=bytes(16),
        payer_id=payer.public_key,
        amount=None if amount is None else Msat(amount),
        chain=REGTEST_CHAIN,
    )
    return unsigned.sign(payer, aux=bytes(32))


def draft(request: InvoiceRequest, preimage: bytes = PREIMAGE, *, relative_expiry: int = 300) -> str:
    payment_hash = hashlib.sha256(preimage).digest()
    node_id = request.offer_issuer_id or NODE.public_key
    unsigned = create_invoice(
        request,
        payment_hash=payment_hash,
        created_at=START,
        node_id=node_id,
        amount=Msat(15_000),
        relative_expiry=relative_expiry,
    )
    return unsigned.string


def label_of(offer: OfferRow) -> str:
    return f"{offer.offer_id.hex()}-{PAYER.public_key.hex()}-0"


def refusal(books: Books, request: InvoiceRequest) -> str:
    answer = books.answer(request.encode(), None)
    assert answer.invoice is None
    assert answer.invoice_error is not None
    return InvoiceError.decode(answer.invoice_error).error.rpartition(": ")[2]


def payment_path_id(books: Books, payment_hash: bytes) -> bytes:
    return hashlib.sha256(books.make_secret(string="bolt12-invoice-base") + payment_hash).digest()


def test_a_request_is_answered_with_a_valid_invoice_for_its_amount(books: Books) -> None:
    request = make_request(make_offer(books))
    answer = books.answer(request.encode(), None)
    assert answer.invoice is not None
    invoice = Invoice.decode(answer.invoice)
    assert invoice.invoice_amount == 15_000
    assert invoice.request_signature is RequestSignature.ABSENT
    assert invoice.invoice_relative_expiry is None


def test_field_239_survives_and_is_signed_over(books: Books) -> None:
    offer = make_offer(books)
    row = books.create_invoice(draft(make_request(offer)), label_of(offer), PREIMAGE)
    assert Invoice.from_string(row.bolt12).request_signature is RequestSignature.VALID


def test_the_invoice_that_stands_under_the_label_is_sent_instead_of_a_new_one(books: Books) -> None:
    offer = make_offer(books)
    request = make_request(offer)
    row = books.create_invoice(draft(request), label_of(offer), PREIMAGE)
    assert books.answer(request.encode(), None).invoice == Invoice.from_string(row.bolt12).encode()
    assert len(books.list_invoices()) == 1


@pytest.mark.parametrize(
    ("amount", "text"),
    [(14_999, "Amount must be at least 15000msat"), (75_005, "Amount vastly exceeds 15000msat")],
)
def test_an_amount_out_of_range_is_refused(books: Books, amount: int, text: str) -> None:
    offer = make_offer(books)
    request = make_request(offer, amount=15_000)
    altered = create_invoice_request(
        Offer.from_string(offer.bolt12),
        metadata=request.invreq_metadata,
        payer_id=PAYER.public_key,
        amount=Msat(amount),
        chain=REGTEST_CHAIN,
    )
    signature = make_record(Field.SIGNATURE, PAYER.sign(altered.digest, aux=bytes(32)))
    data = join_records(ordered([*altered.records, signature]))
    error = books.answer(data, None).invoice_error
    assert error is not None
    assert InvoiceError.decode(error).error.endswith(text)
    assert books.list_invoices() == []


def test_up_to_five_times_the_amount_passes_and_a_little_more(books: Books) -> None:
    offer = make_offer(books, single_use=False)
    for number, amount in enumerate((15_001, 75_000, 75_004), start=1):
        payer = SecretKey(bytes([number]) * 32)
        assert books.answer(make_request(offer, amount=amount, payer=payer).encode(), None).invoice is not None


def test_an_expired_offer_is_refused(books: Books, clock: SetClock) -> None:
    request = make_request(make_offer(books))
    clock.time = UnixTime(START + 300)
    assert refusal(books, request) == "Offer expired"


def test_a_closed_offer_is_refused_everywhere(books: Books) -> None:
    offer = make_offer(books)
    request = make_request(offer)
    books.disable_offer(offer.offer_id)
    assert refusal(books, request) == "Offer no longer available"
    with pytest.raises(RpcError) as caught:
        books.create_invoice(draft(request), "any", PREIMAGE)
    assert caught.value.code == 907
    with pytest.raises(RpcError) as caught:
        books.disable_offer(offer.offer_id)
    assert caught.value.code == 1001


def test_a_path_id_at_a_public_offer_is_an_unknown_offer(books: Books) -> None:
    request = make_request(make_offer(books))
    error = books.answer(request.encode(), bytes(32)).invoice_error
    assert error is not None
    assert InvoiceError.decode(error).error.endswith("Unknown offer")


def test_a_second_invoice_under_one_label_is_900(books: Books) -> None:
    offer = make_offer(books)
    text = draft(make_request(offer))
    books.create_invoice(text, "one", PREIMAGE)
    with pytest.raises(RpcError) as caught:
        books.create_invoice(text, "one", PREIMAGE)
    assert (caught.value.code, caught.value.message) == (900, "Duplicate label")
    assert not books.is_dead


def test_one_preimage_under_two_labels_kills_the_node(books: Books) -> None:
    text = draft(make_request(make_offer(books)))
    books.create_invoice(text, "one", PREIMAGE)
    with pytest.raises(NodeDied):
        books.create_invoice(text, "two", PREIMAGE)
    with pytest.raises(NodeDied):
        books.list_invoices()
    books.revive()
    assert [row.label for row in books.list_invoices()] == ["one"]


def test_a_payment_is_taken_once_and_uses_up_the_offer(books: Books) -> None:
    offer = make_offer(books)
    text = draft(make_request(offer))
    row = books.create_invoice(text, "one", PREIMAGE)
    other = books.create_invoice(draft(make_request(offer), bytes([6]) * 32), "two", bytes([6]) * 32)
    path_id = payment_path_id(books, row.payment_hash)
    assert books.accept(row.payment_hash, Msat(15_000), path_id)
    assert not books.accept(row.payment_hash, Msat(14_999), path_id)
    assert not books.accept(row.payment_hash, Msat(15_000), bytes(32))
    assert books.settle(row.payment_hash, Msat(15_000)) == PREIMAGE
    assert not books.accept(row.payment_hash, Msat(15_000), path_id)
    with pytest.raises(RpcError):
        books.settle(row.payment_hash, Msat(15_000))
    statuses = {row.label: row.status for row in books.list_invoices()}
    assert statuses == {"one": InvoiceStatus.PAID, "two": InvoiceStatus.EXPIRED}
    (used,) = books.list_offers(offer.offer_id)
    assert (used.used, used.active) == (True, False)
    assert other.local_offer_id == offer.offer_id


async def test_a_wait_ends_with_the_payment(books: Books) -> None:
    row = books.create_invoice(draft(make_request(make_offer(books))), "one", PREIMAGE)
    waiting = asyncio.create_task(books.wait_invoice("one"))
    await asyncio.sleep(0)
    books.settle(row.payment_hash, Msat(15_000))
    assert (await waiting).status is InvoiceStatus.PAID


async def test_a_wait_begun_before_the_offer_is_closed_does_not_end(books: Books) -> None:
    offer = make_offer(books)
    books.create_invoice(draft(make_request(offer)), "one", PREIMAGE)
    waiting = asyncio.create_task(books.wait_invoice("one"))
    await asyncio.sleep(0)
    books.disable_offer(offer.offer_id)
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    with pytest.raises(RpcError) as caught:
        await books.wait_invoice("one")
    assert caught.value.code == 903
    waiting.cancel()


async def test_a_wait_ends_when_the_invoice_runs_out_by_itself(books: Books, clock: SetClock) -> None:
    offer = make_offer(books)
    books.create_invoice(draft(make_request(offer), relative_expiry=1), "one", PREIMAGE)
    waiting = asyncio.create_task(books.wait_invoice("one"))
    await asyncio.sleep(0)
    clock.time = UnixTime(START + 1)
    books.list_invoices()
    with pytest.raises(RpcError) as caught:
        await waiting
    assert caught.value.code == 903


async def test_the_death_of_the_node_ends_waits_and_streams(books: Books) -> None:
    books.create_invoice(draft(make_request(make_offer(books))), "one", PREIMAGE)
    with books.paid.listen() as events:
        waiting = asyncio.create_task(books.wait_invoice("one"))
        await asyncio.sleep(0)
        books.die()
        with pytest.raises(NodeDied):
            await waiting
        assert await events.get() is None
