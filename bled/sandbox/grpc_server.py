"""A sandbox node's gRPC server: Core Lightning's interface behind mutual TLS, and nothing without a certificate."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import Message

from bled.sandbox.books_events import InvoiceEvent
from bled.sandbox.certificates import ensure_certificates
from bled.sandbox.grpc_calls import CALLS, NO_RESPONSE, STREAMS, Call, Stream
from bled.sandbox.node import SandboxNode
from bled.sandbox.rpc_error import HandlerCrashed, NodeDied, RpcError

_SERVICE: Final = "cln.Node"
_RESET: Final = "Stream removed (RST_STREAM (Received RST_STREAM with error code 8))"
_CLOSED: Final = "Socket closed"
_OPTIONS: Final = (("grpc.so_reuseport", 0),)
"""A port belongs to one server; two on one port would answer in turn."""
_LAST_WORDS_SECONDS: Final = 1.0
"""How long calls under way may take to hear that the node is gone; they need milliseconds."""


class GrpcServer:
    """Serves one node at a time. All calls belong to the event loop of `start`.

    When the node dies (`die`, or a call that lightningd would not survive) the calls under way end with the gRPC
    plugin's last words and nobody listens any more, until `start` brings the node back.

    Attributes:
        calls: how often each unary method was called, by its name in the service.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._server: Any = None
        self._node: SandboxNode | None = None
        self._port = 0
        self._ending: asyncio.Task[None] | None = None
        self._streams: set[asyncio.Queue[InvoiceEvent | None]] = set()
        self._stopped = asyncio.Event()

    async def start(self, node: SandboxNode, *, folder: Path, port: int = 0) -> str:
        """Listen on 127.0.0.1 and return the target `127.0.0.1:PORT`.

        Certificates are made in `folder` on the first start. Port 0: any free one, the same again after a death.
        Raises `OSError` when the port is taken.
        """
        await self.stop()
        credentials = ensure_certificates(folder)
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((self._handlers(node),))
        pairs = ((credentials.key, credentials.certificate),)
        tls = grpc.ssl_server_credentials(pairs, credentials.authority, require_client_auth=True)
        try:
            self._port = server.add_secure_port(f"127.0.0.1:{port or self._port}", tls)
        except RuntimeError as error:
            raise OSError(f"cannot listen on port {port or self._port}") from error
        node.books.revive()
        self._stopped.clear()
        await server.start()
        self._server, self._node = server, node
        return f"127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Stop listening; calls under way end as when the gRPC plugin is stopped. The node itself lives on."""
        self._stopped.set()
        for events in self._streams:
            events.put_nowait(None)
        await self._end()

    async def die(self) -> None:
        """Kill the node: its books answer nobody, calls under way hear of it, the port closes."""
        if self._node is not None:
            self._node.books.die()
        await self._end()

    async def _end(self) -> None:
        await self._begin_to_end()
        if self._ending is not None:
            ending, self._ending = self._ending, None
            await ending

    async def _begin_to_end(self) -> None:
        """Close the port before anything else is said, so that no later call gets in over an open connection."""
        if self._server is not None:
            server, self._server = self._server, None
            self._ending = asyncio.create_task(server.stop(_LAST_WORDS_SECONDS))
            await asyncio.wait({self._ending}, timeout=0)

    def _handlers(self, node: SandboxNode) -> Any:
        unary = {name: self._unary(node, name, call) for name, call in CALLS.items()}
        streams = {name: self._stream(node, stream) for name, stream in STREAMS.items()}
        return grpc.method_handlers_generic_handler(_SERVICE, unary | streams)

    def _unary(self, node: SandboxNode, name: str, call: Call) -> Any:
        async def serve(request: Message, context: Any) -> Message:
            self.calls[name] += 1
            try:
                return await self._answer(node, call, request)
            except RpcError as error:
                status, details = grpc.StatusCode.UNKNOWN, error.details(call.name)
            except HandlerCrashed:
                status, details = grpc.StatusCode.CANCELLED, _RESET
            except NodeDied:
                await self._begin_to_end()
                status, details = grpc.StatusCode.UNKNOWN, NO_RESPONSE.details(call.name)
            except _StoppedError:
                status, details = grpc.StatusCode.UNAVAILABLE, _CLOSED
            await context.abort(status, details)
            raise NodeDied  # `abort` never returns

        return grpc.unary_unary_rpc_method_handler(serve, call.request.FromString, _serialize)

    async def _answer(self, node: SandboxNode, call: Call, request: Message) -> Message:
        """Return the handler's answer, unless the server stops before there is one."""
        if node.books.is_dead:
            raise NodeDied
        stopped = asyncio.ensure_future(self._stopped.wait())
        answer = asyncio.ensure_future(call.handler(node, request))
        try:
            await asyncio.wait({stopped, answer}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise _StoppedError
        finally:
            stopped.cancel()
            answer.cancel()
        return answer.result()

    def _stream(self, node: SandboxNode, stream: Stream) -> Any:
        async def serve(_: Message, context: Any) -> AsyncIterator[Message]:
            with stream.feed(node).listen() as events, self._listed(events):
                await context.send_initial_metadata(())  # tells the client that it misses nothing from here on
                while (event := await events.get()) is not None:
                    yield stream.message(event)
            await context.abort(grpc.StatusCode.UNAVAILABLE, _CLOSED)

        return grpc.unary_stream_rpc_method_handler(serve, stream.request.FromString, _serialize)

    @contextmanager
    def _listed(self, events: "asyncio.Queue[InvoiceEvent | None]") -> Iterator[None]:
        """Let `stop` end the stream that reads from `events`."""
        self._streams.add(events)
        try:
            yield
        finally:
            self._streams.discard(events)


class _StoppedError(Exception):
    """The server was stopped while a call waited for its answer."""


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
