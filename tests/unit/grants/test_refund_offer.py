"""The refund offer in a request: signed with it, found again byte for byte, absent or broken without harm."""

from pathlib import Path

import pytest

from bled.grants.refund_offer import REFUND_OFFER_TYPE, refund_offer_of, refund_offer_record
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError, SignatureError
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import create_offer
from bled_codec.tlv import TlvRecord, make_record

TILL, BUYER, HOME = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3))
REFUNDS = create_offer(description=None, issuer_id=HOME.public_key)
PROFILE = Path(__file__).parents[3] / "gatt_profile.md"


def request(*extra: TlvRecord) -> InvoiceRequest:
    offer = create_offer(description="coffee", amount=15_000, issuer_id=TILL.public_key)
    unsigned = create_invoice_request(
        offer, metadata=bytes(24), payer_id=BUYER.public_key, amount=15_000, extra=list(extra)
    )
    return unsigned.sign(BUYER, aux=bytes(32))


def test_it_is_found_again() -> None:
    assert refund_offer_of(request(refund_offer_record(REFUNDS))) == REFUNDS


def test_a_request_without_one_has_none() -> None:
    assert refund_offer_of(request()) is None


def test_it_is_under_the_signature() -> None:
    data = request(refund_offer_record(REFUNDS)).encode()
    changed = bytearray(data)
    changed[data.index(REFUNDS.encode()) + 5] ^= 1
    with pytest.raises(SignatureError):
        InvoiceRequest.decode(bytes(changed))


def test_a_broken_one_is_no_broken_request() -> None:
    broken = request(make_record(REFUND_OFFER_TYPE, b"\xff"))
    with pytest.raises(CodecError):
        refund_offer_of(broken)


def test_the_profile_has_its_type() -> None:
    assert f"TLV type {REFUND_OFFER_TYPE}" in PROFILE.read_text(encoding="utf-8")
