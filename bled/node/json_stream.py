"""JSON-RPC as lightningd speaks it on its socket and with plugins: one object after the other, a blank line behind."""

import json
from asyncio import StreamReader
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from bled.codes import Code
from bled.errors import PeerError

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""More than lightningd ever says at once; what goes on for longer is not JSON-RPC."""

_SPACE: Final = b" \t\r\n"
_END: Final = "\n\n"
_CHUNK: Final = 1 << 16

JsonObject = dict[str, Any]
"""One JSON-RPC message."""


class JsonStream:
    """Gathers bytes and gives back each whole object. Objects need no separator; white space between them is skipped.

    lightningd ends each with two line feeds, so an attempt is made only when a line ends.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._decoder = json.JSONDecoder()

    def feed(self, chunk: bytes) -> Iterator[JsonObject]:
        """Yield the objects that end in `chunk`. Raises `PeerError` (`NODE_PROTOCOL`) when it is no JSON-RPC."""
        self._buffer += chunk
        if len(self._buffer) > MAX_MESSAGE_BYTES:
            raise PeerError(Code.NODE_PROTOCOL, detail=f"a message of more than {MAX_MESSAGE_BYTES} bytes")
        if b"\n" in chunk or chunk.rstrip(_SPACE).endswith(b"}"):
            yield from self._objects()

    def _objects(self) -> Iterator[JsonObject]:
        try:
            text = self._buffer.decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                raise PeerError(Code.NODE_PROTOCOL, detail="text that is not UTF-8") from None
            return  # cut inside a character: the rest is on its way, or the bound ends it
        start = _skip_space(text, 0)
        while start < len(text):
            found = self._one(text, start)
            if found is None:
                break
            message, end = found
            start = _skip_space(text, end)
            # Before the yield: whoever stops listening here must not get this object again.
            self._buffer = bytearray(text[start:].encode())
            yield message

    def _one(self, text: str, start: int) -> tuple[JsonObject, int] | None:
        if text[start] != "{":
            raise PeerError(Code.NODE_PROTOCOL, detail="something that is not a JSON object")
        try:
            message, end = self._decoder.raw_decode(text, start)
        except json.JSONDecodeError:
            if _END in text[start:]:
                raise PeerError(Code.NODE_PROTOCOL, detail="a message that is not JSON") from None
            return None  # not whole yet
        except (RecursionError, ValueError):  # nested too deeply, or a number without end
            raise PeerError(Code.NODE_PROTOCOL, detail="JSON beyond all bounds") from None
        return message, end


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    return start


def encode_message(message: JsonObject) -> bytes:
    """Return one JSON-RPC message as lightningd takes it: compact, ASCII, two line feeds at its end."""
    return (json.dumps(message, separators=(",", ":")) + _END).encode()


async def read_messages(reader: StreamReader) -> AsyncIterator[JsonObject]:
    """Return the objects that come in until the other side closes. Raises as `JsonStream.feed`."""
    stream = JsonStream()
    while data := await reader.read(_CHUNK):
        for message in stream.feed(data):
            yield message
