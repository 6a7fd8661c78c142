"""As much of BOLT 12 as a second till and device need of any message, from its text: it imports nothing of bled."""

from .second_wire import Bytes, Refusal

BITCOIN = bytes.fromhex("6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000")
OFFER_FIELDS = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22)


class Broken(Exception):
    """The stream is not what BOLT 12 has it be."""


def records(stream: bytes) -> dict[int, bytes]:
    """The records of a TLV stream, by type."""
    found: dict[int, bytes] = {}
    left = Bytes(stream)
    try:
        while left.left:
            kind = left.bigsize()
            if found and kind <= max(found):
                raise Broken("order")
            found[kind] = left.take(left.bigsize())
    except Refusal:
        raise Broken("cut short") from None
    return found


def raw_records(stream: bytes) -> list[tuple[int, bytes]]:
    """The records of a TLV stream that has been read, each with its whole octets."""
    left, found = Bytes(stream), []
    while left.left:
        before = left.left
        kind = left.bigsize()
        left.take(left.bigsize())
        found.append((kind, before[: len(before) - len(left.left)]))
    return found


def is_offers(kind: int) -> bool:
    """Whether a type belongs to the offer, and so is mirrored by a request."""
    return 1 <= kind <= 79 or 1_000_000_000 <= kind <= 1_999_999_999


def number(value: bytes) -> int:
    """A truncated integer."""
    if value[:1] == b"\x00" or len(value) > 8:
        raise Broken("number")
    return int.from_bytes(value, "big")


def features(value: bytes) -> set[int]:
    """The bits of a feature field."""
    bits = int.from_bytes(value, "big")
    return {bit for bit in range(bits.bit_length()) if bits >> bit & 1}


def read_offer(stream: bytes) -> dict[int, bytes]:
    """An offer's fields."""
    found = records(stream)
    for kind in found:
        if not is_offers(kind) or (kind % 2 == 0 and kind not in OFFER_FIELDS):
            raise Broken("field")
    if (8 in found and 10 not in found) or (6 in found and 8 not in found) or not {16, 22} & set(found):
        raise Broken("field missing")
    for kind in (8, 14, 20):
        number(found.get(kind, b""))
    if any(bit % 2 == 0 for bit in features(found.get(12, b""))):
        raise Broken("feature")
    points_of_paths(found.get(16, b""))
    return found


def chains_of(offer: dict[int, bytes]) -> list[bytes]:
    """The chains on which an offer can be paid."""
    data = offer.get(2, BITCOIN)
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def hops_of_paths(data: bytes) -> list[int]:
    """How many hops each of some blinded paths has."""
    return [len(points) for points in points_of_paths(data)]


def points_of_paths(data: bytes) -> list[list[bytes]]:
    """The blinded keys of each of some blinded paths."""
    left, paths = Bytes(data), []
    try:
        while left.left:
            if left.left[0] in (2, 3):
                left.take(33)
            else:
                left.take(9)
            left.take(33)
            points = []
            for _ in range(left.number(1)):
                points.append(left.take(33))
                left.take(left.number(2))
            paths.append(points)
    except Refusal:
        raise Broken("path") from None
    if not all(paths):
        raise Broken("path")
    return paths
