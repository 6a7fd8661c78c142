"""What the buyer is told of the end, and what the cashier gets."""

from dataclasses import replace

import pytest

from bled.codes import OUTCOMES, Code
from bled.gatt.messages import StatusCode, decode_message, encode_message
from bled.sales.result import result_of
from bled.sales.states import OPEN_STATES, Sale, SaleState
from bled.sales.status import last_status
from bled_codec.crypto import sha256
from bled_codec.units import Msat, UnixTime

SALE = Sale(
    sale_id="a",
    created_at=UnixTime(1_800_000_000),
    amount=Msat(15_000),
    description="coffee",
    issuer=None,
    state=SaleState.PAID,
    expires_at=UnixTime(1_800_000_300),
    preimage=b"\x07" * 32,
    code=Code.PAID,
    payment_hash=sha256(b"\x07" * 32),
)
ENDS = [state for state in SaleState if state not in OPEN_STATES | {SaleState.UNKNOWN}]
"""Of an unknown end nothing is said: every last status would be a claim."""


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("description", ["coffee", "ä" * 250, "\N{GRINNING FACE}" * 125])
@pytest.mark.parametrize("invoice", [None, b"i" * 900, b"i" * 4000])
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
    status = last_status(replace(SALE, invoice=b"invoice"))
    assert (status.code, status.invoice, status.preimage) == (StatusCode.PAID, b"invoice", SALE.preimage)
    assert status.payment_hash == SALE.payment_hash
    assert status.text == "15000 msat for coffee"


def test_the_preimage_of_an_unpaid_sale_is_never_given_away() -> None:
    for state in SaleState:
        result = result_of(replace(SALE, state=state, code=Code.CANCELLED))
        assert (result.preimage is not None) == (state in (SaleState.PAID, SaleState.PAID_LATE))


def test_an_open_sale_takes_the_code_of_what_interrupted_it() -> None:
    open_sale = replace(SALE, state=SaleState.SENT, code=None)
    assert result_of(open_sale, code=Code.NODE_DIED, detail="gone").code is Code.NODE_DIED
    assert result_of(open_sale).code is Code.OUTCOME_UNKNOWN
    assert OUTCOMES[result_of(open_sale).code].exit_code == 75
