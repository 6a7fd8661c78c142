"""Requests out of what comes in on the plugin's stdin, whatever that is: what is none is skipped, never fatal.

lightningd ends every message with an empty line, and so does what is skipped: the next message is read as if nothing
had been before it. A plugin that ended instead would take no invoices until somebody starts it again.
"""

import json
from collections.abc import Iterator
from typing import Final

from bled.node.json_stream import JsonObject

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""Several times what the longest call of ours takes; of what goes on for longer nothing is kept."""

_END: Final = b"\n\n"
_SPACE: Final = " \t\r\n"


class RequestStream:
    """Gathers bytes and gives back each whole object.

    Attributes:
        skipped: how many messages were no JSON objects, or too long.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.skipped = 0
        self._buffer = bytearray()
        self._is_skipping = False
        self._decoder = json.JSONDecoder()

    def feed(self, chunk: bytes) -> Iterator[JsonObject]:
        """Yield the objects that `chunk` completes. Raises nothing; holds at most 4 MiB and one chunk."""
        searched = max(0, len(self._buffer) - 1)
        self._buffer += chunk
        while (end := self._buffer.find(_END, searched)) >= 0:
            message, searched = bytes(self._buffer[:end]), 0
            del self._buffer[: end + len(_END)]
            if self._is_skipping:
                self._is_skipping = False
            elif len(message) > MAX_REQUEST_BYTES:
                self.skipped += 1
            else:
                yield from self._objects(message)
        if len(self._buffer) > MAX_REQUEST_BYTES + 1:
            self.skipped += not self._is_skipping
            self._is_skipping = True
            del self._buffer[:-1]  # it may be the first half of the end

    def _objects(self, message: bytes) -> Iterator[JsonObject]:
        """Yield the objects of one message, usually one."""
        try:
            text = message.decode().rstrip(_SPACE)
            start = _skip_space(text, 0)
            while start < len(text):
                found, end = self._decoder.raw_decode(text, start)
                start = _skip_space(text, end)
                if isinstance(found, dict):
                    yield found
                else:
                    self.skipped += 1
        except (ValueError, RecursionError):  # no UTF-8, no JSON, a number without end, or nested too deeply
            self.skipped += 1


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start] in _SPACE:
        start += 1
    return start
