"""The gRPC connection to LND: TLS with the node's own certificate, and the macaroon with every call."""

from typing import Final

import grpc

from bled.node.grpc_connection import GrpcConnection, open_channel
from bled.node.lnd_credentials import LndCredentials
from bled.node.lnd_errors import classify

LIGHTNING: Final = "/lnrpc.Lightning/"
INVOICES: Final = "/invoicesrpc.Invoices/"
READ_SECONDS: Final = 5.0
"""Longest wait for an answer that changes nothing."""
CHANGE_SECONDS: Final = 10.0
"""Longest wait for a call that changes something."""
CONNECT_SECONDS: Final = 8
"""Longest wait for a connection to a peer."""


def connect_lnd(target: str, credentials: LndCredentials) -> GrpcConnection:
    """Return a connection to the node at `target` (host:port); nothing is sent before the first call."""
    secrets = grpc.ssl_channel_credentials(root_certificates=credentials.certificate)
    channel = open_channel(target, secrets, tls_name=credentials.tls_name)
    return GrpcConnection(channel, classify=classify, metadata=(("macaroon", credentials.macaroon.hex()),))
