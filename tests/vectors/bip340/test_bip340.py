"""BIP 340: every official vector, through the codec's own functions."""

import csv
from pathlib import Path

import pytest

from bled_codec.crypto import SecretKey, verify_schnorr
from bled_codec.units import Point


@pytest.fixture(scope="module")
def rows(shared_vectors: Path) -> list[dict[str, str]]:
    with (shared_vectors / "bip340" / "test-vectors.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_signature_is_judged_as_recorded(rows: list[dict[str, str]]) -> None:
    assert len(rows) == 19
    for row in rows:
        key = Point(b"\x02" + bytes.fromhex(row["public key"]))
        verdict = verify_schnorr(bytes.fromhex(row["signature"]), bytes.fromhex(row["message"]), key=key)
        assert verdict == (row["verification result"] == "TRUE"), row["index"]


def test_every_signature_over_a_digest_is_reproduced(rows: list[dict[str, str]]) -> None:
    signing = [row for row in rows if row["secret key"] and len(row["message"]) == 64]
    assert signing
    for row in signing:
        key = SecretKey(bytes.fromhex(row["secret key"]))
        signature = key.sign(bytes.fromhex(row["message"]), aux=bytes.fromhex(row["aux_rand"]))
        assert signature.hex().upper() == row["signature"].upper()
