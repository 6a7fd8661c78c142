"""What the node tells, read; and an offer that is not what was asked for."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.base import InvoiceStatus, NodeInfo, invoice_label
from bled.node.cln_records import check_offer, read_info, read_invoice, read_offer, what_is_wrong
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, UnixTime

NODE = SecretKey(b"\x41" * 32).public_key
INFO = NodeInfo(node_id=NODE, issuer_id=NODE, network="regtest", chain=REGTEST_CHAIN, version="v26.06", height=1)
GOOD = {"version": "v26.06.6", "num_peers": 1, "num_active_channels": 1, "network": "regtest", "id": NODE}
TERMS: dict[str, Any] = {
    "description": "coffee",
    "amount": 15_000,
    "chains": [REGTEST_CHAIN],
    "issuer_id": NODE,
    "absolute_expiry": UnixTime(1_800_000_300),
}


def check(offer: Offer) -> None:
    check_offer(
        read_offer(offer.offer_id, offer.string),
        amount=Msat(15_000),
        description="coffee",
        issuer=None,
        expiry=UnixTime(1_800_000_300),
        info=INFO,
    )


def test_the_offer_that_was_asked_for_passes() -> None:
    check(create_offer(**TERMS))


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 15_001},
        {"description": "tea"},
        {"issuer": "shop"},
        {"absolute_expiry": None},
        {"absolute_expiry": UnixTime(1_800_000_301)},
        {"chains": None},
        {"issuer_id": SecretKey(b"\x42" * 32).public_key},
        {"quantity_max": 0},
        {"currency": "EUR"},
    ],
)
def test_another_offer_is_the_nodes_fault(change: dict[str, Any]) -> None:
    with pytest.raises(Unavailable) as caught:
        check(create_offer(**TERMS | change))
    assert caught.value.code is Code.NODE_PROTOCOL


def test_an_offer_under_another_id_is_the_nodes_fault() -> None:
    with pytest.raises(Unavailable):
        read_offer(bytes(32), create_offer(**TERMS).string)
    with pytest.raises(Unavailable):
        read_offer(bytes(32), "lno1")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"version": "v24.11"}, "v25.02"),
        ({"num_peers": 0}, "peer"),
        ({"num_active_channels": 0}, "channel"),
        ({"warning_bitcoind_sync": "Bitcoind is not up-to-date."}, "bitcoind"),
        ({"warning_lightningd_sync": "Still loading."}, "catching up"),
    ],
)
def test_what_keeps_a_node_from_serving_is_a_sentence(change: dict[str, Any], word: str) -> None:
    assert what_is_wrong(pb.GetinfoResponse(**GOOD)) == []
    (sentence,) = what_is_wrong(pb.GetinfoResponse(**GOOD | change))
    assert word in sentence


@pytest.mark.parametrize("version", ["v26.06.6-modded", "v25.02", "basilisk", "4f3e9c1-modded"])
def test_versions_that_nothing_is_wrong_with(version: str) -> None:
    assert what_is_wrong(pb.GetinfoResponse(**GOOD | {"version": version})) == []


@pytest.mark.parametrize("change", [{"network": "liquid"}, {"id": bytes(33)}, {"id": b""}])
def test_a_node_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unavailable) as caught:
        read_info(pb.GetinfoResponse(**GOOD | change))
    assert caught.value.code is Code.NODE_PROTOCOL


def test_a_paid_invoice_without_proof_is_refused() -> None:
    with pytest.raises(Unavailable):
        read_invoice(pb.ListinvoicesInvoices(label="x", status=1))


@pytest.mark.parametrize("field", ["amount_received_msat", "paid_at"])
@pytest.mark.parametrize("number", [1 << 63, (1 << 64) - 1])
def test_a_paid_invoice_with_a_number_that_cannot_be_is_read_without_it(field: str, number: int) -> None:
    value = pb.Amount(msat=number) if field == "amount_received_msat" else number
    facts = {"amount_received_msat": pb.Amount(msat=15_000), "paid_at": 1_800_000_000} | {field: value}
    state = read_invoice(pb.ListinvoicesInvoices(label="x", status=1, payment_preimage=bytes(32), **facts))
    assert state.status is InvoiceStatus.PAID
    read = {"amount_received_msat": state.amount_received, "paid_at": state.paid_at}
    assert read.pop(field) is None
    assert set(read.values()) < {15_000, 1_800_000_000}


def test_a_label_is_lower_case_with_counter_zero() -> None:
    assert invoice_label(b"\xab" * 32, NODE) == f"{'ab' * 32}-{NODE.hex()}-0"


def _recorded(shared_vectors: Path, method: str, message: Any) -> list[Any]:
    """Return the recorded answers to one method, as the messages they were."""
    files = ("01-getinfo-offer.json", "02-direct.json", "05-cancel.json")
    steps = [step for file in files for step in json.loads((shared_vectors / "cln" / file).read_text())["steps"]]
    return [
        json_format.ParseDict(_as_protobuf_json(step["response"]), message(), ignore_unknown_fields=True)
        for step in steps
        if step.get("method") == method and step["actor"] == "merchant-grpc" and "response" in step
    ]


_BYTES = {"id", "offer_id", "payment_hash", "payment_preimage", "local_offer_id", "color"}


def _as_protobuf_json(value: Any, name: str = "") -> Any:
    """The recordings write bytes as hexadecimal, protobuf's JSON as base64."""
    if isinstance(value, dict):
        return {key: _as_protobuf_json(item, key) for key, item in value.items() if key != "our_features"}
    if isinstance(value, list):
        return [_as_protobuf_json(item, name) for item in value]
    return base64.b64encode(bytes.fromhex(value)).decode() if name in _BYTES else value


def test_recorded_answers_are_read(shared_vectors: Path) -> None:
    for answer in _recorded(shared_vectors, "Getinfo", pb.GetinfoResponse):
        assert read_info(answer).chain == REGTEST_CHAIN
        assert what_is_wrong(answer) == []
    lists = _recorded(shared_vectors, "ListInvoices", pb.ListinvoicesResponse)
    assert {read_invoice(row).status for rows in lists for row in rows.invoices} == set(InvoiceStatus)
    offers = _recorded(shared_vectors, "Offer", pb.OfferResponse)
    assert offers
    for offer in offers:
        assert read_offer(offer.offer_id, offer.bolt12).offer.offer_chains == (REGTEST_CHAIN,)
