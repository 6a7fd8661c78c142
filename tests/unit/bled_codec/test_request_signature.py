"""Field 239: valid only for exactly the request that the payer signed; never a part of the invoice's own verdict."""

import pytest

from bled_codec.errors import Rule, SignatureError
from bled_codec.fields import MIRRORED_TYPES, Field
from bled_codec.invoice import Invoice
from bled_codec.request_signature import RequestSignature, judge_request_signature
from bled_codec.tlv import join_records

from .samples import ISSUER, PAYER, STRANGER, invoice, offer, replaced, request, signed_invoice


def verdict(changes: dict[int, bytes | None]) -> RequestSignature:
    """Return the verdict on an invoice changed after the payer signed, and signed by the merchant all the same."""
    read = Invoice.decode(signed_invoice(changes))
    alone = judge_request_signature(read.records)
    assert read.request_signature is alone, "with the invoice's tree and points, or without"
    return alone


def test_the_payers_signature_is_found_valid() -> None:
    assert invoice().request_signature is RequestSignature.VALID
    assert verdict({}) is RequestSignature.VALID


@pytest.mark.parametrize(
    "changes",
    [
        {10: b"tea"},
        {18: b"another issuer"},
        {82: b"\x13\x89", 170: b"\x13\x89"},
        {8: b"\x13\x87"},
        {0: b"other metadata"},
        {0: b""},
        {88: STRANGER.public_key},
        {88: bytes([PAYER.public_key[0] ^ 1]) + PAYER.public_key[1:]},
        {89: b"a note never written"},
        {84: b""},
        {33: b"an odd field of the offer"},
        {159: b"an odd field of the request"},
        {1_000_000_001: b"an experiment"},
        {2_999_999_999: b"an experiment"},
        {22: STRANGER.public_key, 176: STRANGER.public_key},
    ],
    ids=str,
)
def test_any_change_to_what_the_payer_signed_is_found(changes: dict[int, bytes | None]) -> None:
    key = STRANGER if 176 in changes else ISSUER
    read = Invoice.decode(signed_invoice(changes, key=key))
    assert read.request_signature is judge_request_signature(read.records) is RequestSignature.INVALID


@pytest.mark.parametrize(
    "changes",
    [
        {161: b""},
        {237: b"the merchant's"},
        {1001: b"the merchant's"},
        {999_999_999: b"the merchant's"},
        {3_000_000_001: b"the merchant's"},
        {164: b"\x01"},
        {168: bytes(32)},
    ],
    ids=str,
)
def test_the_merchants_own_fields_do_not_touch_it(changes: dict[int, bytes | None]) -> None:
    assert verdict(changes) is RequestSignature.VALID


def test_without_field_239_it_is_absent_and_the_invoice_stands() -> None:
    assert verdict({239: None}) is RequestSignature.ABSENT


@pytest.mark.parametrize("value", [b"", bytes(63), bytes(64), bytes(65), b"\xff" * 64], ids=len)
def test_rubbish_in_field_239_is_invalid_and_the_invoice_stands(value: bytes) -> None:
    assert verdict({239: value}) is RequestSignature.INVALID


def test_the_signature_of_somebody_else_is_invalid() -> None:
    read = Invoice.decode(signed_invoice({}, payer=STRANGER))
    assert read.request_signature is RequestSignature.INVALID


def test_every_flipped_bit_of_it_is_found() -> None:
    good = invoice().invoice_request_signature
    assert good is not None
    for place in range(8 * len(good)):
        flipped = bytearray(good)
        flipped[place // 8] ^= 1 << place % 8
        assert judge_request_signature(replaced(invoice().records, {239: bytes(flipped)})) is RequestSignature.INVALID


def test_it_is_judged_without_the_invoices_own_signature() -> None:
    records = replaced(invoice().records, {Field.SIGNATURE: bytes(64)})
    assert judge_request_signature(records) is RequestSignature.VALID
    with pytest.raises(SignatureError) as caught:
        Invoice.decode(join_records(records))
    assert caught.value.rule is Rule.SIGNATURE_INVALID


@pytest.mark.parametrize("missing", [0, 88])
def test_without_metadata_or_payer_id_nobody_can_have_signed(missing: int) -> None:
    assert judge_request_signature(replaced(invoice().records, {missing: None})) is RequestSignature.INVALID


def test_a_signature_of_another_request_is_invalid() -> None:
    other = request(offer(description="tea"))
    assert verdict({239: other.signature}) is RequestSignature.INVALID


def test_what_the_request_covers_is_what_the_specification_mirrors() -> None:
    assert [(part.start, part.stop) for part in MIRRORED_TYPES] == [(0, 160), (1_000_000_000, 3_000_000_000)]
