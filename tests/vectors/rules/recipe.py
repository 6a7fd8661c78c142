"""How `rules.json` was made: for every rule of the codec an input that breaks it and nothing before it.

Fixed keys, one change each. A test makes the file anew and compares.
"""

from collections.abc import Iterator
from typing import Any

from bled_codec.blinded_path import BlindedPayinfo, EncryptedData, create_blinded_path
from bled_codec.bolt12_string import format_string
from bled_codec.crypto import SecretKey, aead_seal, sha256
from bled_codec.invoice import create_invoice, invoice_digest
from bled_codec.invoice_request import create_invoice_request, request_digest
from bled_codec.offer import create_offer
from bled_codec.onion import create_onion
from bled_codec.payer_proof import create_payer_proof, proof_digest
from bled_codec.tlv import TlvRecord, encode_stream, join_records, make_record
from bled_codec.units import Msat, UnixTime

ISSUER, PAYER, STRANGER = (SecretKey(bytes([number]) * 32) for number in (0x41, 0x42, 0x44))
AUX, PREIMAGE = bytes(32), b"\x07" * 32
OFF_THE_CURVE = b"\x02" + bytes(31) + b"\x05"

PATH = create_blinded_path([ISSUER.public_key], [EncryptedData(path_id=b"p").encode()], session_key=PAYER)
PAYINFO = BlindedPayinfo(
    fee_base_msat=1000,
    fee_proportional_millionths=100,
    cltv_expiry_delta=80,
    htlc_minimum_msat=Msat(1),
    htlc_maximum_msat=Msat(10**9),
)
OFFER = create_offer(description="coffee", amount=5000, issuer_id=ISSUER.public_key)
REQUEST = create_invoice_request(OFFER, metadata=bytes(16), payer_id=PAYER.public_key, amount=Msat(5000)).sign(
    PAYER, aux=AUX
)
INVOICE = create_invoice(
    REQUEST,
    payment_hash=sha256(PREIMAGE),
    created_at=UnixTime(1_790_000_000),
    node_id=ISSUER.public_key,
    amount=Msat(5000),
    paths=[PATH],
    blindedpay=[PAYINFO],
).sign(ISSUER, aux=AUX)
PROOF = create_payer_proof(INVOICE, preimage=PREIMAGE, shown=(10, 170)).sign(PAYER, aux=AUX)
WITHOUT_PATH = PATH.encode()[:66] + b"\x00"
UNKNOWN_FEATURE = PAYINFO.encode()[:-2] + b"\x00\x01\x04"

Changes = dict[int, bytes | None]


def changed(records: tuple[TlvRecord, ...], changes: Changes) -> tuple[TlvRecord, ...]:
    """Return `records` with other values for some types; None leaves a type out."""
    values = {record.type: record.value for record in records} | changes
    return tuple(make_record(type_, value) for type_, value in sorted(values.items()) if value is not None)


def offer(changes: Changes) -> bytes:
    """Return the offer changed."""
    return join_records(changed(OFFER.records, changes))


def request(changes: Changes, *, key: SecretKey = PAYER) -> bytes:
    """Return the request changed and signed anew."""
    records = changed(REQUEST.records, changes | {240: None})
    return join_records(changed(records, {240: key.sign(request_digest(records), aux=AUX)}))


def invoice(changes: Changes, *, key: SecretKey = ISSUER) -> bytes:
    """Return the invoice changed and signed anew; field 239 stays."""
    records = changed(INVOICE.records, changes | {240: None})
    return join_records(changed(records, {240: key.sign(invoice_digest(records), aux=AUX)}))


def proof(changes: Changes, *, key: SecretKey = PAYER) -> bytes:
    """Return the proof changed and signed anew."""
    records = changed(PROOF.records, changes | {241: None})
    return join_records(changed(records, {241: key.sign(proof_digest(records), aux=AUX)}))


def cases() -> Iterator[dict[str, Any]]:
    """Yield every case: the rule, who reads, what it reads."""
    for group in (_strings(), _streams(), _offers(), _requests(), _invoices(), _proofs(), _onions(), _checks()):
        for rule, reader, given in group:
            yield {"rule": rule, "reader": reader, "input": given.hex() if isinstance(given, bytes) else given}


