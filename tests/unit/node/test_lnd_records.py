"""What LND tells, read; and what cannot be believed."""

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError
from bled.node.base import InvoiceStatus
from bled.node.grpc_errors import NoAnswerInTime
from bled.node.lnd_errors import LndFailure, classify
from bled.node.lnd_records import check_version, read_info, read_invoice, read_paths, what_is_wrong
from bled.node.stubs import lnd_subset_pb2 as pb
from bled_codec.crypto import SecretKey, sha256
from bled_codec.units import MAX_MSAT, Msat

NODE, ISSUER = (SecretKey(bytes([number]) * 32).public_key for number in (0x41, 0x42))
PREIMAGE = b"\x07" * 32
HASH = sha256(PREIMAGE)


def info(**changes: object) -> pb.GetInfoResponse:
    facts = {
        "identity_pubkey": NODE.hex(),
        "version": "0.21.2-beta commit=v0.21.2-beta",
        "chains": [pb.Chain(network="regtest")],
        "block_height": 7,
        "num_peers": 1,
        "num_active_channels": 1,
        "synced_to_chain": True,
    }
    return pb.GetInfoResponse(**facts | changes)


def test_the_node_and_the_issuer_are_two() -> None:
    found = read_info(info(), issuer_id=ISSUER)
    assert (found.node_id, found.issuer_id, found.network, found.height) == (NODE, ISSUER, "regtest", 7)
    assert read_info(info(chains=[pb.Chain(network="mainnet")]), issuer_id=ISSUER).network == "bitcoin"


@pytest.mark.parametrize("version", ["0.21.0-beta", "0.21.2-beta commit=x", "v0.22.1", "1.0.0"])
def test_versions_from_0_21_on_are_taken(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["0.20.1-beta commit=v0.20.1-beta", "0.9.0", "", "new"])
def test_older_ones_are_refused_with_a_sentence(version: str) -> None:
    with pytest.raises(ConfigurationError, match=r"bled needs 0\.21 or newer"):
        check_version(version)


@pytest.mark.parametrize(
    "change", [{"chains": []}, {"chains": [pb.Chain(network="simnet")]}, {"identity_pubkey": "00"}]
)
def test_a_node_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BledError) as caught:
        read_info(info(**change), issuer_id=ISSUER)
    assert caught.value.code is Code.NODE_PROTOCOL


def test_what_keeps_a_node_from_selling_is_said() -> None:
    assert what_is_wrong(info()) == []
    assert len(what_is_wrong(info(num_peers=0, num_active_channels=0, synced_to_chain=False))) == 3


def row(**changes: object) -> pb.Invoice:
    return pb.Invoice(**{"r_hash": HASH, "state": pb.Invoice.OPEN} | changes)


def read(record: pb.Invoice):
    return read_invoice(record, label="one", text="lni1", payment_hash=HASH)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (pb.Invoice.OPEN, InvoiceStatus.UNPAID),
        (pb.Invoice.ACCEPTED, InvoiceStatus.UNPAID),
        (pb.Invoice.CANCELED, InvoiceStatus.EXPIRED),
    ],
)
def test_states_are_read_and_money_on_its_way_is_not_paid(state: int, status: InvoiceStatus) -> None:
    assert (read(row(state=state)).status, read(row(state=state)).preimage) == (status, None)


def test_a_paid_one_has_its_proof() -> None:
    state = read(row(state=pb.Invoice.SETTLED, r_preimage=PREIMAGE, amt_paid_msat=15_000, settle_date=9))
    assert (state.status, state.preimage, state.amount_received, state.paid_at) == (
        InvoiceStatus.PAID,
        PREIMAGE,
        15_000,
        9,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"state": pb.Invoice.SETTLED},
        {"state": pb.Invoice.SETTLED, "r_preimage": bytes(32)},
        {"state": 9},
        {"r_hash": bytes(32)},
    ],
)
def test_a_record_that_proves_nothing_is_not_believed(changes: dict[str, object]) -> None:
    with pytest.raises(BledError) as caught:
        read(row(**changes))
    assert caught.value.code is Code.NODE_PROTOCOL


