"""What a till may ask for: everything that a sale needs, and nothing that reaches beyond it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bled.node.cln_private import INVOICE_SECRET, OFFER_SECRET
from bled.node.stubs import cln_subset_pb2 as pb
from bled.proxy.calls import ALLOWED, Denied

UNKNOWN_FIELD = bytes([0xFA, 0x7F, 1, 0])  # field 2047, length-delimited, one byte
DANGEROUS = ("Pay", "Withdraw", "Close", "CreateRune", "SendPay", "KeySend", "Stop", "ListFunds", "SendOnion")


@pytest.mark.parametrize("method", DANGEROUS)
def test_what_moves_money_or_tells_of_it_is_not_allowed(method: str) -> None:
    assert method not in ALLOWED


def test_one_call_spends() -> None:
    assert [name for name, row in ALLOWED.items() if row.spends] == ["Xpay"]


@pytest.mark.parametrize("name", [OFFER_SECRET, INVOICE_SECRET])
def test_the_secrets_of_offers_and_invoices_are_told(name: str) -> None:
    assert ALLOWED["MakeSecret"].read(pb.MakesecretRequest(string=name).SerializeToString())


@pytest.mark.parametrize(
    "request_",
    [
        pb.MakesecretRequest(string="commando"),  # from this one follow runes, which may do everything
        pb.MakesecretRequest(string="scb secret"),
        pb.MakesecretRequest(string=OFFER_SECRET, hex=b"commando"),
        pb.MakesecretRequest(hex=OFFER_SECRET.encode()),
        pb.MakesecretRequest(),
    ],
)
def test_no_other_secret_of_the_node_is_told(request_: pb.MakesecretRequest) -> None:
    with pytest.raises(Denied, match="secrets of offers and invoices"):
        ALLOWED["MakeSecret"].read(request_.SerializeToString())


def test_invoices_are_looked_up_one_by_one() -> None:
    assert ALLOWED["ListInvoices"].read(pb.ListinvoicesRequest(label="x").SerializeToString())
    with pytest.raises(Denied, match="one by one"):
        ALLOWED["ListInvoices"].read(b"")


def test_payments_are_looked_up_one_by_one() -> None:
    """A list of all would tell a till whom the node's owner paid, with the proofs."""
    assert ALLOWED["ListSendPays"].read(pb.ListsendpaysRequest(payment_hash=bytes(32)).SerializeToString())
    for request in (pb.ListsendpaysRequest(), pb.ListsendpaysRequest(payment_hash=b"")):
        with pytest.raises(Denied, match="one by one"):
            ALLOWED["ListSendPays"].read(request.SerializeToString())


@pytest.mark.parametrize(
    "request_",
    [
        pb.OfferRequest(amount="1sat"),
        pb.OfferRequest(amount="1sat", single_use=True),
        pb.OfferRequest(amount="1sat", absolute_expiry=9),
    ],
)
def test_an_offer_is_for_one_sale_and_ends(request_: pb.OfferRequest) -> None:
    with pytest.raises(Denied, match="for one sale"):
        ALLOWED["Offer"].read(request_.SerializeToString())


def test_an_unknown_field_does_not_get_through() -> None:
    known = pb.OfferRequest(amount="1sat", label="a", single_use=True, absolute_expiry=9).SerializeToString()
    assert ALLOWED["Offer"].read(known + UNKNOWN_FIELD).SerializeToString() == known


def test_an_unknown_field_inside_a_field_does_not_get_through() -> None:
    inner = pb.Amount(msat=5).SerializeToString()
    nested = bytes([0x1A, len(inner) + len(UNKNOWN_FIELD)]) + inner + UNKNOWN_FIELD  # maxfee is field 3
    read = ALLOWED["Xpay"].read(nested).SerializeToString()
    assert read == pb.XpayRequest(maxfee=pb.Amount(msat=5)).SerializeToString()


@given(method=st.sampled_from(sorted(ALLOWED)), data=st.binary(max_size=200))
def test_any_bytes_are_read_or_denied(method: str, data: bytes) -> None:
    try:
        read = ALLOWED[method].read(data).SerializeToString()
    except Denied:
        return
    assert ALLOWED[method].read(read).SerializeToString() == read
