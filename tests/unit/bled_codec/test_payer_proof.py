"""Payer proofs: what is shown, what stays hidden, and that only the payer of exactly that invoice can make one."""

import pytest

from bled_codec.bolt12_string import format_string
from bled_codec.disclosure import check_markers, next_marker
from bled_codec.errors import CodecError, EncodingError, Rule, SemanticError, SignatureError
from bled_codec.fields import Field, encode_fields
from bled_codec.invoice import Invoice
from bled_codec.merkle import merkle_root
from bled_codec.payer_proof import PayerProof, UnsignedPayerProof, create_payer_proof, proof_digest
from bled_codec.request_signature import RequestSignature
from bled_codec.tlv import join_records, make_record, split_stream

from .samples import AUX, PAYER, PREIMAGE, STRANGER, invoice, offer, replaced, request, signed_invoice


def proof(*shown: int, note: str | None = None, of: Invoice | None = None) -> PayerProof:
    return create_payer_proof(of or invoice(), preimage=PREIMAGE, shown=shown, note=note).sign(PAYER, aux=AUX)


def test_only_what_must_be_shown_is_shown_unless_asked() -> None:
    bare = proof()
    assert [record.type for record in bare.invoice_records] == [88, 168, 176]
    assert (bare.offer_description, bare.invoice_amount, bare.proof_note) == (None, None, None)
    more = proof(Field.OFFER_DESCRIPTION, Field.INVOICE_AMOUNT, note="for the tax office")
    assert (more.offer_description, more.invoice_amount) == ("coffee", 5000)
    assert more.proof_note == "for the tax office"


def test_features_are_always_shown() -> None:
    assert proof(of=invoice(features=b"\x02\x00\x00")).invoice_features == b"\x02\x00\x00"


def test_every_proof_about_one_invoice_has_its_root() -> None:
    made = invoice()
    for shown in ((), (10,), (10, 82, 170), tuple(record.type for record in made.records if 0 < record.type < 240)):
        assert proof(*shown).invoice_root == merkle_root(made.records)


def test_a_proof_is_read_as_written() -> None:
    some = proof(10, 239, note="☕")
    assert PayerProof.decode(some.encode()) == some
    assert PayerProof.from_string(some.string.upper()) == some
    assert some.string.startswith("lnp1")
    with pytest.raises(EncodingError):
        PayerProof.from_string(format_string("lni", some.encode()))


def test_the_payers_signature_of_the_request_can_be_shown_too() -> None:
    made = invoice()
    assert made.request_signature is RequestSignature.VALID
    assert proof(239).invoice_request_signature == made.invoice_request_signature


def test_types_that_the_invoice_lacks_are_passed_over() -> None:
    assert proof(Field.INVREQ_PAYER_NOTE, 12_345_678_901) == proof()


def test_metadata_and_what_is_no_invoice_field_cannot_be_shown() -> None:
    with pytest.raises(SemanticError) as caught:
        proof(Field.INVREQ_METADATA)
    assert caught.value.rule is Rule.PROOF_DISCLOSES_METADATA
    for type_ in (240, 241, 1000, 1001, 999_999_999):
        with pytest.raises(SemanticError) as caught:
            proof(type_)
        assert (caught.value.rule, caught.value.tlv_type) == (Rule.TYPE_OUT_OF_RANGE, type_)


def test_another_preimage_proves_nothing() -> None:
    with pytest.raises(SemanticError) as caught:
        create_payer_proof(invoice(), preimage=bytes(32))
    assert caught.value.rule is Rule.PREIMAGE_MISMATCH


def test_nobody_but_the_payer_can_sign() -> None:
    with pytest.raises(SignatureError) as caught:
        create_payer_proof(invoice(), preimage=PREIMAGE).sign(STRANGER, aux=AUX)
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.SIGNATURE_INVALID, 241)


def resigned(changes: dict[int, bytes | None]) -> bytes:
    """Return the bytes of a proof changed, and signed by its payer all the same."""
    records = replaced(proof(10, 170).records, changes | {241: None})
    signature = PAYER.sign(proof_digest(records), aux=AUX)
    return join_records(replaced(records, {241: signature}))