Case = tuple[str, str, bytes | str | dict[str, Any]]


def _strings() -> Iterator[Case]:
    text = OFFER.string
    yield "string-not-ascii", "string", text.replace("k", "\N{KELVIN SIGN}", 1)
    yield "string-mixed-case", "string", text[:-1] + text[-1].upper()
    yield "string-no-separator", "string", "lno"
    yield "string-unknown-prefix", "string", "lnx1qqqq"
    yield "string-bad-character", "string", text[:9] + "b" + text[10:]
    yield "string-bad-continuation", "string", text + "+"
    yield "string-bad-padding", "string", "lno1qp"
    yield "string-empty", "string", "lno1"
    yield "string-too-long", "string", {"repeat": ["lno1", "q", 1_000_000]}
    yield "string-wrong-kind", "offer string", format_string("lnr", OFFER.encode())


def _streams() -> Iterator[Case]:
    yield "truncated", "offer", OFFER.encode() + b"\x17"
    yield "trailing-bytes", "invoice_request", request({91: b"\x01a\x01bc"})
    yield "bigsize-not-minimal", "offer", OFFER.encode() + b"\xfd\x00\x17\x00"
    yield "integer-too-long", "offer", offer({8: b"\x01" * 9})
    yield "integer-not-minimal", "offer", offer({8: b"\x00\x01"})
    yield "tlv-duplicate", "offer", OFFER.encode() + OFFER.records[-1].raw
    yield "tlv-out-of-order", "offer", OFFER.encode() + OFFER.records[0].raw
    yield "tlv-length-exceeds-stream", "offer", OFFER.encode() + b"\x17\x01"
    yield "tlv-unknown-even", "offer", offer({24: b""})
    yield "wrong-length", "offer", offer({2: bytes(31)})
    yield "not-utf8", "offer", offer({10: b"\xff"})
    yield "not-a-point", "offer", offer({22: OFF_THE_CURVE})
    yield "not-a-node", "offer", offer({16: b"\x04" + PATH.encode()[1:]})
    yield "amount-above-supply", "invoice_request", request({82: b"\xff" * 8})


def _offers() -> Iterator[Case]:
    yield "path-without-hops", "offer", offer({16: WITHOUT_PATH})
    yield "type-out-of-range", "offer", offer({89: b"note"})
    yield "unknown-feature", "offer", offer({12: b"\x01"})
    yield "chains-empty", "offer", offer({2: b""})
    yield "amount-without-description", "offer", offer({10: None})
    yield "amount-zero", "offer", offer({8: b""})
    yield "currency-without-amount", "offer", offer({8: None, 6: b"EUR"})
    yield "currency-not-iso4217", "offer", offer({6: b"eur"})
    yield "no-issuer-and-no-paths", "offer", offer({22: None})


def _requests() -> Iterator[Case]:
    yield "path-without-hops", "invoice_request", request({90: WITHOUT_PATH})
    yield "type-out-of-range", "invoice_request", request({239: bytes(64)})
    yield "unknown-feature", "invoice_request", request({84: b"\x01"})
    yield "metadata-missing", "invoice_request", request({0: None})
    yield "payer-id-missing", "invoice_request", request({88: None})
    yield "signature-missing", "invoice_request", join_records(changed(REQUEST.records, {240: None}))
    yield "signature-invalid", "invoice_request", request({}, key=STRANGER)
    yield "quantity-missing", "invoice_request", request({20: b"\x05"})
    yield "quantity-zero", "invoice_request", request({20: b"\x05", 86: b""})
    yield "quantity-too-large", "invoice_request", request({20: b"\x05", 86: b"\x06"})
    yield "quantity-unexpected", "invoice_request", request({86: b"\x01"})
    yield "amount-missing", "invoice_request", request({8: None, 82: None})
    yield "amount-too-low", "invoice_request", request({82: b"\x13\x87"})
    yield "refund-field-unexpected", "invoice_request", request({8: None, 22: None, 20: b""})
    yield "bip353-name", "invoice_request", request({91: b"\x01 \x01b"})


