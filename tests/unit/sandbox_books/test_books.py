"""Offers, invoices and payments of a sandbox node, as its callers see them."""

import asyncio
from pathlib import Path

import pytest

from bled.sandbox.books import Books
from bled.sandbox.books_events import InvoiceEvent
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.books_store import BookStore
from bled.sandbox.rpc_error import NodeDied, RpcError
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.invoice import Invoice
from bled_codec.request_signature import RequestSignature
from bled_codec.units import UnixTime

from .messages import (
    AMOUNT,
    NODE,
    PREIMAGE,
    START,
    SetClock,
    draft,
    label_of,
    make_offer,
    make_request,
    payment_path_id,
    refusal,
)

OTHER_PREIMAGE = bytes([6]) * 32


def test_a_request_is_answered_with_a_valid_invoice_that_lives_longer_than_the_offer(books: Books) -> None:
    answer = books.answer(make_request(make_offer(books)).encode(), None)
    assert answer.invoice is not None
    invoice = Invoice.decode(answer.invoice)
    assert invoice.invoice_amount == AMOUNT
    assert invoice.request_signature is RequestSignature.ABSENT
    assert invoice.expires_at == START + 7200
    assert [row.bolt12 for row in books.list_invoices()] == [invoice.string]


def test_a_request_without_amount_gets_an_invoice_for_the_offers(books: Books) -> None:
    answer = books.answer(make_request(make_offer(books), amount=None).encode(), None)
    assert answer.invoice is not None
    assert Invoice.decode(answer.invoice).invoice_amount == AMOUNT


def test_field_239_survives_and_is_signed_over(books: Books) -> None:
    offer = make_offer(books)
    row = books.create_invoice(draft(make_request(offer)), label_of(offer), PREIMAGE)
    assert Invoice.from_string(row.bolt12).request_signature is RequestSignature.VALID


def test_the_invoice_that_stands_under_the_label_is_sent_instead_of_a_new_one(books: Books) -> None:
    offer = make_offer(books)
    row = books.create_invoice(draft(make_request(offer)), label_of(offer), PREIMAGE)
    for amount in (AMOUNT, AMOUNT + 1):
        answer = books.answer(make_request(offer, amount=amount).encode(), None)
        assert answer.invoice == Invoice.from_string(row.bolt12).encode()
    assert len(books.list_invoices()) == 1


def test_under_any_other_label_the_node_makes_a_second_invoice(books: Books) -> None:
    offer = make_offer(books)
    row = books.create_invoice(draft(make_request(offer)), label_of(offer).upper(), PREIMAGE)
    answer = books.answer(make_request(offer).encode(), None)
    assert answer.invoice is not None
    assert Invoice.decode(answer.invoice).string != row.bolt12
    assert len(books.list_invoices()) == 2


def test_a_request_whose_invoice_is_over_gets_no_other(books: Books, clock: SetClock) -> None:
    offer = make_offer(books, single_use=False)
    request = make_request(offer)
    row = books.create_invoice(draft(request, relative_expiry=10), label_of(offer), PREIMAGE)
    clock.time = UnixTime(START + 10)
    assert refusal(books, request.encode()).endswith(": invoice expired (cancelled?)")
    books.del_invoice(row.label, InvoiceStatus.EXPIRED)
    row = books.create_invoice(draft(request), label_of(offer), PREIMAGE)
    books.settle(row.payment_hash, AMOUNT)
    assert refusal(books, request.encode()) == "Internal error"


def test_a_closed_offer_ends_everything(books: Books) -> None:
    offer = make_offer(books)
    request = make_request(offer)
    row = books.create_invoice(draft(request), "one", PREIMAGE)
    assert not books.disable_offer(offer.offer_id).active
    assert [row.status for row in books.list_invoices()] == [InvoiceStatus.EXPIRED]
    assert not books.accept(row.payment_hash, AMOUNT, payment_path_id(books, row.payment_hash))
    assert refusal(books, request.encode()).endswith(": Offer no longer available")
    with pytest.raises(RpcError) as caught:
        books.create_invoice(draft(request), "one", PREIMAGE)
    assert (caught.value.code, caught.value.message) == (907, "offer not active")
    with pytest.raises(RpcError) as caught:
        books.disable_offer(offer.offer_id)
    assert (caught.value.code, caught.value.message) == (1001, "offer is not active")


def test_an_offer_opened_again_leaves_its_invoices_expired(books: Books) -> None:
    offer = make_offer(books)
    books.create_invoice(draft(make_request(offer)), "one", PREIMAGE)
    books.disable_offer(offer.offer_id)
    assert books.enable_offer(offer.offer_id).active
    assert [row.status for row in books.list_invoices()] == [InvoiceStatus.EXPIRED]
    with pytest.raises(RpcError) as caught:
        books.enable_offer(offer.offer_id)
    assert caught.value.code == 1006


