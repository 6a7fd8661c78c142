"""One TLS connection made by hand before gRPC: it tells a node that is away from one that refuses our certificate.

gRPC folds both into UNAVAILABLE with a text that differs between versions and platforms.
"""

import asyncio
import os
import ssl
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable

CLN_TLS_NAME: Final = "cln"
"""The name in Core Lightning's own certificate, whatever the host is called."""

PROBE_SECONDS: Final = 5.0
"""Longest wait for the whole probe: a connection, a handshake of two round trips, one answer."""

_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""An HTTP/2 client's first words and empty settings. TLS 1.3 tells of a refused client only in answer to data."""


async def probe(target: str, context: ssl.SSLContext, *, name: str | None) -> None:
    """Return when the node at `target` (host:port) speaks TLS, proves itself, and accepts our certificate, if any.

    `context` holds what we trust and what we show; `name` is what the node's certificate must carry, None for the host.

    Raises `Unavailable` (`NODE_UNREACHABLE`) when nobody answers there, and `ConfigurationError` with `NODE_TLS` when
    one side refuses the other, or `CONFIG_BAD` when `target` is no address.
    """
    host, port = split_target(target)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            answered = await _shake_hands(host, port, context, name or host)
    except ssl.SSLError as error:
        raise ConfigurationError(Code.NODE_TLS, detail=f"{target}: {_reason(error)}") from error
    except TimeoutError as error:
        raise Unavailable(Code.NODE_UNREACHABLE, detail=f"{target}: no answer in {PROBE_SECONDS:.0f} s") from error
    except OSError as error:
        raise Unavailable(Code.NODE_UNREACHABLE, detail=f"{target}: {_why(error)}") from error
    if not answered:
        # TLS 1.3 has told the client nothing wrong yet; this is how some servers refuse its certificate.
        detail = f"{target}: it closed the connection after the handshake, as for a certificate it does not accept"
        raise ConfigurationError(Code.NODE_TLS, detail=detail)


def split_target(target: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`. Raises `ConfigurationError` (`CONFIG_BAD`)."""
    host, _, port = target.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"the node's address is host:port, not {target!r}")
    return host, int(port)


async def _shake_hands(host: str, port: int, context: ssl.SSLContext, name: str) -> bool:
    """Return whether the node said anything after the handshake."""
    reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
    try:
        writer.write(_HELLO)
        await writer.drain()
        return bool(await reader.read(1))
    except ConnectionError:
        return False
    finally:
        writer.transport.abort()


def _why(error: OSError) -> str:
    """Return the system's word; asyncio puts its own in place of it."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else error.strerror or str(error)


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not the one we trust: {error.verify_message}"
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return "it does not speak TLS"
    return (error.reason or str(error)).replace("_", " ").lower()
