"""Errors of payment onions (BOLT 4, "Returning Errors"): a hop's failure, wrapped on its way back to the payer."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bled_codec.crypto import chacha20_stream, hmac_sha256
from bled_codec.errors import EncodingError, OnionError, Rule
from bled_codec.primitives import Reader

_HMAC_BYTES: Final = 32
_FAILURE_BYTES: Final = 256
"""Failure message and padding together, as BOLT 4 asks of writers: the length does not tell which failure it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnionFailure:
    """What went wrong (`message`, at most 256 bytes) and which hop says so, counted from zero."""

    hop: int
    message: bytes


def create_onion_error(message: bytes, shared_secret: bytes) -> bytes:
    """Return the packet in which the failing hop reports `message`, already wrapped once.

    Raises `OnionError` (`ONION_SIZE`) above 256 bytes.
    """
    if len(message) > _FAILURE_BYTES:
        raise OnionError(Rule.ONION_SIZE)
    padding = bytes(_FAILURE_BYTES - len(message))
    body = b"".join((len(message).to_bytes(2, "big"), message, len(padding).to_bytes(2, "big"), padding))
    packet = hmac_sha256(hmac_sha256(b"um", shared_secret), body) + body
    return wrap_onion_error(packet, shared_secret)


def wrap_onion_error(packet: bytes, shared_secret: bytes) -> bytes:
    """Return `packet` with a hop's layer put on, or taken off: both are one operation."""
    stream = chacha20_stream(hmac_sha256(b"ammag", shared_secret), len(packet))
    return (int.from_bytes(packet, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(packet), "big")


def open_onion_error(packet: bytes, shared_secrets: Sequence[bytes]) -> OnionFailure:
    """Return the failure, with the secrets that the payer shares with each hop, the first hop's first.

    Raises `OnionError`: `ONION_HMAC` when no hop wrote it so, `ONION_PAYLOAD` when what a hop wrote has no message.
    """
    for hop, secret in enumerate(shared_secrets):
        packet = wrap_onion_error(packet, secret)
        mac, body = packet[:_HMAC_BYTES], packet[_HMAC_BYTES:]
        if hmac.compare_digest(mac, hmac_sha256(hmac_sha256(b"um", secret), body)):
            return OnionFailure(hop=hop, message=_message(body))
    raise OnionError(Rule.ONION_HMAC)


def _message(body: bytes) -> bytes:
    reader = Reader(body)
    try:
        return reader.take(reader.uint(2))
    except EncodingError as error:
        raise OnionError(Rule.ONION_PAYLOAD) from error
