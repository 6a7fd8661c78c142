"""Which refunds a till pays: within the sale, to the buyer's own offer, exactly the amount, in time, not too dear."""

from dataclasses import replace
from typing import Any

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.grants.refund_offer import refund_offer_record
from bled.sales.refund_check import (
    LEAST_SECONDS,
    amount_to_refund,
    check_refund_invoice,
    default_max_fee,
    fee_to_allow,
    offer_to_refund,
)
from bled.sales.states import Sale, SaleState
from bled_codec.blinded_path import BlindedPayinfo, create_blinded_path
from bled_codec.chains import REGTEST_CHAIN, SIGNET_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError, Rule
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.tlv import TlvRecord
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
HOME, PAYER, THIEF = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3))
PATH = create_blinded_path([HOME.public_key], [b""], session_key=PAYER)
END = SecretKey(b"\x09" * 32)
BLINDED = create_offer(
    description="refunds",
    chains=[REGTEST_CHAIN, SIGNET_CHAIN],
    paths=[replace(PATH, hops=(replace(PATH.hops[0], blinded_node_id=END.public_key),))],
)
OPEN = create_offer(description="refunds", issuer_id=HOME.public_key, chains=[REGTEST_CHAIN, SIGNET_CHAIN])
MINE = create_offer(description="mine", issuer_id=THIEF.public_key, chains=[REGTEST_CHAIN])
SALE = Sale(
    sale_id="a",
    created_at=NOW,
    amount=Msat(15_000),
    description="coffee",
    issuer=None,
    state=SaleState.PAID,
    expires_at=UnixTime(NOW + 300),
    preimage=bytes(32),
    amount_received=Msat(15_000),
)


def an_invoice(
    offer: Offer = OPEN, *, key: SecretKey = HOME, amount: int = 5_000, chain: bytes = REGTEST_CHAIN, fee: int = 0
) -> Invoice:
    request = create_invoice_request(
        offer, metadata=bytes(16), payer_id=PAYER.public_key, amount=Msat(amount), chain=chain
    ).sign(PAYER, aux=bytes(32))
    payinfo = BlindedPayinfo(
        fee_base_msat=fee,
        fee_proportional_millionths=0,
        cltv_expiry_delta=10,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=Msat(10**9),
    )
    unsigned = create_invoice(
        request,
        payment_hash=bytes(32),
        created_at=NOW,
        node_id=key.public_key,
        amount=Msat(amount),
        relative_expiry=100,
        paths=[PATH],
        blindedpay=[payinfo],
    )
    return unsigned.sign(key, aux=bytes(32))


def check(invoice: Invoice, **changes: Any) -> None:
    terms = {"amount": Msat(5_000), "max_fee": Msat(5_000), "chain": REGTEST_CHAIN, "now": NOW} | changes
    check_refund_invoice(invoice, changes.pop("offer", OPEN), **{k: v for k, v in terms.items() if k != "offer"})


def test_the_answer_to_the_offer_is_paid() -> None:
    check(an_invoice())
    check(an_invoice(BLINDED, key=END), offer=BLINDED)


@pytest.mark.parametrize(
    ("invoice", "changes", "words"),
    [
        (an_invoice(MINE, key=THIEF), {}, "another offer"),
        (an_invoice(BLINDED, key=END), {}, "another offer"),
        (an_invoice(amount=5_001), {}, "5001 msat, not 5000"),
        (an_invoice(amount=4_999), {}, "4999 msat, not 5000"),
        (an_invoice(chain=SIGNET_CHAIN), {}, "another chain"),
        (an_invoice(), {"now": UnixTime(NOW + 101 - LEAST_SECONDS)}, "expired"),
        (an_invoice(fee=5_001), {}, "5001 msat, 5000 are allowed"),
    ],
)
def test_anything_else_is_not(invoice: Invoice, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BledError, match=words) as caught:
        check(invoice, **changes)
    assert caught.value.code is Code.REFUND_FAILED


@pytest.mark.parametrize("offer", [OPEN, BLINDED])
def test_an_invoice_by_another_payee_is_no_invoice(offer: Offer) -> None:
    with pytest.raises(CodecError) as caught:
        an_invoice(offer, key=THIEF)
    assert caught.value.rule is Rule.NODE_ID_MISMATCH


