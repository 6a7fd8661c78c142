"""Payer proofs about any invoice, showing anything: they hold, and hide what is not shown."""

from hypothesis import given, settings
from hypothesis.strategies import DataObject, binary, data, integers, none, sampled_from, sets, text

from bled_codec.crypto import sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice, UnsignedInvoice
from bled_codec.merkle import merkle_root
from bled_codec.payer_proof import PayerProof, create_payer_proof
from bled_codec.tlv import join_records, make_record

from .strategies import AUX, ISSUER, PATIENT, PAYER, invoices

PREIMAGE = b"\x07" * 32


def payable(invoice: Invoice) -> Invoice:
    """Return `invoice` for a payment whose preimage is known."""
    records = [record for record in invoice.records if record.type not in (168, 240)]
    records.append(make_record(168, sha256(PREIMAGE)))
    return UnsignedInvoice.decode(join_records(sorted(records))).sign(ISSUER, aux=AUX)


def showable(invoice: Invoice) -> list[int]:
    return [record.type for record in invoice.records if 0 < record.type < 240 or record.type >= 10**9]


@given(invoice=invoices().map(payable), draw=data(), note=none() | text(max_size=30))
@settings(PATIENT, max_examples=120)
def test_any_choice_of_records_gives_a_proof_of_exactly_those(
    invoice: Invoice, draw: DataObject, note: str | None
) -> None:
    shown = draw.draw(sets(sampled_from(showable(invoice))))
    proof = create_payer_proof(invoice, preimage=PREIMAGE, shown=shown, note=note).sign(PAYER, aux=AUX)
    read = PayerProof.from_string(proof.string)
    assert read == proof
    assert read.invoice_root == merkle_root(invoice.records)
    expected = shown | {88, 168, 176, 174}
    assert read.invoice_records == tuple(r for r in invoice.records if r.type in expected)
    assert read.proof_note == note


@given(invoice=invoices().map(payable), draw=data())
@settings(PATIENT, max_examples=80)
def test_any_change_to_a_proof_is_noticed(invoice: Invoice, draw: DataObject) -> None:
    shown = draw.draw(sets(sampled_from(showable(invoice))))
    original = create_payer_proof(invoice, preimage=PREIMAGE, shown=shown).sign(PAYER, aux=AUX).encode()
    at = draw.draw(integers(0, len(original) - 1))
    changed = original[:at] + draw.draw(binary(min_size=1, max_size=3)) + original[at + draw.draw(integers(0, 3)) :]
    if changed == original:
        return
    try:
        read = PayerProof.decode(changed)
    except CodecError:
        return
    assert [r for r in read.records if r.type not in range(242, 1001)] == list(PayerProof.decode(original).records)


@given(stream=binary(max_size=300))
@settings(PATIENT, max_examples=200)
def test_any_bytes_get_an_answer(stream: bytes) -> None:
    for prefix in (b"", make_record(88, PAYER.public_key).raw):
        try:
            PayerProof.decode(prefix + stream)
        except CodecError:
            continue
