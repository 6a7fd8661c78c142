"""One purchase with fixed keys and times, told message by message: what the recipes of sessions have in common."""

from typing import Any

from bled.gatt.messages import encode_message
from bled.gatt.vocabulary import (
    InvreqMessage,
    Message,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    Wait,
    WaitReason,
)
from bled_codec.blinded_path import BlindedPath, BlindedPayinfo, create_blinded_path
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import create_invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, UnixTime

from .make_gatt import fixed

NOW = UnixTime(1_800_000_000)
"""What both clocks say as the session begins."""
CHAIN = REGTEST_CHAIN
VALID_FOR = 300
AMOUNT = Msat(15_000)
SHOP, PAYER = SecretKey(fixed("shop")), SecretKey(fixed("payer"))
PREIMAGE = fixed("session preimage")


def path(name: str, *, hops: int = 2) -> BlindedPath:
    """Return a blinded path."""
    numbers = range(1, hops + 1)
    nodes = tuple(SecretKey(fixed(f"{name} hop {number}")).public_key for number in numbers)
    data = tuple(fixed(f"{name} {number}", 24) for number in numbers)
    return create_blinded_path(nodes, data, session_key=SecretKey(fixed(name)))


def offer(
    *,
    expires_in: int | None = VALID_FOR,
    amount: int | None = AMOUNT,
    currency: str | None = None,
    quantity: int | None = None,
    chains: tuple[bytes, ...] = (CHAIN,),
    text: str = "Flat white",
) -> Offer:
    """Return an offer of the shop."""
    return create_offer(
        description=text,
        amount=amount,
        currency=currency,
        chains=chains,
        issuer_id=SHOP.public_key,
        issuer="Corner Coffee",
        quantity_max=quantity,
        absolute_expiry=None if expires_in is None else UnixTime(NOW + expires_in),
    )


def request(
    answered: Offer,
    *,
    amount: Msat | None = AMOUNT,
    paths: int = 1,
    hops: int = 2,
    chain: bytes | None = CHAIN,
    **more: Any,
) -> InvoiceRequest:
    """Return the payer's signed request for an offer."""
    unsigned = create_invoice_request(
        answered,
        metadata=fixed("metadata", 24),
        payer_id=PAYER.public_key,
        amount=amount,
        chain=chain,
        paths=tuple(path(f"home {number}", hops=hops) for number in range(paths)),
        **more,
    )
    return unsigned.sign(PAYER, aux=bytes(32))


OFFER = offer()
REQUEST = request(OFFER)
INVOICE = create_invoice(
    REQUEST,
    payment_hash=sha256(PREIMAGE),
    created_at=NOW,
    node_id=SHOP.public_key,
    amount=AMOUNT,
    relative_expiry=VALID_FOR,
    paths=(path("invoice"),),
    blindedpay=(
        BlindedPayinfo(
            fee_base_msat=0,
            fee_proportional_millionths=0,
            cltv_expiry_delta=10,
            htlc_minimum_msat=Msat(0),
            htlc_maximum_msat=Msat(10**9),
        ),
    ),
).sign(SHOP, aux=bytes(32))

OPENING = OfferMessage(valid_for=VALID_FOR, offer=OFFER.encode())
INVREQ = InvreqMessage(request=REQUEST.encode())
RECEIVED = StatusMessage(code=StatusCode.RECEIVED)
SENT = StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=sha256(PREIMAGE))
PAID = StatusMessage(
    code=StatusCode.PAID,
    invoice=INVOICE.encode(),
    preimage=PREIMAGE,
    text="15000 msat for Flat white",
    payment_hash=sha256(PREIMAGE),
)
PURCHASE: tuple[tuple[str, Message], ...] = (
    ("till", OPENING),
    ("device", Wait(reason=WaitReason.USER_DECIDING)),
    ("device", INVREQ),
    ("till", RECEIVED),
    ("till", SENT),
    ("till", Wait(reason=WaitReason.WAITING_FOR_PAYMENT)),
    ("till", PAID),
    ("device", StatusAck(code=StatusCode.PAID)),
)
"""A whole purchase: who says what, from HS3 on."""


def content() -> dict[str, object]:
    """Return what the files say of the purchase."""
    return {
        "chain": CHAIN.hex(),
        "clock": int(NOW),
        "amount_msat": int(AMOUNT),
        "offer": OFFER.encode().hex(),
        "offer_string": OFFER.string,
        "request": REQUEST.encode().hex(),
        "invoice": INVOICE.encode().hex(),
        "preimage": PREIMAGE.hex(),
        "payment_hash": sha256(PREIMAGE).hex(),
    }


def name_of(message: Message) -> str:
    """Return a message as the profile's tables write it: `STATUS 2`."""
    names = {OfferMessage: "OFFER", InvreqMessage: "INVREQ", StatusAck: "STATUS_ACK"}
    name = names.get(type(message), type(message).__name__.removesuffix("Message").upper())
    number = getattr(message, "code", getattr(message, "reason", None))
    return name if number is None else f"{name} {int(number)}"


def bytes_of(message: Message) -> bytes:
    """Return a message's octets."""
    return encode_message(message)
