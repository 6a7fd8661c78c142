"""BigSize, truncated integers and TLV streams: minimal or refused, and never read past their end."""

import pytest

from bled_codec.errors import CodecError, EncodingError, Rule, TlvError
from bled_codec.fields import MIRRORED_TYPES, REQUEST_TYPES, Field, decode_fields, ordered, select
from bled_codec.primitives import (
    Reader,
    decode_signed,
    decode_truncated,
    decode_tu16,
    decode_tu32,
    decode_tu64,
    encode_bigsize,
    encode_signed,
    encode_truncated,
)
from bled_codec.tlv import TlvRecord, encode_stream, join_records, make_record, require_known_even, split_stream

EDGES = [0, 1, 0xFC, 0xFD, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x100000000, 2**64 - 1]


@pytest.mark.parametrize("value", EDGES)
def test_a_bigsize_is_read_as_written(value: int) -> None:
    reader = Reader(encode_bigsize(value) + b"rest")
    assert reader.bigsize() == value
    assert reader.take(4) == b"rest"
    reader.finish()


@pytest.mark.parametrize("value", EDGES)
def test_a_bigsize_cut_anywhere_is_refused(value: int) -> None:
    data = encode_bigsize(value)
    for length in range(len(data)):
        with pytest.raises(EncodingError) as caught:
            Reader(data[:length]).bigsize()
        assert caught.value.rule is Rule.TRUNCATED


@pytest.mark.parametrize("data", ["fd00fc", "fe0000ffff", "ff00000000ffffffff"])
def test_a_longer_bigsize_than_needed_is_refused(data: str) -> None:
    with pytest.raises(EncodingError) as caught:
        Reader(bytes.fromhex(data)).bigsize()
    assert caught.value.rule is Rule.BIGSIZE_NOT_MINIMAL


def test_a_bigsize_beyond_64_bits_cannot_be_written() -> None:
    for value in (-1, 2**64):
        with pytest.raises(OverflowError):
            encode_bigsize(value)


@pytest.mark.parametrize(("decode", "limit"), [(decode_tu16, 2), (decode_tu32, 4), (decode_tu64, 8)])
def test_a_truncated_integer_is_minimal_and_bounded(decode: object, limit: int) -> None:
    assert callable(decode)
    for value in (0, 1, 255, 256, 256**limit - 1):
        assert decode(encode_truncated(value)) == value
    for bad, rule in ((b"\x01" * (limit + 1), Rule.INTEGER_TOO_LONG), (b"\x00", Rule.INTEGER_NOT_MINIMAL)):
        with pytest.raises(EncodingError) as caught:
            decode(bad)
        assert caught.value.rule is rule
    assert encode_truncated(0) == b""
    assert decode_truncated(b"", limit=0) == 0


def test_a_reader_tells_where_it_stopped() -> None:
    reader = Reader(b"\x01\x02\x03", tlv_type=7)
    assert (reader.uint(2), reader.offset, reader.remaining) == (0x0102, 2, 1)
    with pytest.raises(EncodingError) as caught:
        reader.take(2)
    assert (caught.value.rule, caught.value.tlv_type, caught.value.offset) == (Rule.TRUNCATED, 7, 2)
    with pytest.raises(EncodingError) as caught:
        reader.finish()
    assert caught.value.rule is Rule.TRAILING_BYTES


LONG = {1: b"", 2: b"\x00" * 0xFC, 0xFC: b"\x01" * 0xFD, 0xFD: b"x", 0x10000: b"y" * 0x10000, 2**64 - 1: b"z"}


def test_a_stream_is_split_into_the_bytes_it_was_made_of() -> None:
    data = encode_stream(LONG)
    records = split_stream(data)
    assert {record.type: record.value for record in records} == LONG
    assert join_records(records) == data
    assert all(record == make_record(record.type, record.value) for record in records)
    assert split_stream(b"") == ()


