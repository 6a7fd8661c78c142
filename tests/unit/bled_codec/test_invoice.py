"""Invoices: what they repeat, what they must have, and that nothing in them can be changed after the signature."""

from copy import deepcopy

import pytest

from bled_codec.bolt12_string import format_string
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError, EncodingError, Rule, SemanticError, SignatureError
from bled_codec.fields import MIRRORED_TYPES, Field, select
from bled_codec.invoice import Invoice, UnsignedInvoice, create_invoice
from bled_codec.request_signature import RequestSignature
from bled_codec.tlv import encode_stream, join_records, make_record
from bled_codec.units import MAX_MSAT, Msat, UnixTime
from bled_codec.values import FallbackAddress

from .samples import (
    AUX,
    CREATED_AT,
    ISSUER,
    PATH,
    PAYER,
    PAYINFO,
    PREIMAGE,
    STRANGER,
    invoice,
    offer,
    path,
    replaced,
    request,
    signed_invoice,
)


def test_every_field_that_is_written_is_read() -> None:
    written = invoice(relative_expiry=60, features=b"\x02\x00\x00", paths=[PATH, PATH], blindedpay=[PAYINFO, PAYINFO])
    read = Invoice.from_string(written.string)
    assert read == written
    assert (read.invoice_payment_hash, read.invoice_amount) == (sha256(PREIMAGE), 5000)
    assert (read.invoice_created_at, read.invoice_relative_expiry) == (CREATED_AT, 60)
    assert (read.invoice_paths, read.invoice_blindedpay) == ((PATH, PATH), (PAYINFO, PAYINFO))
    assert (read.invoice_features, read.invoice_node_id) == (b"\x02\x00\x00", ISSUER.public_key)


def test_an_invoice_repeats_its_request_byte_for_byte_and_its_signature_in_239() -> None:
    of = request(extra=[make_record(95, b"kept"), make_record(2_500_000_001, b"too")])
    made = invoice(of)
    assert made.request_records == select(of.records, MIRRORED_TYPES)
    assert made.invoice_request_signature == of.signature


def test_an_invoice_can_be_copied_with_all_in_it() -> None:
    made = invoice()
    copy = deepcopy(made)
    assert copy == made
    assert copy.request_signature is made.request_signature is RequestSignature.VALID


def test_field_239_can_be_left_out() -> None:
    assert invoice(with_request_signature=False).invoice_request_signature is None


def test_an_invoice_lives_two_hours_unless_it_says_otherwise() -> None:
    assert invoice().expires_at == CREATED_AT + 7200
    assert invoice(relative_expiry=0).expires_at == CREATED_AT
    assert invoice(relative_expiry=60).expires_at == CREATED_AT + 60


