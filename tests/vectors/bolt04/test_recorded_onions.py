"""Onions that real Core Lightning nodes took or refused: rebuilt byte for byte, then opened with the nodes' keys."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bled_codec.blinded_path import create_blinded_path, decode_paths
from bled_codec.crypto import SecretKey
from bled_codec.onion import create_onion
from bled_codec.onion_message import Forward, Received, open_onion_message
from bled_codec.units import Point

RECORDINGS = ("02-direct.json", "03-push.json", "04-private.json", "05-cancel.json", "06-refused.json")


def _payers(shared_vectors: Path) -> Iterator[Any]:
    for name in RECORDINGS:
        yield from json.loads((shared_vectors / "cln" / name).read_text())["network"].get("payers", [])


def test_every_recorded_reply_path_is_rebuilt(shared_vectors: Path) -> None:
    rebuilt = 0
    for payer in _payers(shared_vectors):
        for recorded in payer["reply_paths"]:
            path = create_blinded_path(
                [Point(bytes.fromhex(node)) for node in recorded["node_ids"]],
                [bytes.fromhex(data) for data in recorded["enctlvs_clear"]],
                session_key=SecretKey(bytes.fromhex(recorded["first_path_secret"])),
            )
            assert path.encode().hex() == recorded["bytes"]
            assert decode_paths(path.encode()) == (path,)
            rebuilt += 1
    if not rebuilt:
        pytest.fail("no reply path was found in the recordings")


def _injections(shared_vectors: Path) -> Iterator[tuple[Any, Any]]:
    for file in sorted((shared_vectors / "cln").glob("*.json")):
        recording = json.loads(file.read_text())
        for step in recording["steps"]:
            if step.get("method") == "InjectOnionMessage" and "session_key" in step.get("made_from", {}):
                yield recording, step


def test_every_recorded_onion_is_rebuilt_and_opened(shared_vectors: Path) -> None:
    rebuilt = spoilt = 0
    for recording, step in _injections(shared_vectors):
        made = step["made_from"]
        hops = [(Point(bytes.fromhex(h["blinded_node_id"])), bytes.fromhex(h["payload"])) for h in made["hops"]]
        size = max(1300, len(step["request"]["message"]) // 2 - 66)
        onion = create_onion(hops, session_key=SecretKey(bytes.fromhex(made["session_key"])), size=size)
        if onion.hex() != step["request"]["message"]:
            assert "onion_message_parse" in step["error"]["details"]
            spoilt += 1
            continue
        rebuilt += 1
        if "onion_message_parse" not in str(step.get("error")):
            received = _open(recording, step, onion)
            assert received is None or received.payload.encode() == hops[-1][1]
    # The recordings count 81 packets besides the 4 that were spoilt on purpose.
    assert (rebuilt, spoilt) == (81, 4)


def _open(recording: Any, step: Any, onion: bytes) -> Received | None:
    """Open hop by hop with the recorded node keys; `None` when the next node is none of them."""
    secrets = recording["network"]["node_secret_keys"]
    keys = [SecretKey(bytes.fromhex(secret)) for secret in secrets.values()]
    nodes = {key.public_key: key for key in keys}
    key = SecretKey(bytes.fromhex(secrets[step.get("node", "merchant")]))
    path_key = Point(bytes.fromhex(step["request"]["path_key"]))
    opened = open_onion_message(onion, path_key, key)
    while isinstance(opened, Forward):
        assert opened.next_node_id is not None
        if opened.next_node_id not in nodes:
            return None
        opened = open_onion_message(opened.onion, opened.next_path_key, nodes[opened.next_node_id])
    return opened
