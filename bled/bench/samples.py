"""Messages of the shapes that wallets send, from fixed keys. Toy keys: nothing here has ever held money."""

from typing import Final

from bled_codec.blinded_path import BlindedPath, BlindedPayinfo, EncryptedData, create_blinded_path, pad_to_one_length
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_request import InvoiceRequest, UnsignedInvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.payer_proof import PayerProof, create_payer_proof
from bled_codec.tlv import make_record
from bled_codec.units import Msat, UnixTime

ISSUER: Final = SecretKey(b"\x41" * 32)
PAYER: Final = SecretKey(b"\x42" * 32)
_HOP: Final = SecretKey(b"\x43" * 32)
_SESSION: Final = SecretKey(b"\x45" * 32)
_PREIMAGE: Final = b"\x07" * 32
AUX: Final = bytes(32)

_FIRST_EXPERIMENT: Final = 2_000_000_001
"""Lowest odd experimental type of a request."""


def path() -> BlindedPath:
    """Return a path of two hops."""
    data = pad_to_one_length([EncryptedData(next_node_id=ISSUER.public_key), EncryptedData(path_id=bytes(32))])
    return create_blinded_path([_HOP.public_key, ISSUER.public_key], data, session_key=_SESSION)


def plain_offer() -> Offer:
    """Return the shortest offer with a price."""
    return create_offer(description="coffee", amount=5000, issuer_id=ISSUER.public_key)


def path_offer() -> Offer:
    """Return an offer of a wallet behind a blinded path."""
    return create_offer(description="coffee", paths=[path()])


def unsigned_request(offer: Offer, *, extra: int = 0) -> UnsignedInvoiceRequest:
    """Return a request as bled's buyers make it, without paths, and with `extra` experimental records."""
    return create_invoice_request(
        offer,
        metadata=bytes(range(24)),
        payer_id=PAYER.public_key,
        amount=Msat(5000),
        payer_note="no sugar",
        extra=[make_record(_FIRST_EXPERIMENT + 2 * number, b"twelve bytes") for number in range(extra)],
    )


def request(*, extra: int = 0) -> InvoiceRequest:
    """Return a signed request."""
    return unsigned_request(plain_offer(), extra=extra).sign(PAYER, aux=AUX)


def invoice() -> Invoice:
    """Return a signed invoice with one path and field 239."""
    payinfo = BlindedPayinfo(
        fee_base_msat=1000,
        fee_proportional_millionths=100,
        cltv_expiry_delta=80,
        htlc_minimum_msat=Msat(1),
        htlc_maximum_msat=Msat(10**9),
    )
    return create_invoice(
        request(),
        payment_hash=sha256(_PREIMAGE),
        created_at=UnixTime(1_790_000_000),
        node_id=ISSUER.public_key,
        amount=Msat(5000),
        paths=[path()],
        blindedpay=[payinfo],
        features=b"\x02\x00\x00",
    ).sign(ISSUER, aux=AUX)


def proof() -> PayerProof:
    """Return a payer proof that shows text and amount."""
    return create_payer_proof(invoice(), preimage=_PREIMAGE, shown=(10, 170)).sign(PAYER, aux=AUX)
