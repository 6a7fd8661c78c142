"""JSON-RPC as lightningd speaks it on sockets and pipes: one object after the other, a blank line behind each."""

import codecs
import json
from asyncio import StreamReader
from collections.abc import AsyncIterator
from typing import Any, Final

JsonObject = dict[str, Any]
"""A JSON object whose members nobody has looked at yet."""

_MAX_CHARACTERS: Final = 4 << 20
"""More than this without an end is no message: an invoice has some kilobytes, a grant book some hundreds."""

_CHUNK: Final = 1 << 16
_END: Final = "\n\n"


class NotJson(Exception):
    """The other side does not speak JSON objects, or one without end."""


def encode_message(message: JsonObject) -> bytes:
    """Return a message with the blank line that ends it."""
    return (json.dumps(message, separators=(",", ":")) + _END).encode("ascii")


async def read_messages(reader: StreamReader) -> AsyncIterator[JsonObject]:
    """Return the objects that come in, until the other side closes. White space between them is free.

    Raises `NotJson`.
    """
    characters = codecs.getincrementaldecoder("utf-8")()
    text = ""
    while data := await reader.read(_CHUNK):
        try:
            text += characters.decode(data)
        except UnicodeDecodeError as error:
            raise NotJson from error
        while text := text.lstrip():
            message, end = _first_object(text)
            if message is None:
                break
            yield message
            text = text[end:]


def _first_object(text: str) -> tuple[JsonObject | None, int]:
    """Return the object at the beginning of `text` and where it ends; None while it is not whole."""
    try:
        message, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError) as error:
        if text[0] != "{" or _END in text or len(text) > _MAX_CHARACTERS or isinstance(error, RecursionError):
            raise NotJson from error
        return None, 0
    if not isinstance(message, dict):
        raise NotJson
    return message, end