def test_numbers_that_cannot_be_are_left_out_of_a_paid_one() -> None:
    facts = {"state": pb.Invoice.SETTLED, "r_preimage": PREIMAGE}
    state = read(row(**facts, amt_paid_msat=MAX_MSAT + 1, settle_date=-1))
    assert (state.status, state.amount_received, state.paid_at) == (InvoiceStatus.PAID, None, None)


def pay_req(**changes: object) -> pb.PayReq:
    hops = [pb.BlindedHop(blinded_node=NODE, encrypted_data=b"x")]
    path = pb.BlindedPath(introduction_node=NODE, blinding_point=ISSUER, blinded_hops=hops)
    facts = {"total_cltv_delta": 89, "htlc_max_msat": 10, "features": [9]}
    costs = facts | {
        name: changes.pop(name) for name in list(changes) if name in pb.BlindedPaymentPath.DESCRIPTOR.fields_by_name
    }
    rows = [pb.BlindedPaymentPath(**{"blinded_path": path} | costs)]
    return pb.PayReq(**{"payment_hash": HASH.hex(), "num_msat": 15_000, "blinded_paths": rows} | changes)


def test_the_paths_of_a_payment_request_are_read() -> None:
    ((path, payinfo),) = read_paths(pay_req(), payment_hash=HASH, amount=Msat(15_000))
    assert (path.introduction, path.first_path_key) == (NODE, ISSUER)
    assert (payinfo.cltv_expiry_delta, payinfo.features) == (89, b"\x02\x00")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"blinded_paths": []}, Code.NODE_REFUSED),
        ({"payment_hash": "00"}, Code.NODE_PROTOCOL),
        ({"num_msat": 1}, Code.NODE_PROTOCOL),
        ({"base_fee_msat": 1 << 40}, Code.NODE_PROTOCOL),
        ({"total_cltv_delta": 1 << 16}, Code.NODE_PROTOCOL),
        ({"features": [-1]}, Code.NODE_PROTOCOL),
        ({"blinded_path": pb.BlindedPath(introduction_node=NODE, blinding_point=ISSUER)}, Code.NODE_PROTOCOL),
        ({"blinded_path": pb.BlindedPath(introduction_node=b"x")}, Code.NODE_PROTOCOL),
    ],
)
def test_paths_that_cannot_be_are_refused(changes: dict[str, object], code: Code) -> None:
    with pytest.raises(BledError) as caught:
        read_paths(pay_req(**changes), payment_hash=HASH, amount=Msat(15_000))
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("status", "details", "code"),
    [
        ("UNKNOWN", "wallet locked, unlock it to enable full RPC access", Code.NODE_UNREACHABLE),
        (
            "UNKNOWN",
            "the RPC server is in the process of starting up, but not yet ready to accept calls",
            Code.NODE_UNREACHABLE,
        ),
        ("UNKNOWN", "server is shutting down", Code.NODE_DIED),
        ("UNKNOWN", "permission denied", Code.NODE_REFUSED),
        ("NOT_FOUND", "unable to locate invoice", Code.NODE_REFUSED),
        ("UNAVAILABLE", "Socket closed", Code.NODE_DIED),
        ("UNAVAILABLE", "failed to connect to all addresses", Code.NODE_UNREACHABLE),
        ("UNIMPLEMENTED", "unknown method SendOnionMessage", Code.NODE_PROTOCOL),
    ],
)
def test_a_status_says_what_it_means_for_money(status: str, details: str, code: Code) -> None:
    assert classify("AddInvoice", status, details).code is code


def test_the_words_that_matter_are_told_apart() -> None:
    assert LndFailure("x", "invoice with payment hash already exists").is_duplicate
    assert LndFailure("x", "unable to locate invoice").is_unknown_invoice
    assert LndFailure("x", "there are no existing invoices").is_unknown_invoice
    assert LndFailure("x", "invoice already settled").is_settled
    assert LndFailure("x", "peer is not connected").is_not_connected
    assert LndFailure("x", "already connected to peer: 02@1.2.3.4:9735").is_connected_already
    assert isinstance(classify("x", "DEADLINE_EXCEEDED", ""), NoAnswerInTime)
