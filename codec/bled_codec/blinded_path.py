"""Blinded paths of BOLT 4: their encoding, how they are made, and how each hop opens its part."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bled_codec.blinded_payinfo import BlindedPayinfo, decode_payinfos
from bled_codec.crypto import Points, SecretKey, aead_open, aead_seal, hmac_sha256, parse_point, point_times, sha256
from bled_codec.encrypted_data import NEXT_PATH_KEY_OVERRIDE, EncryptedData, pad_to_one_length
from bled_codec.errors import EncodingError, Rule, SemanticError
from bled_codec.primitives import Reader
from bled_codec.tlv import split_stream
from bled_codec.units import Point

__all__ = [
    "BlindedHop",
    "BlindedPath",
    "BlindedPayinfo",
    "EncryptedData",
    "Unblinded",
    "blinded_key_of",
    "create_blinded_path",
    "decode_paths",
    "decode_payinfos",
    "pad_to_one_length",
    "read_paths",
    "unblind",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindedHop:
    """One hop: its blinded key, and what only that node can decrypt (at most 65535 bytes)."""

    blinded_node_id: Point
    encrypted_recipient_data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindedPath:
    """A path whose hops are hidden, except for the introduction.

    Attributes:
        first_node_id: the introduction: a point (33 bytes), or direction and short channel id (9 bytes).
        first_path_key: the point with which the introduction opens its hop.
        hops: from the introduction to the recipient; 1 to 255.
    """

    first_node_id: bytes
    first_path_key: Point
    hops: tuple[BlindedHop, ...]

    @property
    def introduction(self) -> Point | None:
        """The introduction's key, or `None` when only a channel names it."""
        return Point(self.first_node_id) if len(self.first_node_id) == 33 else None

    def encode(self) -> bytes:
        """Return the bytes of `blinded_path`. Raises `OverflowError` above 255 hops or 65535 bytes for a hop."""
        parts = [self.first_node_id, self.first_path_key, len(self.hops).to_bytes(1, "big")]
        for hop in self.hops:
            length = len(hop.encrypted_recipient_data).to_bytes(2, "big")
            parts += (hop.blinded_node_id, length, hop.encrypted_recipient_data)
        return b"".join(parts)

    @classmethod
    def read(cls, reader: Reader, points: Points | None = None) -> "BlindedPath":
        """Read one path; every point is checked to lie on the curve, unless it is one of the message's `points`.

        Raises `EncodingError`, and `SemanticError` (`PATH_WITHOUT_HOPS`): every reader has to refuse such a path.
        """
        points = Points() if points is None else points
        first_node_id = _read_node(reader, points)
        first_path_key = _read_point(reader, points)
        count = reader.uint(1)
        if count == 0:
            raise SemanticError(Rule.PATH_WITHOUT_HOPS, tlv_type=reader.tlv_type, offset=reader.offset)
        hops = []
        for _ in range(count):
            node_id = _read_point(reader, points)
            hops.append(BlindedHop(blinded_node_id=node_id, encrypted_recipient_data=reader.prefixed(2)))
        return cls(first_node_id=first_node_id, first_path_key=first_path_key, hops=tuple(hops))


def _read_point(reader: Reader, points: Points) -> Point:
    end = reader.offset + 33
    try:
        point = points.parse(reader.data[reader.offset : end])
    except EncodingError:
        raise reader.fail(Rule.NOT_A_POINT if end <= len(reader.data) else Rule.TRUNCATED) from None
    reader.offset = end
    return point


def _read_node(reader: Reader, points: Points) -> bytes:
    """Read a `sciddir_or_pubkey`: its first byte is a direction (0, 1) or the sign of a point (2, 3)."""
    first = reader.data[reader.offset : reader.offset + 1]
    if first in (b"\x02", b"\x03", b""):
        return _read_point(reader, points)
    if first in (b"\x00", b"\x01"):
        return reader.take(9)
    raise reader.fail(Rule.NOT_A_NODE)


def decode_paths(value: bytes) -> tuple[BlindedPath, ...]:
    """Return all paths of a whole TLV value; none for an empty one. Raises as `BlindedPath.read` does."""
    return read_paths(Points(), value)


def read_paths(points: Points, value: bytes) -> tuple[BlindedPath, ...]:
    """Do as `decode_paths`, in a message with these `points`."""
    reader = Reader(value)
    paths = []
    while reader.remaining:
        paths.append(BlindedPath.read(reader, points))
    return tuple(paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblinded:
    """What one hop learns from the path.

    Attributes:
        shared_secret: with the path's maker, 32 bytes.
        data: the clear `encrypted_data_tlv`.
        next_path_key: for the next hop; `next_path_key_override` is honoured.
        blinded_key: the secret key of this hop's blinded node id, which opens the onion.
    """

    shared_secret: bytes = field(repr=False)
    data: bytes = field(repr=False)
    next_path_key: Point
    blinded_key: SecretKey


def create_blinded_path(nodes: Sequence[Point], data: Sequence[bytes], *, session_key: SecretKey) -> BlindedPath:
    """Return the path over `nodes`, introduction first, with the clear `data` of each node encrypted for it.

    `session_key` must be fresh for every path: two paths from one key can be linked. Raises `ValueError` without
    nodes, or when there is not one `data` for each.
    """
    if not nodes:
        raise ValueError("a blinded path has at least one node")
    hops = []
    key = session_key
    secret = b""
    for node, clear in zip(nodes, data, strict=True):
        if secret:
            key = key.times(sha256(key.public_key + secret))
        secret = key.shared_secret(node)
        hops.append(_seal_hop(node, clear, secret))
    return BlindedPath(first_node_id=nodes[0], first_path_key=session_key.public_key, hops=tuple(hops))


def _seal_hop(node: Point, clear: bytes, secret: bytes) -> BlindedHop:
    return BlindedHop(
        blinded_node_id=point_times(node, hmac_sha256(b"blinded_node_id", secret)),
        encrypted_recipient_data=aead_seal(hmac_sha256(b"rho", secret), clear),
    )


def unblind(key: SecretKey, path_key: Point, encrypted: bytes) -> Unblinded:
    """Open one hop's `encrypted` data with the node's own `key`.

    Raises `OnionError` (`ENCRYPTED_DATA`) when it was made for another node, and `TlvError` when the content is
    no TLV stream. The content is judged no further: that is `EncryptedData.decode`.
    """
    secret = key.shared_secret(path_key)
    data = aead_open(hmac_sha256(b"rho", secret), encrypted)
    return Unblinded(
        shared_secret=secret,
        data=data,
        next_path_key=_next_path_key(path_key, secret, data),
        blinded_key=key.times(hmac_sha256(b"blinded_node_id", secret)),
    )


def _next_path_key(path_key: Point, secret: bytes, data: bytes) -> Point:
    for record in split_stream(data):
        if record.type == NEXT_PATH_KEY_OVERRIDE:
            return parse_point(record.value)
    return point_times(path_key, sha256(path_key + secret))


def blinded_key_of(key: SecretKey, path_key: Point) -> SecretKey:
    """Return the secret key of this node's blinded id under `path_key`; it opens the onion."""
    return key.times(hmac_sha256(b"blinded_node_id", key.shared_secret(path_key)))