def test_an_offer_that_was_used_up_stays_closed(books: Books) -> None:
    offer = make_offer(books)
    row = books.create_invoice(draft(make_request(offer)), "one", PREIMAGE)
    books.settle(row.payment_hash, AMOUNT)
    with pytest.raises(RpcError) as caught:
        books.enable_offer(offer.offer_id)
    assert caught.value.code == 1007


@pytest.mark.parametrize("call", ["disable_offer", "enable_offer"])
def test_an_unknown_offer_is_called_so(books: Books, call: str) -> None:
    with pytest.raises(RpcError) as caught:
        getattr(books, call)(bytes(32))
    assert (caught.value.code, caught.value.message) == (-1, "Unknown offer")


def test_a_second_invoice_under_one_label_is_900_with_the_first_as_data(books: Books) -> None:
    text = draft(make_request(make_offer(books)))
    row = books.create_invoice(text, "one", PREIMAGE)
    with pytest.raises(RpcError) as caught:
        books.create_invoice(text, "one", PREIMAGE)
    assert (caught.value.code, caught.value.message) == (900, "Duplicate label")
    assert caught.value.data == row.as_data()
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
    row = books.create_invoice(draft(make_request(offer)), "one", PREIMAGE)
    books.create_invoice(draft(make_request(offer), OTHER_PREIMAGE), "two", OTHER_PREIMAGE)
    path_id = payment_path_id(books, row.payment_hash)
    assert books.accept(row.payment_hash, AMOUNT, path_id)
    assert books.settle(row.payment_hash, AMOUNT) == PREIMAGE
    assert not books.accept(row.payment_hash, AMOUNT, path_id)
    with pytest.raises(RpcError) as caught:
        books.settle(row.payment_hash, AMOUNT)
    assert caught.value.code == 203
    statuses = {row.label: row.status for row in books.list_invoices()}
    assert statuses == {"one": InvoiceStatus.PAID, "two": InvoiceStatus.EXPIRED}
    (used,) = books.list_offers(offer.offer_id)
    assert (used.used, used.active) == (True, False)


def test_an_offer_for_many_stays_open_when_it_was_paid(books: Books) -> None:
    offer = make_offer(books, single_use=False)
    row = books.create_invoice(draft(make_request(offer)), "one", PREIMAGE)
    books.settle(row.payment_hash, AMOUNT)
    (used,) = books.list_offers(offer.offer_id)
    assert (used.used, used.active) == (True, True)


@pytest.mark.parametrize(("amount", "taken"), [(14_999, False), (15_000, True), (30_000, True), (30_001, False)])
def test_a_payment_may_be_up_to_twice_the_amount(books: Books, amount: int, taken: bool) -> None:
    row = books.create_invoice(draft(make_request(make_offer(books))), "one", PREIMAGE)
    assert books.accept(row.payment_hash, amount, payment_path_id(books, row.payment_hash)) is taken


@pytest.mark.parametrize("path_id", [b"", bytes(32), bytes(31)])
def test_a_payment_over_no_path_of_the_invoice_is_not_taken(books: Books, path_id: bytes) -> None:
    row = books.create_invoice(draft(make_request(make_offer(books))), "one", PREIMAGE)
    assert not books.accept(row.payment_hash, AMOUNT, path_id)


def test_an_invoice_that_ran_out_is_not_paid(books: Books, clock: SetClock) -> None:
    row = books.create_invoice(draft(make_request(make_offer(books)), relative_expiry=10), "one", PREIMAGE)
    path_id = payment_path_id(books, row.payment_hash)
    clock.time = UnixTime(START + 9)
    assert books.accept(row.payment_hash, AMOUNT, path_id)
    clock.time = UnixTime(START + 10)
    assert not books.accept(row.payment_hash, AMOUNT, path_id)
    with pytest.raises(RpcError):
        books.settle(row.payment_hash, AMOUNT)


def test_running_out_and_payment_are_numbered_a_closed_offer_is_not(books: Books, clock: SetClock) -> None:
    offers = [make_offer(books, description=f"tea {number}") for number in range(3)]
    for number, (offer, seconds) in enumerate(zip(offers, (10, 300, 300), strict=True)):
        preimage = bytes([number]) * 32
        books.create_invoice(draft(make_request(offer), preimage, relative_expiry=seconds), f"{number}", preimage)
    books.disable_offer(offers[2].offer_id)
    clock.time = UnixTime(START + 10)
    (paid,) = books.list_invoices(label="1")
    books.settle(paid.payment_hash, AMOUNT)
    numbers = {row.label: (row.updated_index, row.pay_index) for row in books.list_invoices()}
    assert numbers == {"0": (1, None), "1": (2, 1), "2": (None, None)}


