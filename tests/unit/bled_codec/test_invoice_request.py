"""Invoice requests: signed answers to an offer, requests out of the blue, and each rule of the reader."""

import pytest

from bled_codec.bolt12_string import format_string
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN
from bled_codec.errors import CodecError, EncodingError, Rule, SemanticError, SignatureError, TlvError
from bled_codec.fields import Field
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request, request_digest
from bled_codec.tlv import encode_stream, join_records, make_record, split_stream
from bled_codec.units import MAX_MSAT, Msat
from bled_codec.values import Bip353Name

from .samples import AUX, METADATA, PATH, PAYER, STRANGER, field_values, offer, replaced, request, signed_request


def test_every_field_that_is_written_is_read() -> None:
    to = offer(chains=[REGTEST_CHAIN], quantity_max=5, extra=[make_record(33, b"kept")])
    written = request(
        to, chain=REGTEST_CHAIN, amount=Msat(15_000), quantity=3, payer_note="no sugar", paths=[PATH, PATH]
    )
    read = InvoiceRequest.decode(written.encode())
    assert read == written
    assert (read.invreq_metadata, read.invreq_payer_id) == (METADATA, PAYER.public_key)
    assert (read.invreq_chain, read.invreq_amount, read.invreq_quantity) == (REGTEST_CHAIN, 15_000, 3)
    assert (read.invreq_payer_note, read.invreq_paths) == ("no sugar", (PATH, PATH))
    assert read.answers_an_offer


def test_a_request_repeats_its_offer_byte_for_byte() -> None:
    to = offer(extra=[make_record(33, b"kept"), make_record(1_500_000_001, b"too")])
    assert request(to).offer_records == to.records


def test_a_string_names_its_kind() -> None:
    assert InvoiceRequest.from_string(request().string) == request()
    with pytest.raises(EncodingError) as caught:
        InvoiceRequest.from_string(offer().string)
    assert caught.value.rule is Rule.STRING_WRONG_KIND


BROKEN: dict[str, tuple[dict[int, bytes | None], Rule, int]] = {
    "no metadata": ({0: None}, Rule.METADATA_MISSING, 0),
    "a payer id that is no point": ({88: b"\x02" + bytes(31) + b"\x05"}, Rule.NOT_A_POINT, 88),
    "an unknown even feature": ({84: b"\x01"}, Rule.UNKNOWN_FEATURE, 84),
    "an unknown even feature of the offer": ({12: b"\x01"}, Rule.UNKNOWN_FEATURE, 12),
    "a path without hops": ({90: PATH.encode()[:66] + b"\x00"}, Rule.PATH_WITHOUT_HOPS, 90),
    "a path with bytes behind it": ({90: PATH.encode() + b"\x02"}, Rule.TRUNCATED, 90),
    "an unasked quantity": ({86: b"\x01"}, Rule.QUANTITY_UNEXPECTED, 86),
    "no quantity": ({20: b"\x05"}, Rule.QUANTITY_MISSING, 86),
    "a quantity of nothing": ({20: b"\x05", 86: b""}, Rule.QUANTITY_ZERO, 86),
    "a quantity of nothing where any will do": ({20: b"", 86: b""}, Rule.QUANTITY_ZERO, 86),
    "too many": ({20: b"\x05", 86: b"\x06"}, Rule.QUANTITY_TOO_LARGE, 86),
    "one millisatoshi too little": ({82: b"\x13\x87"}, Rule.AMOUNT_TOO_LOW, 82),
    "the price of one for two": ({20: b"", 86: b"\x02"}, Rule.AMOUNT_TOO_LOW, 82),
    "no amount anywhere": ({8: None, 82: None}, Rule.AMOUNT_MISSING, 82),
    "more than all bitcoin": ({82: (MAX_MSAT + 1).to_bytes(8, "big")}, Rule.AMOUNT_ABOVE_SUPPLY, 82),
    "half a chain": ({80: bytes(31)}, Rule.WRONG_LENGTH, 80),
    "a name with a space": (field_values() | {91: b"\x01 \x01b"}, Rule.BIP353_NAME, 91),
    "a name with a letter beyond ASCII": ({91: b"\x02\xc3\xa4\x01b"}, Rule.BIP353_NAME, 91),
    "a name cut short": ({91: b"\x01a\x05b"}, Rule.TRUNCATED, 91),
    "a name with bytes behind it": ({91: b"\x01a\x01bc"}, Rule.TRAILING_BYTES, 91),
    "a note that is no text": ({89: b"\xc3"}, Rule.NOT_UTF8, 89),
    "a field of invoices": ({161: b""}, Rule.TYPE_OUT_OF_RANGE, 161),
    "field 239": ({239: bytes(64)}, Rule.TYPE_OUT_OF_RANGE, 239),
    "a type above the signatures": ({1001: b""}, Rule.TYPE_OUT_OF_RANGE, 1001),
    "an experiment of invoices": ({3_000_000_001: b""}, Rule.TYPE_OUT_OF_RANGE, 3_000_000_001),
    "an unknown even field": ({92: b""}, Rule.TLV_UNKNOWN_EVEN, 92),
    "a second, even signature": ({242: bytes(64)}, Rule.TLV_UNKNOWN_EVEN, 242),
    "an offer that breaks its own rule": ({10: None}, Rule.AMOUNT_WITHOUT_DESCRIPTION, 8),
}


