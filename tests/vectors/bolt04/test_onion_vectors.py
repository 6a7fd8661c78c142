"""The official onion packets: payments and messages, built byte for byte and peeled to the end."""

import json
from pathlib import Path
from typing import Any

import pytest

from bled_codec.blinded_path import BlindedHop, BlindedPath, create_blinded_path, unblind
from bled_codec.crypto import SecretKey, hmac_sha256, point_times, sha256
from bled_codec.onion import create_onion, peel_onion
from bled_codec.onion_message import Forward, OnionPayload, Received, create_onion_message, open_onion_message
from bled_codec.primitives import Reader
from bled_codec.tlv import make_record
from bled_codec.units import Point


def _load(shared_vectors: Path, name: str) -> Any:
    return json.loads((shared_vectors / "bolt04" / name).read_text())


def _key(text: str) -> SecretKey:
    return SecretKey(bytes.fromhex(text))


def _bare(payload: str) -> bytes:
    """The published payloads carry their length."""
    reader = Reader(bytes.fromhex(payload))
    bare = reader.take(reader.bigsize())
    reader.finish()
    return bare


def test_the_payment_onion_is_built_and_peeled_as_published(shared_vectors: Path) -> None:
    vector = _load(shared_vectors, "onion-test.json")
    generate = vector["generate"]
    associated_data = bytes.fromhex(generate["associated_data"])
    hops = [(Point(bytes.fromhex(hop["pubkey"])), _bare(hop["payload"])) for hop in generate["hops"]]
    onion = create_onion(hops, session_key=_key(generate["session_key"]), associated_data=associated_data)
    assert onion.hex() == vector["onion"]
    current: bytes | None = onion
    for secret, (_, payload) in zip(vector["decode"], hops, strict=True):
        assert current is not None
        peeled = peel_onion(current, _key(secret), associated_data=associated_data)
        assert peeled.payload == payload
        current = peeled.next_onion
    assert current is None


def test_the_blinded_payment_onion_is_built_and_peeled_as_published(shared_vectors: Path) -> None:
    vector = _load(shared_vectors, "blinded-payment-onion-test.json")
    generate = vector["generate"]
    associated_data = bytes.fromhex(generate["associated_data"])
    hops = [(Point(bytes.fromhex(hop["pubkey"])), _bare(hop["payload"])) for hop in generate["full_route"]["hops"]]
    onion = create_onion(hops, session_key=_key(generate["session_key"]), associated_data=associated_data)
    assert onion.hex() == generate["onion"]
    path_key = Point(bytes.fromhex(generate["blinded_route"]["first_path_key"]))
    for index, hop in enumerate(vector["decrypt"]["hops"]):
        assert onion.hex() == hop["onion"]
        key = _key(hop["node_privkey"])
        if index:
            encrypted = bytes.fromhex(generate["blinded_route"]["hops"][index - 1]["encrypted_data"])
            opened = unblind(key, path_key, encrypted)
            path_key = opened.next_path_key
            if index > 1:  # in payments the introduction (index 1) is addressed by its real key
                key = opened.blinded_key
            assert path_key.hex() == hop["next_path_key"]
        peeled = peel_onion(onion, key, associated_data=associated_data)
        assert peeled.payload == hops[index][1]
        onion = peeled.next_onion or b""
    assert onion == b""


@pytest.fixture(scope="module")
def message(shared_vectors: Path) -> Any:
    return _load(shared_vectors, "blinded-onion-message-onion-test.json")


def _published_path(message: Any) -> BlindedPath:
    route = message["route"]
    return BlindedPath(
        first_node_id=bytes.fromhex(route["first_node_id"]),
        first_path_key=Point(bytes.fromhex(route["first_path_key"])),
        hops=tuple(
            BlindedHop(
                blinded_node_id=Point(bytes.fromhex(hop["blinded_node_id"])),
                encrypted_recipient_data=bytes.fromhex(hop["encrypted_recipient_data"]),
            )
            for hop in route["hops"]
        ),
    )


def test_the_joined_message_path_comes_out_as_published(message: Any) -> None:
    nodes = [_key(hop["privkey"]).public_key for hop in message["decrypt"]["hops"]]
    data = [bytes.fromhex(hop["encrypted_data_tlv"]) for hop in message["generate"]["hops"]]
    keys = [_key(hop["path_key_secret"]) for hop in message["generate"]["hops"]]
    alice = create_blinded_path(nodes[:1], data[:1], session_key=keys[0])
    dave = create_blinded_path(nodes[1:], data[1:], session_key=keys[1])
    joined = BlindedPath(
        first_node_id=alice.first_node_id, first_path_key=alice.first_path_key, hops=alice.hops + dave.hops
    )
    assert joined == _published_path(message)


@pytest.mark.parametrize("index", range(4))
def test_every_intermediate_value_of_the_message_path_is_as_published(message: Any, index: int) -> None:
    hop = message["generate"]["hops"][index]
    node = _key(message["decrypt"]["hops"][index]["privkey"]).public_key
    key = _key(hop["path_key_secret"])
    assert key.public_key.hex() == hop["E"]
    secret = key.shared_secret(node)
    assert secret.hex() == hop["ss"]
    factor = hmac_sha256(b"blinded_node_id", secret)
    assert factor.hex() == hop["HMAC256('blinded_node_id', ss)"]
    assert point_times(node, factor).hex() == hop["blinded_node_id"]
    blinding = sha256(key.public_key + secret)
    assert blinding.hex() == hop["H(E || ss)"]
    # The published scalar has a trailing 01, the mark of a compressed key in wallet files.
    assert key.times(blinding).reveal().hex() + "01" == hop["next_e"]
    assert hmac_sha256(b"rho", secret).hex() == hop["rho"]


def _hello(message: Any) -> OnionPayload:
    return OnionPayload(unknown=(make_record(1, bytes.fromhex(message["onionmessage"]["unknown_tag_1"])),))


def test_the_message_onion_is_built_as_published(message: Any) -> None:
    session_key = _key(message["generate"]["session_key"])
    onion = create_onion_message(_published_path(message), _hello(message), session_key=session_key)
    assert onion.hex() == message["onionmessage"]["onion_message_packet"]


def test_the_message_travels_hop_by_hop_as_published(message: Any) -> None:
    onion = bytes.fromhex(message["onionmessage"]["onion_message_packet"])
    path_key = Point(bytes.fromhex(message["route"]["first_path_key"]))
    for hop in message["decrypt"]["hops"]:
        # onion_message: type 513, path key, length, packet
        assert hop["onion_message"] == (b"\x02\x01" + path_key + len(onion).to_bytes(2, "big") + onion).hex()
        opened = open_onion_message(onion, path_key, _key(hop["privkey"]))
        if isinstance(opened, Received):
            break
        assert isinstance(opened, Forward)
        assert (opened.next_node_id or b"").hex() == hop["next_node_id"]
        onion, path_key = opened.onion, opened.next_path_key
    assert isinstance(opened, Received)
    assert hop is message["decrypt"]["hops"][-1]
    assert opened.payload.unknown == _hello(message).unknown
    assert (opened.payload.encrypted_recipient_data or b"").hex() == hop["tlvs"]["encrypted_recipient_data"]
    assert (opened.path_id or b"").hex() == message["generate"]["hops"][3]["tlvs"]["path_id"]
