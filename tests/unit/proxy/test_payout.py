"""A refund through the proxy: counted first, paid once, looked up when its end is not clear."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.calls import Denied
from bled.proxy.caps import Caps
from bled.proxy.payout import PAY_SECONDS, REFUNDS_AT_ONCE, NodeSaidError, Payouts, read_payout
from bled_codec.blinded_path import create_blinded_path
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import create_invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import create_offer
from bled_codec.units import MAX_MSAT, Msat, UnixTime

NOW = UnixTime(1_800_000_000)
CAP = Msat(20_000)
HASH = sha256(b"\x07" * 32)
PAYEE, PAYER, HOP = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3))


def rpc_error(code: int | None, message: str) -> NodeSaidError:
    number = "None" if code is None else f"Some({code})"
    return NodeSaidError("UNKNOWN", f'Error calling method Xpay: RpcError {{ code: {number}, message: "{message}" }}')


REFUSED = rpc_error(205, "no path")
LOST = NodeSaidError("UNAVAILABLE", "Socket closed")
STATUS = pb.ListsendpaysPayments


def invoice(payment_hash: bytes = HASH) -> str:
    """Return an invoice of 15,000 msat."""
    offer = create_offer(amount=Msat(15_000), description="refund", issuer_id=PAYEE.public_key)
    request = create_invoice_request(offer, metadata=bytes(24), payer_id=PAYER.public_key, amount=Msat(15_000))
    free = BlindedPayinfo(
        fee_base_msat=0,
        fee_proportional_millionths=0,
        cltv_expiry_delta=18,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=MAX_MSAT,
    )
    unsigned = create_invoice(
        request.sign(PAYER, aux=bytes(32)),
        payment_hash=payment_hash,
        created_at=NOW,
        node_id=PAYEE.public_key,
        amount=Msat(15_000),
        paths=[create_blinded_path([PAYEE.public_key], [bytes(8)], session_key=HOP)],
        blindedpay=[free],
        with_request_signature=False,
    )
    return unsigned.sign(PAYEE, aux=bytes(32)).string


def xpay(**changes: object) -> pb.XpayRequest:
    return pb.XpayRequest(**({"invstring": invoice(), "maxfee": pb.Amount(msat=1_000)} | changes))


class SetClock:
    time = NOW

    def now(self) -> UnixTime:
        return self.time

    def monotonic(self) -> float:
        return 0.0


class Node:
    """What a node behind the proxy would say; `on_xpay` looks at the ledger at the moment of the payment."""

    def __init__(self) -> None:
        self.answer: bytes | NodeSaidError = pb.XpayResponse(
            amount_sent_msat=pb.Amount(msat=15_200)
        ).SerializeToString()
        self.parts: list[int] | NodeSaidError = []
        self.left_at_xpay: Msat | None = None
        self.calls: list[str] = []
        self.caps: Caps | None = None
        self.pays = asyncio.Event()
        self.pays.set()

    async def ask(self, method: str, request: bytes, seconds: float) -> bytes:
        self.calls.append(method)
        if method == "Xpay":
            await self.pays.wait()
            self.left_at_xpay = self.caps.left(now=NOW)
            said = self.answer
        elif isinstance(self.parts, NodeSaidError):
            said = self.parts
        else:
            parts = [
                pb.ListsendpaysPayments(status=state, amount_sent_msat=pb.Amount(msat=15_100)) for state in self.parts
            ]
            said = pb.ListsendpaysResponse(payments=parts).SerializeToString()
        if isinstance(said, NodeSaidError):
            raise said
        return said


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node()
    node.caps = Caps.open(tmp_path / "refunds", per_day=CAP)
    yield node
    node.caps.close()


def payouts(node: Node, clock: SetClock | None = None) -> Payouts:
    return Payouts(node.ask, node.caps, clock or SetClock())


async def test_a_refund_is_counted_before_it_is_paid_and_then_as_sent(node: Node) -> None:
    assert await payouts(node).pay(xpay(), till="a") == node.answer
    assert node.left_at_xpay == CAP - 16_000
    assert node.caps.left(now=NOW) == CAP - 15_200


async def test_a_till_has_few_refunds_under_way_whether_it_waits_for_them_or_not(node: Node, tmp_path: Path) -> None:
    """Each keeps the node at work, and is paid to its end when the till hangs up."""
    node.caps.close()
    node.caps = Caps.open(tmp_path / "large", per_day=Msat(10_000_000))
    node.pays.clear()
    proxy = payouts(node)
    requests = [xpay(invstring=invoice(sha256(bytes([number])))) for number in range(REFUNDS_AT_ONCE + 2)]
    paying = [asyncio.create_task(proxy.pay(request, till="a")) for request in requests[:REFUNDS_AT_ONCE]]
    await asyncio.sleep(0)
    with pytest.raises(Denied, match="at once"):
        await proxy.pay(requests[-2], till="a")
    node.pays.set()
    assert await proxy.pay(requests[-1], till="another") == node.answer
    await asyncio.gather(*paying)
    assert await proxy.pay(requests[-2], till="a") == node.answer


async def test_the_same_invoice_is_never_paid_for_again(node: Node) -> None:
    await payouts(node).pay(xpay(), till="a")
    with pytest.raises(Denied, match="before"):
        await payouts(node).pay(xpay(), till="a")
    assert node.calls == ["Xpay"]


async def test_more_than_the_cap_is_not_paid(node: Node) -> None:
    with pytest.raises(Denied, match="cap"):
        await payouts(node).pay(xpay(maxfee=pb.Amount(msat=5_001)), till="a")
    assert node.calls == []


@pytest.mark.parametrize(
    ("said", "parts", "counted"),
    [
        (REFUSED, [], 0),
        (REFUSED, [STATUS.FAILED], 0),
        (REFUSED, [STATUS.FAILED, STATUS.PENDING], 16_000),
        (REFUSED, [STATUS.FAILED, STATUS.COMPLETE], 15_100),
        (REFUSED, LOST, 16_000),
        (rpc_error(None, "no response from lightningd"), [], 16_000),
        (rpc_error(-4, "Plugin terminated before replying to RPC call."), [], 16_000),
        (rpc_error(-5, "lightningd is shutting down"), [], 16_000),
        (rpc_error(200, "Payment in progress"), [STATUS.FAILED], 16_000),
        (rpc_error(-32_602, "no such parameter"), [], 0),
        (LOST, [], 16_000),  # lightningd may go on with what nobody waits for any more
        (LOST, [STATUS.FAILED], 16_000),
        (LOST, [STATUS.COMPLETE], 15_100),
        (LOST, LOST, 16_000),
    ],
)
async def test_what_the_node_does_not_rule_out_goes_on_counting(
    node: Node, said: NodeSaidError, parts: list[int] | NodeSaidError, counted: int
) -> None:
    node.answer, node.parts = said, parts
    with pytest.raises(NodeSaidError) as caught:
        await payouts(node).pay(xpay(), till="a")
    assert caught.value is said
    assert node.caps.left(now=NOW) == CAP - counted


async def test_what_nobody_heard_the_end_of_is_looked_up_when_it_must_be_over(node: Node) -> None:
    node.answer = LOST
    with pytest.raises(NodeSaidError):
        await payouts(node).pay(xpay(), till="a")
    clock = SetClock()
    await payouts(node, clock).settle_old()
    assert node.caps.left(now=NOW) == CAP - 16_000
    clock.time = UnixTime(NOW + int(PAY_SECONDS) + 1)
    await payouts(node, clock).settle_old()
    assert node.caps.left(now=NOW) == CAP


async def test_a_ledger_that_breaks_after_the_payment_hides_nothing_of_it(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A till that hears of a refusal instead would believe that nothing was sent."""

    def broken(*_: object, **__: object) -> None:
        raise Unavailable(Code.STORE_BROKEN, detail="disk full")

    for name in ("paid", "failed"):
        monkeypatch.setattr(node.caps, name, broken)
    assert await payouts(node).pay(xpay(), till="a") == node.answer
    assert node.caps.left(now=NOW) == CAP - 16_000


