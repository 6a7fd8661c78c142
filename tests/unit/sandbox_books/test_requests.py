"""What the offers plugin says to invoice_requests that it refuses, in its words."""

import pytest

from bled.sandbox.books import Books
from bled.sandbox.books_paths import PrivateChannel
from bled.sandbox.books_store import BookStore
from bled_codec.bolt12_string import format_string
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.fields import Field
from bled_codec.invoice import Invoice
from bled_codec.offer import Offer
from bled_codec.units import UnixTime

from .messages import NODE, START, SetClock, altered_request, make_offer, make_request, refusal

PEER = SecretKey(bytes([3]) * 32)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({Field.INVREQ_METADATA: None}, "Missing invreq_metadata"),
        ({Field.INVREQ_FEATURES: b"\x01"}, "Unsupported invreq feature 0"),
        ({Field.INVREQ_FEATURES: b"\x14\x02"}, "Unsupported invreq feature 10"),
        ({Field.INVREQ_BIP_353_NAME: b"\x01%\x01x"}, "invalid bip353 name fields"),
        ({Field.INVREQ_CHAIN: None}, "Wrong chain "),
        ({Field.INVREQ_CHAIN: BITCOIN_CHAIN}, f"Wrong chain {BITCOIN_CHAIN.hex()}"),
        ({Field.OFFER_ISSUER_ID: None}, "Not based on an offer"),
        ({Field.OFFER_DESCRIPTION: b"coffee"}, "Unknown offer"),
        ({Field.INVREQ_QUANTITY: b"\x01"}, "unexpected invreq_quantity"),
        ({Field.INVREQ_AMOUNT: (14_999).to_bytes(2, "big")}, "Amount must be at least 15000msat"),
        ({Field.INVREQ_AMOUNT: (75_005).to_bytes(3, "big")}, "Amount vastly exceeds 15000msat"),
        ({161: b"x"}, "Invalid high fields"),
    ],
)
def test_a_request_is_refused_with_the_reason(books: Books, changes: dict[int, bytes | None], text: str) -> None:
    data = altered_request(make_offer(books), changes)
    assert refusal(books, data) == f"Failed invreq {format_string('lnr', data)}: {text}"
    assert books.list_invoices() == []


@pytest.mark.parametrize("changes", [{92: b""}, {Field.INVREQ_CHAIN: b"x"}, {Field.INVREQ_BIP_353_NAME: b"\x05x"}])
def test_a_request_that_cannot_be_read_is_not_repeated(books: Books, changes: dict[int, bytes | None]) -> None:
    assert refusal(books, altered_request(make_offer(books), changes)) == "Failed invreq: Invalid invreq"


def test_a_request_cut_short_anywhere_is_refused(books: Books) -> None:
    data = make_request(make_offer(books)).encode()
    for length in range(len(data)):
        assert refusal(books, data[:length]).startswith("Failed invreq")
    assert books.list_invoices() == []


def test_a_request_without_payer_is_refused(books: Books) -> None:
    assert refusal(books, b"\x00\x01\x01") == "Failed invreq lnr1qqqsz: Missing invreq_payer_id"


def test_a_wrong_or_missing_signature_is_refused(books: Books) -> None:
    offer = make_offer(books)
    data = make_request(offer).encode()
    assert refusal(books, data[:-1] + bytes([data[-1] ^ 1])).endswith(": bad signature")
    assert refusal(books, data[:-66]).endswith(": missing signature")
    stranger = SecretKey(bytes([8]) * 32)
    assert refusal(books, altered_request(offer, {}, payer=stranger)).endswith(": bad signature")


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (None, "missing invreq_quantity"),
        (b"", "quantity zero invalid"),
        (b"\x06", "quantity 6 > 5"),
        (b"\x02", "Amount must be at least 30000msat"),
    ],
)
def test_the_quantity_must_be_one_that_is_offered(books: Books, quantity: bytes | None, text: str) -> None:
    offer = make_offer(books, quantity_max=5)
    changes = {record.type: record.value for record in Offer.from_string(offer.bolt12).records}
    data = altered_request(make_offer(books), changes | {Field.INVREQ_QUANTITY: quantity})
    assert refusal(books, data).endswith(f": {text}")


def test_a_quantity_that_no_number_can_hold_is_refused(books: Books) -> None:
    offer = make_offer(books, quantity_max=0)
    changes = {record.type: record.value for record in Offer.from_string(offer.bolt12).records}
    data = altered_request(make_offer(books), changes | {Field.INVREQ_QUANTITY: b"\xff" * 8})
    assert refusal(books, data).endswith(f": quantity {2**64 - 1} causes overflow")


def test_an_offer_for_any_amount_needs_one_in_the_request(books: Books) -> None:
    offer = make_offer(books, amount="any", description=None)
    changes = {record.type: record.value for record in Offer.from_string(offer.bolt12).records}
    changes |= {Field.OFFER_AMOUNT: None, Field.OFFER_DESCRIPTION: None, Field.INVREQ_AMOUNT: None}
    assert refusal(books, altered_request(make_offer(books), changes)).endswith(": missing invreq_amount")


@pytest.mark.parametrize("amount", [15_001, 75_000, 75_004])
def test_up_to_five_times_the_amount_passes_and_a_little_more(books: Books, amount: int) -> None:
    answer = books.answer(make_request(make_offer(books), amount=amount).encode(), None)
    assert answer.invoice is not None
    assert Invoice.decode(answer.invoice).invoice_amount == amount


def test_an_unknown_odd_record_passes_and_is_repeated(books: Books) -> None:
    answer = books.answer(altered_request(make_offer(books), {93: b"x", 2_000_000_001: b"y"}), None)
    assert answer.invoice is not None
    values = {record.type: record.value for record in Invoice.decode(answer.invoice).records}
    assert (values[93], values[2_000_000_001]) == (b"x", b"y")


def test_an_offer_is_over_in_the_very_second(books: Books, clock: SetClock) -> None:
    data = make_request(make_offer(books)).encode()
    clock.time = UnixTime(START + 300)
    assert refusal(books, data).endswith(": Offer expired")


@pytest.mark.parametrize(("developer", "text"), [(False, "Unknown offer"), (True, "Unexpected blinded path")])
def test_a_request_for_a_public_offer_may_come_along_no_path(
    store: BookStore, clock: SetClock, developer: bool, text: str
) -> None:
    books = Books(key=NODE, chain=REGTEST_CHAIN, store=store, clock=clock, developer=developer)
    data = make_request(make_offer(books)).encode()
    assert refusal(books, data, bytes(32)).endswith(f": {text}")
    assert books.answer(data, bytes(31)).invoice is not None


@pytest.mark.parametrize("developer", [False, True])
def test_a_request_for_a_private_offer_must_come_along_its_path(
    store: BookStore, clock: SetClock, developer: bool
) -> None:
    channel = PrivateChannel(peer=PEER.public_key)
    books = Books(key=NODE, chain=REGTEST_CHAIN, store=store, clock=clock, channel=channel, developer=developer)
    offer = make_offer(books)
    assert offer.offer_id == Offer.from_string(offer.bolt12).offer_id
    data = make_request(offer).encode()
    texts = ("Expected blinded path", "Wrong blinded path") if developer else ("Unknown offer", "Unknown offer")
    assert refusal(books, data).endswith(f": {texts[0]}")
    assert refusal(books, data, bytes(32)).endswith(f": {texts[1]}")