def test_a_stream_cut_anywhere_is_whole_records_or_refused() -> None:
    values = {1: b"ab", 0xFD: b"c" * 5, 1000: b"", 70_000: b"d" * 300, 2**40: b"e"}
    data = encode_stream(values)
    starts = {0}
    for record in split_stream(data):
        starts.add(max(starts) + len(record.raw))
    for length in range(len(data) + 1):
        if length in starts:
            assert join_records(split_stream(data[:length])) == data[:length]
        else:
            with pytest.raises(EncodingError) as caught:
                split_stream(data[:length])
            assert caught.value.rule in (Rule.TRUNCATED, Rule.TLV_LENGTH_EXCEEDS_STREAM)


@pytest.mark.parametrize(
    ("stream", "rule", "tlv_type", "offset"),
    [
        ("01000100", Rule.TLV_DUPLICATE, 1, 2),
        ("03000100", Rule.TLV_OUT_OF_ORDER, 1, 2),
        ("fd00fc00", Rule.BIGSIZE_NOT_MINIMAL, None, 3),
        ("01fd000100", Rule.BIGSIZE_NOT_MINIMAL, 1, 4),
        ("01", Rule.TRUNCATED, 1, 1),
        ("0102ff", Rule.TLV_LENGTH_EXCEEDS_STREAM, 1, 2),
        ("01ffffffffffffffffff", Rule.TLV_LENGTH_EXCEEDS_STREAM, 1, 10),
        ("0101aafd", Rule.TRUNCATED, None, 4),
    ],
)
def test_a_broken_stream_is_refused_with_the_place(stream: str, rule: Rule, tlv_type: int | None, offset: int) -> None:
    with pytest.raises(CodecError) as caught:
        split_stream(bytes.fromhex(stream))
    assert (caught.value.rule, caught.value.tlv_type, caught.value.offset) == (rule, tlv_type, offset)


def test_the_type_of_a_record_is_a_plain_int_so_that_ranges_are_looked_up_at_once() -> None:
    record = make_record(Field.SIGNATURE, bytes(64))
    assert type(record.type) is int
    assert select([record], MIRRORED_TYPES) == ()  # took 40 s when the type was an IntEnum


def test_even_types_must_be_known_and_odd_ones_need_not() -> None:
    require_known_even([make_record(2, b""), make_record(3, b"")], {2})
    with pytest.raises(TlvError) as caught:
        require_known_even([make_record(2, b""), make_record(4, b"")], {2})
    assert caught.value.tlv_type == 4


def test_records_are_put_in_order_once_each() -> None:
    one, two = make_record(1, b"a"), make_record(2, b"b")
    assert ordered([two, one]) == (one, two)
    with pytest.raises(TlvError):
        ordered([one, two, TlvRecord(1, b"c", b"")])


def test_an_error_in_a_value_names_its_type_and_its_place_in_the_stream() -> None:
    records = [make_record(0, b"12345"), make_record(10, b"abc\xff")]
    with pytest.raises(EncodingError) as caught:
        decode_fields(records, REQUEST_TYPES)
    assert (caught.value.rule, caught.value.tlv_type, caught.value.offset) == (Rule.NOT_UTF8, 10, 7 + 2 + 3)


@pytest.mark.parametrize("data", ["", "000000", "0001", "ff80", "00000080", "ffffff7f", "00" * 9])
def test_a_signed_integer_of_another_width_than_it_needs_is_refused(data: str) -> None:
    with pytest.raises(EncodingError) as caught:
        decode_signed(bytes.fromhex(data))
    assert caught.value.rule in (Rule.WRONG_LENGTH, Rule.INTEGER_NOT_MINIMAL)


def test_a_signed_integer_has_at_most_64_bits() -> None:
    for number in (-(2**63), 2**63 - 1, -1, 0):
        assert decode_signed(encode_signed(number)) == number
    for number in (-(2**63) - 1, 2**63):
        with pytest.raises(OverflowError):
            encode_signed(number)
