"""Sphinx onion packets of BOLT 4, for messages and (the packet alone) for payments."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bled_codec.crypto import SecretKey, chacha20_stream, hmac_sha256, parse_point, point_times, sha256
from bled_codec.errors import EncodingError, OnionError, Rule
from bled_codec.primitives import Reader, encode_bigsize
from bled_codec.units import Point

ONION_MESSAGE_SIZES: Final = (1300, 32768)
"""Sizes of the routed part that BOLT 4 asks writers to use, so that a packet does not tell its content's length."""

_VERSION: Final = b"\x00"
_HMAC_BYTES: Final = 32
_OVERHEAD: Final = 1 + 33 + _HMAC_BYTES
_MAX_ONION_BYTES: Final = 65535  # the length field of the Lightning message around it has 16 bits
_NO_HMAC: Final = bytes(_HMAC_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeled:
    """One layer taken off: this hop's `payload`, and the packet for the next hop, or `None` at the last."""

    payload: bytes
    next_onion: bytes | None


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def create_onion(
    hops: Sequence[tuple[Point, bytes]], *, session_key: SecretKey, size: int = 1300, associated_data: bytes = b""
) -> bytes:
    """Return the packet for `hops`, each a (blinded) key and its payload without the length before it.

    `session_key` must be fresh for every packet. `size` is that of the routed part; the packet has 66 bytes more.
    Raises `OnionError` (`ONION_SIZE`) when the payloads do not fit, `ValueError` without hops.
    """
    if not hops:
        raise ValueError("an onion has at least one hop")
    chunks = [_chunk(payload) for _, payload in hops]
    if sum(len(chunk) + _HMAC_BYTES for chunk in chunks) > size:
        raise OnionError(Rule.ONION_SIZE)
    secrets = _shared_secrets([node for node, _ in hops], session_key)
    routed, mac = _wrap(chunks, secrets, _padding(session_key, size), associated_data)
    return _VERSION + session_key.public_key + routed + mac


def _chunk(payload: bytes) -> bytes:
    return encode_bigsize(len(payload)) + payload


def _padding(session_key: SecretKey, size: int) -> bytes:
    # BOLT 4: the unused end is key stream and not zeros, or the last hop could tell how many came before it.
    return chacha20_stream(hmac_sha256(b"pad", session_key.reveal()), size)


def _shared_secrets(nodes: Sequence[Point], session_key: SecretKey) -> list[bytes]:
    secrets: list[bytes] = []
    key = session_key
    for node in nodes:
        if secrets:
            key = key.times(sha256(key.public_key + secrets[-1]))
        secrets.append(key.shared_secret(node))
    return secrets


def _wrap(
    chunks: Sequence[bytes], secrets: Sequence[bytes], routed: bytes, associated_data: bytes
) -> tuple[bytes, bytes]:
    """Lay one layer after the other around `routed`, the last hop's first; return it and the outermost HMAC."""
    size = len(routed)
    filler = _filler(chunks[:-1], secrets, size)
    mac = _NO_HMAC
    for index in range(len(chunks) - 1, -1, -1):
        shifted = (chunks[index] + mac + routed)[:size]
        routed = _xor(shifted, chacha20_stream(hmac_sha256(b"rho", secrets[index]), size))
        if index == len(chunks) - 1 and filler:
            routed = routed[: -len(filler)] + filler
        mac = hmac_sha256(hmac_sha256(b"mu", secrets[index]), routed + associated_data)
    return routed, mac


def _filler(chunks: Sequence[bytes], secrets: Sequence[bytes], size: int) -> bytes:
    """Return the end of the last hop's packet: what all hops before it will have shifted in."""
    filler = b""
    for chunk, secret in zip(chunks, secrets, strict=False):
        shift = len(chunk) + _HMAC_BYTES
        stream = chacha20_stream(hmac_sha256(b"rho", secret), size + shift)
        filler = _xor(filler + bytes(shift), stream[size - len(filler) :])
    return filler


def peel_onion(onion: bytes, key: SecretKey, *, associated_data: bytes = b"") -> Peeled:
    """Take one layer off `onion` with the key it was made for (the blinded key in a blinded path).

    Raises `OnionError`: `ONION_VERSION`, `ONION_SIZE`, `ONION_KEY`, `ONION_HMAC` (another key, or changed on the
    way), `ONION_PAYLOAD` (a payload that runs over its end).
    """
    if not _OVERHEAD + _HMAC_BYTES < len(onion) <= _MAX_ONION_BYTES:
        raise OnionError(Rule.ONION_SIZE)
    if onion[:1] != _VERSION:
        raise OnionError(Rule.ONION_VERSION)
    ephemeral = _ephemeral_key(onion)
    secret = key.shared_secret(ephemeral)
    routed = onion[34:-_HMAC_BYTES]
    expected = hmac_sha256(hmac_sha256(b"mu", secret), routed + associated_data)
    if not hmac.compare_digest(expected, onion[-_HMAC_BYTES:]):
        raise OnionError(Rule.ONION_HMAC)
    return _split(routed, ephemeral, secret)


def _ephemeral_key(onion: bytes) -> Point:
    try:
        return parse_point(onion[1:34])
    except EncodingError as error:
        raise OnionError(Rule.ONION_KEY) from error


def _split(routed: bytes, ephemeral: Point, secret: bytes) -> Peeled:
    size = len(routed)
    clear = _xor(routed + bytes(size), chacha20_stream(hmac_sha256(b"rho", secret), 2 * size))
    reader = Reader(clear[:size])
    try:
        payload = reader.take(reader.bigsize())
        mac = reader.take(_HMAC_BYTES)
    except EncodingError as error:
        raise OnionError(Rule.ONION_PAYLOAD) from error
    if mac == _NO_HMAC:
        return Peeled(payload=payload, next_onion=None)
    next_key = point_times(ephemeral, sha256(ephemeral + secret))
    next_routed = clear[reader.offset : reader.offset + size]
    return Peeled(payload=payload, next_onion=_VERSION + next_key + next_routed + mac)
