"""A sandbox node's gRPC server: Core Lightning's interface behind mutual TLS, and nothing without a certificate."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import Message

from bled.sandbox.certificates import ensure_certificates
from bled.sandbox.grpc_calls import CALLS, NO_RESPONSE, STREAMS, Call, Stream
from bled.sandbox.node import SandboxNode
from bled.sandbox.rpc_error import HandlerCrashed, NodeDied, RpcError

_SERVICE: Final = "cln.Node"
_RESET: Final = "Stream removed (RST_STREAM (Received RST_STREAM with error code 8))"
_LAST_WORDS_SECONDS: Final = 1.0
"""How long calls under way may take to hear that the node is gone; they need milliseconds."""


class GrpcServer:
    """Serves one node at a time. All calls belong to the event loop of `start`.

    When the node dies (`die`, or a call that lightningd would not survive) the calls under way end with the gRPC
    plugin's last words and nobody listens any more, until `start` brings the node back.
    """

    def __init__(self) -> None:
        self._server: Any = None
        self._node: SandboxNode | None = None
        self._port = 0
        self._ending: asyncio.Task[None] | None = None

    async def start(self, node: SandboxNode, *, folder: Path, port: int = 0) -> str:
        """Listen on 127.0.0.1 and return the target `127.0.0.1:PORT`.

        Certificates are made in `folder` on the first start. Port 0: any free one, the same again after a death.
        Raises `OSError` when the port is taken.
        """
        await self._ended()
        credentials = ensure_certificates(folder)
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((self._handlers(node),))
        pairs = ((credentials.key, credentials.certificate),)
        tls = grpc.ssl_server_credentials(pairs, credentials.authority, require_client_auth=True)
        try:
            self._port = server.add_secure_port(f"127.0.0.1:{port or self._port}", tls)
        except RuntimeError as error:
            raise OSError(f"cannot listen on port {port}") from error
        node.books.revive()
        await server.start()
        self._server, self._node = server, node
        return f"127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Stop listening; calls under way are cancelled. The node itself lives on."""
        await self._ended()
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(None)

    async def die(self) -> None:
        """Kill the node: its books answer nobody, calls under way hear of it, the port closes."""
        if self._node is not None:
            self._node.books.die()
        self._begin_to_end()
        await self._ended()

    def _begin_to_end(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            self._ending = asyncio.create_task(server.stop(_LAST_WORDS_SECONDS))

    async def _ended(self) -> None:
        if self._ending is not None:
            ending, self._ending = self._ending, None
            await ending

    def _handlers(self, node: SandboxNode) -> Any:
        unary = {name: self._unary(node, call) for name, call in CALLS.items()}
        streams = {name: self._stream(node, stream) for name, stream in STREAMS.items()}
        return grpc.method_handlers_generic_handler(_SERVICE, unary | streams)

    def _unary(self, node: SandboxNode, call: Call) -> Any:
        async def serve(request: Message, context: Any) -> Message:
            try:
                return await _answer(node, call, request)
            except RpcError as error:
                details = error.details(call.name)
                status = grpc.StatusCode.UNKNOWN
            except HandlerCrashed:
                status, details = grpc.StatusCode.CANCELLED, _RESET
            except NodeDied:
                self._begin_to_end()
                status, details = grpc.StatusCode.UNKNOWN, NO_RESPONSE.details(call.name)
            await context.abort(status, details)
            raise NodeDied  # `abort` never returns

        return grpc.unary_unary_rpc_method_handler(serve, call.request.FromString, _serialize)

    def _stream(self, node: SandboxNode, stream: Stream) -> Any:
        async def serve(_: Message, context: Any) -> AsyncIterator[Message]:
            with stream.feed(node).listen() as events:
                while (event := await events.get()) is not None:
                    yield stream.message(event)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

        return grpc.unary_stream_rpc_method_handler(serve, stream.request.FromString, _serialize)


async def _answer(node: SandboxNode, call: Call, request: Message) -> Message:
    if node.books.is_dead:
        raise NodeDied
    return await call.handler(node, request)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
