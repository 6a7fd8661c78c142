"""Messages of any content: what is written is read, and no change to a signed one goes unnoticed."""

from hypothesis import given, settings
from hypothesis.strategies import DataObject, binary, data, integers, lists, sampled_from

from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError
from bled_codec.fields import MIRRORED_TYPES, OFFER_MIRRORED_TYPES, Field, select
from bled_codec.invoice import Invoice, UnsignedInvoice, invoice_digest
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.merkle import leaf_nodes, merkle_root, root_of_first, tree_levels
from bled_codec.offer import Offer
from bled_codec.request_signature import RequestSignature, judge_request_signature
from bled_codec.tlv import TlvRecord, join_records, make_record, readable_values, split_stream

from .strategies import AUX, ISSUER, PATIENT, invoices, offers, requests

_FIELD = 2**256 - 2**32 - 977
"""The prime of secp256k1's coordinates."""

Message = Offer | InvoiceRequest | Invoice
messages = offers() | requests() | invoices()


@given(message=messages)
@settings(PATIENT, max_examples=150)
def test_any_message_is_read_as_written(message: Message) -> None:
    read = type(message).decode(message.encode())
    assert read == message
    assert read.encode() == message.encode()
    assert type(message).from_string(message.string) == message
    assert type(message).from_string(message.string.upper()).encode() == message.encode()


@given(invoice=invoices())
@settings(PATIENT, max_examples=60)
def test_what_an_invoice_repeats_is_what_the_payer_signed(invoice: Invoice) -> None:
    signature = invoice.invoice_request_signature
    expected = RequestSignature.ABSENT if signature is None else RequestSignature.VALID
    assert invoice.request_signature is expected
    if signature is not None:
        rebuilt = [*invoice.request_records, make_record(Field.SIGNATURE, signature)]
        request = InvoiceRequest.decode(join_records(sorted(rebuilt)))
        assert request.offer_records == select(invoice.records, OFFER_MIRRORED_TYPES)


@given(message=requests() | invoices(), draw=data())
@settings(PATIENT, max_examples=200)
def test_any_change_to_a_signed_message_is_noticed(message: InvoiceRequest | Invoice, draw: DataObject) -> None:
    original = message.encode()
    changed = draw.draw(_changes(original))
    if changed == original:
        return
    try:
        read = type(message).decode(changed)
    except CodecError:
        return
    # Only what is under no signature may differ: another signature element beside the one.
    assert [r for r in read.records if r.type not in range(241, 1001)] == list(message.records)


def _changes(original: bytes) -> object:
    """Return a strategy of byte strings near `original`: changed, cut, grown, moved."""
    places = integers(0, len(original) - 1)
    return (
        places.flatmap(lambda at: integers(1, 255).map(lambda bits: _xor(original, at, bits)))
        | places.map(lambda at: original[:at])
        | places.flatmap(lambda at: binary(min_size=1, max_size=9).map(lambda new: original[:at] + new + original[at:]))
        | places.flatmap(lambda at: integers(1, 40).map(lambda count: original[:at] + original[at + count :]))
        | places.flatmap(lambda at: sampled_from([original[at:] + original[:at], original[:at] + original]))
    )


def _xor(original: bytes, at: int, bits: int) -> bytes:
    return original[:at] + bytes([original[at] ^ bits]) + original[at + 1 :]


@given(invoice=invoices(), draw=data())
@settings(PATIENT, max_examples=100)
def test_any_record_changed_after_the_payer_signed_makes_239_invalid(invoice: Invoice, draw: DataObject) -> None:
    if invoice.invoice_request_signature is None:
        return
    mirrored = select(invoice.records, MIRRORED_TYPES)
    victim = draw.draw(sampled_from(mirrored))
    value = draw.draw(binary(max_size=40))
    if value == victim.value:
        return
    records = [make_record(r.type, value) if r == victim else r for r in invoice.records]
    assert judge_request_signature(records) is RequestSignature.INVALID
    assert judge_request_signature([r for r in invoice.records if r != victim]) is RequestSignature.INVALID


