"""BOLT 4, returning errors: the official packet, made, wrapped hop by hop, and opened."""

import json
from pathlib import Path

from bled_codec.crypto import hmac_sha256
from bled_codec.onion_error import OnionFailure, create_onion_error, open_onion_error, wrap_onion_error


def test_the_error_of_the_last_hop_is_made_and_opened_as_published(shared_vectors: Path) -> None:
    vector = json.loads((shared_vectors / "bolt04" / "onion-error-test.json").read_text())
    hops, message = vector["generate"]["hops"], bytes.fromhex(vector["generate"]["failure_message"])
    secrets = [bytes.fromhex(hop["hop_shared_secret"]) for hop in hops]
    for hop, secret in zip(hops, secrets, strict=True):
        assert hmac_sha256(b"ammag", secret).hex() == hop["ammag_key"]
    assert hmac_sha256(b"um", secrets[-1]).hex() == hops[-1]["um_key"]
    packet = create_onion_error(message, secrets[-1])
    for secret in reversed(secrets[:-1]):
        packet = wrap_onion_error(packet, secret)
    assert packet.hex() == vector["errorpacket"]
    assert open_onion_error(packet, secrets) == OnionFailure(hop=4, message=message)
