"""Outcomes: a proof is checked against what was signed, and nothing that was said is lost."""

from collections.abc import Callable

import pytest

from bled.codes import Code
from bled.errors import BledError, PeerError, Refused
from bled.vault.receipt import check_receipt
from bled.vault.vault import HistoryEntry, Reservation, Vault
from bled_codec.blinded_path import create_blinded_path
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.crypto import SecretKey, sha256
from bled_codec.fields import Field, ordered
from bled_codec.invoice import Invoice, UnsignedInvoice, create_invoice, invoice_digest
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.payer_proof import PayerProof
from bled_codec.tlv import join_records, make_record
from bled_codec.units import Msat, UnixTime

PREIMAGE = b"\x22" * 32
MakeInvoice = Callable[..., bytes]


@pytest.fixture
def reservation(vault: Vault, offer: Offer, now: UnixTime) -> Reservation:
    return vault.reserve(offer, amount=Msat(15_000), now=now)


@pytest.fixture
def make_invoice(merchant: SecretKey, now: UnixTime) -> MakeInvoice:
    def make(request: bytes, *, preimage: bytes = PREIMAGE, with_request_signature: bool = True) -> bytes:
        path = create_blinded_path([merchant.public_key], [b""], session_key=SecretKey(b"\x09" * 32))
        fee = BlindedPayinfo(
            fee_base_msat=0,
            fee_proportional_millionths=0,
            cltv_expiry_delta=0,
            htlc_minimum_msat=Msat(0),
            htlc_maximum_msat=Msat(10**9),
        )
        unsigned: UnsignedInvoice = create_invoice(
            InvoiceRequest.decode(request),
            payment_hash=sha256(preimage),
            created_at=now,
            node_id=merchant.public_key,
            amount=Msat(15_000),
            paths=[path],
            blindedpay=[fee],
            with_request_signature=with_request_signature,
        )
        return unsigned.sign(merchant, aux=bytes(32)).encode()

    return make


def only(vault: Vault) -> HistoryEntry:
    (entry,) = vault.history()
    return entry


def resigned(invoice: bytes, changes: dict[Field, bytes], key: SecretKey) -> bytes:
    """Return `invoice` with other values in it, signed with `key` without asking whether that is in order."""
    kept = [record for record in Invoice.decode(invoice).records if record.type not in {*changes, Field.SIGNATURE}]
    records = ordered([*kept, *(make_record(type_, value) for type_, value in changes.items())])
    signature = make_record(Field.SIGNATURE, key.sign(invoice_digest(records), aux=bytes(32)))
    return join_records(ordered([*records, signature]))


def mismatch(vault: Vault, reservation: Reservation, invoice: bytes, preimage: bytes | None, now: UnixTime) -> str:
    """Return what was wrong with a proof, after seeing that it was recorded as such."""
    with pytest.raises(BledError) as caught:
        vault.record_outcome(reservation.payer_id, Code.PAID, invoice=invoice, preimage=preimage, now=now)
    assert caught.value.code is Code.PROOF_MISMATCH
    entry = only(vault)
    assert (entry.code, entry.proven, entry.invoice, entry.preimage) == (
        Code.PROOF_MISMATCH,
        False,
        invoice,
        preimage,
    )
    return caught.value.detail


def test_without_a_word_the_outcome_is_unknown(vault: Vault, reservation: Reservation) -> None:
    entry = only(vault)
    assert (entry.payer_id, entry.code, entry.outcome_at) == (reservation.payer_id, Code.OUTCOME_UNKNOWN, None)


def test_a_proof_that_matches_is_kept(
    vault: Vault, reservation: Reservation, make_invoice: MakeInvoice, now: UnixTime
) -> None:
    invoice = make_invoice(reservation.request)
    vault.record_outcome(reservation.payer_id, Code.PAID, invoice=invoice, preimage=PREIMAGE, now=now)
    entry = only(vault)
    assert (entry.code, entry.proven, entry.outcome_at) == (Code.PAID, True, now)
    assert (entry.invoice, entry.preimage) == (invoice, PREIMAGE)


def test_a_preimage_of_another_payment_is_a_mismatch(
    vault: Vault, reservation: Reservation, make_invoice: MakeInvoice, now: UnixTime
) -> None:
    assert "preimage" in mismatch(vault, reservation, make_invoice(reservation.request), b"\x23" * 32, now)


def test_an_invoice_without_a_preimage_is_a_mismatch(
    vault: Vault, reservation: Reservation, make_invoice: MakeInvoice, now: UnixTime
) -> None:
    assert "preimage" in mismatch(vault, reservation, make_invoice(reservation.request), None, now)


def test_an_invoice_for_another_request_is_a_mismatch(
    vault: Vault, offer: Offer, make_invoice: MakeInvoice, now: UnixTime
) -> None:
    first = vault.reserve(offer, amount=Msat(15_000), now=now)
    second = vault.reserve(offer, amount=Msat(15_000), now=now)
    with pytest.raises(BledError, match="does not answer"):
        vault.record_outcome(
            second.payer_id, Code.PAID, invoice=make_invoice(first.request), preimage=PREIMAGE, now=now
        )
    assert [entry.code for entry in vault.history()] == [Code.OUTCOME_UNKNOWN, Code.PROOF_MISMATCH]


def test_an_invoice_without_field_239_is_a_mismatch(
    vault: Vault, reservation: Reservation, make_invoice: MakeInvoice, now: UnixTime
) -> None:
    invoice = make_invoice(reservation.request, with_request_signature=False)
    assert "absent" in mismatch(vault, reservation, invoice, PREIMAGE, now)


