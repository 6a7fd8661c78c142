"""The gRPC connection to Core Lightning: one call with its deadline and its errors. Knows no method's meaning."""

from typing import Any, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.cln_credentials import Credentials
from bled.node.cln_errors import classify
from bled.node.cln_probe import TLS_NAME

READ_SECONDS: Final = 5.0
"""Longest wait for an answer that changes nothing; a few milliseconds are usual."""

_OPTIONS: Final = (
    ("grpc.ssl_target_name_override", TLS_NAME),
    ("grpc.enable_retries", 0),  # what is sent again, and when, is decided by those who know what it means for money
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),  # every offer that the node ever made: about 100,000
)

Answer = TypeVar("Answer", bound=Message)


class ClnConnection:
    """A channel to one node. It reconnects by itself; a call that fails is never repeated here."""

    def __init__(self, target: str, credentials: Credentials) -> None:
        """Take the node's host:port; nothing is sent before the first call."""
        secrets = grpc.ssl_channel_credentials(
            root_certificates=credentials.authority,
            private_key=credentials.key,
            certificate_chain=credentials.certificate,
        )
        self._channel: Any = grpc.aio.secure_channel(target, secrets, options=_OPTIONS)

    async def call(self, method: str, request: Message, answer: type[Answer], *, seconds: float) -> Answer:
        """Return the node's answer to one call, waiting at most `seconds`.

        Raises `Unavailable` as `classify` says; `RpcFailure` among them is the node's own refusal.
        """
        send = self._channel.unary_unary(
            f"/cln.Node/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            response: Answer = await send(request, timeout=seconds)
        except grpc.aio.AioRpcError as error:
            raise classify(error.code().name, error.details() or "") from error
        except DecodeError as error:
            raise Unavailable(Code.NODE_PROTOCOL, detail=f"the answer to {method} is no protobuf") from error
        return response

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        await self._channel.close()