@pytest.mark.parametrize("status", [InvoiceStatus.PAID, InvoiceStatus.EXPIRED])
def test_an_invoice_in_another_state_is_not_deleted(books: Books, status: InvoiceStatus) -> None:
    books.create_invoice(draft(make_request(make_offer(books))), "one", PREIMAGE)
    with pytest.raises(RpcError) as caught:
        books.del_invoice("one", status)
    assert caught.value.code == 906
    with pytest.raises(RpcError) as caught:
        books.del_invoice("no such", InvoiceStatus.UNPAID)
    assert caught.value.code == 905


async def test_a_wait_ends_with_the_payment(books: Books) -> None:
    row = books.create_invoice(draft(make_request(make_offer(books))), "one", PREIMAGE)
    waiting = asyncio.create_task(books.wait_invoice("one"))
    await asyncio.sleep(0)
    books.settle(row.payment_hash, AMOUNT)
    assert (await waiting).status is InvoiceStatus.PAID
    assert (await books.wait_invoice("one")).status is InvoiceStatus.PAID


async def test_a_wait_begun_before_the_offer_is_closed_never_ends(books: Books, clock: SetClock) -> None:
    offer = make_offer(books)
    books.create_invoice(draft(make_request(offer), relative_expiry=1), "one", PREIMAGE)
    waiting = asyncio.create_task(books.wait_invoice("one"))
    await asyncio.sleep(0)
    books.disable_offer(offer.offer_id)
    clock.time = UnixTime(START + 2)
    books.list_invoices()
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    waiting.cancel()
    with pytest.raises(RpcError) as caught:
        await books.wait_invoice("one")
    assert (caught.value.code, caught.value.message) == (903, "invoice expired during wait")


async def test_a_wait_ends_when_the_invoice_runs_out_by_itself(books: Books, clock: SetClock) -> None:
    books.create_invoice(draft(make_request(make_offer(books)), relative_expiry=1), "one", PREIMAGE)
    waiting = asyncio.create_task(books.wait_invoice("one"))
    await asyncio.sleep(0)
    clock.time = UnixTime(START + 1)
    books.list_invoices()
    with pytest.raises(RpcError) as caught:
        await waiting
    assert caught.value.code == 903


async def test_a_wait_notices_by_itself_that_the_time_is_over(books: Books, clock: SetClock) -> None:
    books.create_invoice(draft(make_request(make_offer(books)), relative_expiry=0), "one", PREIMAGE)
    with pytest.raises(RpcError) as caught:
        await books.wait_invoice("one")
    assert caught.value.code == 903


async def test_a_wait_ends_with_an_error_when_the_invoice_is_deleted(books: Books) -> None:
    books.create_invoice(draft(make_request(make_offer(books))), "one", PREIMAGE)
    waiting = asyncio.create_task(books.wait_invoice("one"))
    await asyncio.sleep(0)
    books.del_invoice("one", InvoiceStatus.UNPAID)
    with pytest.raises(RpcError) as caught:
        await waiting
    assert (caught.value.code, caught.value.message) == (-1, "Invoice deleted during wait")


async def test_the_death_of_the_node_ends_waits_and_streams(books: Books) -> None:
    books.create_invoice(draft(make_request(make_offer(books))), "one", PREIMAGE)
    with books.paid.listen() as events:
        waiting = asyncio.create_task(books.wait_invoice("one"))
        await asyncio.sleep(0)
        books.die()
        with pytest.raises(NodeDied):
            await waiting
        assert await events.get() is None


async def test_streams_tell_of_every_invoice_made_and_paid(books: Books) -> None:
    offer = make_offer(books)
    with books.created.listen() as created, books.paid.listen() as paid:
        row = books.create_invoice(draft(make_request(offer)), "one", PREIMAGE)
        books.settle(row.payment_hash, AMOUNT)
        event = InvoiceEvent(label="one", amount=AMOUNT, preimage=PREIMAGE)
        assert await created.get() == event
        assert await paid.get() == event


def test_a_node_started_again_knows_its_offers_and_invoices(tmp_path: Path, clock: SetClock) -> None:
    seen = []
    for _ in range(2):
        store = BookStore(tmp_path / "books.sqlite")
        books = Books(key=NODE, chain=REGTEST_CHAIN, store=store, clock=clock)
        if not seen:
            offer = make_offer(books)
            row = books.create_invoice(draft(make_request(offer)), "one", PREIMAGE)
            books.settle(row.payment_hash, AMOUNT)
        seen.append((books.list_offers(), books.list_invoices(), books.make_secret(string="x")))
        store.close()
    assert seen[0] == seen[1]


def test_a_secret_is_asked_for_by_text_or_by_bytes(books: Books) -> None:
    assert books.make_secret(b"x") == books.make_secret(string="x") != books.make_secret(string="y")
    for arguments in ({}, {"data": b"x", "string": "x"}):
        with pytest.raises(RpcError) as caught:
            books.make_secret(**arguments)
        assert caught.value.code == -32602
