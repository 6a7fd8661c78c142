"""What the buyer is told of the end, and what the cashier gets."""

from dataclasses import replace

import pytest

from bled.codes import OUTCOMES, Code
from bled.gatt.messages import StatusCode, decode_message, encode_message
from bled.sales.result import result_of
from bled.sales.states import OPEN_STATES, Sale, SaleState
from bled.sales.status import last_status
from bled_codec.blinded_path import create_blinded_path
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import create_invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import create_offer
from bled_codec.units import MAX_MSAT, Msat, UnixTime

PREIMAGE = b"\x07" * 32
MERCHANT, BUYER, STRANGER, HOP = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3, 4))
NO_FEE = BlindedPayinfo(
    fee_base_msat=0,
    fee_proportional_millionths=0,
    cltv_expiry_delta=18,
    htlc_minimum_msat=Msat(0),
    htlc_maximum_msat=MAX_MSAT,
)


def invoice_for(payer: SecretKey, *, description: str = "coffee") -> bytes:
    """Return an invoice that answers a request of `payer`."""
    offer = create_offer(amount=Msat(15_000), description=description, issuer_id=MERCHANT.public_key)
    unsigned = create_invoice_request(
        offer, metadata=bytes(24), payer_id=payer.public_key, amount=Msat(15_000), chain=BITCOIN_CHAIN
    )
    path = create_blinded_path([MERCHANT.public_key], [bytes(8)], session_key=HOP)
    invoice = create_invoice(
        unsigned.sign(payer, aux=bytes(32)),
        payment_hash=sha256(PREIMAGE),
        created_at=UnixTime(1_800_000_000),
        node_id=MERCHANT.public_key,
        amount=Msat(15_000),
        paths=[path],
        blindedpay=[NO_FEE],
    )
    return invoice.sign(MERCHANT, aux=bytes(32)).encode()


INVOICE = invoice_for(BUYER)
LARGE_INVOICE = invoice_for(BUYER, description="x" * 3600)
SALE = Sale(
    sale_id="a",
    created_at=UnixTime(1_800_000_000),
    amount=Msat(15_000),
    description="coffee",
    issuer=None,
    state=SaleState.PAID,
    expires_at=UnixTime(1_800_000_300),
    preimage=PREIMAGE,
    code=Code.PAID,
    payer_id=BUYER.public_key,
    invoice=INVOICE,
    payment_hash=sha256(PREIMAGE),
)
ENDS = [state for state in SaleState if state not in OPEN_STATES | {SaleState.UNKNOWN}]
"""Of an unknown end nothing is said: every last status would be a claim."""


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("description", ["coffee", "ä" * 250, "\N{GRINNING FACE}" * 125])
@pytest.mark.parametrize("invoice", [None, INVOICE, LARGE_INVOICE])
def test_every_end_fits_into_one_message(state: SaleState, description: str, invoice: bytes | None) -> None:
    code = Code.PAID if state in (SaleState.PAID, SaleState.PAID_LATE) else Code.SALE_EXPIRED
    status = last_status(replace(SALE, state=state, description=description, invoice=invoice, code=code))
    assert decode_message(encode_message(status)) == status


@pytest.mark.parametrize("code", Code)
def test_every_reason_fits_as_well(code: Code) -> None:
    status = last_status(replace(SALE, state=SaleState.CANCELLED, code=code))
    assert decode_message(encode_message(status)) == status
    assert status.preimage is None


def test_a_paid_sale_brings_the_proof_and_a_receipt() -> None:
    status = last_status(SALE)
    assert (status.code, status.invoice, status.preimage) == (StatusCode.PAID, INVOICE, SALE.preimage)
    assert status.payment_hash == SALE.payment_hash
    assert status.text == "15000 msat for coffee"


def test_an_invoice_that_is_too_large_for_the_message_is_left_out() -> None:
    status = last_status(replace(SALE, invoice=LARGE_INVOICE))
    assert (status.code, status.invoice, status.preimage) == (StatusCode.PAID, None, SALE.preimage)


def test_a_device_that_takes_no_invoice_gets_the_rest() -> None:
    status = last_status(SALE, with_invoice=False)
    assert (status.code, status.invoice, status.preimage) == (StatusCode.PAID, None, SALE.preimage)


@pytest.mark.parametrize("invoice", [None, b"invoice", invoice_for(STRANGER)])
def test_what_another_payer_paid_is_not_shown_to_this_buyer(invoice: bytes | None) -> None:
    status = last_status(replace(SALE, invoice=invoice))
    assert (status.code, status.invoice, status.preimage) == (StatusCode.CANCELLED, None, None)
    assert status.payment_hash is None


def test_the_preimage_of_an_unpaid_sale_is_never_given_away() -> None:
    for state in SaleState:
        result = result_of(replace(SALE, state=state, code=Code.CANCELLED))
        assert (result.preimage is not None) == (state in (SaleState.PAID, SaleState.PAID_LATE))


def test_an_open_sale_takes_the_code_of_what_interrupted_it() -> None:
    open_sale = replace(SALE, state=SaleState.SENT, code=None)
    assert result_of(open_sale, code=Code.NODE_DIED, detail="gone").code is Code.NODE_DIED
    assert result_of(open_sale).code is Code.OUTCOME_UNKNOWN
    assert OUTCOMES[result_of(open_sale).code].exit_code == 75


def test_a_receipt_says_what_of_it_was_a_tip() -> None:
    tipped = replace(SALE, tip_max=Msat(3_000), tip=Msat(1_500))
    assert last_status(tipped).text == "16500 msat (a tip of 1500 msat in it) for coffee"
    assert (result_of(tipped).amount, result_of(tipped).tip) == (16_500, 1_500)
