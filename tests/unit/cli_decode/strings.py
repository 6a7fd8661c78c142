"""Strings of every kind from fixed keys."""

from bled_codec.blinded_path import BlindedPayinfo, EncryptedData, create_blinded_path
from bled_codec.bolt12_string import format_string
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import create_offer
from bled_codec.payer_proof import create_payer_proof
from bled_codec.tlv import encode_stream, make_record
from bled_codec.units import Msat, UnixTime

ISSUER, PAYER, AUX = SecretKey(b"\x41" * 32), SecretKey(b"\x42" * 32), bytes(32)
PREIMAGE = b"\x07" * 32
PATH = create_blinded_path([ISSUER.public_key], [EncryptedData(path_id=b"p").encode()], session_key=PAYER)
PAYINFO = BlindedPayinfo(
    fee_base_msat=1000,
    fee_proportional_millionths=100,
    cltv_expiry_delta=80,
    htlc_minimum_msat=Msat(1),
    htlc_maximum_msat=Msat(10**9),
)

OFFER = create_offer(
    description="coffee\x1b[2J",
    amount=5000,
    issuer_id=ISSUER.public_key,
    chains=[REGTEST_CHAIN],
    absolute_expiry=UnixTime(1_700_000_000),
    extra=[make_record(25, b"\x00\x01"), make_record(33, b"odd")],
)
OTHER_OFFER = create_offer(description="tea", issuer_id=PAYER.public_key)
REQUEST = create_invoice_request(
    OFFER, metadata=bytes(16), payer_id=PAYER.public_key, amount=Msat(5000), chain=REGTEST_CHAIN
).sign(PAYER, aux=AUX)


def invoice(*, with_request_signature: bool = True) -> Invoice:
    return create_invoice(
        REQUEST,
        payment_hash=sha256(PREIMAGE),
        created_at=UnixTime(1_790_000_000),
        node_id=ISSUER.public_key,
        amount=Msat(5000),
        paths=[PATH],
        blindedpay=[PAYINFO],
        features=b"\x02\x00\x00",
        with_request_signature=with_request_signature,
    ).sign(ISSUER, aux=AUX)


PROOF = create_payer_proof(invoice(), preimage=PREIMAGE, shown=[10, 170, 239], note="note").sign(PAYER, aux=AUX)
ZERO = format_string("lno", encode_stream({8: b"", 10: b"x", 22: ISSUER.public_key}))
FORGED = format_string("lni", encode_stream({**{r.type: r.value for r in invoice().records}, 240: b"\x01" * 64}))
OTHERS_239 = format_string(
    "lni",
    encode_stream({**{r.type: r.value for r in invoice().records}, 239: bytes(64), 240: b"\x01" * 64}),
)
