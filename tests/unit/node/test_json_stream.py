"""JSON objects out of a byte stream, however it is cut."""

import pytest

from bled.codes import Code
from bled.errors import PeerError
from bled.node.json_stream import MAX_MESSAGE_BYTES, JsonStream, encode_message

MESSAGES = [{"id": 1, "text": 'é "quoted" {'}, {}, {"deep": [[{"a": None}]]}]
STREAM = b"".join(encode_message(message) for message in MESSAGES)


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
def test_objects_come_whole_however_they_were_cut(size) -> None:
    stream = JsonStream()
    found = []
    for start in range(0, len(STREAM), size):
        found += stream.feed(STREAM[start : start + size])
    assert found == MESSAGES


@pytest.mark.parametrize("text", [b'{"a":1}{"a":2}', b' {"a":1}\n{"a":2}', b'{"a":1}\r\n\t {"a" : 2 }\n\n'])
def test_objects_need_no_separator(text) -> None:
    assert list(JsonStream().feed(text)) == [{"a": 1}, {"a": 2}]


def test_an_object_cut_inside_a_character_waits_for_the_rest() -> None:
    stream = JsonStream()
    text = '{"name":"é\n"}'.replace("\n", "").encode()
    assert list(stream.feed(text[:10] + b"")) == []
    assert list(stream.feed(text[10:] + b"\n")) == [{"name": "é"}]


def test_who_stops_listening_after_an_object_does_not_get_it_again() -> None:
    stream = JsonStream()
    assert next(stream.feed(b'{"a":1}\n\n{"a":2}\n\n')) == {"a": 1}
    assert list(stream.feed(b"\n")) == [{"a": 2}]


@pytest.mark.parametrize("text", [b"[]\n", b"hello\n", b'"text"\n', b"}\n", b'{"n":' + b"1" * 5_000 + b"}\n"])
def test_what_is_no_object_is_refused(text) -> None:
    with pytest.raises(PeerError) as caught:
        list(JsonStream().feed(text))
    assert caught.value.code is Code.NODE_PROTOCOL


def test_a_message_nested_without_end_is_refused() -> None:
    with pytest.raises(PeerError):
        list(JsonStream().feed(b'{"a":' + b"[" * 100_000 + b"\n"))


def test_a_message_without_end_is_refused() -> None:
    stream = JsonStream()
    list(stream.feed(b'{"a":"' + b"x" * (MAX_MESSAGE_BYTES - 10)))
    with pytest.raises(PeerError):
        list(stream.feed(b"x" * 100))
