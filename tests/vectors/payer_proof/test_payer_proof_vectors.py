"""Payer proofs: the official vectors, made anew hash by hash, read, and refused for the recorded reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from bled_codec.crypto import SecretKey
from bled_codec.disclosure import disclose
from bled_codec.errors import CodecError, Rule
from bled_codec.fields import Field
from bled_codec.invoice import Invoice, invoice_digest
from bled_codec.merkle import SIGNATURE_TYPES, merkle_root
from bled_codec.payer_proof import PayerProof, create_payer_proof

RULES: dict[str, tuple[Rule, Field]] = {
    "missing_invreq_payer_id": (Rule.PROOF_FIELD_MISSING, Field.INVREQ_PAYER_ID),
    "missing_invoice_payment_hash": (Rule.PROOF_FIELD_MISSING, Field.INVOICE_PAYMENT_HASH),
    "missing_invoice_node_id": (Rule.PROOF_FIELD_MISSING, Field.INVOICE_NODE_ID),
    "missing_signature": (Rule.PROOF_FIELD_MISSING, Field.SIGNATURE),
    "missing_proof_preimage": (Rule.PROOF_FIELD_MISSING, Field.PROOF_PREIMAGE),
    "missing_proof_missing_hashes": (Rule.PROOF_FIELD_MISSING, Field.PROOF_MISSING_HASHES),
    "missing_proof_leaf_hashes": (Rule.PROOF_FIELD_MISSING, Field.PROOF_LEAF_HASHES),
    "missing_proof_signature": (Rule.PROOF_FIELD_MISSING, Field.PROOF_SIGNATURE),
    "wrong_proof_preimage": (Rule.PREIMAGE_MISMATCH, Field.PROOF_PREIMAGE),
    "proof_omitted_tlvs_not_ascending": (Rule.OMITTED_NOT_ASCENDING, Field.PROOF_OMITTED_TLVS),
    "proof_omitted_tlvs_contains_zero": (Rule.OMITTED_OUT_OF_RANGE, Field.PROOF_OMITTED_TLVS),
    "proof_omitted_tlvs_contains_signature_field": (Rule.OMITTED_OUT_OF_RANGE, Field.PROOF_OMITTED_TLVS),
    "proof_omitted_tlvs_contains_proof_field": (Rule.OMITTED_OUT_OF_RANGE, Field.PROOF_OMITTED_TLVS),
    "proof_omitted_tlvs_contains_high_field": (Rule.OMITTED_OUT_OF_RANGE, Field.PROOF_OMITTED_TLVS),
    "proof_omitted_tlvs_contains_included_tlv_field": (Rule.OMITTED_IS_INCLUDED, Field.PROOF_OMITTED_TLVS),
    "proof_omitted_tlvs_not_sequential": (Rule.OMITTED_NOT_SEQUENTIAL, Field.PROOF_OMITTED_TLVS),
    "proof_leaf_hashes_too_few": (Rule.LEAF_HASHES_COUNT, Field.PROOF_LEAF_HASHES),
    "proof_leaf_hashes_too_many": (Rule.LEAF_HASHES_COUNT, Field.PROOF_LEAF_HASHES),
    "proof_missing_hashes_too_few": (Rule.MISSING_HASHES_COUNT, Field.PROOF_MISSING_HASHES),
    "proof_missing_hashes_too_many": (Rule.MISSING_HASHES_COUNT, Field.PROOF_MISSING_HASHES),
    "wrong_invoice_signature": (Rule.SIGNATURE_INVALID, Field.SIGNATURE),
    "wrong_proof_signature": (Rule.SIGNATURE_INVALID, Field.PROOF_SIGNATURE),
    "contains_invreq_metadata": (Rule.PROOF_DISCLOSES_METADATA, Field.INVREQ_METADATA),
}


@pytest.fixture(scope="module")
def vectors(shared_vectors: Path) -> dict[str, Any]:
    return json.loads((shared_vectors / "bolt12" / "payer-proof-test.json").read_text())


def shown(vector: dict[str, Any]) -> set[int]:
    return {field["type"] for field in vector["input"]["invoice_fields"] if field["included"]}


def test_every_valid_proof_is_read_and_its_fields_are_as_recorded(vectors: dict[str, Any]) -> None:
    assert len(vectors["valid_vectors"]) == 5
    for vector in vectors["valid_vectors"]:
        proof = PayerProof.from_string(vector["result"]["bech32"])
        found = [(record.type, len(record.value), record.value.hex()) for record in proof.records]
        assert found == [(f["type"], f["len"], f["hex"]) for f in vector["result"]["proof_fields"]]
        assert proof.string == vector["result"]["bech32"]


def test_every_hash_on_the_way_is_as_recorded(vectors: dict[str, Any]) -> None:
    for vector in vectors["valid_vectors"]:
        working = vector["working"]
        invoice = Invoice.from_string(vector["input"]["invoice"])
        assert invoice.encode().hex() == vector["input"]["invoice_hex"]
        assert merkle_root(invoice.records).hex() == working["invoice_merkle_root"]
        assert invoice_digest(invoice.records).hex() == working["invoice_sighash"]
        assert invoice.signature.hex() == working["invoice_signature"]
        records = [record for record in invoice.records if record.type not in SIGNATURE_TYPES]
        disclosure = disclose(records, shown(vector))
        assert [part.hex() for part in disclosure.leaf_hashes] == working["proof_leaf_hashes"]
        assert [part.hex() for part in disclosure.missing_hashes] == working["proof_missing_hashes"]
        assert list(disclosure.omitted) == working["proof_omitted_tlvs"]
        proof = PayerProof.from_string(vector["result"]["bech32"])
        assert proof.invoice_root.hex() == working["invoice_merkle_root"]
        assert merkle_root(proof.records).hex() == working["proof_merkle_root"]


def test_every_proof_is_made_anew(vectors: dict[str, Any]) -> None:
    key = SecretKey(bytes.fromhex(vectors["payer_secret"]))
    for vector in vectors["valid_vectors"]:
        if vector["name"] == "empty_proof_omitted_tlvs_explicit":
            continue  # an empty list may be written or left out; ours leaves it out
        invoice = Invoice.from_string(vector["input"]["invoice"])
        preimage = bytes.fromhex(vector["input"]["preimage"])
        unsigned = create_payer_proof(invoice, preimage=preimage, shown=shown(vector), note=vector["input"].get("note"))
        proof = unsigned.sign(key, aux=bytes(32))
        assert proof.proof_signature.hex() == vector["result"]["payer_sig"]
        assert proof.string == vector["result"]["bech32"]


def test_every_invalid_proof_is_refused_for_the_recorded_reason(vectors: dict[str, Any]) -> None:
    assert {vector["reason"] for vector in vectors["invalid_vectors"]} == set(RULES)
    for vector in vectors["invalid_vectors"]:
        with pytest.raises(CodecError) as caught:
            PayerProof.from_string(vector["bech32"])
        assert (caught.value.rule, caught.value.tlv_type) == RULES[vector["reason"]], vector["reason"]