@pytest.mark.parametrize(("changes", "rule", "tlv_type"), BROKEN.values(), ids=BROKEN)
def test_each_rule_refuses_its_own_case(changes: dict[int, bytes | None], rule: Rule, tlv_type: int) -> None:
    with pytest.raises(CodecError) as caught:
        InvoiceRequest.decode(signed_request(changes))
    assert (caught.value.rule, caught.value.tlv_type) == (rule, tlv_type)


def test_a_request_without_payer_id_is_refused() -> None:
    with pytest.raises(SemanticError) as caught:
        InvoiceRequest.decode(join_records(replaced(request().records, {88: None})))
    assert caught.value.rule is Rule.PAYER_ID_MISSING


@pytest.mark.parametrize(
    "changes",
    [
        {84: b"\x02"},
        {20: b"\x05", 86: b"\x05", 82: (25_000).to_bytes(2, "big")},
        {20: b"", 86: b"\x01"},
        {82: MAX_MSAT.to_bytes(8, "big")},
        {82: None},
        {6: b"EUR", 82: b"\x01"},
        {91: b"\x01a\x09b.example"},
        {159: b"odd"},
        {2_999_999_999: b"odd"},
        {0: b""},
        {90: b""},
    ],
    ids=str,
)
def test_what_looks_odd_and_is_allowed_is_read(changes: dict[int, bytes | None]) -> None:
    data = signed_request(changes)
    assert InvoiceRequest.decode(data).encode() == data


def test_a_human_readable_name_is_read_and_written() -> None:
    name = Bip353Name(name="bar", domain="example.com")
    read = InvoiceRequest.decode(signed_request({91: name.encode()}))
    assert read.invreq_bip_353_name == name
    for bad in ("b r", "bär", "b" * 256, "b@r"):
        with pytest.raises(SemanticError):
            Bip353Name(name=bad, domain="example.com").encode()


def test_only_the_payers_own_key_can_sign() -> None:
    unsigned = create_invoice_request(offer(), metadata=METADATA, payer_id=PAYER.public_key, amount=Msat(5000))
    assert unsigned.sign(PAYER, aux=AUX) == request()
    with pytest.raises(SignatureError) as caught:
        unsigned.sign(STRANGER, aux=AUX)
    assert caught.value.rule is Rule.SIGNATURE_INVALID


def test_an_answer_to_an_offer_must_be_signed() -> None:
    with pytest.raises(SignatureError) as caught:
        InvoiceRequest.decode(join_records(replaced(request().records, {240: None})))
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.SIGNATURE_MISSING, 240)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(EncodingError) as caught:
        InvoiceRequest.decode(join_records(replaced(request().records, {240: bytes(length)})))
    assert caught.value.rule is Rule.WRONG_LENGTH


def test_any_flipped_bit_is_noticed() -> None:
    data = request(paths=[PATH], payer_note="no sugar").encode()
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(CodecError):
            InvoiceRequest.decode(bytes(flipped))


def test_a_request_cut_anywhere_or_followed_by_a_byte_is_refused() -> None:
    data = request(paths=[PATH]).encode()
    for length in range(len(data)):
        with pytest.raises(CodecError):
            InvoiceRequest.decode(data[:length])
    for byte in range(256):
        with pytest.raises(CodecError):
            InvoiceRequest.decode(data + bytes([byte]))


