"""Selective disclosure (BOLT 12, payer proofs): an invoice's merkle root from some records and hashes of the others.

The tree is that of the signature calculation. A shown record comes with the nonce that hides its neighbours; whole
parts of the tree that are not shown come as one hash each. Where the hidden records stand is told by markers: small
numbers in their place, which do not give away their types.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bled_codec.errors import Rule, SemanticError
from bled_codec.fields import Field
from bled_codec.merkle import branch, leaf_nodes, leaf_of, nonce_hashes
from bled_codec.tlv import TlvRecord

_EXPERIMENTS: Final = 1_000_000_000
_MARKER_RANGES: Final = (range(1, 240), range(_EXPERIMENTS, 4_000_000_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What a reader needs besides the shown records.

    Attributes:
        omitted: a marker for each hidden record but the first, ascending.
        missing_hashes: the hash of every hidden part beside a part that shows something, 32 bytes each.
        leaf_hashes: the nonce of every shown record, in order, 32 bytes each.
    """

    omitted: tuple[int, ...]
    missing_hashes: tuple[bytes, ...]
    leaf_hashes: tuple[bytes, ...]


def disclose(records: Sequence[TlvRecord], shown: Collection[int]) -> Disclosure:
    """Return what proves the records with a type in `shown` to be part of `records`.

    `records` are those of a whole invoice without its signature elements; at least one is shown.
    """
    flags = [record.type in shown for record in records]
    nonces = nonce_hashes(records)
    missing: list[bytes] = []
    _hide(leaf_nodes(records), flags, missing)
    return Disclosure(
        omitted=_markers(records, flags),
        missing_hashes=tuple(missing),
        leaf_hashes=tuple(nonce for nonce, flag in zip(nonces, flags, strict=True) if flag),
    )


def _hide(nodes: Sequence[bytes], flags: Sequence[bool], missing: list[bytes]) -> bytes:
    """Return the root of `nodes`; add the hidden side of every fork that shows something on one side only."""
    if len(nodes) == 1:
        return nodes[0]
    half = left_size(len(nodes))
    left = _hide(nodes[:half], flags[:half], missing)
    right = _hide(nodes[half:], flags[half:], missing)
    if any(flags[:half]) != any(flags[half:]):
        missing.append(right if any(flags[:half]) else left)
    return branch(left, right)


def left_size(count: int) -> int:
    """Return how many of `count` >= 2 leaves stand left of the fork: the greatest power of two below."""
    return 1 << (count - 1).bit_length() - 1


def _markers(records: Sequence[TlvRecord], flags: Sequence[bool]) -> tuple[int, ...]:
    markers = []
    last = 0
    for record, flag in zip(records, flags, strict=True):
        if flag:
            last = record.type
        elif record.type != Field.INVREQ_METADATA:
            last = next_marker(last)
            markers.append(last)
    return tuple(markers)


def next_marker(last: int) -> int:
    """Return the marker behind type or marker `last`; what lies between the two ranges of markers is skipped."""
    return last + 1 if last + 1 in _MARKER_RANGES[0] else max(last + 1, _EXPERIMENTS)


def check_markers(omitted: Sequence[int], included: Collection[int]) -> None:
    """Check `omitted` against the types of the shown records (BOLT 12, payer proofs, reader).

    Raises `SemanticError` with an `OMITTED_` rule.
    """
    followers = {next_marker(type_) for type_ in included}
    last = 0
    for marker in omitted:
        rule = _marker_rule(marker, last, included, followers)
        if rule is not None:
            raise SemanticError(rule, tlv_type=Field.PROOF_OMITTED_TLVS)
        last = marker


def _marker_rule(marker: int, last: int, included: Collection[int], followers: Collection[int]) -> Rule | None:
    if not any(marker in part for part in _MARKER_RANGES):  # zero too
        return Rule.OMITTED_OUT_OF_RANGE
    if marker <= last:
        return Rule.OMITTED_NOT_ASCENDING
    if marker in included:
        return Rule.OMITTED_IS_INCLUDED
    if marker != next_marker(last) and marker not in followers:
        return Rule.OMITTED_NOT_SEQUENTIAL
    return None


def rebuild_root(shown: Sequence[TlvRecord], disclosure: Disclosure) -> bytes:
    """Return the invoice's merkle root from its `shown` records and the rest of a proof.

    Raises `SemanticError`: an `OMITTED_` rule, `LEAF_HASHES_COUNT`, or `MISSING_HASHES_COUNT`.
    """
    included = {record.type for record in shown}
    check_markers(disclosure.omitted, included)
    # BOLT 12, payer proofs, reader: one leaf hash for each shown record.
    if len(disclosure.leaf_hashes) != len(shown):
        raise SemanticError(Rule.LEAF_HASHES_COUNT, tlv_type=Field.PROOF_LEAF_HASHES)
    leaves: list[tuple[int, bytes | None]] = [(marker, None) for marker in (0, *disclosure.omitted)]
    pairs = zip(shown, disclosure.leaf_hashes, strict=True)
    leaves += [(record.type, branch(leaf_of(record), nonce)) for record, nonce in pairs]
    leaves.sort()
    return _root([node for _, node in leaves], disclosure.missing_hashes)


def _root(nodes: Sequence[bytes | None], missing_hashes: Sequence[bytes]) -> bytes:
    missing = iter(missing_hashes)
    root = _fill(nodes, missing)
    # BOLT 12, payer proofs, reader: exactly as many missing hashes as there are hidden sides.
    if root is None or next(missing, None) is not None:
        raise SemanticError(Rule.MISSING_HASHES_COUNT, tlv_type=Field.PROOF_MISSING_HASHES)
    return root


def _fill(nodes: Sequence[bytes | None], missing: Iterator[bytes]) -> bytes | None:
    """Return the root over `nodes`, or None when all of them are hidden; hidden sides come from `missing`."""
    if len(nodes) == 1:
        return nodes[0]
    half = left_size(len(nodes))
    left = _fill(nodes[:half], missing)
    right = _fill(nodes[half:], missing)
    if left is None and right is None:
        return None
    return branch(_known(left, missing), _known(right, missing))


def _known(node: bytes | None, missing: Iterator[bytes]) -> bytes:
    if node is not None:
        return node
    given = next(missing, None)
    if given is None:
        raise SemanticError(Rule.MISSING_HASHES_COUNT, tlv_type=Field.PROOF_MISSING_HASHES)
    return given