def _invoices() -> Iterator[Case]:
    yield "amount-missing", "invoice", invoice({170: None})
    yield "created-at-missing", "invoice", invoice({164: None})
    yield "payment-hash-missing", "invoice", invoice({168: None})
    yield "node-id-missing", "invoice", invoice({176: None})
    yield "paths-missing", "invoice", invoice({160: b""})
    yield "path-without-hops", "invoice", invoice({160: WITHOUT_PATH})
    yield "blindedpay-missing", "invoice", invoice({162: None})
    yield "blindedpay-count", "invoice", invoice({162: 2 * PAYINFO.encode()})
    yield "no-usable-path", "invoice", invoice({162: UNKNOWN_FEATURE})
    yield "unknown-feature", "invoice", invoice({174: b"\x04"})
    yield "amount-mismatch", "invoice", invoice({170: b"\x13\x89"})
    yield "node-id-mismatch", "invoice", invoice({176: STRANGER.public_key}, key=STRANGER)
    yield "signature-invalid", "invoice", invoice({}, key=STRANGER)
    yield "signature-missing", "invoice", join_records(changed(INVOICE.records, {240: None}))


def _proofs() -> Iterator[Case]:
    yield "proof-field-missing", "payer_proof", proof({168: None})
    yield "proof-discloses-metadata", "payer_proof", proof({0: bytes(16)})
    yield "preimage-mismatch", "payer_proof", proof({1001: bytes(32)})
    yield "omitted-not-ascending", "payer_proof", proof({1002: b"\x01\x01"})
    yield "omitted-out-of-range", "payer_proof", proof({1002: b"\x00"})
    yield "omitted-is-included", "payer_proof", proof({1002: b"\x58"})
    yield "omitted-not-sequential", "payer_proof", proof({1002: b"\x03"})
    yield "leaf-hashes-count", "payer_proof", proof({1004: bytes(32)})
    yield "missing-hashes-count", "payer_proof", proof({1003: bytes(32)})
    yield "signature-invalid", "payer_proof", proof({240: bytes(64)})
    yield "signature-invalid", "payer_proof", proof({}, key=STRANGER)


def _onions() -> Iterator[Case]:
    onion = create_onion([(ISSUER.public_key, b"\x00")], session_key=PAYER)
    yield "onion-size", "onion", onion[:98]
    yield "onion-version", "onion", b"\x01" + onion[1:]
    yield "onion-key", "onion", onion[:1] + OFF_THE_CURVE + onion[34:]
    yield "onion-hmac", "onion", onion[:-1] + bytes([onion[-1] ^ 1])
    two = encode_stream({64: REQUEST.encode(), 66: INVOICE.encode()})
    sealed = create_onion([(PATH.hops[0].blinded_node_id, two)], session_key=STRANGER)
    yield "onion-payload", "onion message", sealed
    yield "encrypted-data", "encrypted data", aead_seal(bytes(32), b"for somebody else")


def _checks() -> Iterator[Case]:
    old = create_offer(
        description="coffee", issuer_id=ISSUER.public_key, absolute_expiry=UnixTime(1_700_000_000)
    ).encode()
    tea = create_offer(description="tea", amount=5000, issuer_id=ISSUER.public_key).encode()
    now = 1_790_000_010
    bitcoin = {"chain": "bitcoin", "now": now}
    yield "offer-expired", "offer in time", {"offer": old.hex()} | bitcoin
    yield "unsupported-chain", "offer in time", {"offer": tea.hex(), "chain": "regtest", "now": now}
    yield (
        "request-not-for-offer",
        "request for offer",
        {"request": REQUEST.encode().hex(), "offer": tea.hex()} | bitcoin,
    )
    both = {"invoice": INVOICE.encode().hex(), "request": REQUEST.encode().hex()}
    yield "invoice-expired", "invoice for request", both | {"chain": "bitcoin", "now": 1_790_007_200}
    yield "unsupported-chain", "invoice for request", both | {"chain": "regtest", "now": now}
    other = {"invoice": invoice({10: b"tea"}).hex()} | bitcoin
    yield "invoice-not-for-request", "invoice for request", both | other
    yield "request-signature-invalid", "invoice alone", other
    yield "request-signature-absent", "invoice alone", {"invoice": invoice({239: None}).hex()} | bitcoin
