"""What a sandbox node keeps about its offers and invoices."""

from dataclasses import dataclass, field
from enum import StrEnum

from bled.sandbox.rpc_error import JsonValue
from bled_codec.units import Msat, UnixTime


class InvoiceStatus(StrEnum):
    """States of an invoice, spelled as lightningd does."""

    UNPAID = "unpaid"
    PAID = "paid"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferArgs:
    """Parameters of `offer`. `amount` is text such as `15000msat`, `15000`, `15sat` or `any`."""

    amount: str
    description: str | None = None
    issuer: str | None = None
    label: str | None = None
    quantity_max: int | None = None
    absolute_expiry: UnixTime | None = None
    single_use: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRow:
    """An offer of this node. `created` is false when the same offer was there before the call."""

    offer_id: bytes
    bolt12: str
    label: str | None
    description: str | None
    single_use: bool
    active: bool = True
    used: bool = False
    created: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """An invoice of this node.

    Attributes:
        label: the caller's name for it, unique.
        payment_hash: unique as well.
        preimage: given to whoever pays.
        bolt12: the signed invoice.
        local_offer_id: the offer it belongs to, when that is an offer of this node.
        created_index: counts invoices made.
        updated_index: counts what happened to invoices by themselves: payments, and running out; None before.
        pay_index: counts payments; None before.
    """

    label: str
    payment_hash: bytes
    preimage: bytes = field(repr=False)
    bolt12: str
    amount: Msat
    expires_at: UnixTime
    description: str | None
    payer_note: str | None
    local_offer_id: bytes | None
    status: InvoiceStatus = InvoiceStatus.UNPAID
    created_index: int = 0
    updated_index: int | None = None
    pay_index: int | None = None
    amount_received: Msat | None = None
    paid_at: UnixTime | None = None

    def as_data(self) -> dict[str, JsonValue]:
        """Return this invoice as it stands in the data of an error."""
        data: dict[str, JsonValue | None] = {
            "label": self.label,
            "bolt12": self.bolt12,
            "payment_hash": self.payment_hash.hex(),
            "amount_msat": self.amount,
            "status": self.status.value,
            "description": self.description,
            "expires_at": self.expires_at,
            "invreq_payer_note": self.payer_note,
            "local_offer_id": None if self.local_offer_id is None else self.local_offer_id.hex(),
            "created_index": self.created_index,
            "updated_index": self.updated_index,
            "pay_index": self.pay_index,
            "amount_received_msat": self.amount_received,
            "paid_at": self.paid_at,
            "payment_preimage": self.preimage.hex() if self.status is InvoiceStatus.PAID else None,
        }
        return {name: value for name, value in data.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes to the reply path of an invoice_request: one of the two TLV streams."""

    invoice: bytes | None = None
    invoice_error: bytes | None = None
