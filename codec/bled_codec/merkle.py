"""Merkle tree and signature digest of BOLT 12 ("Signature Calculation"), over the bytes as received.

The hashes are written out in the two loops, from states that have taken in their tags already: a call for each of the
four hashes of a record would cost as much as the hash.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, TypeAlias

from bled_codec.crypto import tag_state
from bled_codec.primitives import bigsize_width
from bled_codec.tlv import TlvRecord

TreeLevels: TypeAlias = tuple[Sequence[bytes], ...]
"""Every level of a tree, the lowest nodes first and the root, alone, last."""

SIGNATURE_TYPES: Final = range(240, 1001)
"""Signature elements: they are in no tree (BOLT 12)."""

_LEAF: Final = tag_state(b"LnLeaf")
_BRANCH: Final = tag_state(b"LnBranch")
_NONCE: Final = b"LnNonce"
_LONGER: Final = 0xFD
"""Smallest type that is longer than one byte."""


def merkle_root(records: Iterable[TlvRecord]) -> bytes:
    """Return the root, 32 bytes, over the records of one message; signature elements are left out.

    The records are those of the message in their order; at least one is not a signature element.
    """
    return root_of_nodes(leaf_nodes(signed_records(records)))


def signed_records(records: Iterable[TlvRecord]) -> list[TlvRecord]:
    """Return the records that a signature covers: all but the signature elements."""
    first, behind = SIGNATURE_TYPES.start, SIGNATURE_TYPES.stop
    return [record for record in records if not first <= record[0] < behind]


def leaf_nodes(records: Sequence[TlvRecord]) -> list[bytes]:
    """Return the lowest nodes: for each record the branch of its leaf and of a nonce that hides its value.

    The nonce's tag holds the first record, so two messages with the same first record share their nodes.
    """
    nodes = []
    new_leaf, new_branch, new_nonce = _LEAF.copy, _BRANCH.copy, _nonce_state(records).copy
    for type_, _, raw in records:
        state = new_nonce()
        state.update(raw[:1] if type_ < _LONGER else raw[: bigsize_width(raw[0])])
        nonce = state.digest()
        state = new_leaf()
        state.update(raw)
        leaf = state.digest()
        state = new_branch()
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
    new_nonce = _nonce_state(records).copy
    for record in records:
        state = new_nonce()
        state.update(record.raw[: bigsize_width(record.raw[0])])
        nonces.append(state.digest())
    return nonces


def _nonce_state(records: Sequence[TlvRecord]) -> "hashlib._Hash":
    return tag_state(_NONCE + records[0].raw) if records else _LEAF


def branch(left: bytes, right: bytes) -> bytes:
    """Return the node above two nodes: the smaller comes first, whatever their order in the tree."""
    state = _BRANCH.copy()
    state.update(left + right if left < right else right + left)
    return state.digest()


def root_of_nodes(nodes: Sequence[bytes]) -> bytes:
    """Return the root over the lowest nodes. Raises `ValueError` without any."""
    return tree_levels(nodes)[-1][0]


def tree_levels(nodes: Sequence[bytes]) -> TreeLevels:
    """Return the tree over the lowest nodes: neighbours pair up, an odd last node rises as it is.

    Raises `ValueError` without any: nothing is signed by signing nothing.
    """
    if not nodes:
        raise ValueError("a merkle tree has at least one leaf")
    level = nodes
    levels = [level]
    new_branch = _BRANCH.copy
    while len(level) > 1:
        above = []
        left = None
        for node in level:
            if left is None:
                left = node
                continue
            state = new_branch()
            state.update(left + node if left < node else node + left)
            above.append(state.digest())
            left = None
        if left is not None:
            above.append(left)
        level = above
        levels.append(level)
    return tuple(levels)


def root_of_first(levels: TreeLevels, count: int) -> bytes:
    """Return the root over the first `count` of a tree's lowest nodes, at least one and at most all.

    What two neighbours make depends on nothing behind them: so the tree over the first nodes is part of the whole one,
    except along its right edge. There it is put together from the largest trees that fit, the smallest first.
    """
    root = b""
    for height, level in enumerate(levels):
        complete = count >> height
        if complete % 2:
            root = branch(level[complete - 1], root) if root else level[complete - 1]
    return root


def signature_digest(message: str, field: str, root: bytes) -> bytes:
    """Return what is signed: the root under the tag `lightning`, message name and field name run together."""
    state = _signature_state(message, field).copy()
    state.update(root)
    return state.digest()


@cache
def _signature_state(message: str, field: str) -> "hashlib._Hash":
    return tag_state(f"lightning{message}{field}".encode())
