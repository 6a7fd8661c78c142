"""Invoices through the proxy: what would end the node itself does not reach it."""

import asyncio

import pytest

from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.calls import ALLOWED, Denied
from bled.proxy.invoices import Invoices
from bled_codec.crypto import SecretKey, sha256
from bled_codec.fields import Field
from bled_codec.invoice import UnsignedInvoice, create_invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
PAYEE, PAYER = (SecretKey(bytes([number]) * 32) for number in (1, 2))
PREIMAGE = b"\x07" * 32


def draft() -> UnsignedInvoice:
    offer = create_offer(amount=Msat(15_000), description="coffee", issuer_id=PAYEE.public_key)
    request = create_invoice_request(offer, metadata=bytes(24), payer_id=PAYER.public_key, amount=Msat(15_000))
    return create_invoice(
        request.sign(PAYER, aux=bytes(32)),
        payment_hash=sha256(PREIMAGE),
        created_at=NOW,
        node_id=PAYEE.public_key,
        amount=Msat(15_000),
    )


def without(type_: int) -> str:
    return UnsignedInvoice(records=tuple(each for each in draft().records if each.type != type_)).string


def call(label: str = "one", *, invstring: str | None = None, preimage: bytes = PREIMAGE) -> pb.CreateinvoiceRequest:
    return pb.CreateinvoiceRequest(invstring=invstring or draft().string, label=label, preimage=preimage)


class Node:
    """lightningd: a second label for a payment hash ends it."""

    def __init__(self) -> None:
        self.labels: dict[bytes, str] = {}

    async def ask(self, method: str, request: bytes, seconds: float) -> bytes:
        await asyncio.sleep(0)
        if method == "ListInvoices":
            label = self.labels.get(pb.ListinvoicesRequest.FromString(request).payment_hash)
            rows = [] if label is None else [pb.ListinvoicesInvoices(label=label)]
            return pb.ListinvoicesResponse(invoices=rows).SerializeToString()
        asked = pb.CreateinvoiceRequest.FromString(request)
        assert self.labels.setdefault(sha256(asked.preimage), asked.label) == asked.label, "lightningd is dead"
        return b"made"


def test_a_sales_own_invoice_gets_through() -> None:
    assert ALLOWED["CreateInvoice"].read(call().SerializeToString()) == call()


@pytest.mark.parametrize(
    "request_",
    [
        call(invstring=without(Field.INVOICE_PAYMENT_HASH)),
        call(invstring=without(Field.INVOICE_AMOUNT)),
        call(invstring=without(Field.INVOICE_CREATED_AT)),
        call(invstring=without(Field.INVOICE_NODE_ID)),
        call(invstring=without(Field.OFFER_DESCRIPTION)),
        call(preimage=b"\x08" * 32),
        call(preimage=b""),
        call(label=""),
        call(invstring="lnbc1"),
        call(invstring="lni1"),
        pb.CreateinvoiceRequest(),
    ],
)
def test_what_is_no_whole_invoice_does_not_get_through(request_: pb.CreateinvoiceRequest) -> None:
    with pytest.raises(Denied, match="invoice"):
        ALLOWED["CreateInvoice"].read(request_.SerializeToString())


async def test_the_same_call_again_is_the_nodes_to_answer() -> None:
    invoices = Invoices(Node().ask)
    assert [await invoices.create(call(), seconds=9) for _ in range(2)] == [b"made"] * 2


async def test_a_till_that_hangs_up_lets_no_second_label_in() -> None:
    node = Node()
    invoices = Invoices(node.ask)
    first = asyncio.create_task(invoices.create(call("one"), seconds=9))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(Denied, match="another label"):
        await invoices.create(call("two"), seconds=9)
    assert list(node.labels.values()) == ["one"]


async def test_a_hash_has_one_label_also_when_two_come_at_once() -> None:
    invoices = Invoices(Node().ask)
    both = [invoices.create(call(label), seconds=9) for label in ("one", "two")]
    made = await asyncio.gather(*both, return_exceptions=True)
    assert made[0] == b"made"
    assert isinstance(made[1], Denied)
