"""BOLT 12: the official vectors of strings, offers and signatures, with their intermediate values."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bled_codec.bolt12_string import format_string
from bled_codec.crypto import SecretKey, sha256, tagged_hash
from bled_codec.errors import CodecError
from bled_codec.invoice_request import InvoiceRequest, UnsignedInvoiceRequest
from bled_codec.merkle import branch, leaf_nodes, merkle_root, signature_digest
from bled_codec.offer import Offer
from bled_codec.primitives import encode_bigsize
from bled_codec.tlv import split_stream


def load(folder: Path, name: str) -> list[dict[str, Any]]:
    return json.loads((folder / "bolt12" / name).read_text())


def test_every_format_string_is_judged_as_recorded(shared_vectors: Path) -> None:
    for case in load(shared_vectors, "format-string-test.json"):
        if case["valid"]:
            assert Offer.from_string(case["string"])
        else:
            with pytest.raises(CodecError):
                Offer.from_string(case["string"])


def test_every_offer_is_judged_as_recorded(shared_vectors: Path) -> None:
    cases = load(shared_vectors, "offers-test.json")
    assert len(cases) == 53
    for case in cases:
        if case["valid"]:
            offer = Offer.from_string(case["bolt12"])
            found = [(record.type, len(record.value), record.value.hex()) for record in offer.records]
            assert found == [(field["type"], field["length"], field["hex"]) for field in case["fields"]]
            assert offer.string == case["bolt12"]
        else:
            with pytest.raises(CodecError):
                Offer.from_string(case["bolt12"])


def hexes(text: str) -> list[str]:
    """Return what the vector's own notation `H(tag,hex)` hashes."""
    return re.findall(r",([0-9a-f]+)\)", text)


def test_every_leaf_branch_and_root_is_as_recorded(shared_vectors: Path) -> None:
    for case in load(shared_vectors, "signature-test.json"):
        leaves = [list(leaf.items()) for leaf in case["leaves"]]
        records = split_stream(bytes.fromhex("".join(hexes(leaf[0][0])[0] for leaf in leaves)))
        nonce_tag = sha256(b"LnNonce" + bytes.fromhex(case["first-tlv"]))
        for record, node, leaf in zip(records, leaf_nodes(records), leaves, strict=True):
            assert tagged_hash(b"LnLeaf", record.raw).hex() == leaf[0][1]
            assert sha256(nonce_tag + nonce_tag + encode_bigsize(record.type)).hex() == leaf[1][1]
            assert node.hex() == leaf[2][1]
        for step in case["branches"]:
            ((notation, expected),) = [item for item in step.items() if item[0] != "desc"]
            pair = bytes.fromhex(hexes(notation)[0])
            assert branch(pair[:32], pair[32:]).hex() == expected
        assert merkle_root(records).hex() == case["merkle"]


def test_the_signed_request_is_reproduced(shared_vectors: Path) -> None:
    (case,) = [case for case in load(shared_vectors, "signature-test.json") if "bolt12" in case]
    request = InvoiceRequest.from_string(case["bolt12"])
    assert case["signature_tag"] == "lightninginvoice_requestsignature"
    digest = signature_digest("invoice_request", "signature", merkle_root(request.records))
    assert digest.hex() == case["H(signature_tag,merkle)"]
    unsigned = UnsignedInvoiceRequest(records=tuple(r for r in request.records if r.type != 240))
    signed = unsigned.sign(SecretKey(b"\x42" * 32), aux=bytes(32))
    assert signed.signature is not None
    assert signed.signature.hex() == case["signature"]
    assert format_string("lnr", signed.encode()) == case["bolt12"]
