"""Strategies for whole messages: any field present or absent, any value that the rules allow."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.strategies import (
    SearchStrategy,
    binary,
    builds,
    composite,
    integers,
    just,
    lists,
    none,
    sampled_from,
    text,
)

from bled_codec.blinded_path import BlindedHop, BlindedPath, BlindedPayinfo
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN, SIGNET_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.request_rules import expected_amount
from bled_codec.tlv import TlvRecord, make_record
from bled_codec.units import MAX_MSAT, Msat, UnixTime

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests that sign: on a busy machine slow is no fault of theirs."""

ISSUER = SecretKey(b"\x41" * 32)
PAYER = SecretKey(b"\x42" * 32)
AUX = bytes(32)

POINTS = [SecretKey(bytes([number]) * 32).public_key for number in range(1, 9)]
points = sampled_from(POINTS)
u64 = integers(0, 2**64 - 1)
amounts = integers(1, MAX_MSAT).map(Msat)
texts = text(max_size=40)
channels = builds(lambda side, scid: bytes([side]) + scid, integers(0, 1), binary(min_size=8, max_size=8))

hops = builds(BlindedHop, blinded_node_id=points, encrypted_recipient_data=binary(max_size=80))
paths = builds(
    BlindedPath,
    first_node_id=points | channels,
    first_path_key=points,
    hops=lists(hops, min_size=1, max_size=4).map(tuple),
)
odd_features = lists(integers(0, 63), max_size=4).map(
    lambda bits: sum({1 << (2 * bit + 1) for bit in bits}).to_bytes(17, "big").lstrip(b"\x00")
)
payinfos = builds(
    BlindedPayinfo,
    fee_base_msat=integers(0, 2**32 - 1),
    fee_proportional_millionths=integers(0, 2**32 - 1),
    cltv_expiry_delta=integers(0, 2**16 - 1),
    htlc_minimum_msat=u64.map(Msat),
    htlc_maximum_msat=u64.map(Msat),
    features=odd_features,
)


def maybe(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Return a strategy that also leaves the field out."""
    return none() | strategy


def odd_records(*ranges: range) -> SearchStrategy[list[TlvRecord]]:
    """Return a strategy of unknown odd records with types in `ranges`, each type once."""
    types = [type_ for part in ranges for type_ in (*part[:9], *part[-9:]) if type_ % 2]
    record = builds(make_record, sampled_from(types), binary(max_size=60))
    return lists(record, max_size=4, unique_by=lambda made: made.type)


OFFER_RANGES = (range(23, 80), range(1_000_000_000, 2_000_000_000))
REQUEST_RANGES = (range(93, 160), range(2_000_000_000, 3_000_000_000))


@composite
def offers(draw: Any) -> Offer:
    """Draw an offer for bitcoin or regtest that ISSUER can answer."""
    amount = draw(maybe(integers(1, 10**15)))
    return create_offer(
        amount=amount,
        currency=None if amount is None else draw(maybe(sampled_from(["EUR", "USD", "JPY"]))),
        description=draw(texts if amount is not None else maybe(texts)),
        chains=draw(maybe(just([REGTEST_CHAIN]) | just([BITCOIN_CHAIN, REGTEST_CHAIN, SIGNET_CHAIN]))),
        absolute_expiry=draw(maybe(u64.map(UnixTime))),
        issuer=draw(maybe(texts)),
        issuer_id=ISSUER.public_key,
        paths=draw(maybe(lists(paths, min_size=1, max_size=3))),
        quantity_max=draw(maybe(integers(0, 100))),
        metadata=draw(maybe(binary(max_size=40))),
        features=draw(maybe(odd_features)),
        extra=draw(odd_records(*OFFER_RANGES)),
    )


def _quantity(offer: Offer) -> SearchStrategy[int | None]:
    if offer.offer_quantity_max is None:
        return none()
    return integers(1, offer.offer_quantity_max or 100)


@composite
def requests(draw: Any) -> InvoiceRequest:
    """Draw PAYER's signed request for some offer; its amount is at least what the offer asks."""
    offer = draw(offers())
    quantity = draw(_quantity(offer))
    least = 1 if offer.offer_amount is None or offer.offer_currency else offer.offer_amount * (quantity or 1)
    amount = draw(integers(least, max(least, MAX_MSAT)).map(Msat))
    return create_invoice_request(
        offer,
        metadata=draw(binary(max_size=40)),
        payer_id=PAYER.public_key,
        amount=amount if offer.offer_amount is None else draw(maybe(just(amount))),
        chain=None if offer.offer_chains is None else REGTEST_CHAIN,
        paths=draw(lists(paths, max_size=3)),
        quantity=quantity,
        payer_note=draw(maybe(texts)),
        extra=draw(odd_records(*REQUEST_RANGES)),
    ).sign(PAYER, aux=AUX)


@composite
def invoices(draw: Any) -> Invoice:
    """Draw ISSUER's signed invoice for some request, with or without field 239."""
    request = draw(requests())
    count = draw(integers(1, 3))
    return create_invoice(
        request,
        payment_hash=draw(binary(min_size=32, max_size=32)),
        created_at=draw(u64.map(UnixTime)),
        node_id=ISSUER.public_key,
        amount=request.invreq_amount or expected_amount(request) or draw(amounts),
        relative_expiry=draw(maybe(integers(0, 2**32 - 1))),
        paths=draw(lists(paths, min_size=count, max_size=count)),
        blindedpay=draw(lists(payinfos, min_size=count, max_size=count)),
        features=draw(maybe(sampled_from([b"", b"\x01\x00\x00", b"\x02\x00\x00", b"\x03\x00\x02"]))),
        with_request_signature=draw(sampled_from([True, True, False])),
    ).sign(ISSUER, aux=AUX)
