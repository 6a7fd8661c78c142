"""Requests without an offer, and who pays (bLIP 42): built within the rules, and read with them."""

from typing import Any

import pytest

from bled_codec.chains import REGTEST_CHAIN
from bled_codec.contacts import (
    CONTACT_SECRET,
    PAYER_BIP_353_NAME,
    PAYER_BIP_353_SIGNATURE,
    PAYER_OFFER,
    contact_records,
    contact_secret,
    decode_contact,
    name_digest,
    offer_node_id,
    sign_name,
)
from bled_codec.errors import CodecError, Rule, SemanticError, SignatureError
from bled_codec.fields import OFFER_MIRRORED_TYPES, select
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import OfferFields
from bled_codec.refund import create_refund_request
from bled_codec.tlv import make_record
from bled_codec.units import Msat, UnixTime
from bled_codec.values import Bip353Name

from .samples import AUX, HOP, ISSUER, METADATA, PATH, PAYER, STRANGER, invoice, offer, request


def refund(**changes: Any) -> InvoiceRequest:
    fields = {"metadata": METADATA, "payer_id": PAYER.public_key, "amount": Msat(5000), "description": "money back"}
    return create_refund_request(**(fields | changes))


def test_a_refund_is_not_signed_and_names_no_offer() -> None:
    made = refund(paths=[PATH], chain=REGTEST_CHAIN, absolute_expiry=UnixTime(2_000_000_000), issuer="bar")
    assert made.signature is None
    assert not made.answers_an_offer
    assert InvoiceRequest.decode(made.encode()) == made
    assert (made.offer_description, made.offer_issuer, made.invreq_paths) == ("money back", "bar", (PATH,))
    assert [record.type for record in select(made.records, OFFER_MIRRORED_TYPES)] == [10, 14, 18]


def test_a_refund_says_what_for() -> None:
    with pytest.raises(SemanticError) as caught:
        refund(description="")
    assert caught.value.rule is Rule.DESCRIPTION_MISSING


@pytest.mark.parametrize("type_", [2, 4, 6, 8, 12, 16, 20, 22, 240])
def test_a_refund_has_no_field_of_offers_and_no_signature(type_: int) -> None:
    with pytest.raises(SemanticError) as caught:
        refund(extra=[make_record(type_, b"")])
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.REFUND_FIELD_UNEXPECTED, type_)


def test_a_refund_keeps_every_other_rule_too() -> None:
    with pytest.raises(CodecError):
        refund(extra=[make_record(160, b"")])
    assert refund(extra=[make_record(95, b"odd")]).records[-1].value == b"odd"


def test_an_invoice_for_a_refund_is_signed_by_whoever_wants_the_money() -> None:
    made = invoice(refund(), with_request_signature=True)
    assert made.invoice_request_signature is None  # there is nothing to repeat
    assert made.invoice_node_id == ISSUER.public_key


NAME = Bip353Name(name="alice", domain="example.com")
ALICE_OFFER = offer(issuer_id=HOP.public_key, description="pay me back", amount=None)


def named_request(**changes: Any) -> InvoiceRequest:
    extra = list(contact_records(secret=bytes(32), payer_offer=ALICE_OFFER, payer_bip_353_name=NAME))
    fields = {"metadata": METADATA, "payer_id": PAYER.public_key, "amount": Msat(5000)}
    bare = create_invoice_request(offer(), extra=extra, **fields)
    extra.append(changes.get("signed") or sign_name(bare.records, HOP, aux=AUX))
    return create_invoice_request(offer(), extra=extra, **fields).sign(PAYER, aux=AUX)


def test_a_request_tells_who_pays_and_so_does_its_invoice() -> None:
    made = named_request()
    for records in (made.records, invoice(made).records):
        contact = decode_contact(records)
        assert (contact.contact_secret, contact.payer_offer) == (bytes(32), ALICE_OFFER)
        assert contact.payer_bip_353_name == NAME
        assert contact.payer_bip_353_signature is not None
        assert contact.payer_bip_353_signature.offer_signing_key == offer_node_id(ALICE_OFFER)


def test_most_requests_tell_nothing() -> None:
    contact = decode_contact(request().records)
    assert (contact.contact_secret, contact.payer_offer, contact.payer_bip_353_name) == (None, None, None)


def test_a_contact_does_not_show_its_secret() -> None:
    contact = decode_contact([make_record(CONTACT_SECRET, b"\xab" * 32)])
    assert contact.contact_secret == b"\xab" * 32
    assert "ab" * 4 not in repr(contact)
    assert "xab" not in repr(contact)


def test_a_name_that_nobody_signed_for_is_no_name() -> None:
    with pytest.raises(SignatureError) as caught:
        decode_contact([make_record(PAYER_BIP_353_NAME, NAME.encode())])
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.SIGNATURE_MISSING, PAYER_BIP_353_SIGNATURE)
    wrong = make_record(PAYER_BIP_353_SIGNATURE, STRANGER.public_key + HOP.sign(bytes(32), aux=AUX))
    with pytest.raises(SignatureError) as caught:
        decode_contact(named_request(signed=wrong).records)
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.SIGNATURE_INVALID, PAYER_BIP_353_SIGNATURE)


def test_the_signature_for_a_name_covers_everything_else_of_the_request() -> None:
    made = named_request()
    assert name_digest(made.records) == name_digest(invoice(made).records)
    changed = [make_record(10, b"tea") if record.type == 10 else record for record in made.records]
    with pytest.raises(SignatureError):
        decode_contact(changed)


@pytest.mark.parametrize(
    ("type_", "value", "rule"),
    [
        (CONTACT_SECRET, bytes(31), Rule.WRONG_LENGTH),
        (PAYER_OFFER, b"\x01", Rule.TRUNCATED),
        (PAYER_OFFER, b"", Rule.NO_ISSUER_AND_NO_PATHS),
        (PAYER_BIP_353_NAME, b"\x01a", Rule.TRUNCATED),
        (PAYER_BIP_353_NAME, b"\x01 \x01b", Rule.BIP353_NAME),
        (PAYER_BIP_353_SIGNATURE, bytes(96), Rule.WRONG_LENGTH),
        (PAYER_BIP_353_SIGNATURE, bytes(97), Rule.NOT_A_POINT),
    ],
)
def test_a_broken_field_is_refused_with_its_type(type_: int, value: bytes, rule: Rule) -> None:
    with pytest.raises(CodecError) as caught:
        decode_contact([make_record(type_, value)])
    assert (caught.value.rule, caught.value.tlv_type) == (rule, type_)


def test_both_sides_derive_one_secret() -> None:
    assert contact_secret(HOP, ISSUER.public_key) == contact_secret(ISSUER, HOP.public_key)
    assert contact_secret(HOP, ISSUER.public_key) != contact_secret(HOP, PAYER.public_key)


def test_an_offer_stands_for_its_issuer_or_the_end_of_its_first_path() -> None:
    assert offer_node_id(offer(paths=[PATH])) == ISSUER.public_key
    assert offer_node_id(offer(issuer_id=None, paths=[PATH])) == PATH.hops[-1].blinded_node_id
    with pytest.raises(SemanticError):
        offer_node_id(OfferFields())
