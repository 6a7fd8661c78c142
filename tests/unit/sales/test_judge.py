"""The till's own judgement of a request, and that no bytes can break it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers

from bled.codes import OUTCOMES, Code
from bled.errors import BledError
from bled.sales.judge import MAX_PATH_HOPS, judge_request, tip_of
from bled_codec.blinded_path import BlindedPath, create_blinded_path
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN, SIGNET_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.units import MAX_MSAT, Msat, UnixTime

NOW = UnixTime(1_800_000_000)
NODE, PAYER = SecretKey(b"\x41" * 32), SecretKey(b"\x42" * 32)
PATH = create_blinded_path([NODE.public_key], [b""], session_key=PAYER)
OFFER = create_offer(
    description="coffee",
    amount=15_000,
    chains=[REGTEST_CHAIN],
    issuer_id=NODE.public_key,
    absolute_expiry=UnixTime(NOW + 300),
)


def request(offer: Offer = OFFER, **changes: Any) -> bytes:
    fields = {"amount": Msat(15_000), "chain": REGTEST_CHAIN, "paths": (PATH,)} | changes
    unsigned = create_invoice_request(offer, metadata=b"\x01" * 24, payer_id=PAYER.public_key, **fields)
    return unsigned.sign(PAYER, aux=bytes(32)).encode()


def judge(data: bytes, **changes: Any) -> InvoiceRequest:
    terms = {"offer": OFFER, "amount": Msat(15_000), "chain": REGTEST_CHAIN, "left": 45, "now": NOW} | changes
    return judge_request(data, **terms)


def verdict(data: bytes, **changes: Any) -> Code:
    with pytest.raises(BledError) as caught:
        judge(data, **changes)
    return caught.value.code


def test_what_was_offered_is_accepted() -> None:
    assert judge(request()).encode() == request()


def test_an_amount_left_to_the_offer_is_accepted() -> None:
    assert judge(request(amount=None)).invreq_amount is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": Msat(15_001)}, Code.REQUEST_MISMATCH),
        ({"amount": Msat(75_000)}, Code.REQUEST_MISMATCH),
        ({"paths": ()}, Code.REQUEST_BAD),
        ({"paths": (PATH,) * 9}, Code.REQUEST_BAD),
        ({"paths": (replace(PATH, hops=PATH.hops * (MAX_PATH_HOPS + 1)),)}, Code.REQUEST_BAD),
    ],
)
def test_another_sale_or_no_way_back_is_refused(changes: dict[str, Any], code: Code) -> None:
    assert verdict(request(**changes)) is code


@pytest.mark.parametrize("chain", [SIGNET_CHAIN, None])
def test_a_request_on_another_chain_of_the_offer_is_refused(chain: bytes | None) -> None:
    offer = create_offer(
        description="coffee",
        amount=15_000,
        chains=[REGTEST_CHAIN, SIGNET_CHAIN, BITCOIN_CHAIN],
        issuer_id=NODE.public_key,
        absolute_expiry=UnixTime(NOW + 300),
    )
    assert verdict(request(offer, chain=chain), offer=offer) is Code.REQUEST_MISMATCH


def test_another_offers_request_is_refused() -> None:
    other = create_offer(description="tea", amount=15_000, chains=[REGTEST_CHAIN], issuer_id=NODE.public_key)
    assert verdict(request(other)) is Code.REQUEST_MISMATCH


@pytest.mark.parametrize("expiry", [None, NOW + 299, NOW + 301, NOW + 86_400 * 30])
def test_another_expiry_than_the_offers_or_none_is_refused(expiry: int | None) -> None:
    other = create_offer(
        description="coffee",
        amount=15_000,
        chains=[REGTEST_CHAIN],
        issuer_id=NODE.public_key,
        absolute_expiry=None if expiry is None else UnixTime(expiry),
    )
    assert verdict(request(other)) is Code.REQUEST_MISMATCH


@pytest.mark.parametrize("amount", [1, 14_999, 15_001, 30_000, 75_000, 75_004])
def test_only_the_offers_own_amount_is_accepted(amount: int) -> None:
    offer = create_offer(
        description="coffee", chains=[REGTEST_CHAIN], issuer_id=NODE.public_key, absolute_expiry=UnixTime(NOW + 300)
    )
    data = request(offer, amount=Msat(amount))  # without the offer's amount even less than it can be written
    assert verdict(data) is Code.REQUEST_MISMATCH
    if amount > 15_000:
        assert verdict(request(amount=Msat(amount))) is Code.REQUEST_MISMATCH


@pytest.mark.parametrize(("now", "accepted"), [(NOW + 254, True), (NOW + 255, False), (NOW + 400, False)])
def test_a_request_in_the_last_45_seconds_is_too_late(now: int, accepted: bool) -> None:
    if accepted:
        judge(request(), now=UnixTime(now))
    else:
        assert verdict(request(), now=UnixTime(now)) is Code.SALE_EXPIRED


def test_every_verdict_can_be_said_over_the_air() -> None:
    assert all(OUTCOMES[code].air for code in (Code.REQUEST_BAD, Code.REQUEST_MISMATCH, Code.SALE_EXPIRED))


def test_a_path_named_by_a_channel_is_accepted() -> None:
    unnamed = BlindedPath(first_node_id=bytes(9), first_path_key=PATH.first_path_key, hops=PATH.hops)
    assert judge(request(paths=(unnamed,))).invreq_paths == (unnamed,)


@given(data=binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    assert verdict(data) is Code.REQUEST_BAD


@given(place=integers(0, len(request()) - 1), bit=integers(0, 7))
def test_no_flipped_bit_is_accepted(place: int, bit: int) -> None:
    data = bytearray(request())
    data[place] ^= 1 << bit
    assert verdict(bytes(data)) in (Code.REQUEST_BAD, Code.REQUEST_MISMATCH)


@pytest.mark.parametrize("length", range(0, len(request()), 17))
def test_no_part_of_a_request_is_accepted(length: int) -> None:
    assert verdict(request()[:length]) is Code.REQUEST_BAD


@pytest.mark.parametrize("tip", [0, 1, 2_999, 3_000])
def test_what_the_till_allows_as_a_tip_is_accepted(tip: int) -> None:
    accepted = judge(request(amount=Msat(15_000 + tip)), tip_max=Msat(3_000))
    assert tip_of(accepted, Msat(15_000)) == tip


def test_a_tip_that_is_allowed_may_be_left_out() -> None:
    assert tip_of(judge(request(amount=None), tip_max=Msat(3_000)), Msat(15_000)) == 0


@pytest.mark.parametrize("amount", [1, 14_999, 18_001, 30_000, 75_000])
def test_less_than_the_price_and_more_than_price_and_tip_are_refused(amount: int) -> None:
    other = create_offer(
        description="coffee", chains=[REGTEST_CHAIN], issuer_id=NODE.public_key, absolute_expiry=UnixTime(NOW + 300)
    )
    data = request(amount=Msat(amount)) if amount > 15_000 else request(other, amount=Msat(amount))
    assert verdict(data, tip_max=Msat(3_000)) is Code.REQUEST_MISMATCH


@given(amount=integers(15_000, MAX_MSAT), tip_max=integers(0, 15_000))
def test_a_request_is_accepted_exactly_from_the_price_to_price_and_tip(amount: int, tip_max: int) -> None:
    data = request(amount=Msat(amount))
    if amount <= 15_000 + tip_max:
        assert judge(data, tip_max=Msat(tip_max)).invreq_amount == amount
    else:
        assert verdict(data, tip_max=Msat(tip_max)) is Code.REQUEST_MISMATCH
