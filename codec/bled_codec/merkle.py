"""Merkle tree and signature digest of BOLT 12 ("Signature Calculation"), over the bytes as received."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from bled_codec.crypto import sha256, tagged_hash
from bled_codec.primitives import encode_bigsize
from bled_codec.tlv import TlvRecord

SIGNATURE_TYPES: Final = range(240, 1001)
"""Signature elements: they are in no tree (BOLT 12)."""

_LEAF: Final = b"LnLeaf"
_NONCE: Final = b"LnNonce"
_BRANCH: Final = b"LnBranch"


def merkle_root(records: Iterable[TlvRecord]) -> bytes:
    """Return the root, 32 bytes, over the records of one message; signature elements are left out.

    The records are those of the message in their order; at least one is not a signature element.
    """
    return root_of_nodes(leaf_nodes([record for record in records if record.type not in SIGNATURE_TYPES]))


def leaf_nodes(records: Sequence[TlvRecord]) -> list[bytes]:
    """Return the lowest nodes: for each record the branch of its leaf and of a nonce that hides its value.

    The nonce's tag holds the first record, so two messages with the same first record share their nodes.
    """
    return [branch(leaf_of(record), nonce) for record, nonce in zip(records, nonce_hashes(records), strict=True)]


def leaf_of(record: TlvRecord) -> bytes:
    """Return the hash of one record's bytes, 32 bytes."""
    return tagged_hash(_LEAF, record.raw)


def nonce_hashes(records: Sequence[TlvRecord]) -> list[bytes]:
    """Return for each record the nonce beside its leaf, 32 bytes: a hash of the first record and its own type."""
    if not records:
        return []
    first = sha256(_NONCE + records[0].raw)
    state = hashlib.sha256(first + first)
    nonces = []
    for record in records:
        nonce = state.copy()
        nonce.update(encode_bigsize(record.type))
        nonces.append(nonce.digest())
    return nonces


def branch(left: bytes, right: bytes) -> bytes:
    """Return the node above two nodes: the smaller comes first, whatever their order in the tree."""
    return tagged_hash(_BRANCH, left + right if left < right else right + left)


def root_of_nodes(nodes: Sequence[bytes]) -> bytes:
    """Return the root over the lowest nodes: neighbours pair up, an odd last node rises as it is."""
    level = list(nodes)
    while len(level) > 1:
        above = [branch(level[index], level[index + 1]) for index in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def signature_digest(message: str, field: str, root: bytes) -> bytes:
    """Return what is signed: the root under the tag `lightning`, message name and field name run together."""
    return tagged_hash(f"lightning{message}{field}".encode(), root)
