"""What Core Lightning knows of its peers: from its channels and from gossip, read into `PathPeer`. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.home_base import PathPeer
from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError
from bled_codec.units import Point

_USABLE_CHANNELS: Final = frozenset({"CHANNELD_NORMAL", "CHANNELD_AWAITING_SPLICE"})
_MOST_ALIAS_CHARACTERS: Final = 32


def read_peers(answer: dict[str, Any]) -> tuple[PathPeer, ...]:
    """Return every peer with a usable channel in an answer of `listpeerchannels`, once, in its order.

    Raises `Unavailable` (`NODE_PROTOCOL`) for a peer without a node id.
    """
    found: dict[Point, PathPeer] = {}
    for row in _rows(answer, "channels"):
        if row.get("state") in _USABLE_CHANNELS:
            node_id = _point(row.get("peer_id"))
            before = found.get(node_id)
            connected = row.get("peer_connected") is True or (before is not None and before.is_connected)
            found[node_id] = PathPeer(node_id=node_id, is_connected=connected)
    return tuple(found.values())


def with_announcement(peer: PathPeer, answer: dict[str, Any]) -> PathPeer:
    """Return `peer` with what an answer of `listnodes` says; as it is when gossip has no announcement of it."""
    for row in _rows(answer, "nodes"):
        if row.get("nodeid") == peer.node_id.hex():
            addresses = row.get("addresses")
            return replace(
                peer,
                alias=str(row.get("alias") or "")[:_MOST_ALIAS_CHARACTERS],
                features=_features(row.get("features")),
                has_address=isinstance(addresses, list) and bool(addresses),
            )
    return peer


def with_channels(peer: PathPeer, answer: dict[str, Any]) -> PathPeer:
    """Return `peer` with the number of nodes that an answer of `listchannels` shows it beside."""
    others = {str(row.get("destination")) for row in _rows(answer, "channels")}
    return replace(peer, neighbours=len(others))


def _rows(answer: dict[str, Any], name: str) -> Sequence[dict[str, Any]]:
    rows = answer.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _features(value: object) -> bytes | None:
    try:
        return bytes.fromhex(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _point(value: object) -> Point:
    try:
        return parse_point(bytes.fromhex(value if isinstance(value, str) else ""))
    except (ValueError, CodecError):
        raise Unavailable(Code.NODE_PROTOCOL, detail="listpeerchannels: no node id where one belongs") from None
