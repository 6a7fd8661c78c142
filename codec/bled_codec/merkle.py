"""Merkle tree and signature digest of BOLT 12 ("Signature Calculation"), over the bytes as received.

The hashes are written out in the two loops, from states that have taken in their tags already: a call for each of the
four hashes of a record would cost as much as the hash.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from bled_codec.crypto import tag_state
from bled_codec.primitives import bigsize_width
from bled_codec.tlv import TlvRecord

SIGNATURE_TYPES: Final = range(240, 1001)
"""Signature elements: they are in no tree (BOLT 12)."""

_LEAF: Final = tag_state(b"LnLeaf")
_BRANCH: Final = tag_state(b"LnBranch")
_NONCE: Final = b"LnNonce"


def merkle_root(records: Iterable[TlvRecord]) -> bytes:
    """Return the root, 32 bytes, over the records of one message; signature elements are left out.

    The records are those of the message in their order; at least one is not a signature element.
    """
    return root_of_nodes(leaf_nodes(signed_records(records)))


def signed_records(records: Iterable[TlvRecord]) -> list[TlvRecord]:
    """Return the records that a signature covers: all but the signature elements."""
    return [record for record in records if record.type not in SIGNATURE_TYPES]


def leaf_nodes(records: Sequence[TlvRecord]) -> list[bytes]:
    """Return the lowest nodes: for each record the branch of its leaf and of a nonce that hides its value.

    The nonce's tag holds the first record, so two messages with the same first record share their nodes.
    """
    nodes = []
    for record, nonce in zip(records, nonce_hashes(records), strict=True):
        state = _LEAF.copy()
        state.update(record.raw)
        leaf = state.digest()
        state = _BRANCH.copy()
        state.update(leaf + nonce if leaf < nonce else nonce + leaf)
        nodes.append(state.digest())
    return nodes


def leaf_of(record: TlvRecord) -> bytes:
    """Return the hash of one record's bytes, 32 bytes."""
    state = _LEAF.copy()
    state.update(record.raw)
    return state.digest()


def nonce_hashes(records: Sequence[TlvRecord]) -> list[bytes]:
    """Return for each record the nonce beside its leaf, 32 bytes: a hash of the first record and its own type."""
    nonces = []
    first = tag_state(_NONCE + records[0].raw) if records else _LEAF
    for record in records:
        state = first.copy()
        state.update(record.raw[: bigsize_width(record.raw[0])])
        nonces.append(state.digest())
    return nonces


def branch(left: bytes, right: bytes) -> bytes:
    """Return the node above two nodes: the smaller comes first, whatever their order in the tree."""
    state = _BRANCH.copy()
    state.update(left + right if left < right else right + left)
    return state.digest()


def root_of_nodes(nodes: Sequence[bytes]) -> bytes:
    """Return the root over the lowest nodes: neighbours pair up, an odd last node rises as it is.

    Raises `ValueError` without any: nothing is signed by signing nothing.
    """
    if not nodes:
        raise ValueError("a merkle tree has at least one leaf")
    level = list(nodes)
    while len(level) > 1:
        above = []
        for left, right in zip(level[::2], level[1::2], strict=False):
            state = _BRANCH.copy()
            state.update(left + right if left < right else right + left)
            above.append(state.digest())
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def signature_digest(message: str, field: str, root: bytes) -> bytes:
    """Return what is signed: the root under the tag `lightning`, message name and field name run together."""
    state = _signature_state(message, field).copy()
    state.update(root)
    return state.digest()


@cache
def _signature_state(message: str, field: str) -> "hashlib._Hash":
    return tag_state(f"lightning{message}{field}".encode())
