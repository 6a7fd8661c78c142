"""lightningd's own JSON-RPC on its unix socket."""

import asyncio
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

from bled.codes import Code
from bled.errors import PeerError, Unavailable
from bled.node.cln_errors import RpcFailure
from bled.node.json_stream import JsonObject, JsonStream, encode_message

_READ_BYTES: Final = 65_536
_CONNECT_SECONDS: Final = 5.0


class LightningRpc:
    """Calls a running lightningd. Every call has a connection of its own, so that a slow one holds up nobody."""

    def __init__(self, socket: Path, *, caller: str = "bled") -> None:
        """Take the path of the socket; nothing is opened yet. `caller` begins the ids, for the node's log."""
        self._socket = socket
        self._caller = caller
        self._ids = count(1)

    async def call(
        self, method: str, params: Mapping[str, object] | None = None, *, seconds: float | None = None
    ) -> dict[str, Any]:
        """Return the `result` of `method`; waits at most `seconds`, for ever when None.

        Raises `Unavailable`: `NODE_UNREACHABLE` promises that the call was never sent; `NODE_DIED`, for a connection
        that ended or stayed silent, promises nothing. `RpcFailure` (`NODE_REFUSED`) is the node's own error, and
        `NODE_PROTOCOL` an answer that is none: it says nothing about the call either.
        """
        reader, writer = await self._connect()
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(reader, writer, method, params or {})
        except TimeoutError:
            raise Unavailable(Code.NODE_DIED, detail=f"{method}: no answer in {seconds} s") from None
        except PeerError as error:
            raise Unavailable(error.code, detail=f"{method}: {error.detail}") from error
        except OSError as error:
            raise Unavailable(Code.NODE_DIED, detail=f"{method}: {error.strerror or error}") from error
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await asyncio.open_unix_connection(self._socket)
        except TimeoutError:
            raise Unavailable(Code.NODE_UNREACHABLE, detail=f"{self._socket}: nobody answers") from None
        except OSError as error:
            raise Unavailable(Code.NODE_UNREACHABLE, detail=f"{self._socket}: {error.strerror or error}") from error

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, params: Mapping[str, object]
    ) -> dict[str, Any]:
        ours = f"{self._caller}:{method}#{next(self._ids)}"
        writer.write(encode_message({"jsonrpc": "2.0", "id": ours, "method": method, "params": dict(params)}))
        await writer.drain()
        stream = JsonStream()
        while chunk := await reader.read(_READ_BYTES):
            for message in stream.feed(chunk):
                if message.get("id") == ours:  # anything else is a notification
                    return _result(method, message)
        raise Unavailable(Code.NODE_DIED, detail=f"{method}: lightningd closed the connection")


def _result(method: str, message: JsonObject) -> dict[str, Any]:
    error = message.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        raise RpcFailure(method, code if isinstance(code, int) else None, _storable(str(error.get("message", ""))))
    result = message.get("result")
    if not isinstance(result, dict):
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"{method}: an answer without a result")
    return result


def _storable(text: str) -> str:
    """Return text without lone surrogates: JSON can spell them, no file takes them."""
    return text.encode(errors="replace").decode()
