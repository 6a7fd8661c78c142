"""What `createinvoice` refuses, what it takes, and what lightningd does not survive."""

import hashlib

import pytest

from bled.sandbox.books import Books
from bled.sandbox.rpc_error import NodeDied, RpcError
from bled_codec.bolt12_string import format_string, parse_string
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import verify_schnorr
from bled_codec.fields import Field
from bled_codec.invoice import Invoice, invoice_digest
from bled_codec.tlv import split_stream

from .messages import NODE, PREIMAGE, altered_draft, draft, make_offer, make_request

UNPARSABLE = "Unparsable invoice '{text}': "


def refused(books: Books, text: str, preimage: bytes = PREIMAGE) -> tuple[int | None, str]:
    with pytest.raises(RpcError) as caught:
        books.create_invoice(text, "one", preimage)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lni1abcdb", "invalid bech32 string"),
        ("lni1", "invalid bech32 string"),
        ("", "invalid bech32 string"),
        ("lnbcrt1qqqq", "unexpected prefix lnbcrt"),
        ("lno1qqqq", "unexpected prefix lno"),
        (format_string("lni", b"\x00"), "invalid invoice data"),
        (format_string("lni", b"\xfd\x01\x02\x00"), "invalid invoice data"),
    ],
)
def test_what_is_no_invoice_is_called_unparsable(books: Books, text: str, reason: str) -> None:
    assert refused(books, text) == (-32602, UNPARSABLE.format(text=text) + reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({Field.INVREQ_CHAIN: None}, "wrong chain"),
        ({Field.INVREQ_CHAIN: BITCOIN_CHAIN}, "wrong chain"),
        ({Field.INVOICE_FEATURES: b"\x04"}, "unknown feature bit 2"),
    ],
)
def test_an_invoice_for_another_node_is_called_unparsable(
    books: Books, changes: dict[int, bytes | None], reason: str
) -> None:
    text = altered_draft(make_request(make_offer(books)), changes)
    assert refused(books, text) == (-32602, UNPARSABLE.format(text=text) + reason)


def test_a_signed_invoice_is_refused(books: Books) -> None:
    row = books.create_invoice(draft(make_request(make_offer(books))), "first", PREIMAGE)
    assert refused(books, row.bolt12) == (-32602, "invoice already signed")


def test_the_preimage_must_fit(books: Books) -> None:
    text = draft(make_request(make_offer(books)))
    assert refused(books, text, bytes(32)) == (-32602, "Incorrect preimage")


def test_an_invoice_needs_an_amount(books: Books) -> None:
    text = altered_draft(make_request(make_offer(books)), {Field.INVOICE_AMOUNT: None})
    assert refused(books, text) == (-32602, "Missing invoice_amount in invoice")


def test_without_payment_hash_it_is_refused_with_paths_and_kills_the_node_without(books: Books) -> None:
    request = make_request(make_offer(books))
    signed = Invoice.from_string(books.create_invoice(draft(request), "first", PREIMAGE).bolt12)
    values = {record.type: record.value for record in signed.records}
    paths = {type_: values[type_] for type_ in (Field.INVOICE_PATHS, Field.INVOICE_BLINDEDPAY)}
    with_paths = altered_draft(request, {Field.INVOICE_PAYMENT_HASH: None, **paths})
    assert refused(books, with_paths) == (-32602, "Missing payment_hash in invoice")
    with pytest.raises(NodeDied):
        books.create_invoice(altered_draft(request, {Field.INVOICE_PAYMENT_HASH: None}), "two", PREIMAGE)
    assert books.is_dead


def test_unknown_odd_records_are_kept_and_signed_with_the_nodes_key_whoever_is_named(books: Books) -> None:
    stranger = bytes.fromhex("02" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    changes = {Field.INVOICE_NODE_ID: stranger, 237: b"x", 3_000_000_001: b"y"}
    row = books.create_invoice(altered_draft(make_request(make_offer(books)), changes), "one", PREIMAGE)
    records = split_stream(parse_string(row.bolt12)[1])
    values = {record.type: record.value for record in records}
    assert (values[237], values[3_000_000_001]) == (b"x", b"y")
    assert verify_schnorr(values[Field.SIGNATURE], invoice_digest(records), key=NODE.public_key)


def test_paths_that_the_caller_gives_are_left_alone(books: Books) -> None:
    request = make_request(make_offer(books))
    first = Invoice.from_string(books.create_invoice(draft(request), "first", PREIMAGE).bolt12)
    values = {record.type: record.value for record in first.records}
    preimage = bytes(32)
    changes = {
        Field.INVOICE_PAYMENT_HASH: hashlib.sha256(preimage).digest(),
        Field.INVOICE_PATHS: values[Field.INVOICE_PATHS],
        Field.INVOICE_BLINDEDPAY: values[Field.INVOICE_BLINDEDPAY],
    }
    second = books.create_invoice(altered_draft(request, changes), "second", preimage)
    assert Invoice.from_string(second.bolt12).invoice_paths == first.invoice_paths


def test_an_invoice_may_be_for_nobodys_offer_for_another_amount_and_without_description(books: Books) -> None:
    request = make_request(make_offer(books))
    changes = {Field.OFFER_DESCRIPTION: None, Field.INVOICE_AMOUNT: b"\x01"}
    row = books.create_invoice(altered_draft(request, changes), "", PREIMAGE)
    assert (row.label, row.local_offer_id, row.amount, row.description) == ("", None, 1, None)
