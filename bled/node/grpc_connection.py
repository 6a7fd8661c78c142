"""One gRPC connection to a node: calls and streams, with deadlines and errors. Knows no method's meaning."""

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message

from bled.codes import Code
from bled.errors import BledError, Unavailable

_OPTIONS: Final = (
    ("grpc.enable_retries", 0),  # what is sent again, and when, is decided by those who know what it means for money
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # despite its name: how long one handshake of TCP and TLS may take
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),  # every offer that a node ever made: about 100,000
)

Answer = TypeVar("Answer", bound=Message)
Classify = Callable[[str, str, str], BledError]
"""Takes a method, a gRPC status by name and its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call or stream that has ended, well or not; times in seconds of `time.perf_counter`."""

    method: str
    began: float
    ended: float


_watcher: ContextVar[list[Call] | None] = ContextVar("calls", default=None)


@contextmanager
def watch_calls() -> Iterator[list[Call]]:
    """Give a list that fills with every call that begins inside, also in tasks that are made there."""
    calls: list[Call] = []
    token = _watcher.set(calls)
    try:
        yield calls
    finally:
        _watcher.reset(token)


@contextmanager
def _noted(path: str) -> Iterator[None]:
    calls, began = _watcher.get(), time.perf_counter()
    try:
        yield
    finally:
        if calls is not None:
            calls.append(Call(method=path.rpartition("/")[2], began=began, ended=time.perf_counter()))


def open_channel(target: str, secrets: Any, *, tls_name: str | None) -> Any:
    """Return a channel to host:port with gRPC's own credentials; nothing is sent before the first call.

    `tls_name` is the name that the node's certificate must carry, None for the host's.
    """
    options = _OPTIONS if tls_name is None else (*_OPTIONS, ("grpc.ssl_target_name_override", tls_name))
    return grpc.aio.secure_channel(target, secrets, options=options)


class GrpcConnection:
    """A channel to one node. It reconnects by itself; a call that fails is never repeated here."""

    def __init__(self, channel: Any, *, classify: Classify, metadata: Sequence[tuple[str, str]] = ()) -> None:
        """Take a channel, what makes an error of a gRPC status, and what goes with every call."""
        self._channel = channel
        self._classify = classify
        self._metadata = tuple(metadata)

    async def unary(self, path: str, request: Message, answer: type[Answer], *, seconds: float) -> Answer:
        """Return the answer to one call of `/service/method`, waiting at most `seconds`.

        Raises what `classify` returns, and `Unavailable` (`NODE_PROTOCOL`) for an answer that is no protobuf.
        """
        send = self._channel.unary_unary(
            path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        try:
            with _noted(path):
                response: Answer = await send(request, timeout=seconds, metadata=self._metadata)
        except (grpc.aio.AioRpcError, DecodeError) as error:
            raise self._error(path, error) from error
        return response

    async def stream(
        self, path: str, request: Message, answer: type[Answer], *, seconds: float
    ) -> AsyncGenerator[Answer, None]:
        """Yield what the node streams, for `seconds` at most. Raises as `unary` does; close it (`aclosing`)."""
        send = self._channel.unary_stream(
            path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        call = send(request, timeout=seconds, metadata=self._metadata)
        try:
            with _noted(path):
                async for response in call:
                    yield response
        except (grpc.aio.AioRpcError, DecodeError) as error:
            raise self._error(path, error) from error
        finally:
            call.cancel()

    def _error(self, path: str, error: grpc.aio.AioRpcError | DecodeError) -> BledError:
        method = path.rpartition("/")[2]
        if isinstance(error, DecodeError):
            return Unavailable(Code.NODE_PROTOCOL, detail=f"the answer to {method} is no protobuf")
        return self._classify(method, error.code().name, error.details() or "")

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        await self._channel.close()
