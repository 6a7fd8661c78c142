"""The onions that a till hands to its node, against those that real nodes took."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bled.node.cln_onions import invoice_onion, request_onion
from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path
from bled_codec.crypto import SecretKey
from bled_codec.onion_message import Forward, OnionPayload, Received, open_onion_message
from bled_codec.units import Point

TILL, HOP, HOME = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3))
SESSIONS = {"path_session": SecretKey(b"\x04" * 32), "onion_session": SecretKey(b"\x05" * 32)}


def reply_path(*nodes: SecretKey) -> BlindedPath:
    data = [EncryptedData(next_node_id=node.public_key).encode() for node in nodes[1:]]
    last = EncryptedData(path_id=b"\x07" * 32).encode()
    return create_blinded_path([node.public_key for node in nodes], [*data, last], session_key=SecretKey(b"\x06" * 32))


def follow(path_key: Point, onion: bytes, *nodes: SecretKey) -> Received:
    """Return what the last of `nodes` reads."""
    for node in nodes[:-1]:
        opened = open_onion_message(onion, path_key, node)
        assert isinstance(opened, Forward)
        path_key, onion = opened.next_path_key, opened.onion
    opened = open_onion_message(onion, path_key, nodes[-1])
    assert isinstance(opened, Received)
    return opened


def test_a_request_reaches_the_node_itself_with_the_way_back() -> None:
    path = reply_path(HOP, HOME)
    made = request_onion(TILL.public_key, b"request", reply_path=path, **SESSIONS)
    received = follow(made.path_key, made.onion, TILL)
    assert received.payload.invoice_request == b"request"
    assert received.payload.reply_path == path
    assert received.path_id is None


@pytest.mark.parametrize("nodes", [(HOP, HOME), (HOME,)])
def test_an_invoice_goes_through_the_own_node_to_home(nodes: tuple[SecretKey, ...]) -> None:
    made = invoice_onion(TILL.public_key, b"invoice", path=reply_path(*nodes), **SESSIONS)
    received = follow(made.path_key, made.onion, TILL, *nodes)
    assert (received.payload.invoice, received.path_id) == (b"invoice", b"\x07" * 32)


def test_a_path_that_begins_at_the_till_is_taken_as_it_is() -> None:
    path = reply_path(TILL, HOP, HOME)
    made = invoice_onion(TILL.public_key, b"invoice", path=path, **SESSIONS)
    assert made.path_key == path.first_path_key
    assert follow(made.path_key, made.onion, TILL, HOP, HOME).payload.invoice == b"invoice"


def test_a_path_named_by_a_channel_cannot_be_pushed_along() -> None:
    path = reply_path(HOP, HOME)
    unnamed = BlindedPath(first_node_id=bytes(9), first_path_key=path.first_path_key, hops=path.hops)
    with pytest.raises(ValueError, match="introduction"):
        invoice_onion(TILL.public_key, b"invoice", path=unnamed, **SESSIONS)


@pytest.mark.parametrize(("size", "expected"), [(500, 1366), (3900, 32834)])
def test_what_is_too_long_for_a_small_onion_goes_into_a_large_one(size: int, expected: int) -> None:
    made = request_onion(TILL.public_key, bytes(size), reply_path=reply_path(HOP, HOME), **SESSIONS)
    assert len(made.onion) == expected


def _recorded(shared_vectors: Path, file: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    recording = json.loads((shared_vectors / "cln" / file).read_text())
    for step in recording["steps"]:
        if step.get("method") == "InjectOnionMessage" and "path_secret" in step.get("made_from", {}):
            yield recording, step


def test_requests_are_wrapped_as_real_nodes_took_them(shared_vectors: Path) -> None:
    checked = 0
    for recording, step in _recorded(shared_vectors, "02-direct.json"):
        made = step["made_from"]
        payload = OnionPayload.decode(bytes.fromhex(made["hops"][0]["payload"]))
        if payload.reply_path is None:
            continue  # a request without a way back was tried as well; a till never sends one
        assert payload.invoice_request is not None
        ours = request_onion(
            Point(bytes.fromhex(recording["network"]["nodes"]["merchant"])),
            payload.invoice_request,
            reply_path=payload.reply_path,
            path_session=SecretKey(bytes.fromhex(made["path_secret"])),
            onion_session=SecretKey(bytes.fromhex(made["session_key"])),
        )
        assert ours.path_key.hex() == step["request"]["path_key"]
        assert ours.onion.hex() == step["request"]["message"]
        checked += 1
    assert checked > 3
