"""Whatever a node would refuse without a word to the till, the till refuses before, with a code for both screens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bled.clock import SystemClock
from bled.codes import OUTCOMES
from bled.errors import BledError
from bled.sales.judge import judge_request
from bled.sandbox.books import Books
from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.books_store import BookStore
from bled_codec.blinded_path import create_blinded_path
from bled_codec.chains import REGTEST_CHAIN, SIGNET_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.fields import Field, ordered
from bled_codec.invoice_request import request_digest
from bled_codec.offer import Offer
from bled_codec.primitives import encode_truncated
from bled_codec.tlv import TlvRecord, join_records, make_record
from bled_codec.units import Msat, UnixTime

NODE, PAYER = SecretKey(b"\x41" * 32), SecretKey(b"\x42" * 32)
PATH = create_blinded_path([NODE.public_key], [b""], session_key=PAYER)
AMOUNT = Msat(15_000)


@dataclass
class Counter:
    """The till's offer at its node."""

    books: Books
    offer: Offer

    def node_refuses(self, data: bytes) -> bool:
        return self.books.answer(data, None).invoice is None

    def till_refuses(self, data: bytes) -> BledError | None:
        try:
            now = SystemClock().now()
            judge_request(data, offer=self.offer, amount=AMOUNT, chain=REGTEST_CHAIN, left=45, now=now)
        except BledError as error:
            return error
        return None


@pytest.fixture
def counter() -> Iterator[Counter]:
    store = BookStore(None)
    books = Books(key=NODE, chain=REGTEST_CHAIN, store=store, clock=SystemClock())
    expiry = UnixTime(SystemClock().now() + 300)
    args = OfferArgs(amount=f"{AMOUNT}msat", description="coffee", absolute_expiry=expiry, single_use=True)
    yield Counter(books, Offer.from_string(books.offer(args).bolt12))
    store.close()


Changes = dict[int, bytes | None]


def signed(offer: Offer, changes: Changes, *, key: SecretKey = PAYER) -> bytes:
    """Return a request with records changed or left out (None), signed after that."""
    records: dict[int, TlvRecord] = {record.type: record for record in offer.records}
    values: Changes = {
        Field.INVREQ_METADATA: b"\x01" * 24,
        Field.INVREQ_CHAIN: REGTEST_CHAIN,
        Field.INVREQ_AMOUNT: encode_truncated(AMOUNT),
        Field.INVREQ_PAYER_ID: PAYER.public_key,
        Field.INVREQ_PATHS: PATH.encode(),
    } | changes
    for kind, value in values.items():
        records.pop(kind, None)
        if value is not None:
            records[kind] = make_record(kind, value)
    unsigned = ordered(records.values())
    signature = make_record(Field.SIGNATURE, key.sign(request_digest(unsigned), aux=bytes(32)))
    return join_records(ordered([*unsigned, signature]))


FAULTS: dict[str, Changes] = {
    "less than the price": {Field.INVREQ_AMOUNT: encode_truncated(AMOUNT - 1)},
    "far more than the price": {Field.INVREQ_AMOUNT: encode_truncated(AMOUNT * 6)},
    "no chain": {Field.INVREQ_CHAIN: None},
    "another chain": {Field.INVREQ_CHAIN: SIGNET_CHAIN},
    "another text": {Field.OFFER_DESCRIPTION: b"tea"},
    "another expiry": {Field.OFFER_ABSOLUTE_EXPIRY: encode_truncated(4_000_000_000)},
    "no expiry": {Field.OFFER_ABSOLUTE_EXPIRY: None},
    "a quantity": {Field.INVREQ_QUANTITY: b"\x02"},
    "an even feature": {Field.INVREQ_FEATURES: b"\x01"},
    "an even record": {92: b"x"},
    "no payer id": {Field.INVREQ_PAYER_ID: None},
    "no metadata": {Field.INVREQ_METADATA: None},
    "a field of invoices": {Field.INVOICE_AMOUNT: b"\x01"},
}
"""Of a request that is signed all the same. The node takes the first ones up to five times the price."""


def test_a_good_request_passes_both(counter: Counter) -> None:
    data = signed(counter.offer, {})
    assert not counter.node_refuses(data)
    assert counter.till_refuses(data) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_node_would_refuse_the_till_refuses_with_a_code(counter: Counter, fault: str) -> None:
    data = signed(counter.offer, FAULTS[fault])
    assert counter.node_refuses(data)
    error = counter.till_refuses(data)
    assert error is not None
    assert OUTCOMES[error.code].air is not None


@pytest.mark.parametrize(
    "break_",
    [
        lambda offer: signed(offer, {}, key=NODE),
        lambda offer: signed(offer, {})[:-1],
        lambda offer: signed(offer, {}) + b"\x00",
        lambda _: b"",
    ],
    ids=["another's signature", "cut short", "trailing", "empty"],
)
def test_what_is_broken_too(counter: Counter, break_: Callable[[Offer], Any]) -> None:
    data = break_(counter.offer)
    assert counter.node_refuses(data)
    assert counter.till_refuses(data) is not None


def test_what_the_node_takes_and_the_till_does_not(counter: Counter) -> None:
    for amount in (AMOUNT + 1, AMOUNT * 5):
        data = signed(counter.offer, {Field.INVREQ_AMOUNT: encode_truncated(amount)})
        assert counter.till_refuses(data) is not None
        assert not counter.node_refuses(data)