PATH_BYTES, PAYINFO_BYTES = PATH.encode(), PAYINFO.encode()
BROKEN: dict[str, tuple[dict[int, bytes | None], Rule, int]] = {
    "no metadata": ({0: None}, Rule.METADATA_MISSING, 0),
    "no payer id": ({88: None}, Rule.PAYER_ID_MISSING, 88),
    "no amount": ({170: None}, Rule.AMOUNT_MISSING, 170),
    "no time of creation": ({164: None}, Rule.CREATED_AT_MISSING, 164),
    "no payment hash": ({168: None}, Rule.PAYMENT_HASH_MISSING, 168),
    "no node id": ({176: None}, Rule.NODE_ID_MISSING, 176),
    "no paths": ({160: None}, Rule.PATHS_MISSING, 160),
    "empty paths": ({160: b""}, Rule.PATHS_MISSING, 160),
    "empty paths and payinfos": ({160: b"", 162: b""}, Rule.PATHS_MISSING, 160),
    "no payinfo": ({162: None}, Rule.BLINDEDPAY_MISSING, 162),
    "an empty payinfo": ({162: b""}, Rule.BLINDEDPAY_COUNT, 162),
    "a payinfo too many": ({162: 2 * PAYINFO_BYTES}, Rule.BLINDEDPAY_COUNT, 162),
    "a path too many": ({160: 2 * PATH_BYTES}, Rule.BLINDEDPAY_COUNT, 162),
    "a path without hops": ({160: PATH_BYTES[:66] + b"\x00"}, Rule.PATH_WITHOUT_HOPS, 160),
    "a payinfo cut short": ({162: PAYINFO_BYTES[:-1]}, Rule.TRUNCATED, 162),
    "no path that we understand": ({162: PAYINFO_BYTES[:-2] + b"\x00\x01\x04"}, Rule.NO_USABLE_PATH, 162),
    "an unknown even feature": ({174: b"\x04"}, Rule.UNKNOWN_FEATURE, 174),
    "a known and an unknown feature": ({174: b"\x05\x00\x00"}, Rule.UNKNOWN_FEATURE, 174),
    "an unknown even feature of the request": ({84: b"\x04"}, Rule.UNKNOWN_FEATURE, 84),
    "one millisatoshi more": ({170: b"\x13\x89"}, Rule.AMOUNT_MISMATCH, 170),
    "one millisatoshi less": ({170: b"\x13\x87"}, Rule.AMOUNT_MISMATCH, 170),
    "more than all bitcoin": ({170: (MAX_MSAT + 1).to_bytes(8, "big")}, Rule.AMOUNT_ABOVE_SUPPLY, 170),
    "another node": ({176: STRANGER.public_key}, Rule.NODE_ID_MISMATCH, 176),
    "a node that is no point": ({176: b"\x04" + bytes(32)}, Rule.NOT_A_POINT, 176),
    "a payment hash of 31 bytes": ({168: bytes(31)}, Rule.WRONG_LENGTH, 168),
    "an expiry of five bytes": ({166: b"\x01" * 5}, Rule.INTEGER_TOO_LONG, 166),
    "a fallback cut short": ({172: b"\x00\x00\x05aaaa"}, Rule.TRUNCATED, 172),
    "an unknown even field": ({178: b""}, Rule.TLV_UNKNOWN_EVEN, 178),
    "an unknown even field far up": ({4_000_000_000: b""}, Rule.TLV_UNKNOWN_EVEN, 4_000_000_000),
    "a request that breaks its own rule": ({10: None}, Rule.AMOUNT_WITHOUT_DESCRIPTION, 8),
}


@pytest.mark.parametrize(("changes", "rule", "tlv_type"), BROKEN.values(), ids=BROKEN)
def test_each_rule_refuses_its_own_case(changes: dict[int, bytes | None], rule: Rule, tlv_type: int) -> None:
    with pytest.raises(CodecError) as caught:
        Invoice.decode(signed_invoice(changes))
    assert (caught.value.rule, caught.value.tlv_type) == (rule, tlv_type)


@pytest.mark.parametrize(
    "changes",
    [
        {174: b"\x03\x00\x00"},
        {174: b""},
        {160: 2 * PATH_BYTES, 162: PAYINFO_BYTES + PAYINFO_BYTES[:-2] + b"\x00\x01\x04"},
        {162: PAYINFO_BYTES[:-2] + b"\x00\x01\x02"},
        {161: b""},
        {177: b"odd"},
        {1001: b"odd"},
        {999_999_999: b"odd"},
        {3_999_999_999: b"odd"},
        {5_000_000_001: b"odd"},
        {239: None},
        {239: b"rubbish"},
    ],
    ids=str,
)
def test_what_looks_odd_and_is_allowed_is_read(changes: dict[int, bytes | None]) -> None:
    data = signed_invoice(changes)
    assert Invoice.decode(data).encode() == data


USABLE = [(0, 20), (0, 32), (1, 32), (2, 2), (16, 2), (16, 40)]
UNUSABLE = [(17, 32), (255, 20), (1, 1), (1, 41), (0, 21), (1, 20), (2, 1), (2, 41), (0, 0)]


def test_fallbacks_that_nobody_can_pay_to_are_told_apart_not_refused() -> None:
    fallbacks = b"".join(
        bytes([version]) + length.to_bytes(2, "big") + bytes(length) for version, length in USABLE + UNUSABLE
    )
    read = Invoice.decode(signed_invoice({172: fallbacks}))
    assert read.invoice_fallbacks is not None
    verdicts = [fallback.is_usable for fallback in read.invoice_fallbacks]
    assert verdicts == [True] * len(USABLE) + [False] * len(UNUSABLE)


