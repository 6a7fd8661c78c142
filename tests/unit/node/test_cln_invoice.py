"""The invoice that the node is asked to sign, and what is accepted from it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError, Refused, Unavailable
from bled.node.cln_invoice import check_signed, draft_invoice
from bled_codec.blinded_path import BlindedPayinfo, EncryptedData, create_blinded_path
from bled_codec.bolt12_string import format_string
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.fields import Field, ordered
from bled_codec.invoice import Invoice, UnsignedInvoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.tlv import TlvRecord, join_records, make_record
from bled_codec.units import MAX_MSAT, Msat, UnixTime

NODE, PAYER = SecretKey(b"\x41" * 32), SecretKey(b"\x42" * 32)
NOW = UnixTime(1_800_000_000)
PREIMAGE = b"\x07" * 32
OFFER = create_offer(
    description="coffee",
    amount=15_000,
    chains=[REGTEST_CHAIN],
    issuer_id=NODE.public_key,
    absolute_expiry=UnixTime(NOW + 300),
)


def request(offer: Offer = OFFER, *, metadata: bytes = b"\x01" * 24) -> InvoiceRequest:
    unsigned = create_invoice_request(
        offer, metadata=metadata, payer_id=PAYER.public_key, amount=Msat(15_000), chain=REGTEST_CHAIN
    )
    return unsigned.sign(PAYER, aux=bytes(32))


def drafted(**changes: object) -> UnsignedInvoice:
    return draft_invoice(**{"request": request(), "offer": OFFER, "preimage": PREIMAGE, "now": NOW} | changes)


def as_node(draft: UnsignedInvoice, *, without: frozenset[int] = frozenset(), **values: bytes) -> str:
    """Return what a node makes of a draft: its path added, signed; `values` replace records by their field's name."""
    path = create_blinded_path([NODE.public_key], [EncryptedData(path_id=bytes(32)).encode()], session_key=PAYER)
    payinfo = BlindedPayinfo(
        fee_base_msat=0,
        fee_proportional_millionths=0,
        cltv_expiry_delta=10,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=MAX_MSAT,
    )
    new = {Field[name.upper()]: value for name, value in values.items()}
    new |= {Field.INVOICE_PATHS: path.encode(), Field.INVOICE_BLINDEDPAY: payinfo.encode()}
    kept: list[TlvRecord] = [record for record in draft.records if record.type not in new.keys() | without]
    records = ordered([*kept, *(make_record(type_, value) for type_, value in new.items())])
    return UnsignedInvoice.decode(join_records(records)).sign(NODE, aux=bytes(32)).string


def accepted(text: str, *, draft: UnsignedInvoice | None = None, now: UnixTime = NOW) -> Invoice:
    return check_signed(text, request=request(), draft=draft or drafted(), chain=REGTEST_CHAIN, now=now)


def test_a_draft_ends_with_the_offer_and_carries_the_signature() -> None:
    draft = drafted(now=UnixTime(NOW + 100))
    assert draft.invoice_relative_expiry == 200
    assert draft.invoice_request_signature == request().signature
    assert draft.invoice_payment_hash == sha256(PREIMAGE)
    assert (draft.invoice_amount, draft.invoice_node_id) == (15_000, NODE.public_key)


@pytest.mark.parametrize("late", [300, 301])
def test_no_draft_for_an_offer_that_has_ended(late: int) -> None:
    with pytest.raises(Refused) as caught:
        drafted(now=UnixTime(NOW + late))
    assert caught.value.code is Code.SALE_EXPIRED


@pytest.mark.parametrize("preimage", [b"", b"\x07" * 31, b"\x07" * 33])
def test_a_preimage_of_another_length_never_reaches_the_node(preimage: bytes) -> None:
    with pytest.raises(BledError) as caught:
        drafted(preimage=preimage)
    assert caught.value.code is Code.INTERNAL


def test_what_the_node_signed_is_accepted() -> None:
    invoice = accepted(as_node(drafted()))
    assert invoice.invoice_payment_hash == sha256(PREIMAGE)


def test_an_older_invoice_of_the_same_request_is_accepted_again() -> None:
    assert accepted(as_node(drafted()), draft=drafted(now=UnixTime(NOW + 60)), now=UnixTime(NOW + 60))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lni1",
        OFFER.string,
        as_node(drafted(), without=frozenset({Field.INVOICE_REQUEST_SIGNATURE})),
        as_node(drafted(), invoice_request_signature=bytes(64)),
        as_node(drafted(), invoice_payment_hash=b"\x01" * 32),
        as_node(drafted(), invoice_relative_expiry=b"\x1c\x20"),
        as_node(drafted(request=request(metadata=b"\x02" * 24))),
    ],
    ids=["empty", "no data", "an offer", "without 239", "with a wrong 239", "other hash", "outlives", "other request"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Unavailable) as caught:
        accepted(text)
    assert caught.value.code is Code.NODE_PROTOCOL


def test_an_expired_invoice_is_refused() -> None:
    with pytest.raises(Unavailable):
        accepted(as_node(drafted()), now=UnixTime(NOW + 300))


def test_an_offer_without_description_is_ours_to_avoid() -> None:
    offer = replace(OFFER, offer_description=None)
    with pytest.raises(BledError) as caught:
        drafted(offer=offer)
    assert caught.value.code is Code.INTERNAL


def test_recorded_drafts_are_made_again_byte_for_byte(shared_vectors: Path) -> None:
    recording = json.loads((shared_vectors / "cln" / "02-direct.json").read_text())
    requests = [InvoiceRequest.from_string(payer["invoice_request"]) for payer in recording["network"]["payers"]]
    made = 0
    for step in recording["steps"]:
        if step.get("method") != "CreateInvoice" or "response" not in step:
            continue
        theirs = UnsignedInvoice.from_string(step["request"]["invstring"])
        asked = next(item for item in requests if item.invreq_payer_id == theirs.invreq_payer_id)
        offer = Offer.decode(join_records(asked.offer_records))
        signed = step["response"]["bolt12"]
        now = theirs.invoice_created_at
        ours = draft_invoice(asked, offer=offer, preimage=bytes.fromhex(step["request"]["preimage"]), now=now)
        if ours.invoice_relative_expiry == theirs.invoice_relative_expiry:
            assert format_string("lni", ours.encode()) == step["request"]["invstring"]
            check_signed(signed, request=asked, draft=ours, chain=REGTEST_CHAIN, now=now)
            made += 1
    assert made
