"""A sandbox node's gRPC server with LND's interface: TLS, and nothing without a macaroon that allows the call."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import Message

from bled.sandbox.certificates import ensure_server_certificate
from bled.sandbox.lnd_books import LndError
from bled.sandbox.lnd_calls import CALLS, STREAMS, Streaming, Unary
from bled.sandbox.lnd_macaroons import Macaroons
from bled.sandbox.lnd_node import LndNode
from bled.sandbox.node import SandboxNode
from bled.sandbox.rpc_error import NodeDied

_OPTIONS: Final = (("grpc.so_reuseport", 0),)
_CLOSED: Final = "Socket closed"
_LAST_WORDS_SECONDS: Final = 1.0


class LndServer:
    """Serves one node at a time. All calls belong to the event loop of `start`.

    Attributes:
        calls: how often each method was called, by its name.
        macaroons: those of the node, once it was started.
    """

    def __init__(self) -> None:
        self._server: Any = None
        self._lnd: LndNode | None = None
        self._port = 0
        self._stopped = asyncio.Event()
        self.calls: Counter[str] = Counter()
        self.macaroons: Macaroons | None = None

    async def start(self, node: SandboxNode, *, folder: Path, port: int = 0) -> str:
        """Listen on 127.0.0.1 and return the target `127.0.0.1:PORT`.

        Certificate and macaroons are made in `folder` on the first start. Port 0: any free one, the same again after
        a death. Raises `OSError` when the port is taken.
        """
        await self.stop()
        lnd = LndNode(node)
        self.macaroons = Macaroons(folder)
        certificate, key = ensure_server_certificate(folder)
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((_Handler(self, lnd, self.macaroons),))
        try:
            tls = grpc.ssl_server_credentials(((key, certificate),))
            self._port = server.add_secure_port(f"127.0.0.1:{port or self._port}", tls)
        except RuntimeError as error:
            raise OSError(f"cannot listen on port {port or self._port}") from error
        lnd.books.revive()
        self._stopped = asyncio.Event()
        await server.start()
        self._server, self._lnd = server, lnd
        return f"127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Stop listening; calls under way end. The node itself lives on."""
        self._stopped.set()
        if self._lnd is not None:
            self._lnd.end_streams()
        await self._end()

    async def die(self) -> None:
        """Kill the node: its books answer nobody, calls under way hear of it, the port closes."""
        if self._lnd is not None:
            self._lnd.books.die()
        await self.stop()

    async def _end(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(_LAST_WORDS_SECONDS)

    async def answer(self, lnd: LndNode, call: Unary, request: Message) -> Message:
        """Return the handler's answer, unless the server stops before there is one."""
        if lnd.books.is_dead or self._stopped.is_set():
            raise NodeDied
        return await call.handler(lnd, request)

    @property
    def stopped(self) -> asyncio.Event:
        """Set when no stream may go on."""
        return self._stopped


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Finds the handler of a call, once its macaroon allows it."""

    def __init__(self, server: LndServer, lnd: LndNode, macaroons: Macaroons) -> None:
        self._server = server
        self._lnd = lnd
        self._macaroons = macaroons

    def service(self, details: Any) -> Any:
        """Return gRPC's handler for a call, None for one that is not served."""
        method = details.method
        shown = next((value for key, value in details.invocation_metadata if key == "macaroon"), None)
        if method in CALLS:
            self._server.calls[method.rpartition("/")[2]] += 1
            serve = self._unary(method, CALLS[method], shown)
            return grpc.unary_unary_rpc_method_handler(serve, CALLS[method].request.FromString, _serialize)
        if method in STREAMS:
            self._server.calls[method.rpartition("/")[2]] += 1
            stream = self._stream(method, STREAMS[method], shown)
            return grpc.unary_stream_rpc_method_handler(stream, STREAMS[method].request.FromString, _serialize)
        return None

    def _unary(self, method: str, call: Unary, shown: str | None) -> Any:
        async def serve(request: Message, context: Any) -> Message:
            await self._admit(method, shown, context)
            try:
                return await self._server.answer(self._lnd, call, request)
            except LndError as error:
                status, words = grpc.StatusCode[error.status], error.message
            except NodeDied:
                status, words = grpc.StatusCode.UNAVAILABLE, _CLOSED
            await context.abort(status, words)
            raise NodeDied  # `abort` never returns

        return serve

    def _stream(self, method: str, call: Streaming, shown: str | None) -> Any:
        async def serve(request: Message, context: Any) -> AsyncIterator[Message]:
            await self._admit(method, shown, context)
            try:
                async for message in call.handler(self._lnd, request):
                    yield message
            except LndError as error:
                await context.abort(grpc.StatusCode[error.status], error.message)
            except NodeDied:
                await context.abort(grpc.StatusCode.UNAVAILABLE, _CLOSED)
            if self._server.stopped.is_set() or self._lnd.books.is_dead:
                await context.abort(grpc.StatusCode.UNAVAILABLE, _CLOSED)

        return serve

    async def _admit(self, method: str, shown: str | None, context: Any) -> None:
        refusal = self._macaroons.refusal(method, shown)
        if refusal is not None:
            await context.abort(grpc.StatusCode.UNKNOWN, refusal)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