def test_a_further_signature_element_is_odd_and_signs_nothing_here() -> None:
    data = join_records(replaced(request().records, {241: b"another's"}))
    assert InvoiceRequest.decode(data).encode() == data
    assert request_digest(split_stream(data)) == request_digest(request().records)


def test_an_experimental_record_behind_the_signature_is_signed() -> None:
    data = signed_request({2_000_000_001: b"signed"})
    assert InvoiceRequest.decode(data).records[-1].type == 2_000_000_001
    with pytest.raises(SignatureError):
        InvoiceRequest.decode(data[:-1] + b"D")


REFUND = {0: METADATA, 10: b"money back", 82: b"\x13\x88", 88: PAYER.public_key}


def test_a_request_out_of_the_blue_needs_no_signature() -> None:
    read = InvoiceRequest.decode(encode_stream(REFUND))
    assert read.signature is None
    assert not read.answers_an_offer


def test_a_request_out_of_the_blue_may_be_signed_and_then_the_signature_counts() -> None:
    records = split_stream(encode_stream(REFUND))
    signature = PAYER.sign(request_digest(records), aux=AUX)
    assert InvoiceRequest.decode(encode_stream(REFUND | {240: signature})).signature == signature
    with pytest.raises(SignatureError) as caught:
        InvoiceRequest.decode(encode_stream(REFUND | {240: bytes(64)}))
    assert caught.value.rule is Rule.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("changes", "rule", "tlv_type"),
    [
        ({2: REGTEST_CHAIN}, Rule.REFUND_FIELD_UNEXPECTED, 2),
        ({12: b""}, Rule.REFUND_FIELD_UNEXPECTED, 12),
        ({20: b""}, Rule.REFUND_FIELD_UNEXPECTED, 20),
        ({82: None}, Rule.AMOUNT_MISSING, 82),
        ({84: b"\x01"}, Rule.UNKNOWN_FEATURE, 84),
    ],
    ids=str,
)
def test_each_rule_for_requests_out_of_the_blue_refuses_its_case(
    changes: dict[int, bytes | None], rule: Rule, tlv_type: int
) -> None:
    values = {type_: value for type_, value in (REFUND | changes).items() if value is not None}
    with pytest.raises(SemanticError) as caught:
        InvoiceRequest.decode(encode_stream(values))
    assert (caught.value.rule, caught.value.tlv_type) == (rule, tlv_type)


def test_a_request_with_the_signature_of_an_invoice_is_refused() -> None:
    text = format_string("lni", request().encode())
    with pytest.raises(EncodingError):
        InvoiceRequest.from_string(text)


def test_a_request_cannot_bring_a_field_twice() -> None:
    with pytest.raises(TlvError) as caught:
        create_invoice_request(
            offer(),
            metadata=METADATA,
            payer_id=PAYER.public_key,
            amount=None,
            extra=[make_record(Field.INVREQ_PAYER_ID, b"")],
        )
    assert caught.value.rule is Rule.TLV_DUPLICATE


@pytest.mark.parametrize(
    ("offered", "asked"), [(None, REGTEST_CHAIN), ([REGTEST_CHAIN], None), ([REGTEST_CHAIN], bytes(32))]
)
def test_a_request_cannot_be_built_for_a_chain_that_the_offer_lacks(
    offered: list[bytes] | None, asked: bytes | None
) -> None:
    with pytest.raises(SemanticError) as caught:
        request(offer(chains=offered), chain=asked)
    assert (caught.value.rule, caught.value.tlv_type) == (Rule.UNSUPPORTED_CHAIN, 80)


def test_a_request_may_name_bitcoin_where_the_offer_means_it() -> None:
    assert request(chain=BITCOIN_CHAIN).invreq_chain == BITCOIN_CHAIN
    assert request(offer(chains=[REGTEST_CHAIN, BITCOIN_CHAIN])).invreq_chain is None


def test_features_and_the_name_that_led_to_the_offer_are_written() -> None:
    name = Bip353Name(name="bar", domain="example.com")
    made = request(features=b"\x02", bip_353_name=name)
    assert (made.invreq_features, made.invreq_bip_353_name) == (b"\x02", name)
    with pytest.raises(SemanticError):
        request(features=b"\x01")