@given(invoice=invoices(), value=binary(max_size=40), place=integers(80, 118))
@settings(PATIENT, max_examples=60)
def test_a_record_of_the_merchants_own_never_touches_239(invoice: Invoice, value: bytes, place: int) -> None:
    record = make_record(2 * place + 1, value)  # 161 to 237
    before = invoice.request_signature
    others = [r for r in invoice.records if r.type not in (record.type, Field.SIGNATURE)]
    resigned = UnsignedInvoice.decode(join_records(_inserted(others, record))).sign(ISSUER, aux=AUX)
    assert resigned.request_signature is before


@given(invoice=invoices(), extra=binary(max_size=20), type_=integers(10**9, 2 * 10**9).map(lambda type_: type_ | 1))
@settings(PATIENT, max_examples=80)
def test_field_239_is_judged_alike_with_the_invoices_own_tree(invoice: Invoice, extra: bytes, type_: int) -> None:
    assert invoice.request_signature is judge_request_signature(invoice.records)
    others = [r for r in invoice.records if r.type not in (type_, Field.SIGNATURE)]
    grown = UnsignedInvoice.decode(join_records(_inserted(others, make_record(type_, extra)))).sign(ISSUER, aux=AUX)
    assert grown.request_signature is judge_request_signature(grown.records)


@given(values=lists(binary(max_size=40), min_size=1, max_size=40), draw=data())
@settings(PATIENT)
def test_the_tree_of_a_message_holds_that_of_each_of_its_beginnings(values: list[bytes], draw: DataObject) -> None:
    records = [make_record(type_, value) for type_, value in enumerate(values)]
    count = draw.draw(integers(1, len(records)))
    assert root_of_first(tree_levels(leaf_nodes(records)), count) == merkle_root(records[:count])


@given(message=messages, cut=integers(0, 600), up_to=integers(0, 300), damage=binary(max_size=4))
@settings(PATIENT, max_examples=150)
def test_what_is_readable_is_what_a_whole_stream_begins_with(
    message: Message, cut: int, up_to: int, damage: bytes
) -> None:
    records = split_stream(message.encode())
    assert readable_values(message.encode(), up_to=2**64) == {r.type: r.value for r in records}
    wanted = [r for r in records if r.type <= up_to]
    assert readable_values(message.encode(), up_to=up_to) == {r.type: r.value for r in wanted}
    whole = [r for index, r in enumerate(records) if len(join_records(records[: index + 1])) <= cut]
    found = readable_values(message.encode()[:cut] + damage, up_to=up_to)
    assert {r.type: r.value for r in whole if r.type <= up_to}.items() <= found.items()


@given(sign=integers(0, 7), x=integers(0, 2**256 - 1) | integers(_FIELD - 3, _FIELD + 3))
@settings(PATIENT, max_examples=300)
def test_a_point_is_a_sign_and_an_x_on_the_curve(sign: int, x: int) -> None:
    square = (x**3 + 7) % _FIELD
    expected = sign in (2, 3) and x < _FIELD and pow(square, (_FIELD - 1) // 2, _FIELD) == 1
    try:
        parse_point(bytes([sign]) + x.to_bytes(32, "big"))
    except CodecError:
        assert not expected
    else:
        assert expected


def _inserted(records: list[TlvRecord], record: TlvRecord) -> list[TlvRecord]:
    return sorted([*records, record])


@given(message=messages, draw=data())
@settings(PATIENT, max_examples=100)
def test_a_repr_shows_fields_and_is_finite(message: Message, draw: DataObject) -> None:
    assert repr(message).startswith(type(message).__name__)
    assert len(repr(message)) < 100_000


@given(invoice=invoices())
@settings(PATIENT, max_examples=40)
def test_a_signature_is_over_what_was_received_not_over_what_was_understood(invoice: Invoice) -> None:
    digest = invoice_digest(invoice.records)
    assert ISSUER.sign(digest, aux=AUX) == invoice.signature
