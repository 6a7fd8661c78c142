"""Hostile input: for any bytes and any text every parser answers with a value or a CodecError, nothing else."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy, binary, dictionaries, integers, sampled_from, text

from bled_codec.blinded_path import EncryptedData, decode_paths, decode_payinfos
from bled_codec.bolt12_string import format_string, parse_string
from bled_codec.errors import CodecError
from bled_codec.fields import Field
from bled_codec.invoice import Invoice, UnsignedInvoice
from bled_codec.invoice_error import InvoiceError
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.onion_message import OnionPayload
from bled_codec.request_signature import judge_request_signature
from bled_codec.tlv import encode_stream, join_records, split_stream

from .strategies import PATIENT

PARSERS: list[Callable[[bytes], object]] = [
    Offer.decode,
    InvoiceRequest.decode,
    Invoice.decode,
    UnsignedInvoice.decode,
    InvoiceError.decode,
    EncryptedData.decode,
    OnionPayload.decode,
    split_stream,
    decode_paths,
    decode_payinfos,
    lambda data: judge_request_signature(split_stream(data)),
]


def answer(parser: Callable[[bytes], object], data: bytes) -> object:
    """Return the value, or None for a CodecError; whatever else is raised fails the test."""
    try:
        return parser(data)
    except CodecError as error:
        assert str(error)
        return None


types = sampled_from([*map(int, Field), 1, 23, 79, 161, 241, 1001, 1_000_000_001, 2_000_000_001, 3_000_000_001])
streams: SearchStrategy[bytes] = dictionaries(types, binary(max_size=70), max_size=12).map(encode_stream)


@given(data=binary(max_size=400) | streams)
@settings(PATIENT, max_examples=300)
def test_any_bytes_get_an_answer_from_every_parser(data: bytes) -> None:
    for parser in PARSERS:
        answer(parser, data)


@given(data=streams)
@settings(PATIENT, max_examples=200)
def test_a_stream_in_order_is_split_and_joined_to_itself(data: bytes) -> None:
    assert join_records(split_stream(data)) == data


@given(words=text(max_size=120) | text(alphabet="lnorip1qpzry9x8gf2tvdw0s3jn54khce6mua7l+ \n\tQPZ", max_size=120))
@settings(PATIENT, max_examples=300)
def test_any_text_gets_an_answer(words: str) -> None:
    try:
        prefix, data = parse_string(words)
    except CodecError as error:
        assert error.rule.value.startswith("string-")
        return
    assert format_string(prefix, data) == "".join(words.split()).replace("+", "").lower()


@given(data=binary(min_size=1, max_size=300), prefix=sampled_from(["lno", "lnr", "lni", "lnp"]))
@settings(PATIENT, max_examples=200)
def test_any_bytes_become_a_string_and_back(data: bytes, prefix: str) -> None:
    assert parse_string(format_string(prefix, data)) == (prefix, data)
    assert parse_string(format_string(prefix, data, upper=True)) == (prefix, data)


@given(data=binary(min_size=2, max_size=80), cuts=integers(1, 60), joint=sampled_from(["+", "+ ", "+\n", "+\r\n  "]))
@settings(PATIENT, max_examples=200)
def test_a_string_may_be_continued_anywhere(data: bytes, cuts: int, joint: str) -> None:
    text_ = format_string("lno", data)
    size = max(1, len(text_) // cuts)
    pieces = [text_[at : at + size] for at in range(0, len(text_), size)]
    assert parse_string(joint.join(pieces)) == ("lno", data)


@pytest.mark.parametrize("size", [4096, 65_536])
@pytest.mark.parametrize("byte", [0x00, 0x01, 0x02, 0xFD, 0xFF])
def test_a_long_run_of_one_byte_gets_an_answer(size: int, byte: int) -> None:
    for parser in PARSERS:
        answer(parser, bytes([byte]) * size)