def test_an_invoice_that_a_stranger_has_signed_is_a_mismatch(
    vault: Vault, reservation: Reservation, make_invoice: MakeInvoice, now: UnixTime
) -> None:
    """Whoever has the request can make up preimage and hash; the issuer's signature is what that one lacks."""
    stranger = SecretKey(b"\x66" * 32)
    invoice = resigned(make_invoice(reservation.request), {Field.INVOICE_NODE_ID: stranger.public_key}, stranger)
    assert "node" in mismatch(vault, reservation, invoice, PREIMAGE, now)


def test_an_invoice_over_another_amount_is_a_mismatch(
    vault: Vault, reservation: Reservation, make_invoice: MakeInvoice, merchant: SecretKey, now: UnixTime
) -> None:
    invoice = resigned(make_invoice(reservation.request), {Field.INVOICE_AMOUNT: b"\x3a\x97"}, merchant)
    assert "amount" in mismatch(vault, reservation, invoice, PREIMAGE, now)


def test_an_invoice_with_any_byte_changed_is_a_mismatch(reservation: Reservation, make_invoice: MakeInvoice) -> None:
    invoice = make_invoice(reservation.request)
    check_receipt(request=reservation.request, invoice=invoice, preimage=PREIMAGE)
    for place in range(len(invoice)):
        changed = bytearray(invoice)
        changed[place] ^= 0x04
        with pytest.raises(PeerError):
            check_receipt(request=reservation.request, invoice=bytes(changed), preimage=PREIMAGE)


def test_an_invoice_cut_anywhere_is_a_mismatch(reservation: Reservation, make_invoice: MakeInvoice) -> None:
    invoice = make_invoice(reservation.request)
    for length in range(len(invoice)):
        with pytest.raises(PeerError):
            check_receipt(request=reservation.request, invoice=invoice[:length], preimage=PREIMAGE)


@pytest.mark.parametrize("junk", [b"", b"\x00", b"\xff" * 100, b"lni1qqq"])
def test_junk_is_a_mismatch(vault: Vault, reservation: Reservation, junk: bytes, now: UnixTime) -> None:
    mismatch(vault, reservation, junk, PREIMAGE, now)


def test_an_expired_invoice_still_proves_its_payment(
    vault: Vault, reservation: Reservation, make_invoice: MakeInvoice, now: UnixTime
) -> None:
    invoice = make_invoice(reservation.request)
    late = UnixTime(now + 10 * 86_400)
    vault.record_outcome(reservation.payer_id, Code.PAID, invoice=invoice, preimage=PREIMAGE, now=late)
    assert only(vault).proven


def test_paid_without_an_invoice_is_recorded_and_proves_nothing(
    vault: Vault, reservation: Reservation, now: UnixTime
) -> None:
    vault.record_outcome(reservation.payer_id, Code.PAID, invoice=None, preimage=PREIMAGE, now=now)
    entry = only(vault)
    assert (entry.code, entry.proven, entry.preimage) == (Code.PAID, False, PREIMAGE)


def test_the_latest_word_is_shown(vault: Vault, reservation: Reservation, now: UnixTime) -> None:
    for code in (Code.OUTCOME_UNKNOWN, Code.NOT_CONFIRMED):
        vault.record_outcome(reservation.payer_id, code, invoice=None, preimage=None, now=now)
        assert only(vault).code is code


def test_no_later_word_hides_a_proof(
    vault: Vault, reservation: Reservation, make_invoice: MakeInvoice, now: UnixTime
) -> None:
    invoice = make_invoice(reservation.request)
    vault.record_outcome(reservation.payer_id, Code.PAID, invoice=invoice, preimage=PREIMAGE, now=now)
    vault.record_outcome(reservation.payer_id, Code.NOT_CONFIRMED, invoice=None, preimage=None, now=now)
    entry = only(vault)
    assert (entry.code, entry.proven) == (Code.PAID, True)


def test_an_outcome_needs_a_reservation(vault: Vault, merchant: SecretKey, now: UnixTime) -> None:
    with pytest.raises(Refused) as caught:
        vault.record_outcome(merchant.public_key, Code.PAID, invoice=None, preimage=None, now=now)
    assert caught.value.code is Code.PAYER_ID_NOT_ISSUED
    assert vault.history() == ()


def test_a_receipt_becomes_a_proof_that_anybody_can_check(vault, reservation, make_invoice, now) -> None:
    invoice = make_invoice(reservation.request)
    vault.record_outcome(reservation.payer_id, Code.PAID, invoice=invoice, preimage=PREIMAGE, now=now)
    proof = vault.prove(reservation.payer_id, note="for the tax office")
    shown = PayerProof.from_string(proof.string)
    assert (shown.invreq_payer_id, shown.proof_preimage) == (reservation.payer_id, PREIMAGE)
    assert (shown.invoice_amount, shown.offer_description, shown.proof_note) == (15_000, "coffee", "for the tax office")
    assert shown.invreq_metadata is shown.invreq_paths is shown.invoice_paths is None


@pytest.mark.parametrize("code", [Code.PAID, Code.PAYMENT_FAILED])
def test_without_a_receipt_nothing_is_proven(vault, reservation, now, code) -> None:
    vault.record_outcome(reservation.payer_id, code, invoice=None, preimage=None, now=now)
    with pytest.raises(PeerError, match="no receipt"):
        vault.prove(reservation.payer_id, note=None)


def test_nothing_is_proven_of_an_id_that_signed_nothing(vault, merchant) -> None:
    with pytest.raises(Refused):
        vault.prove(merchant.public_key, note=None)
