"""lightningd's `lightning-rpc`: JSON-RPC 2.0 on a unix socket, for everyone who may open the node's folder."""

import asyncio
import logging
import os
import sqlite3
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, PeerError
from bled.node.json_stream import JsonObject, encode_message, read_messages
from bled.sandbox.plugin_child import PluginError
from bled.sandbox.rpc_error import LIGHTNINGD, NodeDied, RpcError

_log = logging.getLogger(__name__)

_MAX_PATH_BYTES: Final = 107
"""What the kernel takes for the path of a unix socket."""

_INVALID_REQUEST: Final = -32600


class Commands(Protocol):
    """Whoever answers the requests."""

    def call(self, method: str, params: object, *, request_id: object) -> Awaitable[Any]:
        """Return the result. Raises `RpcError` or `PluginError`."""
        ...


class RpcSocket:
    """The socket. A request goes on when the one who asked goes away, as in lightningd."""

    def __init__(self, path: Path, commands: Commands) -> None:
        """Listen at `path`, once started.

        Raises `ConfigurationError` (`CONFIG_BAD`) for a path too long for a socket.
        """
        length = len(os.fsencode(path))
        if length > _MAX_PATH_BYTES:
            detail = (
                f"{path} has {length} bytes, a socket's path at most {_MAX_PATH_BYTES}: use a folder nearer the root"
            )
            raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
        self._path = path
        self._commands = commands
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[Any], StreamWriter] = {}
        self._requests: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen; a socket file left by an earlier run is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o600)

    async def stop(self) -> None:
        """Stop listening, end the requests under way and close all connections."""
        if self._server is None:
            return
        self._server.close()
        for request in self._requests:
            request.cancel()
        for writer in self._connections.values():
            writer.close()
        tasks = {*self._requests, *self._connections}
        if tasks:
            await asyncio.wait(tasks)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections[task] = writer
        try:
            async for request in read_messages(reader):
                self._begin(request, writer)
        except PeerError:
            await _send(writer, _error(None, _INVALID_REQUEST, "Invalid token in json input"))
        except ConnectionError:
            pass  # the other side is gone: nobody is left to tell
        finally:
            del self._connections[task]
            await _close(writer)

    def _begin(self, request: JsonObject, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._answer(request, writer))
        self._requests.add(task)
        task.add_done_callback(partial(self._finished, writer=writer))

    def _finished(self, task: asyncio.Task[None], *, writer: StreamWriter) -> None:
        """Let go of a request; a defect of ours takes the connection with it, so that nobody waits for an answer."""
        self._requests.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a request failed", exc_info=task.exception())
            writer.close()

    async def _answer(self, request: JsonObject, writer: StreamWriter) -> None:
        await _send(writer, await self._response(request))

    async def _response(self, request: JsonObject) -> JsonObject:
        request_id, method = request.get("id"), request.get("method")
        if not isinstance(request_id, str | int) or not isinstance(method, str):
            return _error(request_id, _INVALID_REQUEST, "No id" if request_id is None else "No method")
        try:
            result = await self._commands.call(method, request.get("params"), request_id=request_id)
        except RpcError as error:
            return _error(request_id, error.code, error.message, error.data)
        except (BledError, NodeDied, sqlite3.Error) as error:
            return _error(request_id, LIGHTNINGD, f"The sandbox failed: {error!r}")
        except PluginError as failure:
            return {"jsonrpc": "2.0", "id": request_id, "error": failure.error}
        return {"jsonrpc": "2.0", "id": request_id, "result": result}


def _error(request_id: object, code: int | None, message: str, data: object = None) -> JsonObject:
    error: JsonObject = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


async def _send(writer: StreamWriter, message: JsonObject) -> None:
    if writer.is_closing():
        return
    writer.write(encode_message(message))
    with suppress(ConnectionError):
        await writer.drain()


async def _close(writer: StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
