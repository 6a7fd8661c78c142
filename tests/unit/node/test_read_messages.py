"""JSON objects one after the other, however the bytes arrive."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bled.errors import PeerError
from bled.node.json_stream import JsonObject, encode_message, read_messages


async def _read(*chunks: bytes) -> list[JsonObject]:
    reader = asyncio.StreamReader()
    messages = []

    async def collect() -> None:
        messages.extend([message async for message in read_messages(reader)])

    task = asyncio.create_task(collect())
    for chunk in chunks:
        reader.feed_data(chunk)
        await asyncio.sleep(0)
    reader.feed_eof()
    await task
    return messages


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@given(messages=st.lists(st.dictionaries(st.text(max_size=5), values, max_size=3), max_size=4), size=st.integers(1, 40))
def test_messages_survive_any_cutting(messages: list[dict[str, Any]], size: int) -> None:
    data = b"".join(json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass") for message in messages)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    if any(0xD800 <= ord(character) <= 0xDFFF for character in data.decode("utf-8", "surrogatepass")):
        return  # no such text can be sent as UTF-8
    assert asyncio.run(_read(*chunks)) == messages


async def test_what_is_written_can_be_read() -> None:
    message = {"id": 1, "text": 'a "quoted"\n\nblank line and \ud800'}
    assert await _read(encode_message(message)) == [message]
    assert encode_message({"a": 1}) == b'{"a":1}\n\n'


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1", b"[1]\n\n", b'{"a":}\n\n', b"\xff\xfe", b"{" * 100_000, b'{"a":' * 100_000]
)
async def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError):
        await _read(data + b"\n\n")


async def test_an_object_without_end_is_refused_in_time() -> None:
    with pytest.raises(PeerError):
        await _read(b'{"a": "' + b"x" * (33 << 20))


async def test_an_end_in_the_middle_is_the_end() -> None:
    assert await _read(b'{"a":1}\n\n{"b":') == [{"a": 1}]
