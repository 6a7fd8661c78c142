"""Signatures of BOLT 12, from its text and that of BIP 340: it imports nothing of bled, and no library for curves."""

import hashlib
from collections.abc import Sequence

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Jacobian = tuple[int, int, int]


def tagged(tag: bytes, data: bytes) -> bytes:
    """SHA-256(SHA-256(tag) || SHA-256(tag) || data)."""
    head = hashlib.sha256(tag).digest()
    return hashlib.sha256(head + head + data).digest()


def root(records: Sequence[tuple[int, bytes]]) -> bytes:
    """The root over records, each its type and its whole octets; signatures are left out."""
    left = [(kind, raw) for kind, raw in records if not 240 <= kind <= 1000]
    nodes = []
    for _, raw in left:
        size = {0xFD: 3, 0xFE: 5, 0xFF: 9}.get(raw[0], 1)
        nodes.append(above(tagged(b"LnLeaf", raw), tagged(b"LnNonce" + left[0][1], raw[:size])))
    while len(nodes) > 1:
        odd = nodes[-1:] if len(nodes) % 2 else []
        nodes = [above(one, other) for one, other in zip(nodes[::2], nodes[1::2], strict=False)] + odd
    return nodes[0]


def above(one: bytes, other: bytes) -> bytes:
    """The node above two, the smaller of which comes first."""
    return tagged(b"LnBranch", min(one, other) + max(one, other))


def double(point: Jacobian) -> Jacobian:
    """Twice a point."""
    x, y, z = point
    s = 4 * x * y * y % P
    m = 3 * x * x % P
    x2 = (m * m - 2 * s) % P
    return x2, (m * (s - x2) - 8 * y**4) % P, 2 * y * z % P


def add(one: Jacobian, other: Jacobian) -> Jacobian:
    """The sum of two points; z is 0 at infinity."""
    if not one[2] or not other[2]:
        return other if not one[2] else one
    z1, z2 = one[2] ** 2 % P, other[2] ** 2 % P
    u1, u2 = one[0] * z2 % P, other[0] * z1 % P
    s1, s2 = one[1] * z2 * other[2] % P, other[1] * z1 * one[2] % P
    if u1 == u2:
        return double(one) if s1 == s2 else (0, 1, 0)
    h, r = u2 - u1, s2 - s1
    h2 = h * h % P
    h3 = h2 * h % P
    x = (r * r - h3 - 2 * u1 * h2) % P
    return x, (r * (u1 * h2 - x) - s1 * h3) % P, h * one[2] * other[2] % P


def times(point: tuple[int, int], number: int) -> Jacobian:
    """So many times a point."""
    made, power = (0, 1, 0), (*point, 1)
    while number:
        made = add(made, power) if number & 1 else made
        power, number = double(power), number >> 1
    return made


def is_signed(signature: bytes, digest: bytes, key: bytes) -> bool:
    """BIP 340's Verify, with the 33 octets of a public key, of which the first does not matter."""
    x, r, s = (int.from_bytes(part, "big") for part in (key[1:], signature[:32], signature[32:]))
    square = (x**3 + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if len(signature) != 64 or x >= P or r >= P or s >= N or y * y % P != square:
        return False
    y = P - y if y & 1 else y
    challenge = int.from_bytes(tagged(b"BIP0340/challenge", signature[:32] + key[1:] + digest), "big") % N
    found = add(times(G, s), times((x, y), N - challenge))
    if not found[2]:
        return False
    inverse = pow(found[2], -1, P)
    return found[0] * inverse**2 % P == r and found[1] * inverse**3 % P % 2 == 0


def signed_by(message: str, records: Sequence[tuple[int, bytes]], signature: bytes, key: bytes) -> bool:
    """Whether `signature` is that of a message of BOLT 12, `invoice` or `invoice_request`, by `key`."""
    return is_signed(signature, tagged(f"lightning{message}signature".encode(), root(records)), key)
