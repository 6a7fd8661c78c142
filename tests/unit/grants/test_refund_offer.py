"""The refund offer in a request: signed with it, found again byte for byte, absent or broken without harm."""

from pathlib import Path

import pytest

from bled.grants.book import decode_book, encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.refund_offer import REFUND_OFFER_TYPE, refund_offer_of, refund_offer_record
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError, SignatureError
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.tlv import TlvRecord, make_record

TILL, BUYER, HOME = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3))
REFUNDS = create_offer(description=None, issuer_id=HOME.public_key)
PROFILE = Path(__file__).parents[3] / "gatt_profile.md"


def request(*extra: TlvRecord) -> InvoiceRequest:
    offer = create_offer(description="coffee", amount=15_000, issuer_id=TILL.public_key)
    unsigned = create_invoice_request(
        offer, metadata=bytes(24), payer_id=BUYER.public_key, amount=15_000, extra=list(extra)
    )
    return unsigned.sign(BUYER, aux=bytes(32))


def test_it_is_found_again() -> None:
    assert refund_offer_of(request(refund_offer_record(REFUNDS))) == REFUNDS


def test_a_request_without_one_has_none() -> None:
    assert refund_offer_of(request()) is None


def test_it_is_under_the_signature() -> None:
    data = request(refund_offer_record(REFUNDS)).encode()
    changed = bytearray(data)
    changed[data.index(REFUNDS.encode()) + 5] ^= 1
    with pytest.raises(SignatureError):
        InvoiceRequest.decode(bytes(changed))


def test_a_broken_one_is_no_broken_request() -> None:
    broken = request(make_record(REFUND_OFFER_TYPE, b"\xff"))
    with pytest.raises(CodecError):
        refund_offer_of(broken)


def test_the_profile_has_its_type() -> None:
    assert f"TLV type {REFUND_OFFER_TYPE}" in PROFILE.read_text(encoding="utf-8")


@pytest.fixture
def issued(limits, routes, entropy):
    """Issue a book whose ids have refund offers, for a chain."""

    def issue(keys: HomeKeys, chain: bytes = REGTEST_CHAIN, **changes: object):
        terms = {
            "book_id": 7,
            "book_salt": bytes(16),
            "device": "phone",
            "chain": chain,
            "issued_at": limits.not_before,
            "limits": limits,
            "home_label": "home",
            "routes": routes,
            "entropy": entropy,
            "has_refund_offers": True,
        }
        return issue_book(keys, **(terms | changes))

    return issue


@pytest.mark.parametrize("chain", [BITCOIN_CHAIN, REGTEST_CHAIN], ids=["bitcoin", "regtest"])
def test_a_book_brings_one_for_every_payer_id_at_the_cost_of_a_key(issued, keys, now, chain: bytes) -> None:
    book = issued(keys, chain)
    data = encode_book(book, book_key=keys.book_key, aux=bytes(32))
    read = decode_book(data, chain=chain, now=now)
    assert read.grants == book.grants
    offers = [Offer.decode(grant.refund_offer or b"") for grant in read.grants]
    for offer, grant in zip(offers, read.grants, strict=True):
        assert offer.offer_paths == grant.invreq_paths
        assert offer.offer_metadata == grant.payer_id
        assert offer.offer_chains == (None if chain == BITCOIN_CHAIN else (chain,))
        assert (offer.offer_amount, offer.offer_absolute_expiry, offer.offer_description) == (None, None, None)
    without = issued(keys, chain, has_refund_offers=False)
    plain = encode_book(without, book_key=keys.book_key, aux=bytes(32))
    assert len(data) - len(plain) == 36 * len(book.grants)


def test_no_two_have_anything_in_common_but_where_their_paths_begin(issued, keys) -> None:
    offers = [Offer.decode(grant.refund_offer or b"") for grant in issued(keys, BITCOIN_CHAIN).grants]
    for name in ("offer_metadata", "offer_issuer_id"):
        assert len({getattr(offer, name) for offer in offers}) == len(offers)
    seen = [hop.blinded_node_id for offer in offers for path in offer.offer_paths or () for hop in path.hops]
    keys_of_paths = [path.first_path_key for offer in offers for path in offer.offer_paths or ()]
    assert len({*seen, *keys_of_paths}) == len(seen) + len(keys_of_paths)


def test_home_alone_can_sign_for_one_whoever_made_the_payers_keys(issued, keys, routes) -> None:
    made = [SecretKey(bytes([number]) * 32).public_key for number in range(60, 65)]
    for book in (issued(keys), issued(keys, payer_ids=made)):
        for grant in book.grants:
            key = keys.refund_key(grant.payer_id)
            assert key is not None
            assert Offer.decode(grant.refund_offer or b"").offer_issuer_id == key.public_key
            assert key.public_key not in {node for route in routes for node in route}


def test_an_older_device_reads_the_book_without_them(issued, keys, now) -> None:
    book = issued(keys)
    data = encode_book(book, book_key=keys.book_key, aux=bytes(32))
    key = Offer.decode(book.grants[0].refund_offer or b"").offer_issuer_id
    assert b"\x05\x58\x21" + (key or b"") in data  # an odd key: to be passed over by who does not know it
    assert decode_book(data, chain=REGTEST_CHAIN, now=now)