def test_the_last_moment_and_the_largest_fee_are_paid() -> None:
    check(an_invoice(fee=5_000), now=UnixTime(NOW + 100 - LEAST_SECONDS))


@pytest.mark.parametrize(("amount", "fee"), [(1, 5_000), (500_000, 5_000), (500_100, 5_001), (10**9, 10**7)])
def test_a_refund_may_cost_one_percent_and_at_least_five_satoshi(amount: int, fee: int) -> None:
    assert default_max_fee(Msat(amount)) == fee


def test_a_fee_above_the_refund_itself_is_a_slip_of_the_finger() -> None:
    assert fee_to_allow(Msat(1_000), None) == fee_to_allow(Msat(1_000), Msat(5_000)) == 5_000
    assert fee_to_allow(Msat(20_000), Msat(20_000)) == 20_000
    with pytest.raises(BledError) as caught:
        fee_to_allow(Msat(20_000), Msat(20_001))
    assert caught.value.code is Code.REFUND_REFUSED


def sold_to(payer: SecretKey, *, paid_by: SecretKey) -> Sale:
    """Return a sale that one device signed for, with a refund offer, and some device paid."""
    offer = create_offer(description="coffee", issuer_id=HOME.public_key, chains=[REGTEST_CHAIN])

    def signed(key: SecretKey, *extra: TlvRecord) -> InvoiceRequest:
        unsigned = create_invoice_request(
            offer,
            metadata=bytes(16),
            payer_id=key.public_key,
            amount=Msat(15_000),
            chain=REGTEST_CHAIN,
            extra=list(extra),
        )
        return unsigned.sign(key, aux=bytes(32))

    request = signed(payer, refund_offer_record(OPEN))
    invoice = create_invoice(
        signed(paid_by),
        payment_hash=bytes(32),
        created_at=NOW,
        node_id=HOME.public_key,
        amount=Msat(15_000),
        paths=[PATH],
        blindedpay=[
            BlindedPayinfo(
                fee_base_msat=0,
                fee_proportional_millionths=0,
                cltv_expiry_delta=10,
                htlc_minimum_msat=Msat(0),
                htlc_maximum_msat=Msat(10**9),
            )
        ],
    ).sign(HOME, aux=bytes(32))
    return replace(SALE, request=request.encode(), payer_id=payer.public_key, invoice=invoice.encode())


def test_the_offer_of_who_paid_is_found() -> None:
    assert offer_to_refund(sold_to(PAYER, paid_by=PAYER), chain=REGTEST_CHAIN, now=NOW) == OPEN


def test_nothing_is_given_to_a_device_that_signed_and_did_not_pay() -> None:
    with pytest.raises(BledError, match="another payer paid") as caught:
        offer_to_refund(sold_to(PAYER, paid_by=THIEF), chain=REGTEST_CHAIN, now=NOW)
    assert caught.value.code is Code.REFUND_BY_HAND


def test_all_is_given_back_unless_told() -> None:
    assert amount_to_refund(SALE, (), None) == 15_000
    assert amount_to_refund(SALE, (), Msat(1)) == 1


def test_what_was_received_bounds_it_also_when_it_was_more() -> None:
    assert amount_to_refund(replace(SALE, amount_received=Msat(16_000)), (), None) == 16_000
    assert amount_to_refund(replace(SALE, amount_received=None), (), None) == 15_000


@pytest.mark.parametrize("state", [state for state in SaleState if not replace(SALE, state=state).is_paid])
def test_nothing_is_given_back_of_a_sale_that_is_not_known_to_be_paid(state: SaleState) -> None:
    with pytest.raises(BledError) as caught:
        amount_to_refund(replace(SALE, state=state), (), None)
    assert caught.value.code is Code.REFUND_REFUSED


def test_a_tip_is_given_back_as_well() -> None:
    tipped = replace(SALE, tip_max=Msat(3_000), tip=Msat(1_000), amount_received=None)
    assert amount_to_refund(tipped, (), None) == tipped.amount + 1_000
