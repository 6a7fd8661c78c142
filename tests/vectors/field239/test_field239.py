"""Field 239: 42 invoices, each judged twice, with every hash on the way. The file was made for this project.

How it was made is told in its `conventions` and `keys`; independent implementations checked every case (`peers`).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bled_codec.bolt12_string import parse_string
from bled_codec.crypto import tagged_hash
from bled_codec.errors import CodecError, Rule, SignatureError
from bled_codec.fields import MIRRORED_TYPES, select
from bled_codec.invoice import Invoice, invoice_digest
from bled_codec.invoice_request import InvoiceRequest, request_digest
from bled_codec.merkle import leaf_nodes, merkle_root
from bled_codec.request_signature import judge_request_signature
from bled_codec.tlv import split_stream

_VECTORS = json.loads((Path(__file__).parent / "field239.json").read_text())["vectors"]
_PARSING = [vector for vector in _VECTORS if vector["expected"]["parse"]]

# One case has no verdict: a doubled amount where the request names none is the payer's own business to notice.
_JUDGED = [vector for vector in _VECTORS if vector["expected"]["bolt12_valid"] is not None]


def _name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def test_all_42_are_here() -> None:
    assert len(_VECTORS) == 42


@pytest.mark.parametrize("vector", _JUDGED, ids=_name)
def test_bolt12_judges_the_invoice_without_looking_at_239(vector: dict[str, Any]) -> None:
    verdict = vector["expected"]["bolt12_valid"]
    data = bytes.fromhex(vector["invoice_hex"])
    if verdict:
        assert Invoice.decode(data).encode() == data
        assert Invoice.from_string(vector["invoice"]).string == vector["invoice"]
    else:
        with pytest.raises(CodecError) as caught:
            Invoice.decode(data)
        if vector["expected"]["invoice_signature"] is False:
            assert isinstance(caught.value, SignatureError)
            assert caught.value.rule is Rule.SIGNATURE_INVALID


@pytest.mark.parametrize("vector", _PARSING, ids=_name)
def test_239_is_judged_whatever_else_is_wrong(vector: dict[str, Any]) -> None:
    records = split_stream(bytes.fromhex(vector["invoice_hex"]))
    assert judge_request_signature(records).value == vector["expected"]["request_signature"]


@pytest.mark.parametrize("vector", _PARSING, ids=_name)
def test_every_hash_on_the_way_is_as_recorded(vector: dict[str, Any]) -> None:
    working = vector["working"]
    records = split_stream(bytes.fromhex(vector["invoice_hex"]))
    mirrored = select(records, MIRRORED_TYPES)
    assert merkle_root(records).hex() == working["invoice_merkle_root"]
    assert invoice_digest(records).hex() == working["invoice_sighash"]
    assert merkle_root(mirrored).hex() == working["invreq_merkle_root"]
    assert request_digest(mirrored).hex() == working["invreq_sighash"]
    for record, node, leaf in zip(mirrored, leaf_nodes(mirrored), working["invreq_tree"]["leaves"], strict=True):
        assert record.raw.hex() == leaf["tlv"]
        assert tagged_hash(b"LnLeaf", record.raw).hex() == leaf["LnLeaf"]
        assert node.hex() == leaf["LnBranch"]


def test_the_request_of_the_plain_case_is_a_valid_request() -> None:
    (plain,) = [vector for vector in _VECTORS if vector["name"] == "valid"]
    request = InvoiceRequest.from_string(plain["invoice_request"])
    assert request.encode().hex() == plain["invoice_request_hex"]
    assert parse_string(plain["invoice_request"])[0] == "lnr"
