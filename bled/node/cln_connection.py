"""The gRPC connection to Core Lightning."""

from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message

from bled.errors import BledError
from bled.node.cln_credentials import Credentials
from bled.node.cln_errors import classify
from bled.node.grpc_connection import GrpcConnection, open_channel
from bled.node.tls_probe import CLN_TLS_NAME

READ_SECONDS: Final = 5.0
"""Longest wait for an answer that changes nothing; a few milliseconds are usual."""

Answer = TypeVar("Answer", bound=Message)


def raw_channel(target: str, credentials: Credentials) -> Any:
    """Return a gRPC channel to the node at `target` (host:port); nothing is sent before the first call."""
    secrets = grpc.ssl_channel_credentials(
        root_certificates=credentials.authority,
        private_key=credentials.key,
        certificate_chain=credentials.certificate,
    )
    return open_channel(target, secrets, tls_name=CLN_TLS_NAME)


class ClnConnection(GrpcConnection):
    """A channel to one node, with mutual TLS."""

    def __init__(self, target: str, credentials: Credentials) -> None:
        """Take the node's host:port; nothing is sent before the first call."""
        super().__init__(raw_channel(target, credentials), classify=_classify)

    async def call(self, method: str, request: Message, answer: type[Answer], *, seconds: float) -> Answer:
        """Return the node's answer to one call, waiting at most `seconds`.

        Raises `Unavailable` as `classify` says; `RpcFailure` among them is the node's own refusal.
        """
        return await self.unary(f"/cln.Node/{method}", request, answer, seconds=seconds)


def _classify(_method: str, status: str, details: str) -> BledError:
    return classify(status, details)
