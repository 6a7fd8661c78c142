"""A node with one unannounced channel: its offers and invoices name the peer, and only the right secret opens them."""

import hashlib

import pytest

from bled.sandbox.books import Books
from bled.sandbox.books_paths import PrivateChannel
from bled.sandbox.books_store import BookStore
from bled_codec.blinded_path import unblind
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.encrypted_data import EncryptedData
from bled_codec.fields import Field
from bled_codec.invoice import Invoice
from bled_codec.offer import Offer
from bled_codec.tlv import join_records
from bled_codec.units import Msat

from .messages import AMOUNT, NODE, SetClock, make_offer, make_request

PEER = SecretKey(bytes([3]) * 32)


@pytest.fixture
def private(store: BookStore, clock: SetClock) -> Books:
    channel = PrivateChannel(peer=PEER.public_key, htlc_maximum=Msat(1_000_000))
    return Books(key=NODE, chain=REGTEST_CHAIN, store=store, clock=clock, channel=channel)


def path_secret(books: Books, offer: Offer) -> bytes:
    bare = join_records(record for record in offer.records if record.type != Field.OFFER_PATHS)
    return hashlib.sha256(books.make_secret(string="offer-blinded-path") + hashlib.sha256(bare).digest()).digest()


def test_the_offers_path_leads_over_the_peer_and_brings_the_secret(private: Books) -> None:
    offer = Offer.from_string(make_offer(private).bolt12)
    assert offer.offer_issuer_id == NODE.public_key
    assert offer.offer_paths is not None
    (path,) = offer.offer_paths
    assert path.introduction == PEER.public_key
    first = unblind(PEER, path.first_path_key, path.hops[0].encrypted_recipient_data)
    assert EncryptedData.decode(first.data).next_node_id == NODE.public_key
    last = unblind(NODE, first.next_path_key, path.hops[1].encrypted_recipient_data)
    assert EncryptedData.decode(last.data).path_id == path_secret(private, offer)


def test_its_invoice_can_be_paid_over_the_path_in_it(private: Books) -> None:
    offer = make_offer(private)
    secret = path_secret(private, Offer.from_string(offer.bolt12))
    answer = private.answer(make_request(offer).encode(), secret)
    assert answer.invoice is not None
    invoice = Invoice.decode(answer.invoice)
    (path,), (payinfo,) = invoice.invoice_paths, invoice.invoice_blindedpay
    assert (payinfo.fee_base_msat, payinfo.cltv_expiry_delta, payinfo.htlc_maximum_msat) == (1, 16, 1_000_000)
    first = unblind(PEER, path.first_path_key, path.hops[0].encrypted_recipient_data)
    last = unblind(NODE, first.next_path_key, path.hops[1].encrypted_recipient_data)
    path_id = EncryptedData.decode(last.data).path_id
    assert path_id is not None
    assert private.accept(invoice.invoice_payment_hash, AMOUNT, path_id)


def test_two_equal_orders_give_two_offers_since_each_has_a_path_of_its_own(private: Books) -> None:
    assert make_offer(private).offer_id != make_offer(private).offer_id