@pytest.mark.parametrize("parts", [[STATUS.COMPLETE], [STATUS.FAILED]])
async def test_a_ledger_that_breaks_at_the_look_up_leaves_the_nodes_own_error(
    node: Node, parts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise Unavailable(Code.STORE_BROKEN, detail="disk full")

    for name in ("paid", "failed"):
        monkeypatch.setattr(node.caps, name, broken)
    node.answer, node.parts = REFUSED, parts
    with pytest.raises(NodeSaidError) as caught:
        await payouts(node).pay(xpay(), till="a")
    assert caught.value is REFUSED


async def test_an_answer_that_cannot_be_read_counts_in_full(node: Node) -> None:
    node.answer = b"\xff"
    await payouts(node).pay(xpay(), till="a")
    assert node.caps.left(now=NOW) == CAP - 16_000


@pytest.mark.parametrize(
    "request_",
    [
        xpay(amount_msat=pb.Amount(msat=1)),
        xpay(partial_msat=pb.Amount(msat=1)),
        xpay(retry_for=301),  # attempts that go on after the look-up would not be counted
        xpay(retry_for=2**32 - 1),
        xpay(label=PAYER.public_key.hex()),  # so home names its payments: one that it never made revokes its books
        xpay(label=PAYER.public_key.hex().upper()),
        xpay(invstring="lnbc1"),
        xpay(invstring=""),
        pb.XpayRequest(invstring=invoice()),
    ],
)
def test_what_leaves_the_amount_open_is_denied(request_: pb.XpayRequest) -> None:
    with pytest.raises(Denied):
        read_payout(request_)
