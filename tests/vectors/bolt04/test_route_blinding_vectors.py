"""The official route blinding vector, every intermediate value of making and of opening."""

import json
from pathlib import Path
from typing import Any

import pytest

from bled_codec.blinded_path import EncryptedData, blinded_key_of, create_blinded_path, unblind
from bled_codec.crypto import SecretKey, hmac_sha256
from bled_codec.units import Point


@pytest.fixture(scope="module")
def vector(shared_vectors: Path) -> Any:
    return json.loads((shared_vectors / "bolt04" / "route-blinding-test.json").read_text())


def _point(text: str) -> Point:
    return Point(bytes.fromhex(text))


def _paths(vector: Any) -> Any:
    """Bob's part and Dave's part, each made with its own session key, as one list of hops."""
    hops = vector["generate"]["hops"]
    made = []
    for part in (hops[:2], hops[2:]):
        path = create_blinded_path(
            [_point(hop["node_id"]) for hop in part],
            [bytes.fromhex(hop["encoded_tlvs"]) for hop in part],
            session_key=SecretKey(bytes.fromhex(part[0]["session_key"])),
        )
        made.append(path)
    return made


def test_both_paths_come_out_as_published(vector: Any) -> None:
    bob, dave = _paths(vector)
    route = vector["route"]
    assert bob.first_node_id.hex() == route["first_node_id"]
    assert bob.first_path_key.hex() == route["first_path_key"]
    made = [(hop.blinded_node_id.hex(), hop.encrypted_recipient_data.hex()) for hop in (*bob.hops, *dave.hops)]
    assert made == [(hop["blinded_node_id"], hop["encrypted_data"]) for hop in route["hops"]]
    assert dave.first_path_key.hex() == vector["generate"]["hops"][2]["path_key"]


@pytest.mark.parametrize("index", range(4))
def test_every_secret_of_making_is_as_published(vector: Any, index: int) -> None:
    hop = vector["generate"]["hops"][index]
    path_key = SecretKey(bytes.fromhex(hop["path_privkey"]))
    assert path_key.public_key.hex() == hop["path_key"]
    secret = path_key.shared_secret(_point(hop["node_id"]))
    assert secret.hex() == hop["shared_secret"]
    assert hmac_sha256(b"rho", secret).hex() == hop["rho"]


@pytest.mark.parametrize("index", range(4))
def test_every_hop_opens_its_part_as_published(vector: Any, index: int) -> None:
    hop, published = vector["unblind"]["hops"][index], vector["generate"]["hops"][index]
    key, path_key = SecretKey(bytes.fromhex(hop["node_privkey"])), _point(hop["path_key"])
    opened = unblind(key, path_key, bytes.fromhex(published["encrypted_data"]))
    assert opened.data.hex() == hop["decrypted_data"] == published["encoded_tlvs"]
    assert opened.shared_secret.hex() == published["shared_secret"]
    assert opened.blinded_key.reveal().hex() == hop["blinded_privkey"]
    assert opened.blinded_key.public_key.hex() == published["blinded_node_id"]
    assert opened.next_path_key.hex() == hop.get("next_path_key_override", hop["next_path_key"])
    assert blinded_key_of(key, path_key) == opened.blinded_key


@pytest.mark.parametrize("index", range(4))
def test_every_content_decodes_and_encodes_to_itself(vector: Any, index: int) -> None:
    hop = vector["generate"]["hops"][index]
    encoded = bytes.fromhex(hop["encoded_tlvs"])
    data = EncryptedData.decode(encoded)
    assert data.encode() == encoded
    tlvs = hop["tlvs"]
    assert (data.padding or b"").hex() == tlvs.get("padding", "")
    assert (data.path_id or b"").hex() == tlvs.get("path_id", "")
    assert (data.next_path_key_override or b"").hex() == tlvs.get("next_path_key_override", "")
    assert len(data.unknown) == sum(name.startswith("unknown_tag") for name in tlvs)
    if "short_channel_id" in tlvs:
        assert int.from_bytes(data.short_channel_id or b"", "big") == int(tlvs["short_channel_id"].split("x")[2])
