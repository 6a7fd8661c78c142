"""What a paid invoice proves about a sale with a tip: its own must bring both, another payer's the price alone."""

from dataclasses import replace

import pytest

from bled.node.base import InvoiceState, InvoiceStatus
from bled.sales.evidence import flaw_of, label_of
from bled.sales.states import Sale, SaleState
from bled_codec.crypto import SecretKey, sha256
from bled_codec.units import Msat, UnixTime

PREIMAGE = b"\x07" * 32
SALE = Sale(
    sale_id="a",
    created_at=UnixTime(1_800_000_000),
    amount=Msat(15_000),
    description="coffee",
    issuer=None,
    state=SaleState.SENT,
    expires_at=UnixTime(1_800_000_300),
    preimage=PREIMAGE,
    offer_id=bytes(32),
    payer_id=SecretKey(b"\x02" * 32).public_key,
    payment_hash=sha256(PREIMAGE),
    tip_max=Msat(3_000),
    tip=Msat(1_500),
)


def paid(received: int | None, *, label: str | None = None) -> InvoiceState:
    return InvoiceState(
        label=label or label_of(SALE) or "",
        status=InvoiceStatus.PAID,
        payment_hash=sha256(PREIMAGE),
        text=None,
        preimage=PREIMAGE,
        amount_received=None if received is None else Msat(received),
    )


@pytest.mark.parametrize(("received", "proves"), [(16_500, True), (16_501, True), (16_499, False), (15_000, False)])
def test_the_sales_own_invoice_brings_price_and_tip(received: int, proves: bool) -> None:
    assert (flaw_of(SALE, paid(received)) is None) == proves


@pytest.mark.parametrize(("received", "proves"), [(15_000, True), (14_999, False), (None, False)])
def test_another_payers_invoice_brings_the_price(received: int | None, proves: bool) -> None:
    assert (flaw_of(SALE, paid(received, label="bled-of-another")) is None) == proves


def test_without_a_tip_the_price_is_enough() -> None:
    assert flaw_of(replace(SALE, tip=Msat(0)), paid(15_000)) is None
