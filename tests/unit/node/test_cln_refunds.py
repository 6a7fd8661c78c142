"""What a node's records say of a refund, and which of its answers end the attempts."""

import pytest

from bled.errors import Unavailable
from bled.node.cln_errors import classify
from bled.node.cln_refunds import ClnRefunds, read_parts
from bled.node.refund_base import RefundEnded, RefundStatus
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.blinded_path import BlindedPayinfo, create_blinded_path
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import create_offer
from bled_codec.units import MAX_MSAT, Msat, UnixTime

PREIMAGE = b"\x07" * 32
HASH = sha256(PREIMAGE)
PENDING, FAILED, COMPLETE = (
    pb.ListsendpaysPayments.PENDING,
    pb.ListsendpaysPayments.FAILED,
    pb.ListsendpaysPayments.COMPLETE,
)


def part(
    status: int, *, label: str | None = "ours", sent: int = 5_001, preimage: bytes = PREIMAGE, hash_: bytes = HASH
):
    return pb.ListsendpaysPayments(
        status=status,
        payment_hash=hash_,
        label=label,
        amount_sent_msat=pb.Amount(msat=sent),
        payment_preimage=preimage if status == COMPLETE else None,
    )


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([], RefundStatus.NOTHING),
        ([part(FAILED), part(FAILED)], RefundStatus.NOTHING),
        ([part(FAILED), part(PENDING)], RefundStatus.PENDING),
        ([part(PENDING), part(COMPLETE)], RefundStatus.COMPLETE),
        ([part(7)], RefundStatus.PENDING),
        ([part(COMPLETE, label=None)], RefundStatus.COMPLETE),
        ([part(COMPLETE, label="theirs")], RefundStatus.NOTHING),
        ([part(PENDING, label="theirs"), part(FAILED)], RefundStatus.NOTHING),
    ],
)
def test_the_strongest_part_of_our_own_payment_counts(parts: list, status: RefundStatus) -> None:
    assert read_parts(parts, HASH, "ours").status is status


def test_what_arrived_is_added_up_with_its_proof() -> None:
    record = read_parts([part(COMPLETE), part(FAILED), part(COMPLETE, sent=6_000)], HASH, "ours")
    assert (record.amount_sent, record.preimage) == (11_001, PREIMAGE)


@pytest.mark.parametrize("preimage", [b"", b"\x08" * 32])
def test_a_proof_that_does_not_fit_is_left_out_and_the_money_is_gone_all_the_same(preimage: bytes) -> None:
    record = read_parts([part(COMPLETE, preimage=preimage)], HASH, "ours")
    assert (record.status, record.preimage) == (RefundStatus.COMPLETE, None)


def test_an_amount_that_cannot_be_is_left_out() -> None:
    assert read_parts([part(COMPLETE, sent=MAX_MSAT + 1)], HASH, "ours").amount_sent is None


def test_a_part_of_another_payment_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        read_parts([part(COMPLETE, hash_=bytes(32))], HASH, "ours")


class Refusing:
    """A connection on which every call ends like this."""

    def __init__(self, status: str, details: str) -> None:
        self._error = classify(status, details)

    async def call(self, *_: object, **__: object) -> object:
        raise self._error


def rpc(code: int | None) -> str:
    shown = "None" if code is None else f"Some({code})"
    return f'Error calling method Xpay: RpcError {{ code: {shown}, message: "no", data: None }}'


@pytest.fixture
def invoice() -> Invoice:
    home, payer = SecretKey(b"\x01" * 32), SecretKey(b"\x02" * 32)
    offer = create_offer(description="refunds", issuer_id=home.public_key, chains=[REGTEST_CHAIN])
    request = create_invoice_request(
        offer, metadata=bytes(16), payer_id=payer.public_key, amount=Msat(5_000), chain=REGTEST_CHAIN
    ).sign(payer, aux=bytes(32))
    info = BlindedPayinfo(
        fee_base_msat=0,
        fee_proportional_millionths=0,
        cltv_expiry_delta=10,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=Msat(10**9),
    )
    unsigned = create_invoice(
        request,
        payment_hash=HASH,
        created_at=UnixTime(1_800_000_000),
        node_id=home.public_key,
        amount=Msat(5_000),
        paths=[create_blinded_path([home.public_key], [b""], session_key=payer)],
        blindedpay=[info],
    )
    return unsigned.sign(home, aux=bytes(32))


@pytest.mark.parametrize(
    ("status", "details", "ended"),
    [
        ("UNKNOWN", rpc(203), True),
        ("UNKNOWN", rpc(219), True),
        ("UNKNOWN", rpc(-32_602), True),
        ("PERMISSION_DENIED", "bled node-proxy: Xpay: more than the cap", True),
        ("UNAVAILABLE", "failed to connect to all addresses", True),
        ("UNKNOWN", rpc(-4), False),
        ("UNKNOWN", rpc(-5), False),
        ("UNKNOWN", rpc(-3), False),
        ("UNKNOWN", rpc(200), False),
        ("UNKNOWN", rpc(None), False),
        ("UNAVAILABLE", "Socket closed", False),
        ("DEADLINE_EXCEEDED", "", False),
        ("CANCELLED", "RST_STREAM", False),
    ],
)
async def test_only_an_answer_about_the_attempts_ends_them(invoice, status: str, details: str, ended: bool) -> None:
    with pytest.raises(RefundEnded if ended else Unavailable):
        await ClnRefunds(Refusing(status, details)).pay(invoice, max_fee=Msat(0), label="ours")