@pytest.mark.parametrize(
    ("changes", "rule", "tlv_type"),
    [
        ({10: b"tea"}, Rule.SIGNATURE_INVALID, 240),
        ({170: b"\x13\x87"}, Rule.SIGNATURE_INVALID, 240),
        ({176: STRANGER.public_key}, Rule.SIGNATURE_INVALID, 240),
        ({88: STRANGER.public_key}, Rule.SIGNATURE_INVALID, 240),
        ({18: b"me"}, Rule.LEAF_HASHES_COUNT, 1004),
        ({10: None}, Rule.OMITTED_NOT_SEQUENTIAL, 1002),
        ({0: b""}, Rule.PROOF_DISCLOSES_METADATA, 0),
        ({1001: bytes(32)}, Rule.PREIMAGE_MISMATCH, 1001),
        ({1001: bytes(31)}, Rule.WRONG_LENGTH, 1001),
        ({1003: bytes(33)}, Rule.WRONG_LENGTH, 1003),
        ({1002: None}, Rule.MISSING_HASHES_COUNT, 1003),
        ({1002: b"\xfd"}, Rule.TRUNCATED, 1002),
        ({1002: b"\xfd\x00\x01"}, Rule.BIGSIZE_NOT_MINIMAL, 1002),
        ({1005: b"\xff"}, Rule.NOT_UTF8, 1005),
        ({1006: b""}, Rule.TLV_UNKNOWN_EVEN, 1006),
        ({242: b""}, Rule.TLV_UNKNOWN_EVEN, 242),
    ],
    ids=str,
)
def test_the_payer_cannot_change_what_the_issuer_signed(
    changes: dict[int, bytes | None], rule: Rule, tlv_type: int
) -> None:
    assert PayerProof.decode(resigned({}))
    with pytest.raises(CodecError) as caught:
        PayerProof.decode(resigned(changes))
    assert (caught.value.rule, caught.value.tlv_type) == (rule, tlv_type)


def test_odd_records_of_the_proofs_own_are_kept_and_signed() -> None:
    data = resigned({1007: b"kept"})
    assert PayerProof.decode(data).encode() == data


def test_any_flipped_bit_is_noticed() -> None:
    data = proof(10, 170, note="note").encode()
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(CodecError):
            PayerProof.decode(bytes(flipped))


def test_a_proof_cut_anywhere_or_followed_by_a_byte_is_refused() -> None:
    data = proof(10, 170, note="note").encode()
    for length in range(len(data)):
        with pytest.raises(CodecError):
            PayerProof.decode(data[:length])
    for byte in range(256):
        with pytest.raises(CodecError):
            PayerProof.decode(data + bytes([byte]))


def test_markers_do_not_tell_types_and_skip_what_is_no_invoice_field() -> None:
    assert [next_marker(last) for last in (0, 1, 88, 238, 239, 240, 5000, 10**9, 3 * 10**9)] == [
        1, 2, 89, 239, 10**9, 10**9, 10**9, 10**9 + 1, 3 * 10**9 + 1,
    ]  # fmt: skip
    to = offer(extra=[make_record(1_000_000_001, b"hidden"), make_record(1_000_000_003, b"hidden")])
    some = proof(239, of=invoice(request(to)))
    assert some.proof_omitted_tlvs[-2:] == (10**9, 10**9 + 1)
    assert PayerProof.decode(some.encode()).invoice_root == merkle_root(invoice(request(to)).records)


@pytest.mark.parametrize(
    ("omitted", "rule"),
    [
        ([0], Rule.OMITTED_OUT_OF_RANGE),
        ([240], Rule.OMITTED_OUT_OF_RANGE),
        ([4 * 10**9], Rule.OMITTED_OUT_OF_RANGE),
        ([2], Rule.OMITTED_NOT_SEQUENTIAL),
        ([1, 3], Rule.OMITTED_NOT_SEQUENTIAL),
        ([1, 1], Rule.OMITTED_NOT_ASCENDING),
        ([89, 1], Rule.OMITTED_NOT_ASCENDING),
        ([1, 88], Rule.OMITTED_IS_INCLUDED),
    ],
    ids=str,
)
def test_each_rule_of_markers_refuses_its_own_case(omitted: list[int], rule: Rule) -> None:
    check_markers([1, 2, 89, 90], {88, 176})
    with pytest.raises(SemanticError) as caught:
        check_markers(omitted, {88, 176})
    assert (caught.value.rule, caught.value.tlv_type) == (rule, 1002)


def test_a_hidden_record_of_an_unusual_type_only_counts() -> None:
    some = Invoice.decode(signed_invoice({1001: b"odd", 5_000_000_001: b"odd"}))
    made = proof(of=some)
    assert made.invoice_root == merkle_root(some.records)
    assert split_stream(made.encode()) == made.records


def test_an_unsigned_proof_is_only_its_records() -> None:
    records = encode_fields({"proof_note": "x"})
    assert UnsignedPayerProof(records=records).digest == proof_digest(records)
    with pytest.raises(SemanticError) as caught:
        UnsignedPayerProof(records=records).sign(PAYER, aux=AUX)
    assert caught.value.rule is Rule.PROOF_FIELD_MISSING