def test_an_offer_with_paths_alone_is_answered_by_the_end_of_one_of_them() -> None:
    to = offer(issuer_id=None, paths=[PATH, path(last=STRANGER)])
    of = request(to)
    for hidden in (PATH, path(last=STRANGER)):
        node_id = hidden.hops[-1].blinded_node_id
        unsigned = create_invoice(
            of,
            payment_hash=bytes(32),
            created_at=CREATED_AT,
            node_id=node_id,
            amount=Msat(5000),
            paths=[PATH],
            blindedpay=[PAYINFO],
        )
        with pytest.raises(SignatureError):  # every rule is kept; only the key of that blinded id is not at hand
            unsigned.sign(ISSUER, aux=AUX)
    with pytest.raises(SemanticError) as caught:
        invoice(of)
    assert caught.value.rule is Rule.NODE_ID_MISMATCH


def test_an_invoice_for_a_request_out_of_the_blue_may_come_from_anybody() -> None:
    changes = {8: None, 22: None, 176: STRANGER.public_key}
    read = Invoice.decode(signed_invoice(changes, key=STRANGER, payer=PAYER))
    assert read.invoice_node_id == STRANGER.public_key
    assert not read.offer_issuer_id


def test_only_the_issuers_key_can_sign() -> None:
    with pytest.raises(SignatureError) as caught:
        Invoice.decode(signed_invoice({}, key=STRANGER))
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.SIGNATURE_INVALID, 240)


def test_an_unsigned_invoice_is_no_invoice() -> None:
    bare = join_records(replaced(invoice().records, {240: None}))
    with pytest.raises(SignatureError) as caught:
        Invoice.decode(bare)
    assert caught.value.rule is Rule.SIGNATURE_MISSING
    assert UnsignedInvoice.decode(bare).sign(ISSUER, aux=AUX) == invoice()
    with pytest.raises(SemanticError):
        UnsignedInvoice.decode(invoice().encode())


def test_an_unsigned_invoice_may_still_lack_its_paths() -> None:
    bare = create_invoice(
        request(), payment_hash=bytes(32), created_at=CREATED_AT, node_id=ISSUER.public_key, amount=Msat(5000)
    )
    assert UnsignedInvoice.from_string(bare.string) == bare
    assert bare.invoice_paths is None
    with pytest.raises(SemanticError) as caught:
        bare.sign(ISSUER, aux=AUX)
    assert caught.value.rule is Rule.PATHS_MISSING


def test_any_flipped_bit_is_noticed() -> None:
    data = invoice().encode()
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(CodecError):
            Invoice.decode(bytes(flipped))


def test_an_invoice_cut_anywhere_or_followed_by_a_byte_is_refused() -> None:
    data = invoice().encode()
    for length in range(len(data)):
        with pytest.raises(CodecError):
            Invoice.decode(data[:length])
    for byte in range(256):
        with pytest.raises(CodecError):
            Invoice.decode(data + bytes([byte]))


def test_a_string_names_its_kind() -> None:
    with pytest.raises(EncodingError) as caught:
        Invoice.from_string(format_string("lnr", invoice().encode()))
    assert caught.value.rule is Rule.STRING_WRONG_KIND


def test_bytes_of_a_request_are_no_invoice() -> None:
    with pytest.raises(SemanticError):
        Invoice.decode(request().encode())
    with pytest.raises(CodecError):
        Invoice.decode(encode_stream({Field.INVOICE_CREATED_AT: b"\x01"}))


def test_times_and_amounts_are_bounded_integers() -> None:
    assert invoice(created_at=UnixTime(2**64 - 1)).invoice_created_at == 2**64 - 1
    with pytest.raises(EncodingError):
        invoice(created_at=UnixTime(2**64))


def test_an_invoice_that_breaks_a_rule_of_writers_cannot_be_built() -> None:
    with pytest.raises(SemanticError) as caught:
        invoice(amount=Msat(5001))
    assert caught.value.rule is Rule.AMOUNT_MISMATCH
    without = request(offer(quantity_max=0), amount=None, quantity=3)
    assert invoice(without, amount=Msat(15_000)).invoice_amount == 15_000
    with pytest.raises(SemanticError) as caught:
        invoice(without, amount=Msat(15_001))
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.AMOUNT_MISMATCH, 170)
    with pytest.raises(SemanticError) as caught:
        invoice(fallbacks=[FallbackAddress(version=0, address=bytes(21))])
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.FALLBACK_ADDRESS, 172)
    assert invoice(fallbacks=[FallbackAddress(version=0, address=bytes(20))]).invoice_fallbacks


def test_a_price_in_another_currency_leaves_the_amount_to_the_issuer() -> None:
    of = request(offer(currency="EUR", amount=250), amount=None)
    assert invoice(of, amount=Msat(4_321_000)).invoice_amount == 4_321_000
