"""BOLT 1, appendices A, B and D: every official vector, and the two rules that stand beside them in prose."""

import json
from pathlib import Path
from typing import Any

import pytest

from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError, Rule
from bled_codec.primitives import Reader, decode_signed, decode_tu64, encode_bigsize, encode_signed
from bled_codec.tlv import require_known_even, split_stream


@pytest.fixture(scope="module")
def bigsize(shared_vectors: Path) -> dict[str, Any]:
    return json.loads((shared_vectors / "bolt01" / "bigsize.json").read_text())


@pytest.fixture(scope="module")
def tlv(shared_vectors: Path) -> dict[str, Any]:
    return json.loads((shared_vectors / "bolt01" / "tlv.json").read_text())


def test_every_bigsize_decodes_or_fails_as_recorded(bigsize: dict[str, Any]) -> None:
    for case in bigsize["decoding"]:
        reader = Reader(bytes.fromhex(case["bytes"]))
        if "exp_error" in case:
            with pytest.raises(CodecError) as caught:
                reader.bigsize()
            expected = Rule.BIGSIZE_NOT_MINIMAL if "canonical" in case["exp_error"] else Rule.TRUNCATED
            assert caught.value.rule is expected, case["name"]
        else:
            assert reader.bigsize() == case["value"], case["name"]
            reader.finish()


def test_every_bigsize_encodes_as_recorded(bigsize: dict[str, Any]) -> None:
    for case in bigsize["encoding"]:
        assert encode_bigsize(case["value"]).hex() == case["bytes"]


def _exact(value: bytes, length: int) -> None:
    if len(value) != length:
        raise CodecError(Rule.WRONG_LENGTH)


def _n1(type_: int, value: bytes) -> None:
    match type_:
        case 1:
            decode_tu64(value)
        case 2:
            _exact(value, 8)
        case 3:
            _exact(value, 49)
            parse_point(value[:33])
        case 254:
            _exact(value, 2)


def _n2(type_: int, value: bytes) -> None:
    match type_:
        case 0:
            decode_tu64(value)
        case 11:
            Reader(value).uint(4) if len(value) > 4 else None


_KNOWN = {"n1": ({1, 2, 3, 254}, _n1), "n2": ({0, 11}, _n2)}


def read(namespace: str, stream: bytes) -> None:
    known, check = _KNOWN[namespace]
    records = split_stream(stream)
    require_known_even(records, known)
    for record in records:
        check(record.type, record.value)


def _namespaces(case: dict[str, Any]) -> list[str]:
    return ["n1", "n2"] if case["ns"] in ("any", "n1,n2") else [case["ns"]]


def test_every_invalid_stream_is_refused(tlv: dict[str, Any]) -> None:
    for case in tlv["invalid"]:
        for namespace in _namespaces(case):
            with pytest.raises(CodecError):
                read(namespace, bytes.fromhex(case["stream"]))


def test_every_valid_stream_is_read(tlv: dict[str, Any]) -> None:
    for case in tlv["valid"]:
        for namespace in _namespaces(case):
            read(namespace, bytes.fromhex(case["stream"]))


def test_a_valid_stream_followed_by_an_invalid_one_is_refused(tlv: dict[str, Any]) -> None:
    for valid in tlv["valid"]:
        for invalid in tlv["invalid"]:
            for namespace in set(_namespaces(valid)) & set(_namespaces(invalid)):
                with pytest.raises(CodecError):
                    read(namespace, bytes.fromhex(valid["stream"] + invalid["stream"]))


def test_a_lower_stream_before_a_higher_one_is_read_and_the_reverse_refused(tlv: dict[str, Any]) -> None:
    streams = [bytes.fromhex(case["stream"]) for case in tlv["valid"] if "n2" in _namespaces(case)]
    streams = [stream for stream in streams if stream]
    for one in streams:
        for other in streams:
            last, first = split_stream(one)[-1].type, split_stream(other)[0].type
            if last < first:
                read("n2", one + other)
            else:
                with pytest.raises(CodecError):
                    read("n2", one + other)


def test_every_signed_integer_is_read_and_written_as_recorded(shared_vectors: Path) -> None:
    (cases,) = json.loads((shared_vectors / "bolt01" / "signed-int.json").read_text())["tests"]
    assert len(cases) == 23
    for case in cases:
        assert encode_signed(case["value"]).hex() == case["bytes"]
        assert decode_signed(bytes.fromhex(case["bytes"])) == case["value"]
